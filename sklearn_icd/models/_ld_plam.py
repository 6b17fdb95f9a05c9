"""LD-PLAM: pseudo labels read the note, codes find themselves in what was read."""

import torch

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.codes import TitleEncoder
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
from sklearn_icd.utils._hyperparameters import (
    Callable,
    PositiveFloat,
    PositiveInt,
    Share,
    hyperparameters,
)

_RANDOM_WIDTH = 128  # of label vectors without titles: that of the default encoder


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
        `TransformerEncoder` with RoBERTa.

    train_label_vectors : bool, default=False
        Whether training moves the label vectors. Codes can be added only to frozen ones.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE`.
    """

    n_pseudo_labels: PositiveInt = 256
    n_attention_layers: PositiveInt = 1
    embedding_dim: PositiveInt = 128
    hidden_size: PositiveInt = 128
    dropout: Share = 0.2
    train_label_vectors: bool = False
    loss: Callable | None = None
    optimizer: Optimizer = "lamb"
    lr: PositiveFloat = 0.005
    batch_size: PositiveInt = 128
    patience: PositiveInt | None = 64

    def build_module(self, data):
        vectors = self.encode_titles(data, self.label_encoder or TitleEncoder(random_state=0))
        random = vectors is None
        vectors = torch.randn(data.n_outputs, _RANDOM_WIDTH) if random else vectors
        width = vectors.shape[1]
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
                width,
                n_labels=self.n_pseudo_labels,
                n_layers=self.n_attention_layers,
            ),
            attend=SimilarityQueries(vectors, trainable=random or self.train_label_vectors),
            score=SharedScore(width),
        )
