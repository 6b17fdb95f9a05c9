"""Vectors of tokens to vectors of tokens in context."""

import torch
from torch import nn


class BiLSTM(nn.Module):
    """Read a note in both directions, then normalise each position.

    Padding never enters: it stands behind the note for the forward pass, and the backward pass
    reads each note reversed in place. Two one-directional LSTMs on padded input stay on torch's
    fast path, which packed sequences of ragged lengths leave.

    Parameters
    ----------
    input_size : int
        Width of the input vectors.

    hidden_size : int
        Units per direction; the output is twice as wide.

    layer_norm : bool, default=True
        Whether to normalise the output.
    """

    cell = nn.LSTM

    def __init__(self, input_size, hidden_size, *, layer_norm=True):
        super().__init__()
        self.ahead = self.cell(input_size, hidden_size, batch_first=True)
        self.back = self.cell(input_size, hidden_size, batch_first=True)
        self.norm = nn.LayerNorm(2 * hidden_size) if layer_norm else nn.Identity()
        self.out_features = 2 * hidden_size

    def forward(self, x, mask):
        """Encode padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, input_size)
            Token vectors, padding behind.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        hidden : tensor of shape (n, t, 2 * hidden_size)
            Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        reverse = _reversed_positions(mask)[..., None]  # (n, t, 1)
        ahead, _ = self.ahead(x, self._first_states(x))
        back, _ = self.back(x.gather(1, reverse.expand_as(x)), self._first_states(x))
        back = back.gather(1, reverse.expand_as(back))
        hidden = self.norm(torch.cat([ahead, back], dim=-1))
        return hidden * mask[..., None], mask

    def _first_states(self, x):
        return None  # zeros


class BiGRU(BiLSTM):
    """Read a note in both directions with gated recurrent units, as `BiLSTM` does with an LSTM.

    Parameters
    ----------
    input_size : int
        Width of the input vectors.

    hidden_size : int
        Units per direction; the output is twice as wide.

    layer_norm : bool, default=True
        Whether to normalise the output.

    first_state : float, default=0.0
        What all units start with, in both directions.
    """

    cell = nn.GRU

    def __init__(self, input_size, hidden_size, *, layer_norm=True, first_state=0.0):
        super().__init__(input_size, hidden_size, layer_norm=layer_norm)
        self.first_state = first_state

    def _first_states(self, x):
        return x.new_full((1, len(x), self.ahead.hidden_size), self.first_state)


class ForwardLSTM(nn.Module):
    """Read a note from its start to its end.

    Parameters
    ----------
    input_size : int
        Width of the input vectors.

    hidden_size : int
        Units, and width of the output.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ahead = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.out_features = hidden_size

    def forward(self, x, mask):
        """Encode padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, input_size)
            Token vectors, padding behind.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        hidden : tensor of shape (n, t, hidden_size)
            Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        hidden, _ = self.ahead(x)
        return hidden * mask[..., None], mask


def _reversed_positions(mask):
    """Give for each position the one that takes its place when the note is reversed."""
    lengths = mask.sum(dim=1, keepdim=True)  # (n, 1)
    positions = torch.arange(mask.shape[1], device=mask.device)  # (t,)
    return torch.where(mask, lengths - 1 - positions, positions)
