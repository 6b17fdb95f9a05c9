"""Token ids to vectors."""

import torch
from torch import nn


class TokenEmbedding(nn.Module):
    """Look up a vector for each token, and drop some of its components in training.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary, padding (0) and unknown (1) included.

    dim : int
        Width of a vector.

    vectors : ndarray of shape (n_tokens, dim), default=None
        Where to start from. None: standard normal.

    dropout : float, default=0.0
        Share of the components set to zero in training.

    trainable : bool, default=True
        Whether training moves the vectors.
    """

    def __init__(self, n_tokens, dim, *, vectors=None, dropout=0.0, trainable=True):
        super().__init__()
        self.table = nn.Embedding(n_tokens, dim, padding_idx=0)
        if vectors is not None:
            with torch.no_grad():
                self.table.weight[1:] = torch.as_tensor(vectors[1:])
        self.table.weight.requires_grad_(trainable)
        self.dropout = nn.Dropout(dropout)
        self.out_features = dim

    def forward(self, ids):
        """Look up the tokens of notes.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids.

        Returns
        -------
        vectors : tensor of shape (n, t, dim)
            Zeros for padding.

        mask : tensor of bool of shape (n, t)
            Real tokens.
        """
        return self.dropout(self.table(ids)), ids != 0
