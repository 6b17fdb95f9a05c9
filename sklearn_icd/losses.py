"""Losses of multi-label training: parameter objects without state."""

import torch
from sklearn.base import BaseEstimator
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_icd.utils._hyperparameters import NonNegativeFloat, Share, hyperparameters


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


@hyperparameters
class TruncatedBCE(BaseEstimator):
    """Binary cross-entropy that leaves out the positives hardest to believe.

    A label that contradicts its note costs much all through training, because the other notes
    teach the opposite. After step T, the share ``min(gamma * T, epsilon)`` of a batch's positive
    cells counts as zero: those with the largest loss, their number rounded down, of equal ones
    the first. All cells go into the mean, as those of `BCE` do.

    Parameters
    ----------
    epsilon : float, default=0.15
        Largest share of the positive cells of a batch to leave out. 0: plain `BCE`.

    gamma : float, default=None
        By how much the share grows with each optimiser step. None: such that it reaches
        `epsilon` after one epoch.

    See Also
    --------
    BCE : The loss that leaves nothing out.

    Notes
    -----
    Eq. 14 as it is printed would leave out every positive. The idea it takes up [2]_, as eq. 15
    does, is that of the positives with the largest loss.

    References
    ----------
    .. [1] X. Li et al., "JLAN: medical code prediction via joint learning attention networks and
       denoising mechanism", BMC Bioinformatics, 2021: eq. 14-15; Table 3 tries `epsilon` from
       0.05 to 0.2.
    .. [2] W. Wang et al., "Denoising Implicit Feedback for Recommendation", WSDM, 2021.

    Examples
    --------
    Of two positives half are left out: the one that the network gives the lower logit.

    >>> import torch
    >>> from sklearn_icd.losses import BCE, TruncatedBCE
    >>> logits, y = torch.tensor([[-4.0, 2.0, -2.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    >>> round(BCE()(logits, y).item(), 3)
    1.424
    >>> round(TruncatedBCE(epsilon=0.5)(logits, y, step=10, steps_per_epoch=10).item(), 3)
    0.085
    """

    epsilon: Share = 0.15
    gamma: NonNegativeFloat | None = None

    def __call__(self, logits, y, *, step=0, steps_per_epoch=1):
        """Compute the loss of a batch.

        Parameters
        ----------
        logits : tensor of shape (n, L)
            What the network gave.

        y : tensor of shape (n, L)
            0 or 1.

        step : int, default=0
            Optimiser steps T done so far.

        steps_per_epoch : int, default=1
            Optimiser steps of an epoch.

        Returns
        -------
        loss : tensor of shape ()
            The mean over all cells.
        """
        self._validate_params()
        share = self.schedule(step, steps_per_epoch)["drop_rate"]
        positives = y.flatten().nonzero()[:, 0]
        n_dropped = int(share * len(positives))
        # A positive costs the more the lower its logit is.
        hardest = logits.detach().flatten()[positives].argsort(stable=True)[:n_dropped]
        counts = torch.ones_like(logits).flatten()
        counts[positives[hardest]] = 0
        return binary_cross_entropy_with_logits(logits, y, weight=counts.view_as(logits))

    def schedule(self, step, steps_per_epoch):
        """Tell how much is left out, for the history of training.

        Parameters
        ----------
        step : int
            Optimiser steps T done so far.

        steps_per_epoch : int
            Optimiser steps of an epoch.

        Returns
        -------
        values : dict of str to float
            ``drop_rate``: the share of the positive cells.
        """
        if self.gamma is None:
            return {"drop_rate": self.epsilon * min(step / steps_per_epoch, 1.0)}
        return {"drop_rate": min(self.gamma * step, self.epsilon)}


__all__ = ["BCE", "TruncatedBCE"]
