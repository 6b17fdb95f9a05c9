"""Fusion: convolutions whose maps are compressed, then mixed, before codes look at them."""

from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._kernel_sizes import check_kernel_sizes
from sklearn_icd.models._pretrained import SegmentReader
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    BiLSTM,
    FilterCompression,
    KeyQueryAttention,
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    MaskedConvolution,
    MaskedGroupNorm,
    MultiFilterConvolution,
    ResidualConvolution,
    SoftPooling,
    TokenEmbedding,
    TransformerEmbedding,
)
from sklearn_icd.text import NoteCleaner, WordTokenizer
from sklearn_icd.utils._hyperparameters import (
    ArrayLike,
    Callable,
    Count,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class FusionClassifier(SegmentReader, WordVectors, TitledCodes, MultiLabelClassifier):
    """Feature compressed network (Fusion).

    Convolutions with windows of several sizes read the note; attentive soft-pooling makes one
    position of every `pool_size` of them, filter by filter; residual convolutions follow, the
    filters are joined, and the positions look at each other by key-query attention. Each code
    then attends to them and scores what it found.

    Parameters
    ----------
    n_filters : int, default=50
        Maps per kernel size.

    kernel_sizes : sequence of int, default=(3, 5, 9, 15, 19, 25)
        Words in the windows of the filters.

    pool_size : int, default=2
        Positions g that soft-pooling makes one. 1: no compression.

    n_residual_blocks : int, default=1
        Residual convolution blocks per filter.

    n_heads : int, default=4
        Heads of the key-query attention. ``n_filters * len(kernel_sizes)`` must be a multiple.

    embedding_dim : int, default=100
        Width of the word vectors; with `pretrained`, of what the LSTM gives.

    pretrained : str or path-like, default=None
        The paper's other input: a transformer, a folder or a name on the Hugging Face hub, reads
        the segments of the notes (`SegmentTokenizer`), and a bidirectional LSTM stacks them. None:
        the input is words.

    dropout : float, default=0.2
        Share set to zero in training of the components of word vectors or hidden states, and of
        what the key-query attention finds.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    `attention` gives a word the weight of its compressed position times the mean over the filters
    of its share in the window. What the positions take from each other by key-query attention is
    left out.

    What the paper leaves open was decided so:

    - Group normalisation has one group and counts the words of the note only; the key-query
      attention has four heads, as in the authors' code.
    - What the key-query attention finds is added to the position that looked, and the sum is
      layer-normalised. On 800 made notes with 50 codes (20 filters of 3, 5 and 9 words, ten
      epochs at learning rate 0.003, two seeds), micro-F1 at the best cut was 0.82 and MAP 0.89;
      with what was found alone 0.65 and 0.74; with a feed-forward layer and tanh behind it, as in
      the authors' code, 0.81 and 0.87; without this attention 0.88 and 0.92.
    - Order enters by the convolutions alone: no position is encoded.

    The authors' code differs in more: its first convolutions have as many maps as word vectors
    have components, it encodes positions, a feed-forward layer follows the attention, heads are
    cut across positions and padding takes part. Two sets of results for 50 codes of MIMIC-III
    are in its repository, macro and micro-F1 of 0.619 and 0.674 as in the paper, and 0.598 and
    0.659.

    References
    ----------
    .. [1] J. Luo, C. Xiao, L. Glass, J. Sun and F. Ma, "Fusion: Towards Automated ICD Coding via
       Feature Compression", Findings of ACL-IJCNLP 2021: eq. 1 (`MultiFilterConvolution`), 2
       (`SoftPooling`), section 3.2.3 (`ResidualConvolution`), 3.3 (`KeyQueryAttention`), 3.4 and
       eq. 3 (the codes).

    Examples
    --------
    >>> from sklearn_icd import FusionClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = FusionClassifier(
    ...     n_filters=4, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: PositiveInt = 50
    kernel_sizes: ArrayLike = (3, 5, 9, 15, 19, 25)
    pool_size: Annotated[PositiveInt, Search(1, 2, 4)] = 2
    n_residual_blocks: Count = 1
    n_heads: PositiveInt = 4
    embedding_dim: PositiveInt = 100
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16

    def build_module(self, data):
        self._check_filters()
        width, titles = self.n_filters * len(self.kernel_sizes), self.title_vectors(data)
        embed = self.make_embedding(data)
        return LabelAttentionNetwork(
            embed=embed,
            encode=MultiFilterConvolution(
                embed.out_features, self.n_filters, self.kernel_sizes, activation=nn.Tanh()
            ),
            compress=FilterCompression(
                [SoftPooling(self.n_filters, self.pool_size) for _ in self.kernel_sizes],
                [self._residual_blocks(size) for size in self.kernel_sizes],
                KeyQueryAttention(width, self.n_heads, dropout=self.dropout),
            ),
            attend=LabelQueries(LabelVectors(data.n_outputs, width, titles=titles)),
            score=LabelScores(
                LabelVectors(data.n_outputs, width, titles=titles), base_rates=data.base_rates
            ),
        )

    def make_embedding(self, data):
        """Make the block that reads token ids.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        embed : Module
            Token ids to vectors of width `out_features` and their mask.
        """
        if self.pretrained is not None:
            encoder = self.make_encoder(data)
            stack = BiLSTM(encoder.out_features, -(-self.embedding_dim // 2), layer_norm=False)
            return TransformerEmbedding(encoder, stack)
        vectors = self.initial_word_vectors(data)
        return TokenEmbedding(
            data.n_tokens, self.embedding_dim, vectors=vectors, dropout=self.dropout
        )

    def _residual_blocks(self, kernel_size):
        d = self.n_filters

        def convolve(size, activation=None):
            return MaskedConvolution(d, d, size, norm=MaskedGroupNorm(1, d), activation=activation)

        return [
            ResidualConvolution(
                [convolve(kernel_size, nn.Tanh()), convolve(kernel_size)],
                shortcut=convolve(1),
                activation=nn.Tanh(),
            )
            for _ in range(self.n_residual_blocks)
        ]

    def _check_filters(self):
        sizes = check_kernel_sizes(self.kernel_sizes)
        width = self.n_filters * len(sizes)
        if width % self.n_heads:
            raise ValueError(
                f"n_heads={self.n_heads} does not divide the {width} maps of n_filters="
                f"{self.n_filters} and {len(sizes)} kernel_sizes: change one of them."
            )


SYSTEM = System(  # its section 4.2
    reads="convolutions, soft-pooling, key-query attention",
    attends="the pooled positions",
    text={
        "clean": NoteCleaner(),
        "tokenize": WordTokenizer(min_notes=3, max_length=2500),
    },
    small={
        "n_filters": 32,  # 50
        "kernel_sizes": (3, 5, 9),  # and 15, 19, 25
        "embedding_dim": 64,  # 100
        "lr": 0.003,  # 0.0001
        "batch_size": 8,  # 16
        "max_epochs": 30,
        "threshold": "tuned",  # 0.5
    },
)
