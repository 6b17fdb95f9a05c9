"""DCAN: convolutions over the words before, ever further apart, and each code attends to them."""

from dataclasses import field
from itertools import pairwise
from typing import Annotated

import torch
from torch import nn
from torch.nn.functional import conv1d, pad

from sklearn_icd.base import MultiLabelClassifier, Optimizer
from sklearn_icd.losses import BCE
from sklearn_icd.models._caml import SYSTEM as CAML
from sklearn_icd.models._system import System
from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.models._words import WordVectors
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    MaskedConvolution,
    ParallelBranches,
    ResidualConvolution,
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
class DCANClassifier(WordVectors, TitledCodes, MultiLabelClassifier):
    """Dilated convolutional attention network (DCAN).

    Convolutions look at each word and at those before it; in each block they look twice as far
    apart as in the block below. Each code attends to a projection of what the last block gives,
    ``softmax(u_l . h)``, and scores what it pooled.

    Parameters
    ----------
    n_filters : int, default=600
        Maps of each convolution.

    kernel_size : int, default=2
        Words in a window.

    n_blocks : int, default=3
        Residual blocks of two convolutions. The words in the windows of block k, counted from 0,
        are 2^k words apart.

    projection_size : int, default=300
        Width of what the codes attend to.

    dropout : float, default=0.2
        Share of the components of word vectors, and of the maps, set to zero in training.

    label_smoothing : float, default=0.1
        Share of the targets that is spread over all codes.

    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``, which then enter the queries and the
        weights of codes by a linear map. None: both start at random, as the paper has it.

    loss : loss, default=None
        Loss of training, from `sklearn_icd.losses`. None: `BCE` of the smoothed targets.

    See Also
    --------
    CAMLClassifier : One convolution, whose window lies on both sides.
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    Computation, sizes and settings are those of a public implementation of the paper's system,
    which keeps the word vectors as they start; here they are trained, as in the other systems. The
    vectors of codes start as wide as those of `CAMLClassifier`, the biases at the codes' log-odds.

    The paper stops on precision at 8; the default here is micro-F1.

    References
    ----------
    .. [1] S. Ji, E. Cambria and P. Marttinen, "Dilated Convolutional Attention Network for Medical
       Code Assignment from Clinical Text", Clinical NLP Workshop at EMNLP, 2020.

    Examples
    --------
    >>> from sklearn_icd import DCANClassifier
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = DCANClassifier(
    ...     n_filters=8, embedding_dim=8, max_epochs=2, classes=made.target_names
    ... )
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    n_filters: Annotated[PositiveInt, Search(100, 300, 600)] = 600
    kernel_size: PositiveInt = 2
    n_blocks: Annotated[PositiveInt, Search(2, 3, 5)] = 3
    projection_size: PositiveInt = 300
    dropout: Annotated[Share, Search(0.0, 0.2, 0.4)] = 0.2
    label_smoothing: Share = 0.1
    loss: Callable | None = None
    optimizer: Optimizer = "adam"
    lr: Annotated[PositiveFloat, Search(1e-4, 3e-4, 1e-3)] = 1e-4
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 150

    def training_loss(self):
        """Give the loss of training.

        Returns
        -------
        loss : object
            The parameter `loss`, or the cross-entropy of smoothed targets.
        """
        return self.loss or SmoothedBCE(share=self.label_smoothing, n_codes=len(self.classes_))

    def build_module(self, data):
        d, titles = self.projection_size, self.title_vectors(data)
        queries, weights = (LabelVectors(data.n_outputs, d, titles=titles) for _ in range(2))
        widths = [self.embedding_dim] + [self.n_filters] * self.n_blocks
        blocks = [self._block(*pair, 2**k) for k, pair in enumerate(pairwise(widths))]
        project = MaskedConvolution(self.n_filters, d, 1, activation=nn.ReLU())
        return LabelAttentionNetwork(
            embed=self.word_embedding(data, dropout=self.dropout),
            encode=ParallelBranches([[*blocks, project]]),
            attend=LabelQueries(queries),
            score=LabelScores(weights, base_rates=data.base_rates),
        )

    def _block(self, width, d, dilation):
        return ResidualConvolution(
            [
                DilatedConvolution(before, d, self.kernel_size, dilation, dropout=self.dropout)
                for before in (width, d)
            ],
            shortcut=None if width == d else MaskedConvolution(width, d, 1),
            activation=nn.ReLU(),
        )


class DilatedConvolution(nn.Module):
    """Convolve over each word and those before it.

    ``y_j = dropout(relu(sum_i W_i x_(j - i * dilation) + b))`` with zeros before the note.

    Parameters
    ----------
    in_features, out_features : int
        Widths of input and output.

    kernel_size : int
        Words in a window.

    dilation : int
        How many words they are apart.

    dropout : float
        Share of the components of the output set to zero in training.
    """

    def __init__(self, in_features, out_features, kernel_size, dilation, *, dropout):
        super().__init__()
        start = nn.Conv1d(in_features, out_features, kernel_size)
        self.direction, self.bias = start.weight, start.bias
        self.length = nn.Parameter(_length(self.direction.detach()))
        self.dilation = dilation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        """Convolve padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, out_features)
            Zero where there is padding.
        """
        weight = self.direction * (self.length / _length(self.direction))
        before = (weight.shape[-1] - 1) * self.dilation
        x = pad(x.transpose(1, 2), (before, 0))
        y = conv1d(x, weight, self.bias, dilation=self.dilation).transpose(1, 2)
        return self.dropout(torch.relu(y)) * mask[..., None]


def _length(direction):
    """Give the length of each map's weights, which is learned apart from their direction."""
    return direction.flatten(1).norm(dim=1)[:, None, None]


@hyperparameters
class SmoothedBCE(BCE):
    """Binary cross-entropy of targets of which a share is spread over all codes.

    Parameters
    ----------
    share : float
        The share.

    n_codes : int
        Number of codes.
    """

    share: Share = field()
    n_codes: PositiveInt = field()

    def cells(self, logits, y):
        """Compute the cross-entropy of each cell.

        Parameters
        ----------
        logits : tensor of any shape
            What the network gave.

        y : tensor of the same shape
            0 or 1.

        Returns
        -------
        costs : tensor of the same shape
            Of each cell.
        """
        return super().cells(logits, y * (1 - self.share) + self.share / self.n_codes)


SYSTEM = System(
    reads="convolutions, each block looking twice as far back",
    attends="the words",
    text=CAML.text,
    small={
        **CAML.small,
        "n_filters": 64,  # 600
        "projection_size": 64,  # 300
    },
)
