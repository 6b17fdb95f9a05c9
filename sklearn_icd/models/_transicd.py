"""TransICD: a small transformer reads the words, and rare codes are predicted by a margin."""

from typing import Annotated

import numpy as np

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.losses import LDAMLoss
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    TanhKeys,
    TransformerStack,
    WeightedTargets,
)
from sklearn_icd.utils._hyperparameters import (
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)


@hyperparameters
class TransICDClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Transformer-based code-wise attention model (TransICD).

    A transformer that is trained from the start reads the words. Each code attends to them with a
    vector of its own in a projected space, ``softmax(u_l . tanh(W h + b))``, and scores what it
    pooled. In training, a code that a note has must be predicted by a margin, the wider the rarer
    the code is (`LDAMLoss`).

    Parameters
    ----------
    n_layers : int, default=2
        Layers of the transformer.

    n_heads : int, default=8
        Attention heads of the transformer. `embedding_dim` must be a multiple.

    feedforward_size : int, default=512
        Width between the two linear maps of a layer.

    attention_size : int, default=256
        Width of the space that codes attend in.

    margin : float, default=3.0
        Margin C of a code with a single training note; with n of them it is ``C / n^(1/4)``.
        0: plain `BCE`.

    embedding_dim : int, default=128
        Width of the word vectors, and of the transformer.

    train_word_vectors : bool, default=False
        Whether training moves the word vectors. Random ones, with ``word_vectors=None``, are
        always trained.

    dropout : float, default=0.1
        Share of the components set to zero in training of the transformer's input, and inside
        its layers.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    See Also
    --------
    LAATClassifier : The same attention over an LSTM.
    sklearn_icd.losses.LDAMLoss : The loss.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The authors' code tells each word the place of its note in the batch instead of its own place
    in the note; here it is its own. It adds a bias to the scores of each code over the words,
    which cancels in the softmax. It drops components of the input twice, and weights of the
    attention between words, which are kept here. It starts from word vectors of the continuous
    bag of words, where ours are skip-gram's.

    References
    ----------
    .. [1] B. Biswas, T.-H. Pham and P. Zhang, "TransICD: Transformer Based Code-wise Attention
       Model for Explainable ICD Coding", AIME, 2021: `TransformerStack`, `LabelQueries` with
       `TanhKeys`, `LabelScores`, `LDAMLoss`.

    Examples
    --------
    >>> from sklearn_icd import TransICDClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = TransICDClassifier(
    ...     embedding_dim=8, n_heads=2, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_layers: Annotated[PositiveInt, Search(1, 2)] = 2
    n_heads: PositiveInt = 8
    feedforward_size: PositiveInt = 512
    attention_size: PositiveInt = 256
    margin: Annotated[NonNegativeFloat, Search(0.0, 1.0, 3.0)] = 3.0
    embedding_dim: PositiveInt = 128
    train_word_vectors: bool = False
    dropout: Annotated[Share, Search(0.0, 0.1, 0.3)] = 0.1
    optimizer: Optimizer = "adamw"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-3
    batch_size: PositiveInt = 8
    max_epochs: PositiveInt = 30

    def training_loss(self):
        """Give the loss of training.

        Returns
        -------
        loss : LDAMLoss
            With `margin`.
        """
        return LDAMLoss(margin=self.margin)

    def build_module(self, data):
        self._check_heads()
        width, titles = self.embedding_dim, self.title_vectors(data)
        queries, weights = (
            LabelVectors(data.n_outputs, size, titles=titles)
            for size in (self.attention_size, width)
        )
        network = LabelAttentionNetwork(
            embed=self.word_embedding(
                data, trainable=self.train_word_vectors or self.word_vectors is None
            ),
            encode=TransformerStack(
                width, self.n_layers, self.n_heads, self.feedforward_size, dropout=self.dropout
            ),
            attend=LabelQueries(queries, project=TanhKeys(width, self.attention_size, bias=True)),
            score=LabelScores(weights, base_rates=data.base_rates),
        )
        return WeightedTargets(network, _shares_of_margin(data))

    def _check_heads(self):
        if self.embedding_dim % self.n_heads:
            raise ValueError(
                f"n_heads={self.n_heads} does not divide embedding_dim={self.embedding_dim}: "
                "change one of them."
            )


def _shares_of_margin(data):
    """Give n^(-1/4) for each code with n training notes, 1 for those without."""
    counts = np.rint(data.base_rates * (len(data.tokens) + 1) - 0.5)  # as they were smoothed
    return np.maximum(counts, 1) ** -0.25


SYSTEM = System(
    reads="a small transformer, trained from the start",
    attends="the words, in a space of their own",
    text=CAML.text,
    small={
        **CAML.small,
        "feedforward_size": 128,  # 512
        "attention_size": 64,  # 256
        "lr": 0.001,
    },
)
