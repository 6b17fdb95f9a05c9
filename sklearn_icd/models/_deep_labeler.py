"""DeepLabeler: what convolutions find in a note is scored together with its paragraph vector."""

from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._document_vectors import DocumentVectors, RememberVectors
from sklearn_icd.models._kernel_sizes import check_kernel_sizes
from sklearn_icd.models._system import System
from sklearn_icd.models._without_attention import WithoutAttention
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    JoinedReaders,
    LabelScores,
    LabelVectors,
    MaxPooling,
    MultiFilterConvolution,
    NoteVectorNetwork,
    PooledEncoder,
)
from sklearn_icd.text import NoteCleaner, WordTokenizer
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
class DeepLabelerClassifier(WithoutAttention, WordVectors, MultiLabelClassifier):
    """Convolutions and paragraph vectors (DeepLabeler).

    Convolutions with windows of several sizes read the note, and their largest values say what
    stands in it somewhere. A paragraph vector (doc2vec), which is learned without codes, says
    what the note is about as a whole. All codes score the two together.

    Parameters
    ----------
    n_filters : int, default=64
        Maps per window size.

    kernel_sizes : sequence of int, default=(3, 4, 5)
        Words in the windows.

    document_dim : int, default=128
        Width of the paragraph vectors.

    document_size : int, default=64
        Width that a layer brings them to.

    document_epochs : int, default=15
        Passes of doc2vec over the notes, and over each note in making its vector.

    dropout : float, default=0.75
        Share of the components of what is scored set to zero in training.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    KAICDClassifier : Asks the titles of codes in place of the paragraph vector.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    There is no code of the authors'; the sizes are those of independent implementations that
    name the paper's. Paragraph vectors are gensim's, of the distributed-memory kind. The vector
    of a note is made from the note alone, in training as in prediction, and never trained with
    the network; while training lasts it is kept. What all training notes have in common is taken
    from it, and the rest brought to unit variance: of few notes, the vectors are nearly the same.

    References
    ----------
    .. [1] M. Li, Z. Fei, M. Zeng, F.-X. Wu, Y. Li, Y. Pan and J. Wang, "Automated ICD-9 Coding
       via A Deep Learning Approach", IEEE/ACM Transactions on Computational Biology and
       Bioinformatics, 2019.
    .. [2] Q. Le and T. Mikolov, "Distributed Representations of Sentences and Documents", ICML,
       2014.

    Examples
    --------
    >>> from sklearn_icd import DeepLabelerClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = DeepLabelerClassifier(
    ...     n_filters=4, embedding_dim=8, document_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    _reads_notes_by = (
        "it keeps the largest value of each map over the note and one vector of the whole, "
        "whatever the code is"
    )

    n_filters: Annotated[PositiveInt, Search(64, 128, 256)] = 64
    kernel_sizes: ArrayLike = (3, 4, 5)
    document_dim: PositiveInt = 128
    document_size: PositiveInt = 64
    document_epochs: PositiveInt = 15
    dropout: Annotated[Share, Search(0.2, 0.5, 0.75)] = 0.75
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3
    batch_size: PositiveInt = 64

    def fit_callbacks(self):
        """Give what keeps the paragraph vectors while training lasts.

        Returns
        -------
        callbacks : list of skorch.callbacks.Callback
            One callback.
        """
        return [RememberVectors()]

    def build_module(self, data):
        sizes = check_kernel_sizes(self.kernel_sizes)
        words = PooledEncoder(
            embed=self.word_embedding(data),
            encode=MultiFilterConvolution(
                self.embedding_dim, self.n_filters, sizes, activation=nn.ReLU()
            ),
            pool=MaxPooling(),
        )
        documents = nn.Sequential(
            DocumentVectors(
                data.tokens,
                self.document_dim,
                epochs=self.document_epochs,
                seed=data.random_state.randint(2**31),
            ),
            nn.Linear(self.document_dim, self.document_size),
            nn.ReLU(),
        )
        weights = LabelVectors(data.n_outputs, self.n_filters * len(sizes) + self.document_size)
        return NoteVectorNetwork(
            read=JoinedReaders([words, documents]),
            score=LabelScores(weights, base_rates=data.base_rates),
            dropout=self.dropout,
        )


SYSTEM = System(
    reads="convolutions of three widths, and doc2vec",
    attends="one vector for all codes",
    text={
        "clean": NoteCleaner(),
        "tokenize": WordTokenizer(min_notes=3, max_length=700),
    },
    small={
        **CAML.small,
        "document_dim": 64,  # 128
        "dropout": 0.5,  # 0.75
    },
)
