"""EffectiveCAN: convolutions weigh their maps by the whole note, and codes see all their layers."""

from itertools import pairwise
from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.losses import FocalLoss
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    MaskedConvolution,
    MaskedGroupNorm,
    ResidualConvolution,
    SqueezeExcitation,
    SummedLayers,
)
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class EffectiveCANClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Effective convolutional attention network (EffectiveCAN).

    Residual convolutions follow each other, each of which weighs its maps by what they are like
    over the whole note (squeeze and excitation). What all of them found is added up at each word.
    Each code attends to the words with a vector of its own, ``softmax(u_l . h)``, and scores what
    it pooled.

    Parameters
    ----------
    n_filters : int, default=100
        Maps of each convolution, and width of the sum of all layers.

    n_blocks : int, default=4
        Residual convolutions.

    kernel_size : int, default=9
        Words in a window.

    reduction : int, default=16
        How many times narrower than the maps the vector is that their weights come from.

    dropout : float, default=0.2
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: the mean of the focal loss and `BCE`,
        ``FocalLoss(bce_share=0.5)``.

    See Also
    --------
    MultiResCNNClassifier : Windows of several sizes side by side, one layer deep.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    There is no public code. What the paper is known by is here: residual blocks with squeeze and
    excitation, one attention of the codes over the sum of what all layers gave (its sum-pooling
    attention; its other variant attends to each layer by itself), focal loss together with
    binary cross-entropy. What stands inside is ours: a block is a convolution, group
    normalisation over the words of the note, ReLU, squeeze and excitation, and a convolution of
    one word beside them; each layer is projected before the sum. So are the numbers, which follow
    `MultiResCNNClassifier` where it has them.

    References
    ----------
    .. [1] Y. Liu, H. Cheng, R. Klopfer, M. R. Gormley and T. Schaaf, "Effective Convolutional
       Attention Network for Multi-label Clinical Document Classification", EMNLP, 2021.

    Examples
    --------
    >>> from sklearn_icd import EffectiveCANClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = EffectiveCANClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: Annotated[PositiveInt, Search(50, 100, 200)] = 100
    n_blocks: Annotated[PositiveInt, Search(2, 4)] = 4
    kernel_size: PositiveInt = 9
    reduction: PositiveInt = 16
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16

    def training_loss(self):
        """Give the loss of training.

        Returns
        -------
        loss : object
            The parameter `loss`, or focal loss and cross-entropy together.
        """
        return self.loss or FocalLoss(bce_share=0.5)

    def build_module(self, data):
        d, titles = self.n_filters, self.title_vectors(data)
        queries, weights = (LabelVectors(data.n_outputs, d, titles=titles) for _ in range(2))
        widths = [self.embedding_dim] + [d] * self.n_blocks
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            encode=SummedLayers([self._block(*pair) for pair in pairwise(widths)], widths[1:], d),
            attend=LabelQueries(queries),
            score=LabelScores(weights, base_rates=data.base_rates),
        )

    def _block(self, width, d):
        convolve = MaskedConvolution(
            width, d, self.kernel_size, norm=MaskedGroupNorm(1, d), activation=nn.ReLU()
        )
        return ResidualConvolution(
            [convolve, SqueezeExcitation(d, self.reduction)],
            shortcut=MaskedConvolution(width, d, 1, norm=MaskedGroupNorm(1, d)),
            activation=nn.ReLU(),
        )


SYSTEM = System(
    reads="residual convolutions with squeeze and excitation",
    attends="the words, the sum of all layers",
    text=CAML.text,
    small={
        **CAML.small,
        "n_filters": 64,  # not given; 100
        "n_blocks": 2,  # not given; 4
    },
)
