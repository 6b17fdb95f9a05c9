"""A transformer that is trained from the start: words know their place and look at each other."""

import math

import torch
from torch import nn

from sklearn_icd.nn._pooling import KeyQueryAttention


class SinusoidalPositions(nn.Module):
    """Tell each position its place: ``sqrt(d) x_p + s_p``.

    ``s_(p, 2i) = sin(p / 10000^(2i/d))`` and ``s_(p, 2i+1) = cos(p / 10000^(2i/d))``, for any
    number of positions.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017: sections 3.4 and 3.5.
    """

    def __init__(self):
        super().__init__()

    def forward(self, x, mask):
        """Add the places.

        Parameters
        ----------
        x : tensor of shape (n, t, d)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, d)
            Zero where there is padding.
        """
        _, t, d = x.shape
        place = torch.arange(t, device=x.device, dtype=torch.float64)[:, None]
        even = torch.arange(0, d, 2, device=x.device, dtype=torch.float64)
        angle = place / 10_000 ** (even / d)  # (t, ceil(d / 2))
        waves = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :d]
        return (math.sqrt(d) * x + waves.to(x)) * mask[..., None]


class TransformerLayer(nn.Module):
    """Let positions look at each other, then pass each through two linear maps.

    Both times, what comes out is added to what went in, and the sum is layer-normalised.

    Parameters
    ----------
    n_features : int
        Width of input and output, a multiple of `n_heads`.

    n_heads : int
        Attention heads.

    hidden_size : int
        Width between the two linear maps.

    dropout : float, default=0.0
        Share of the components set to zero in training, after the attention, between the linear
        maps and after them. The weights of the attention are not dropped.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017: sections 3.1-3.3.
    """

    def __init__(self, n_features, n_heads, hidden_size, *, dropout=0.0):
        super().__init__()
        self.attend = KeyQueryAttention(n_features, n_heads, dropout=dropout)
        self.widen = nn.Linear(n_features, hidden_size)
        self.narrow = nn.Linear(hidden_size, n_features)
        self.norm = nn.LayerNorm(n_features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        """Pass padded notes through the layer.

        Parameters
        ----------
        x : tensor of shape (n, t, n_features)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, n_features)
            Zero where there is padding.
        """
        x = self.attend(x, mask)
        change = self.narrow(self.dropout(self.widen(x).relu()))
        return self.norm(x + self.dropout(change)) * mask[..., None]


class TransformerStack(nn.Module):
    """Pass words through the layers of a transformer.

    Parameters
    ----------
    n_features : int
        Width of input and output, a multiple of `n_heads`.

    n_layers : int
        How many layers.

    n_heads : int
        Attention heads per layer.

    hidden_size : int
        Width between the two linear maps of a layer.

    dropout : float, default=0.0
        Share of the components of the input and inside the layers set to zero in training.
    """

    def __init__(self, n_features, n_layers, n_heads, hidden_size, *, dropout=0.0):
        super().__init__()
        self.place = SinusoidalPositions()
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(n_features, n_heads, hidden_size, dropout=dropout)
            for _ in range(n_layers)
        )

    def forward(self, x, mask):
        """Encode padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, n_features)
            Word vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        hidden : tensor of shape (n, t, n_features)
            Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        x = self.dropout(self.place(x, mask))
        for layer in self.layers:
            x = layer(x, mask)
        return x, mask
