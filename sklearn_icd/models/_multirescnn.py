"""MultiResCNN: residual convolutions with windows of several sizes, then CAML's attention."""

from itertools import pairwise
from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._kernel_sizes import check_kernel_sizes
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    MaskedBatchNorm,
    MaskedConvolution,
    ParallelBranches,
    ResidualConvolution,
)
from sklearn_icd.utils._hyperparameters import (
    ArrayLike,
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class MultiResCNNClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Multi-filter residual convolutional network (MultiResCNN).

    For each window size, a convolution as wide as the word vectors and residual convolutions
    behind it read the note; what they found stands side by side at each word. Each code attends
    to the words with a vector of its own, ``softmax(u_l . h)``, and scores what it pooled.

    Parameters
    ----------
    n_filters : int, default=50
        Maps that each window size ends with.

    kernel_sizes : sequence of int, default=(3, 5, 9, 15, 19, 25)
        Words in the windows.

    n_residual_blocks : int, default=1
        Residual convolutions behind each other, per window size. The first makes the width of
        the word vectors `n_filters`.

    dropout : float, default=0.2
        Share set to zero in training of the components of word vectors, and of what each residual
        convolution gives.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    CAMLClassifier : One window size and no residual convolution.
    FusionClassifier : Makes the note shorter between the convolutions.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    Batch normalisation counts the words of notes only, and padding is zero before each
    convolution, so that neither padding nor, at prediction, the other notes of a batch change
    anything. Beyond one residual block, all blocks give `n_filters` maps, where the authors' code
    narrows them step by step; the paper uses one. An even window reaches further to the right.

    The paper stops on precision at 8 (5 with 50 codes): pass
    ``monitor=get_scorer("precision_at_8")`` from `sklearn_icd.metrics`; the default is micro-F1.

    References
    ----------
    .. [1] F. Li and H. Yu, "ICD Coding from Clinical Text Using Multi-Filter Residual
       Convolutional Neural Network", AAAI, 2020: `ParallelBranches` of `MaskedConvolution` and
       `ResidualConvolution`, `LabelQueries`, `LabelScores`.

    Examples
    --------
    >>> from sklearn_icd import MultiResCNNClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = MultiResCNNClassifier(
    ...     n_filters=4, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: PositiveInt = 50
    kernel_sizes: ArrayLike = (3, 5, 9, 15, 19, 25)
    n_residual_blocks: Annotated[PositiveInt, Search(1, 2)] = 1
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 500

    def build_module(self, data):
        sizes = check_kernel_sizes(self.kernel_sizes)
        width, titles = self.n_filters * len(sizes), self.title_vectors(data)
        queries, weights = (LabelVectors(data.n_outputs, width, titles=titles) for _ in range(2))
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            encode=ParallelBranches([self._branch(size) for size in sizes]),
            attend=LabelQueries(queries),
            score=LabelScores(weights, base_rates=data.base_rates),
        )

    def _branch(self, kernel_size):
        e, d = self.embedding_dim, self.n_filters
        look = MaskedConvolution(e, e, kernel_size, activation=nn.Tanh())
        nn.init.xavier_uniform_(look.convolution.weight)
        widths = [e] + [d] * self.n_residual_blocks
        return [look, *(self._residual(*pair, kernel_size) for pair in pairwise(widths))]

    def _residual(self, width, d, kernel_size):
        def convolve(width, size, activation=None):
            return MaskedConvolution(width, d, size, norm=MaskedBatchNorm(d), activation=activation)

        return ResidualConvolution(
            [convolve(width, kernel_size, nn.Tanh()), convolve(d, kernel_size)],
            shortcut=convolve(width, 1),
            activation=nn.Sequential(nn.Tanh(), nn.Dropout(self.dropout)),
        )


SYSTEM = System(
    reads="residual convolutions of six widths",
    attends="the words",
    text=CAML.text,
    small={
        "n_filters": 32,  # 50
        "kernel_sizes": (3, 5, 9),  # and 15, 19, 25
        "embedding_dim": 64,  # 100
        "lr": 0.003,  # 0.0001
        "batch_size": 8,  # 16
        "max_epochs": 30,  # 500
        "threshold": "tuned",  # 0.5
    },
)
