"""LD-PLAM: pseudo labels read the note, codes find themselves in what was read."""

from typing import Annotated

import torch

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    BiLSTM,
    LabelAttentionNetwork,
    PseudoLabelAttention,
    SharedScore,
    SimilarityQueries,
    TokenEmbedding,
)
from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)

_WIDTH = 128  # of label vectors, at least: that of the default encoder


@hyperparameters
class LDPLAMClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Label-description based pseudo label-wise attention network (LD-PLAM).

    A bidirectional LSTM reads the note; `n_pseudo_labels` attention modes pool it into as many
    vectors; each code attends to those that resemble the vector of its title, and one linear map,
    the same for all codes, scores what it found. Codes that were never trained on can be added by
    their titles (`with_codes`).

    Parameters
    ----------
    n_pseudo_labels : int, default=256
        Number m of attention modes. The paper takes 256 for the full MIMIC-III, 16 for 50 codes.

    n_attention_layers : int, default=1
        Number K of layers of pseudo label-wise attention.

    embedding_dim : int, default=128
        Width of the word vectors.

    hidden_size : int, default=128
        Units of the LSTM per direction.

    dropout : float, default=0.2
        Share of the components of word vectors set to zero in training.

    label_encoder : transformer, default=None
        Makes the label vectors from the texts ``"CODE: title"``. None:
        ``TitleEncoder(n_components=128)``, which needs no download; the paper's is
        `TransformerEncoder` with RoBERTa. Narrower vectors are rotated into 128 dimensions.

    train_label_vectors : bool, default=False
        Whether training moves the label vectors. Codes can be added only to frozen ones.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.

    See Also
    --------
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    Where the paper is silent, the following was tried, and what was better on the whole kept as the
    only way (:ref:`ld_plam_starts` has the figures):

    - The bias of the scoring map starts as the log-odds of how many codes a note has on average.
      From zero, the first steps take a half of all codes back through what all codes share, and
      leave few units of the ReLU alive. Adam's first steps are as large; ``size="small"`` has
      RAdam, whose first steps are small.
    - The attention modes start 2.6 times as wide as torch's linear layers. What tells codes apart
      is which mode they choose, and modes that start narrow all read the same mean of the note.
    - The scoring map starts five times as wide as torch's, so that what a code finds moves its
      logit from the first step on.
    - The titles of a few codes span a few dimensions, and a ReLU layer as narrow lets nothing
      through for many notes: all codes then tie. Label vectors are rotated into 128 dimensions.
    - Label vectors are scaled to a mean square of 1 and skip-gram vectors to unit variance: after
      a few passes over a small corpus the latter are still close to zero.

    The paper's eq. 3 prints the weights of a mode as d x t, which no attention logit can have;
    they are a linear map from d to m. A note without any known word gets the same logit for
    every code, because no code has a bias of its own.

    The authors' code normalises by batch before the ReLU of an attention layer, drops components
    behind it, trains the label vectors, and with more than one layer computes the attention from
    the vectors behind the ReLU, where eq. 6 has those before it.

    References
    ----------
    .. [1] Y. Wu, M. Zeng, Y. Yu, Y. Li and M. Li, "A Pseudo Label-wise Attention Network for
       Automatic ICD Coding", IEEE Journal of Biomedical and Health Informatics, 2022: eq. 2-6
       (`PseudoLabelAttention`), 7 (label vectors), 8-9 (`SimilarityQueries`), section 6.2
       (`attention`), Table 3 (defaults).

    Examples
    --------
    >>> from sklearn_icd import LDPLAMClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = LDPLAMClassifier(
    ...     n_pseudo_labels=8, hidden_size=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_pseudo_labels: Annotated[PositiveInt, Search(16, 64, 256)] = 256
    n_attention_layers: PositiveInt = 1
    embedding_dim: PositiveInt = 128
    hidden_size: PositiveInt = 128
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    train_label_vectors: bool = False
    loss: Callable | None = None
    optimizer: Optimizer = "lamb"
    lr: Annotated[PositiveFloat, Search(0.001, 0.005, 0.01)] = 0.005
    batch_size: PositiveInt = 128
    max_epochs: PositiveInt = 200
    patience: PositiveInt | None = 64

    def build_module(self, data):
        vectors = self.encode_titles(data, self.label_encoder or TitleEncoder(random_state=0))
        random = vectors is None
        vectors = torch.randn(data.n_outputs, _WIDTH) if random else vectors
        attend = SimilarityQueries(
            vectors, least_width=_WIDTH, trainable=random or self.train_label_vectors
        )
        return LabelAttentionNetwork(
            embed=TokenEmbedding(
                data.n_tokens,
                self.embedding_dim,
                vectors=self.initial_word_vectors(data),
                dropout=self.dropout,
            ),
            encode=BiLSTM(self.embedding_dim, self.hidden_size),
            compress=PseudoLabelAttention(
                2 * self.hidden_size,
                attend.width,
                n_labels=self.n_pseudo_labels,
                n_layers=self.n_attention_layers,
            ),
            attend=attend,
            score=SharedScore(attend.width, base_rate=data.base_rates.mean()),
        )


SYSTEM = System(  # its section 5.3
    reads="LSTM",
    attends="pseudo labels, which look at the words",
    text={
        "clean": NoteCleaner(),
        "truncate": TfidfTruncator(max_words=2500),
        "tokenize": WordTokenizer(min_notes=3),
    },
    small={
        "n_pseudo_labels": 64,  # 256, for 8,907 codes
        "embedding_dim": 64,  # 128
        "hidden_size": 64,  # 128
        "optimizer": "radam",  # "lamb"
        "lr": 0.003,  # 0.005
        "batch_size": 8,  # 128
        "max_epochs": 30,
        "patience": 10,  # 64
        "threshold": "tuned",  # 0.5
    },
)
