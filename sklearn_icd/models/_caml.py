"""CAML: one convolution reads the note, and each code attends to its windows."""

from typing import Annotated

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    WindowConvolution,
)
from sklearn_icd.text import WordTokenizer, make_note_cleaner
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class CAMLClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Convolutional attention for multi-label classification (CAML).

    A convolution looks at each window of `kernel_size` words. Each code attends to the windows
    with a vector of its own, ``softmax(u_l . h)``, and scores what it pooled.

    Parameters
    ----------
    n_filters : int, default=50
        Maps of the convolution.

    kernel_size : int, default=10
        Words in a window. The paper takes 4 for MIMIC-II and 10 for all else.

    dropout : float, default=0.2
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    MultiResCNNClassifier : Windows of several sizes and residual convolutions.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    An even window has no middle word: it lies between two words, and a note of t words has t + 1
    such gaps, the one before its first and the one behind its last word among them, to all of
    which the codes attend. `attention` gives half of the weight of a gap to the word on either
    side, and all of it to the only one at the ends of the note, so that the weights of a note's
    words sum to 1 and each stands at the middle of the window that was looked at.

    The paper stops on precision at 8 (5 with 50 codes): pass
    ``monitor=get_scorer("precision_at_8")`` from `sklearn_icd.metrics`; the default is micro-F1,
    as for all classifiers here. The vectors of codes start as wide as lets products with features
    of unit variance vary by one, and the biases at the log-odds of the codes; the authors' code
    starts the former narrower the more codes there are, and the latter around zero.

    References
    ----------
    .. [1] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable Prediction
       of Medical Codes from Clinical Text", NAACL-HLT, 2018: sections 2.1 (`WindowConvolution`),
       2.2 (`LabelQueries`), 2.3 (`LabelScores`).

    Examples
    --------
    >>> from sklearn_icd import CAMLClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = CAMLClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: Annotated[PositiveInt, Search(50, 100, 200)] = 50
    kernel_size: Annotated[PositiveInt, Search(4, 6, 10)] = 10
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 200

    def build_module(self, data):
        titles = self.title_vectors(data)
        queries, weights = (
            LabelVectors(data.n_outputs, self.n_filters, titles=titles) for _ in range(2)
        )
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            compress=WindowConvolution(self.embedding_dim, self.n_filters, [self.kernel_size]),
            attend=LabelQueries(queries),
            score=LabelScores(weights, base_rates=data.base_rates),
        )


SYSTEM = System(
    reads="one convolution",
    attends="the places between the words",
    text={
        "clean": make_note_cleaner("caml"),
        "tokenize": WordTokenizer(min_notes=3, max_length=2500),
    },
    small={
        "embedding_dim": 64,  # 100
        "lr": 0.003,  # 0.0001
        "batch_size": 8,  # 16
        "max_epochs": 30,  # 200
        "threshold": "tuned",  # 0.5
    },
)
