"""CNN: one convolution reads the note, and what each of its maps found the most of is scored."""

from typing import Annotated

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._without_attention import WithoutAttention
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelScores,
    LabelVectors,
    MaxPooling,
    NoteVectorNetwork,
    PooledEncoder,
    ValidConvolution,
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
class TextCNNClassifier(WithoutAttention, WordVectors, MultiLabelClassifier):
    """Convolution and max-pooling (CNN).

    A convolution looks at each window of `kernel_size` words. The largest value of each of its
    maps over the note makes the vector that all codes score.

    Parameters
    ----------
    n_filters : int, default=500
        Maps of the convolution.

    kernel_size : int, default=4
        Words in a window.

    dropout : float, default=0.2
        Share of the components of word vectors set to zero in training.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    CAMLClassifier : Each code attends to the windows.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    Settings and computation are those of the baseline of CAML's paper. A note that is shorter than
    a window, which fails there unless a longer one stands beside it, is filled up with zeros.
    Biases start at the log-odds of the codes.

    The paper stops on precision at 8; the default here is micro-F1.

    References
    ----------
    .. [1] Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP, 2014.
    .. [2] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable Prediction
       of Medical Codes from Clinical Text", NAACL-HLT, 2018: its baselines (`ValidConvolution`).

    Examples
    --------
    >>> from sklearn_icd import TextCNNClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = TextCNNClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    _reads_notes_by = "it keeps the largest value of each map over the note, whatever the code is"

    n_filters: Annotated[PositiveInt, Search(50, 200, 500)] = 500
    kernel_size: Annotated[PositiveInt, Search(3, 4, 10)] = 4
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 3e-3
    batch_size: PositiveInt = 16

    def build_module(self, data):
        weights = LabelVectors(data.n_outputs, self.n_filters)
        return NoteVectorNetwork(
            read=PooledEncoder(
                embed=self.word_embedding(data, dropout=self.dropout),
                encode=ValidConvolution(self.embedding_dim, self.n_filters, self.kernel_size),
                pool=MaxPooling(),
            ),
            score=LabelScores(weights, base_rates=data.base_rates),
        )


SYSTEM = System(
    reads="one convolution",
    attends="one vector for all codes",
    text=CAML.text,
    small={
        **CAML.small,
        "n_filters": 128,  # 500
    },
)
