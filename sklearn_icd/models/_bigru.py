"""BiGRU: gated recurrent units read the note both ways, and what they end with is scored."""

from typing import Annotated

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._without_attention import WithoutAttention
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    BiGRU,
    LabelScores,
    LabelVectors,
    LastStates,
    NoteVectorNetwork,
    PooledEncoder,
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
class BiGRUClassifier(WithoutAttention, WordVectors, MultiLabelClassifier):
    """Bidirectional gated recurrent units (BiGRU).

    Gated recurrent units read the note from either end. The states that the two readings end
    with make the vector that all codes score.

    Parameters
    ----------
    hidden_size : int, default=256
        Units per direction, 512 in all.

    dropout : float, default=0.0
        Share of the components of word vectors set to zero in training. The baseline of CAML's
        paper has none.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    LAATClassifier : Recurrent units to all of whose states the codes attend.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The settings are those of the baseline of CAML's paper, whose code gives each direction half
    of the 512 units. There the padding behind short notes is read too: the reading from the front
    ends with it, and that from the back begins with it. Here both read the words alone.

    torch has no fast path for gated recurrent units on the CPU: there an LSTM of as many units
    takes a fraction of the time.

    References
    ----------
    .. [1] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable Prediction
       of Medical Codes from Clinical Text", NAACL-HLT, 2018: its baselines.

    Examples
    --------
    >>> from sklearn_icd import BiGRUClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = BiGRUClassifier(
    ...     hidden_size=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    _reads_notes_by = "it keeps what two readings of the note end with, whatever the code is"

    hidden_size: Annotated[PositiveInt, Search(64, 128, 256)] = 256
    dropout: Annotated[Share, Search(0.0, 0.2)] = 0.0
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 3e-3
    batch_size: PositiveInt = 16

    def build_module(self, data):
        weights = LabelVectors(data.n_outputs, 2 * self.hidden_size)
        return NoteVectorNetwork(
            read=PooledEncoder(
                embed=self.word_embedding(data, dropout=self.dropout),
                encode=BiGRU(self.embedding_dim, self.hidden_size, layer_norm=False),
                pool=LastStates(),
            ),
            score=LabelScores(weights, base_rates=data.base_rates),
        )


SYSTEM = System(
    reads="recurrent units",
    attends="one vector for all codes",
    text=CAML.text,
    small={
        **CAML.small,
        "hidden_size": 64,  # 256
    },
)
