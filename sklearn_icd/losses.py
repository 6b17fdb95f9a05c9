"""Losses of multi-label training: parameter objects without state."""

from sklearn.base import BaseEstimator
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_icd.utils._hyperparameters import hyperparameters


@hyperparameters
class BCE(BaseEstimator):
    """Binary cross-entropy of every cell, averaged.

    References
    ----------
    .. [1] Y. Wu et al., "A Pseudo Label-wise Attention Network for Automatic ICD Coding",
       eq. 1, which sums over the codes where this takes the mean.

    Examples
    --------
    >>> import torch
    >>> from sklearn_icd.losses import BCE
    >>> loss = BCE()(torch.zeros(2, 3), torch.ones(2, 3))
    >>> round(loss.item(), 4)
    0.6931
    """

    def __call__(self, logits, y, *, step=0, steps_per_epoch=1):
        """Compute the loss of a batch.

        Parameters
        ----------
        logits : tensor of shape (n, L)
            What the network gave.

        y : tensor of shape (n, L)
            0 or 1.

        step : int, default=0
            Optimiser steps done so far.

        steps_per_epoch : int, default=1
            Optimiser steps of an epoch.

        Returns
        -------
        loss : tensor of shape ()
            The mean over all cells.
        """
        return binary_cross_entropy_with_logits(logits, y)


__all__ = ["BCE"]
