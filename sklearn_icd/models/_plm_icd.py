"""PLM-ICD: a transformer reads the note in segments, codes attend to all of its tokens."""

from typing import Annotated, Literal

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._pretrained import PretrainedTransformer
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    TransformerEmbedding,
)
from sklearn_icd.text import NoteCleaner, SegmentTokenizer
from sklearn_icd.utils._hyperparameters import (
    ArrayLike,
    Callable,
    Count,
    PositiveFloat,
    PositiveInt,
    Probability,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class PLMICDClassifier(PretrainedTransformer, TitledCodes, MultiLabelClassifier):
    """Pretrained language model with segment pooling and label-aware attention (PLM-ICD).

    A transformer reads each segment of the note by itself; each code attends to the tokens of
    the whole note (``softmax(W tanh(V h))``, LAAT's attention) and scores what it pooled.

    Parameters
    ----------
    dropout : float, default=0.0
        Share of the components of the transformer's hidden states set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter queries and weights by a
        linear map. `TransformerEncoder` with the same transformer puts them where the tokens
        are: a code then starts by looking for words like those of its title, and learns from few
        notes. None: the paper's system, which does not know the titles.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    HiLATClassifier : Attention inside each segment first.
    sklearn_icd.text.SegmentTokenizer : Makes the segments.

    Notes
    -----
    Padding takes no part in the attention, gradients are accumulated over whole steps, the best
    epoch is kept and the threshold is chosen on validation notes: the published code does none
    of these. With few notes, `warmup_steps` may exceed all steps of training, and the learning rate
    never reach `lr`: give a share, such as 0.1. It trains in batches of 8 notes; ``batch_size=1``
    with ``gradient_accumulation_steps=8``, ``precision="bfloat16"``, `gradient_checkpointing` and
    `freeze_layers` make room on a small GPU.

    References
    ----------
    .. [1] C.-W. Huang, S.-C. Tsai and Y.-N. Chen, "PLM-ICD: Automatic ICD Coding with Pretrained
       Language Models", Clinical NLP Workshop, 2022: sections 4.2 (segments), 4.3 (attention),
       appendix A (defaults).

    Examples
    --------
    >>> from sklearn_icd import PLMICDClassifier
    >>> from sklearn_icd.text import SegmentTokenizer
    >>> folder = "models/roberta-base"
    >>> X = SegmentTokenizer(folder).fit_transform(notes)  # doctest: +SKIP
    >>> classifier = PLMICDClassifier(pretrained=folder).fit(X, y)  # doctest: +SKIP
    """

    dropout: Share = 0.0
    loss: Callable | None = None
    optimizer: Optimizer = "adamw"
    lr: Annotated[PositiveFloat, Search(2e-5, 5e-5, 1e-4)] = 5e-5
    warmup_steps: Annotated[Count | Share, Search(0.1, 2000)] = 2000
    batch_size: PositiveInt = 8
    max_epochs: PositiveInt = 20
    patience: PositiveInt | None = None
    threshold: Probability | ArrayLike | Literal["tuned"] = "tuned"

    def build_module(self, data):
        encoder = self.make_encoder(data)
        attend, score = self.make_head(data, encoder.out_features)
        return LabelAttentionNetwork(
            embed=TransformerEmbedding(encoder),
            attend=attend,
            score=score,
        )


SYSTEM = System(  # its appendix A
    reads="a pretrained transformer",
    attends="the tokens of all segments",
    text={
        "clean": NoteCleaner(),
        "tokenize": SegmentTokenizer(
            None, segment_length=128, max_length=3072, special_tokens="note"
        ),
    },
    small={
        "tokenize__max_length": 512,  # 3,072
        "head_lr": 3e-4,  # as lr, 5e-5
        "warmup_steps": 0.1,  # 2,000
        "batch_size": 4,  # 8
        "max_epochs": 5,  # 20
    },
)
