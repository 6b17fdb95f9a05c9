"""MVC-LDA: windows of several sizes compete at each place, and long notes have more codes."""

from typing import Annotated

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
    LengthShift,
    WindowConvolution,
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
class MVCLDAClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Multi-view convolution with label-dependent attention (MVC-LDA).

    Convolutions of several widths look at each place of the note, and of each map the largest
    value counts, so that the width is chosen place by place. Each code attends to the places with
    a vector of its own, ``softmax(u_l . h)``, scores what it pooled, and adds how much the length
    of the note speaks for it.

    Parameters
    ----------
    n_filters : int, default=50
        Maps of each convolution.

    kernel_sizes : sequence of int, default=(6, 8, 10, 12)
        Words in the windows, all even or all odd, so that all have the same middle.

    dropout : float, default=0.2
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    CAMLClassifier : One window size, and no length.
    MVCRLDAClassifier : With the titles of the codes.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    There is no code of the authors. Certain are the four convolutions, the maximum across them,
    the attention of the codes and a shift of the threshold by code and length. The rest is our
    reading:

    - The shift is ``sigmoid(k_l a + d_l)``, added to the logit, with one slope and one offset per
      code and a the number of words over the mean of the training notes. A re-implementation [2]_
      has the same formula with the bare number of words, which saturates it.
    - The sizes of the windows, 50 maps, tanh (after the maximum, which changes nothing) and the
      settings of training are CAML's or lie around these.

    `attention` is that of `CAMLClassifier`: half of the weight of a place between two words goes
    to each of them.

    References
    ----------
    .. [1] N. Sadoughi, G. P. Finley, J. Fone, V. Murali, M. Korenevski, S. Baryshnikov, N. Axtmann,
       M. Miller and D. Suendermann-Oeft, "Medical code prediction with multi-view convolution and
       description-regularized label-dependent attention", arXiv:1811.01468, 2018:
       `WindowConvolution`, `LabelQueries`, `LabelScores`, `LengthShift`.
    .. [2] Y. Wu et al., "A Pseudo Label-wise Attention Network for Automatic ICD Coding", IEEE
       Journal of Biomedical and Health Informatics, 2022: its baselines.

    Examples
    --------
    >>> from sklearn_icd import MVCLDAClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = MVCLDAClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: Annotated[PositiveInt, Search(50, 100, 200)] = 50
    kernel_sizes: ArrayLike = (6, 8, 10, 12)
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 200

    def build_module(self, data):
        sizes, titles = self._check_sizes(), self.title_vectors(data)
        queries, weights = (
            LabelVectors(data.n_outputs, self.n_filters, titles=titles) for _ in range(2)
        )
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            compress=WindowConvolution(self.embedding_dim, self.n_filters, sizes),
            attend=LabelQueries(queries),
            score=LabelScores(weights, base_rates=data.base_rates),
            shift=LengthShift(data.n_outputs, unit=max(1.0, float(data.tokens.lengths.mean()))),
        )

    def _check_sizes(self):
        sizes = check_kernel_sizes(self.kernel_sizes)
        if len({size % 2 for size in sizes}) > 1:
            raise ValueError(
                f"kernel_sizes={self.kernel_sizes!r} holds even and odd sizes: the middle of an "
                "even window lies between two words, that of an odd one on a word, and only "
                "windows with the same middle can be compared. Take all even or all odd."
            )
        return sizes


SYSTEM = System(
    reads="convolutions of four widths, the largest value of each map",
    attends="the places between the words",
    text=CAML.text,
    small=CAML.small,
)
