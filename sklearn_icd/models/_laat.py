"""LAAT: an LSTM reads the note, and each code attends to it through a space of its own making."""

from typing import Annotated

from sklearn_icd._callbacks import PlateauDecay
from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    BiLSTM,
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    TanhKeys,
)
from sklearn_icd.text import NoteCleaner, WordTokenizer
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)

_FACTOR, _PATIENCE, _LOWEST_LR = 0.9, 5, 1e-4


@hyperparameters
class LAATClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Label attention model (LAAT).

    A bidirectional LSTM reads the note. Each code attends to the words with a vector of its own
    in a projected space, ``softmax(u_l . tanh(W h))``, and scores what it pooled.

    Parameters
    ----------
    hidden_size : int, default=512
        Units of the LSTM per direction. The paper takes 256 for 50 codes.

    attention_size : int, default=512
        Width of the space that codes attend in. The paper takes 256 for 50 codes.

    train_word_vectors : bool, default=False
        Whether training moves the word vectors. Random ones, with ``word_vectors=None``, are
        always trained.

    dropout : float, default=0.3
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    JointLAATClassifier : Finds the categories of the codes first.
    PLMICDClassifier : The same attention over a transformer.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The learning rate is multiplied by 0.9, down to 0.0001, after five epochs without a better
    score on the validation notes. With the paper's `patience` of 6 training then ends as well;
    a higher one lets the lower rate work.

    The authors' code starts the maps of the attention and the weights of codes with a standard
    deviation of 0.03, the biases around zero. Here products with features of unit variance start
    to vary by one, and the biases at the log-odds of the codes. On 500 made notes with 50 codes
    (64 units, learning rate 0.003, ten epochs, two seeds), test micro-F1 at the best cut was 0.86
    and 0.84, MAP 0.92 and 0.90; with 0.03, 0.78 and 0.75, 0.84 and 0.82.

    References
    ----------
    .. [1] T. Vu, D. Q. Nguyen and A. Nguyen, "A Label Attention Model for ICD Coding from Clinical
       Text", IJCAI, 2020: `BiLSTM`, `TanhKeys` and `LabelQueries`, `LabelScores`.

    Examples
    --------
    >>> from sklearn_icd import LAATClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = LAATClassifier(
    ...     hidden_size=8, attention_size=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    hidden_size: Annotated[PositiveInt, Search(128, 256, 512)] = 512
    attention_size: Annotated[PositiveInt, Search(128, 256, 512)] = 512
    train_word_vectors: bool = False
    dropout: Annotated[Share, Search(0.0, 0.3, 0.5)] = 0.3
    loss: Callable | None = None
    optimizer: Optimizer = "adamw"
    lr: Annotated[PositiveFloat, Search(3e-4, 1e-3, 3e-3)] = 1e-3
    batch_size: PositiveInt = 8
    max_epochs: PositiveInt = 50
    patience: PositiveInt | None = 6

    def net_settings(self):
        """Keep the parameters from decaying: torch's AdamW does so unless told.

        Returns
        -------
        settings : dict
            Parameters of `MultiLabelNet`.
        """
        return {"optimizer__weight_decay": 0.0} if isinstance(self.optimizer, str) else {}

    def fit_callbacks(self):
        """Give the schedule of the learning rate.

        Returns
        -------
        callbacks : list of skorch.callbacks.Callback
            A fall where there is no progress.
        """
        return [PlateauDecay(_FACTOR, _PATIENCE, _LOWEST_LR)]

    def build_module(self, data):
        head = self.make_head(data.n_outputs, data.base_rates, titles=self.title_vectors(data))
        return LabelAttentionNetwork(**self.make_encoder(data), **head)

    def make_encoder(self, data):
        """Make the blocks that read the note.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        sockets : dict
            `embed` and `encode` of `LabelAttentionNetwork`.
        """
        trainable = self.train_word_vectors or self.word_vectors is None
        return {
            "embed": self.word_embedding(data, dropout=self.dropout, trainable=trainable),
            "encode": BiLSTM(self.embedding_dim, self.hidden_size, layer_norm=False),
        }

    def make_head(self, n_labels, base_rates, *, titles=None, n_beside=0):
        """Make the blocks that attend and score.

        Parameters
        ----------
        n_labels : int
            Number L of labels.

        base_rates : array of shape (L,)
            Share of the training notes that have each label.

        titles : tensor of shape (L, w), default=None
            The vectors of their titles.

        n_beside : int, default=0
            Features that labels score beside what they pooled.

        Returns
        -------
        sockets : dict
            `attend` and `score` of `LabelAttentionNetwork`.
        """
        width = 2 * self.hidden_size
        queries = LabelVectors(n_labels, self.attention_size, titles=titles)
        weights = LabelVectors(n_labels, width + n_beside, titles=titles)
        return {
            "attend": LabelQueries(queries, project=TanhKeys(width, self.attention_size)),
            "score": LabelScores(weights, base_rates=base_rates),
        }


SYSTEM = System(
    reads="LSTM",
    attends="the words, in a space of their own",
    text={
        # Runs of letters and digits with a letter among them; brackets keep their words.
        "clean": NoteCleaner(
            remove_deidentification=False, remove_rules=False, token_pattern=r"\w+"
        ),
        # Its authors keep every word of the training notes.
        "tokenize": WordTokenizer(min_notes=1, max_length=4000),
    },
    small={
        "embedding_dim": 64,  # 100
        "hidden_size": 64,  # 512
        "attention_size": 64,  # 512
        "lr": 0.003,  # 0.001
        "max_epochs": 30,  # 50
        "patience": 10,  # 6
        "threshold": "tuned",  # 0.5
    },
)
