"""Blocks of torch that systems are composed of."""

from sklearn_icd.nn._attention import (
    attention_weights,
    in_label_blocks,
    masked_softmax,
)
from sklearn_icd.nn._convolutions import (
    MaskedConvolution,
    MaskedGroupNorm,
    MultiFilterConvolution,
    ResidualConvolution,
)
from sklearn_icd.nn._embeddings import (
    TokenEmbedding,
)
from sklearn_icd.nn._encoders import (
    BiLSTM,
)
from sklearn_icd.nn._hierarchical import (
    HierarchicalLabelAttention,
)
from sklearn_icd.nn._joint import (
    JointAttention,
    JointAttentionNetwork,
    ResidualEncoder,
    SumPooledScore,
)
from sklearn_icd.nn._label_attention import (
    label_attention,
    label_attention_loss,
)
from sklearn_icd.nn._network import (
    LabelAttentionNetwork,
)
from sklearn_icd.nn._pooling import (
    FilterCompression,
    KeyQueryAttention,
    SoftPooling,
)
from sklearn_icd.nn._pseudo_labels import (
    PseudoLabelAttention,
)
from sklearn_icd.nn._scoring import (
    LabelQueries,
    LabelScores,
    LabelVectors,
    SharedScore,
    SimilarityQueries,
    TanhKeys,
)
from sklearn_icd.nn._segment_pooling import (
    ClassTokenPooling,
    MaxOverSegments,
)
from sklearn_icd.nn._transformers import (
    SegmentEncoder,
    TransformerEmbedding,
    enable_checkpointing,
    freeze_layers,
    join_segments,
    segments_by_note,
)

__all__ = [
    "BiLSTM",
    "ClassTokenPooling",
    "FilterCompression",
    "HierarchicalLabelAttention",
    "JointAttention",
    "JointAttentionNetwork",
    "KeyQueryAttention",
    "LabelAttentionNetwork",
    "LabelQueries",
    "LabelScores",
    "LabelVectors",
    "MaskedConvolution",
    "MaskedGroupNorm",
    "MaxOverSegments",
    "MultiFilterConvolution",
    "PseudoLabelAttention",
    "ResidualConvolution",
    "ResidualEncoder",
    "SegmentEncoder",
    "SharedScore",
    "SimilarityQueries",
    "SoftPooling",
    "SumPooledScore",
    "TanhKeys",
    "TokenEmbedding",
    "TransformerEmbedding",
    "attention_weights",
    "enable_checkpointing",
    "freeze_layers",
    "in_label_blocks",
    "join_segments",
    "label_attention",
    "label_attention_loss",
    "masked_softmax",
    "segments_by_note",
]
