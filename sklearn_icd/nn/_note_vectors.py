"""Systems without label-wise attention: a note becomes one vector, and all codes score that."""

import torch
from torch import nn
from torch.nn.functional import linear

from sklearn_icd.nn._attention import masked_softmax


class MaxPooling(nn.Module):
    """Take the largest value of each feature over the note."""

    def __init__(self):
        super().__init__()

    def forward(self, x, mask):
        """Pool padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, d)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        vectors : tensor of shape (n, d)
            One per note, zeros if it is empty.
        """
        lowest = torch.finfo(x.dtype).min
        largest = x.masked_fill(~mask[..., None], lowest).amax(dim=1)
        return largest * mask.any(dim=1, keepdim=True)


class LastState(nn.Module):
    """Take what reading a note ended with."""

    def __init__(self):
        super().__init__()

    def forward(self, hidden, mask):
        """Pool padded notes.

        Parameters
        ----------
        hidden : tensor of shape (n, t, d)
            States, from the first position on.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        vectors : tensor of shape (n, d)
            One per note, zeros if it is empty.
        """
        last = (mask.sum(dim=1) - 1).clamp_min(0)
        return hidden[torch.arange(len(hidden), device=hidden.device), last] * mask[:, :1]


class LastStates(nn.Module):
    """Take what reading a note in both directions ended with: at its last word and at its first."""

    def __init__(self):
        super().__init__()
        self.last = LastState()

    def forward(self, hidden, mask):
        """Pool padded notes.

        Parameters
        ----------
        hidden : tensor of shape (n, t, 2k)
            States ahead and back, as `BiLSTM` gives them.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        vectors : tensor of shape (n, 2k)
            One per note, zeros if it is empty.
        """
        ahead, back = hidden.chunk(2, dim=-1)
        return torch.cat([self.last(ahead, mask), back[:, 0] * mask[:, :1]], dim=-1)


class AttentivePooling(nn.Module):
    """Add up the positions of a text by what they have to say.

    The shares are ``softmax_t(w . tanh(W x_t + b))``.

    Parameters
    ----------
    in_features : int
        Width of a position.

    hidden_size : int
        Width of w.
    """

    def __init__(self, in_features, hidden_size):
        super().__init__()
        self.project = nn.Linear(in_features, hidden_size)
        self.query = nn.Parameter(torch.randn(hidden_size) / hidden_size**0.5)

    def forward(self, x, mask):
        """Pool padded texts.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        vectors : tensor of shape (n, in_features)
            One per text, zeros if it is empty.
        """
        weights = masked_softmax(self.project(x).tanh() @ self.query, mask)  # (n, t)
        return (weights[:, None] @ x).squeeze(1)


class PooledEncoder(nn.Module):
    """Make one vector of each note.

    Parameters
    ----------
    embed : Module
        Token ids (n, t) to vectors and their mask.

    encode : Module
        Vectors and mask to vectors in context and their mask.

    pool : Module
        Vectors (n, t', d) and mask to (n, d), as `MaxPooling`.
    """

    def __init__(self, *, embed, encode, pool):
        super().__init__()
        self.embed = embed
        self.encode = encode
        self.pool = pool

    def forward(self, ids):
        """Read notes.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        Returns
        -------
        vectors : tensor of shape (n, d)
            One per note.
        """
        return self.pool(*self.encode(*self.embed(ids)))


class JoinedReaders(nn.Module):
    """Read notes in several ways, and join what they give.

    Parameters
    ----------
    readers : sequence of Module
        Each takes token ids (n, t) and gives vectors (n, d_i), as `PooledEncoder`.
    """

    def __init__(self, readers):
        super().__init__()
        self.readers = nn.ModuleList(readers)

    def forward(self, ids):
        """Read notes.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        Returns
        -------
        vectors : tensor of shape (n, sum of d_i)
            One per note.
        """
        return torch.cat([reader(ids) for reader in self.readers], dim=-1)


class NoteVectorNetwork(nn.Module):
    """Score the one vector of a note with the weights and the bias of each label.

    Parameters
    ----------
    read : Module
        Token ids (n, t) to vectors (n, d).

    score : Module
        Called without arguments: weights (L, d) and biases (L,).

    dropout : float, default=0.0
        Share of the components of the vectors set to zero in training.
    """

    def __init__(self, *, read, score, dropout=0.0):
        super().__init__()
        self.read = read
        self.score = score
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids):
        """Compute the logits.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        Returns
        -------
        logits : tensor of shape (n, L)
            One per label.
        """
        return linear(self.dropout(self.read(ids)), *self.score())
