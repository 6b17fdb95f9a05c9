"""KAICD: the vector of a note asks the titles of all codes, and is scored with their answer."""

from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._kernel_sizes import check_kernel_sizes
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import CodeTitles
from sklearn_icd.models._without_attention import WithoutAttention
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    AttentivePooling,
    BiGRU,
    EncodedTitles,
    KnowledgeAttention,
    LabelScores,
    LabelVectors,
    MaxPooling,
    MultiFilterConvolution,
    NoteVectorNetwork,
    PooledEncoder,
    TokenEmbedding,
)
from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer
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
class KAICDClassifier(WithoutAttention, WordVectors, CodeTitles, MultiLabelClassifier):
    """Knowledge attention over the titles of codes (KAICD).

    Convolutions with windows of several sizes read the note, and their largest values make its
    vector. Gated recurrent units with attention read the title of each code. The note attends to
    the titles, and what they say is joined to its vector, which all codes score.

    Parameters
    ----------
    n_filters : int, default=448
        Maps per window size.

    kernel_sizes : sequence of int, default=(1, 3, 5)
        Words in the windows.

    hidden_size : int, default=128
        Units per direction that read titles.

    title_dim : int, default=192
        Width of the vectors of words in titles.

    embedding_dim : int, default=320
        Width of the vectors of words in notes.

    dropout : float, default=0.5
        Share of the components of the joined vector set to zero in training.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    A classifier sees ids and no words, so the words of titles are numbered by themselves, in lower
    case, and have vectors of their own, as in the authors' code. There these start from
    continuous-bag-of-words vectors of the titles and stay; here they start at random and are
    trained. Padding behind a short title takes part in the attention there, not here. Where no
    titles are known, each code has a trained vector in place of a title.

    The authors assign codes from a probability of 0.2 on; `threshold` is 0.5 here, or "tuned".

    References
    ----------
    .. [1] Y. Wu, M. Zeng, Z. Fei, Y. Yu, F.-X. Wu and M. Li, "KAICD: A knowledge attention-based
       deep learning framework for automatic ICD coding", Neurocomputing, 2022.

    Examples
    --------
    >>> from sklearn_icd import KAICDClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = KAICDClassifier(
    ...     n_filters=4, hidden_size=4, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    _reads_notes_by = "it attends to the titles of codes, not to the words of the note"

    n_filters: Annotated[PositiveInt, Search(64, 192, 448)] = 448
    kernel_sizes: ArrayLike = (1, 3, 5)
    hidden_size: PositiveInt = 128
    title_dim: PositiveInt = 192
    embedding_dim: PositiveInt = 320
    dropout: Annotated[Share, Search(0.0, 0.2, 0.5)] = 0.5
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3
    batch_size: PositiveInt = 256
    max_epochs: PositiveInt = 1000
    patience: PositiveInt | None = 30

    def build_module(self, data):
        sizes = check_kernel_sizes(self.kernel_sizes)
        width, k = self.n_filters * len(sizes), 2 * self.hidden_size
        notes = PooledEncoder(
            embed=self.word_embedding(data),
            encode=MultiFilterConvolution(
                self.embedding_dim, self.n_filters, sizes, activation=nn.ReLU()
            ),
            pool=MaxPooling(),
        )
        weights = LabelVectors(data.n_outputs, k + width)
        return NoteVectorNetwork(
            read=nn.Sequential(notes, KnowledgeAttention(self._make_titles(data), width, k)),
            score=LabelScores(weights, base_rates=data.base_rates),
            dropout=self.dropout,
        )

    def _make_titles(self, data):
        ids, k = self.title_words(data), 2 * self.hidden_size
        if ids is None:
            return LabelVectors(data.n_outputs, k)
        read = PooledEncoder(
            embed=TokenEmbedding(self.title_tokenizer_.n_tokens_, self.title_dim),
            encode=BiGRU(self.title_dim, self.hidden_size, layer_norm=False),
            pool=AttentivePooling(k, max(1, self.hidden_size // 2)),
        )
        return EncodedTitles(ids, read)


SYSTEM = System(
    reads="convolutions of three widths",
    attends="one vector for all codes, with what it finds in their titles",
    text={
        "clean": NoteCleaner(),
        "truncate": TfidfTruncator(max_words=768),
        "tokenize": WordTokenizer(min_notes=3),
    },
    small={
        **CAML.small,
        "n_filters": 64,  # 448
        "hidden_size": 32,  # 128
        "title_dim": 64,  # 192
        "patience": 10,  # 30
    },
)
