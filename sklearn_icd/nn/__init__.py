"""Blocks of torch that systems are composed of."""

from sklearn_icd.nn._attention import PseudoLabelAttention, attention_weights, label_attention
from sklearn_icd.nn._embeddings import TokenEmbedding
from sklearn_icd.nn._encoders import BiLSTM
from sklearn_icd.nn._network import LabelAttentionNetwork
from sklearn_icd.nn._scoring import SharedScore, SimilarityQueries

__all__ = [
    "BiLSTM",
    "LabelAttentionNetwork",
    "PseudoLabelAttention",
    "SharedScore",
    "SimilarityQueries",
    "TokenEmbedding",
    "attention_weights",
    "label_attention",
]
