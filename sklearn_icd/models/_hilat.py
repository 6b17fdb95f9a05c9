"""HiLAT: codes attend to the tokens of each segment, then to the segments of the note."""

from typing import Annotated

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._pretrained import PretrainedTransformer
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.nn import (
    HierarchicalLabelAttention,
)
from sklearn_icd.text import NoteCleaner, SectionReorderer, SegmentTokenizer
from sklearn_icd.utils._hyperparameters import (
    Callable,
    Count,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class HiLATClassifier(PretrainedTransformer, TitledCodes, MultiLabelClassifier):
    """Hierarchical label-wise attention transformer (HiLAT).

    A transformer reads each segment of the note; each code pools the tokens of every segment
    with its own attention, and then what it found in the segments with a second attention.

    Parameters
    ----------
    dropout : float, default=0.1
        Share of the components of the transformer's hidden states set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter queries and weights by a
        linear map. `TransformerEncoder` with the same transformer puts them where the tokens
        are: a code then starts by looking for words like those of its title, and learns from few
        notes. None: both start at random, the better start in the paper.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    PLMICDClassifier : One attention over the whole note.
    sklearn_icd.text.SegmentTokenizer : Makes the segments.
    sklearn_icd.text.SectionReorderer : Moves what matters most to the front.

    Notes
    -----
    The paper reads 10 segments of 512 tokens; here their number is the data's, segments of
    padding alone are never computed, and a note of fewer segments attends to those it has.
    All segments of a batch go through the transformer in one call. The authors' code drops
    components of what codes pool, too, at both levels.

    The learning rate falls to zero in `max_epochs`, of which the paper's 2,500 steps make five
    on 8,066 notes; with fewer notes, raise `max_epochs`.

    References
    ----------
    .. [1] L. Liu, O. Perez-Concha, A. Nguyen, V. Bennett and L. Jorm, "Hierarchical label-wise
       attention transformer model for explainable ICD coding", Journal of Biomedical
       Informatics, 2022: eq. 1-3 (tokens), 4-7 (segments), 8 (score), 10 (`attention`),
       section 4.2.1 (defaults).

    Examples
    --------
    >>> from sklearn_icd import HiLATClassifier
    >>> from sklearn_icd.text import SegmentTokenizer
    >>> folder = "models/xlnet-base-cased"
    >>> tokenizer = SegmentTokenizer(folder, segment_length=512, special_tokens="segment")
    >>> X = tokenizer.fit_transform(notes)  # doctest: +SKIP
    >>> classifier = HiLATClassifier(pretrained=folder).fit(X, y)  # doctest: +SKIP
    """

    loss: Callable | None = None
    optimizer: Optimizer = "adamw"
    lr: Annotated[PositiveFloat, Search(2e-5, 5e-5, 1e-4)] = 5e-5
    weight_decay: Annotated[NonNegativeFloat, Search(0.0, 0.01, 0.1)] = 0.1
    warmup_steps: Count | Share = 500
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 5
    patience: PositiveInt | None = None

    def build_module(self, data):
        encoder = self.make_encoder(data)
        attend, score = self.make_head(data, encoder.out_features)
        return HierarchicalLabelAttention(encode=encoder, attend=attend, score=score)


SYSTEM = System(  # its sections 3.1 and 3.3
    reads="a pretrained transformer",
    attends="the tokens of each segment, then the segments",
    text={
        "reorder": SectionReorderer(),
        "clean": NoteCleaner(),
        "tokenize": SegmentTokenizer(
            None, segment_length=512, max_length=5120, special_tokens="segment"
        ),
    },
    small={
        "tokenize__segment_length": 128,  # 512
        "tokenize__max_length": 512,  # 5120
        "head_lr": 3e-4,  # as lr, 5e-5
        "warmup_steps": 0.1,  # 500 of 2,500
        "batch_size": 4,  # 16
        "max_epochs": 5,
        "threshold": "tuned",  # 0.5
    },
)
