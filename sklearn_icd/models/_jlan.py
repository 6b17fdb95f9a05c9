"""JLAN: codes read the note with a question of their own and with their title, jointly."""

from typing import Annotated

from torch import nn

from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.codes import TitleEncoder
from sklearn_icd.losses import TruncatedBCE
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import BiLSTM, LabelScores, LabelVectors, TokenEmbedding
from sklearn_icd.nn._convolutions import MaskedConvolution, ResidualConvolution
from sklearn_icd.nn._joint import (
    JointAttention,
    JointAttentionNetwork,
    ResidualEncoder,
    SumPooledScore,
)
from sklearn_icd.text import NoteCleaner, WordTokenizer
from sklearn_icd.utils._hyperparameters import (
    Count,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)

_QUESTION_SPREAD, _DESCRIPTION_SPREAD = 3.0, 6.0


@hyperparameters
class JLANClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Joint learning attention network (JLAN).

    Residual convolutions and a bidirectional LSTM read the note. Each code attends to it twice,
    with a question that it learns and with a vector that starts from its title; gates weigh what
    the two found, and two layers, the same for all codes, score it. The loss leaves out the
    positives that are hardest to believe (`TruncatedBCE`).

    Parameters
    ----------
    hidden_size : int, default=256
        Units k of the LSTM per direction, and width of the layers that score.

    attention_size : int, default=200
        Width of the questions of self-attention.

    n_residual_blocks : int, default=1
        Residual convolutions between word vectors and LSTM.

    kernel_size : int, default=9
        Words in a window of the convolutions.

    epsilon : float, default=0.15
        Largest share of the positive cells of a batch that the loss leaves out. 0: none.

    gamma : float, default=None
        By how much the share grows with each optimiser step. None: such that it reaches
        `epsilon` after one epoch.

    embedding_dim : int, default=256
        Width of the word vectors, and of the convolutions.

    dropout : float, default=0.0
        Share of the components of word vectors set to zero in training. The paper names none.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``. None: those of
        ``TitleEncoder(n_components=128)`` start the description attention, and the questions
        start at random, which is the paper's system; codes cannot be added to it. With an
        encoder, the titles enter the questions too, by a linear map, and each code adds to the
        shared score one of its own, from weights that are its title mapped plus a free vector,
        and a bias; then `with_codes` works.

    See Also
    --------
    sklearn_icd.losses.TruncatedBCE : The loss, which every other classifier takes as `loss`.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The paper gives neither the kernel size nor the batch size; 9 and 16 are ours. Its description
    attention has no softmax; here it has one, over the tokens, as otherwise what is found would
    grow with the note. Adam moves all rows of the last layer alike, so that their sum moves
    `hidden_size` times as fast as `lr` says: with 32 units made notes were learned at 0.003 and
    0.005, more slowly at 0.01, and hardly at 0.02. With 64 units and the 2,194 codes of CodiEsp-D,
    all scores were the same after fifteen epochs at 0.003, the units of the scoring layers being
    dead, and micro-F1 was 0.15 at 0.001.

    Where the paper is silent, the following was tried on made notes (three seeds, learning rate
    0.003, 64 units, micro-F1 of 300 test notes at their best cut), and one way kept:

    - Keys, questions and descriptions of the attentions start five, three and six times as wide
      as makes products with features of unit variance vary by one, because those of the LSTM
      vary by 0.2. With keys as torch starts them and 1 for the others, all codes read the same
      mean of the note for some epochs: on 600 notes with 50 codes, micro-F1 after eight epochs
      was 0.79, 0.67 and 0.53 with those, and 0.96, 0.88 and 0.70 with ours. Wider gates and
      scoring layers gained nothing.
    - The layers that score are the same for all codes, and no code has a bias. Rare codes are
      learned last: on 500 notes with 40 codes of steeper frequencies, micro-F1 after twelve
      epochs was 0.90, 0.92 and 0.94, and the mean F1 of the rarer third of the codes 0.40, 0.58
      and 0.75. A bias for each code, started at its frequency, gave 0.96, 0.43 and 0.96: one fit
      of three had learned nothing else, and it was left out. `label_encoder`, which gives each
      code weights as well, learns faster: 0.96, 0.95 and 0.93, the rarer third 0.84, 0.74 and
      0.80.

    These starts were chosen on the very notes named here, so their figures flatter.

    References
    ----------
    .. [1] X. Li et al., "JLAN: medical code prediction via joint learning attention networks and
       denoising mechanism", BMC Bioinformatics, 2021: eq. 1-2 (`ResidualConvolution`), 3-5
       (`BiLSTM`), 6-13 (`JointAttention`), 14-15 (`TruncatedBCE`), 16 (`SumPooledScore`).

    Examples
    --------
    >>> from sklearn_icd import JLANClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = JLANClassifier(
    ...     embedding_dim=8, hidden_size=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    hidden_size: PositiveInt = 256
    attention_size: PositiveInt = 200
    n_residual_blocks: Count = 1
    kernel_size: PositiveInt = 9
    epsilon: Annotated[Share, Search(0.05, 0.1, 0.15, 0.2)] = 0.15
    gamma: NonNegativeFloat | None = None
    embedding_dim: PositiveInt = 256
    dropout: Annotated[Share, Search(0.0, 0.2)] = 0.0
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3

    def training_loss(self):
        """Give the loss of training.

        Returns
        -------
        loss : TruncatedBCE
            With `epsilon` and `gamma`.
        """
        return TruncatedBCE(epsilon=self.epsilon, gamma=self.gamma)

    def build_module(self, data):
        n_labels, width, k = data.n_outputs, self.embedding_dim, self.hidden_size
        titles = self.encode_titles(data, self.label_encoder or TitleEncoder(random_state=0))
        own = None if self.label_encoder is None else titles
        return JointAttentionNetwork(
            embed=TokenEmbedding(
                data.n_tokens,
                width,
                vectors=self.initial_word_vectors(data),
                dropout=self.dropout,
            ),
            encode=ResidualEncoder(
                [_residual_block(width, self.kernel_size) for _ in range(self.n_residual_blocks)],
                BiLSTM(width, k, layer_norm=False),
            ),
            attend=JointAttention(
                LabelVectors(n_labels, self.attention_size, titles=own, spread=_QUESTION_SPREAD),
                LabelVectors(n_labels, k, titles=titles, spread=_DESCRIPTION_SPREAD),
            ),
            score=SumPooledScore(
                4 * k, k, base_rate=data.base_rates.mean() if own is None else 0.5
            ),
            score_own=None if own is None else _own_scores(4 * k, own, data.base_rates),
        )


def _residual_block(width, kernel_size):
    layers = [MaskedConvolution(width, width, kernel_size, activation=nn.ReLU())]
    return ResidualConvolution(layers, activation=nn.ReLU())


def _own_scores(width, titles, base_rates):
    return LabelScores(LabelVectors(len(titles), width, titles=titles), base_rates=base_rates)


SYSTEM = System(  # its "Experiment setting"
    reads="residual convolution, LSTM",
    attends="the words, with a question and with its title",
    text={
        "clean": NoteCleaner(),
        "tokenize": WordTokenizer(min_notes=2, max_length=2500),
    },
    small={
        "embedding_dim": 64,  # 256
        "hidden_size": 64,  # 256
        "attention_size": 64,  # 200
        "batch_size": 8,  # not given; 16
        "max_epochs": 30,
        "threshold": "tuned",  # 0.5
    },
)
