"""Blocks of torch that systems are composed of."""

from sklearn_icd.nn._attention import (
    attention_weights,
    in_label_blocks,
    masked_softmax,
)
from sklearn_icd.nn._batch_norm import (
    MaskedBatchNorm,
)
from sklearn_icd.nn._convolutions import (
    MaskedConvolution,
    MaskedGroupNorm,
    MultiFilterConvolution,
    ParallelBranches,
    ResidualConvolution,
)
from sklearn_icd.nn._descriptions import (
    DescriptionPenalty,
)
from sklearn_icd.nn._embeddings import (
    TokenEmbedding,
)
from sklearn_icd.nn._encoders import (
    BiGRU,
    BiLSTM,
    ForwardLSTM,
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
from sklearn_icd.nn._length_shift import (
    LengthShift,
)
from sklearn_icd.nn._network import (
    LabelAttentionNetwork,
)
from sklearn_icd.nn._note_vectors import (
    AttentivePooling,
    JoinedReaders,
    LastState,
    LastStates,
    MaxPooling,
    NoteVectorNetwork,
    PooledEncoder,
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
    DroppedValues,
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
from sklearn_icd.nn._sentences import (
    SentenceLabelAttention,
    SentenceVectors,
)
from sklearn_icd.nn._squeeze_excitation import (
    SqueezeExcitation,
    SummedLayers,
)
from sklearn_icd.nn._title_reading import (
    EncodedTitles,
    KnowledgeAttention,
)
from sklearn_icd.nn._transformer_layers import (
    SinusoidalPositions,
    TransformerLayer,
    TransformerStack,
)
from sklearn_icd.nn._transformers import (
    SegmentEncoder,
    TransformerEmbedding,
    enable_checkpointing,
    freeze_layers,
    join_segments,
    segments_by_note,
)
from sklearn_icd.nn._two_levels import (
    TwoLevelNetwork,
)
from sklearn_icd.nn._weighted_targets import (
    WeightedTargets,
)
from sklearn_icd.nn._windows import (
    ValidConvolution,
    WindowConvolution,
)

__all__ = [
    "AttentivePooling",
    "BiGRU",
    "BiLSTM",
    "ClassTokenPooling",
    "DescriptionPenalty",
    "DroppedValues",
    "EncodedTitles",
    "FilterCompression",
    "ForwardLSTM",
    "HierarchicalLabelAttention",
    "JoinedReaders",
    "JointAttention",
    "JointAttentionNetwork",
    "KeyQueryAttention",
    "KnowledgeAttention",
    "LabelAttentionNetwork",
    "LabelQueries",
    "LabelScores",
    "LabelVectors",
    "LastState",
    "LastStates",
    "LengthShift",
    "MaskedBatchNorm",
    "MaskedConvolution",
    "MaskedGroupNorm",
    "MaxOverSegments",
    "MaxPooling",
    "MultiFilterConvolution",
    "NoteVectorNetwork",
    "ParallelBranches",
    "PooledEncoder",
    "PseudoLabelAttention",
    "ResidualConvolution",
    "ResidualEncoder",
    "SegmentEncoder",
    "SentenceLabelAttention",
    "SentenceVectors",
    "SharedScore",
    "SimilarityQueries",
    "SinusoidalPositions",
    "SoftPooling",
    "SqueezeExcitation",
    "SumPooledScore",
    "SummedLayers",
    "TanhKeys",
    "TokenEmbedding",
    "TransformerEmbedding",
    "TransformerLayer",
    "TransformerStack",
    "TwoLevelNetwork",
    "ValidConvolution",
    "WeightedTargets",
    "WindowConvolution",
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
