"""AttentiveLSTM: codes read their titles, and look for the sentences that say the same."""

from typing import Annotated

from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    EncodedTitles,
    ForwardLSTM,
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    LastState,
    PooledEncoder,
    SentenceVectors,
    TokenEmbedding,
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
class AttentiveLSTMClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """LSTMs over sentences and over titles, matched by attention (AttentiveLSTM, C-LSTM-Att).

    An LSTM reads each sentence of the note, another one the title of each code. Each code attends
    to the sentences by how well they go with its title, ``softmax(u_l . h_s)``, and scores what
    it pooled.

    Parameters
    ----------
    hidden_size : int, default=100
        Units of both LSTMs.

    sentence_length : int, default=25
        Words per sentence; the last of a note may have fewer.

    dropout : float, default=0.0
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map; codes can be added then. None: an LSTM reads the titles,
        as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    HLANClassifier : Codes attend to the words of each sentence, too.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    This is the paper's word-level variant, for whole notes. The paper reads the diagnoses that
    stand as a list in a note, and spells each word with a third LSTM over its letters, which gave
    it the C of C-LSTM-Att; a token array has neither letters nor the ends of diagnoses, so words
    have vectors of their own, and a note is cut into sentences of as many words each. Of its two
    attentions this is the soft one. Each code has weights of its own to score with; these, and
    the sizes, are ours.

    The words of titles are numbered by themselves, in lower case, and have vectors of their own.
    Where no titles are known, each code has a trained vector in place of a title.

    `attention` gives the words of a sentence equal shares of what the sentence got.

    References
    ----------
    .. [1] H. Shi, P. Xie, Z. Hu, M. Zhang and E. P. Xing, "Towards Automated ICD Coding Using Deep
       Learning", arXiv:1711.04075, 2017.

    Examples
    --------
    >>> from sklearn_icd import AttentiveLSTMClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = AttentiveLSTMClassifier(
    ...     hidden_size=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    hidden_size: Annotated[PositiveInt, Search(50, 100, 200)] = 100
    sentence_length: Annotated[PositiveInt, Search(10, 25, 50)] = 25
    dropout: Annotated[Share, Search(0.0, 0.2)] = 0.0
    loss: Callable | None = None
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3
    batch_size: PositiveInt = 16

    def build_module(self, data):
        d, titles = self.hidden_size, self.title_vectors(data)
        weights = LabelVectors(data.n_outputs, d, titles=titles)
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            compress=SentenceVectors(
                self.sentence_length, ForwardLSTM(self.embedding_dim, d), LastState()
            ),
            attend=LabelQueries(self._make_titles(data, titles)),
            score=LabelScores(weights, base_rates=data.base_rates),
        )

    def _make_titles(self, data, titles):
        ids = self.title_words(data) if self.label_encoder is None else None
        if ids is None:
            return LabelVectors(data.n_outputs, self.hidden_size, titles=titles)
        read = PooledEncoder(
            embed=TokenEmbedding(self.title_tokenizer_.n_tokens_, self.embedding_dim),
            encode=ForwardLSTM(self.embedding_dim, self.hidden_size),
            pool=LastState(),
        )
        return EncodedTitles(ids, read)


SYSTEM = System(
    reads="LSTM over each sentence",
    attends="the sentences, with its title",
    text=CAML.text,  # the paper reads lists of diagnoses
    small={
        **CAML.small,
        "hidden_size": 64,  # not given; 100
    },
)
