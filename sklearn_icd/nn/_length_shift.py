"""Logits that rise with the length of a note: longer notes have more codes."""

import torch
from torch import nn


class LengthShift(nn.Module):
    """Shift the logits of each label by how long a note is: ``sigmoid(k_l a + d_l)``.

    Parameters
    ----------
    n_labels : int
        Number L of labels.

    unit : float
        Words that make the length a of a note 1.

    References
    ----------
    .. [1] N. Sadoughi et al., "Medical code prediction with multi-view convolution and
       description-regularized label-dependent attention", arXiv:1811.01468, 2018.
    """

    def __init__(self, n_labels, unit):
        super().__init__()
        self.unit = unit
        self.slope = nn.Parameter(torch.zeros(n_labels))
        self.offset = nn.Parameter(torch.zeros(n_labels))
        self.n_added = 0

    def forward(self, mask):
        """Compute the shifts.

        Parameters
        ----------
        mask : tensor of bool of shape (n, t)
            Real words.

        Returns
        -------
        shift : tensor of shape (n, L)
            Between 0 and 1; labels added later share the mean slope and offset.
        """
        slope, offset = (
            torch.cat([own, own.mean().expand(self.n_added)]) for own in (self.slope, self.offset)
        )
        length = mask.sum(dim=1, keepdim=True).to(slope) / self.unit  # (n, 1)
        return (length * slope + offset).sigmoid()

    def append_codes(self, titles):
        """Add labels behind the others.

        Parameters
        ----------
        titles : tensor of shape (k, w)
            The vectors of their titles.
        """
        self.n_added += len(titles)
