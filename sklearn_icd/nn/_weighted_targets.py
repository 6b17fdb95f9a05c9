"""Targets that say how much each label is worth, for losses that ask."""

import torch
from torch import nn


class WeightedTargets(nn.Module):
    """Give the loss of a network targets that are weighted by label.

    Parameters
    ----------
    network : Module
        Token ids to logits, or to the loss where it is given targets and loss, as
        `LabelAttentionNetwork`.

    weights : array of shape (L,)
        What takes the place of a 1 in the column of each label.
    """

    def __init__(self, network, weights):
        super().__init__()
        self.network = network
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))

    def forward(self, ids, y=None, loss=None):
        """Compute the logits, or the loss where `y` and `loss` are given.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        y : tensor of shape (n, L), default=None
            Targets, 0 or 1.

        loss : callable, default=None
            Takes logits and weighted targets.

        Returns
        -------
        output : tensor of shape (n, L) or ()
            The logits, or the loss.
        """
        return self.network(ids, y if y is None else y * self.weights, loss)

    def attention(self, ids, labels):
        """Give the attention of some labels over the tokens.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        labels : tensor of int64 of shape (k,)
            Which labels.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            As the network gives it.
        """
        return self.network.attention(ids, labels)
