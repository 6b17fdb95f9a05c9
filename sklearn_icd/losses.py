"""Losses of multi-label training: parameter objects without state."""

from abc import abstractmethod
from functools import partial

import torch
from sklearn.base import BaseEstimator
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_icd.utils._hyperparameters import (
    NonNegativeFloat,
    Probability,
    Share,
    hyperparameters,
)


class CellMean(BaseEstimator):
    """The mean of what the cells of a batch cost, each by itself.

    A network may compute such a loss together with the logits, a block of codes at a time, and
    needs no memory for all of them. A subclass implements `cells`.
    """

    @abstractmethod
    def cells(self, logits, y):
        """Compute what each cell costs.

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

    def counts(self, logits, *, step=0, steps_per_epoch=1):
        """Tell which of a batch's positive cells count, the others costing nothing.

        Parameters
        ----------
        logits : tensor of shape (n_positives,)
            Those of the positive cells.

        step : int, default=0
            Optimiser steps done so far.

        steps_per_epoch : int, default=1
            Optimiser steps of an epoch.

        Returns
        -------
        counts : tensor of shape (n_positives,)
            1 for a cell that counts, 0 for one that does not. Here all do.
        """
        return torch.ones_like(logits)

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
        costs = self.cells(logits, y)
        if _counts_all(self):
            return costs.mean()
        positives = y.nonzero(as_tuple=True)
        counting = torch.ones_like(costs)
        own = self.counts(logits.detach()[positives], step=step, steps_per_epoch=steps_per_epoch)
        counting[positives] = own.to(counting)
        return (costs * counting).mean()


class LossAtStep:
    """A loss at the step that training has reached, as modules are given it.

    Parameters
    ----------
    loss : callable
        ``loss(logits, y, *, step, steps_per_epoch)``.

    step : int
        Optimiser steps done so far.

    steps_per_epoch : int
        Optimiser steps of an epoch.

    Attributes
    ----------
    cells : callable or None
        For a `CellMean`, its `cells`. None for any other loss: only a call tells what it is.

    counts : callable or None
        For a `CellMean` that leaves cells out, which of the positive ones count.
    """

    def __init__(self, loss, step, steps_per_epoch):
        self.loss = loss
        self.when = {"step": step, "steps_per_epoch": steps_per_epoch}
        # A subclass with another __call__ is no mean over cells any more.
        is_mean = isinstance(loss, CellMean) and type(loss).__call__ is CellMean.__call__
        self.cells = loss.cells if is_mean else None
        self.counts = (
            partial(loss.counts, **self.when) if is_mean and not _counts_all(loss) else None
        )

    def __call__(self, logits, y):
        """Compute the loss of a batch.

        Parameters
        ----------
        logits : tensor of shape (n, L)
            What the network gave.

        y : tensor of shape (n, L)
            0 or 1.

        Returns
        -------
        loss : tensor of shape ()
            As the loss computes it at this step, in the precision of `y`.
        """
        return self.loss(logits.to(y.dtype), y, **self.when)


def _counts_all(loss):
    return type(loss).counts is CellMean.counts


@hyperparameters
class BCE(CellMean):
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
        return binary_cross_entropy_with_logits(logits, y, reduction="none")


@hyperparameters
class FocalLoss(BCE):
    """Binary cross-entropy that counts the less, the better a cell is predicted already.

    ``(1 - p)^gamma`` times the cross-entropy, p being the probability of what is true, so that
    the many codes that a note plainly does not have leave the gradient to the others.

    Parameters
    ----------
    gamma : float, default=2.0
        How steeply cells are discounted. 0: plain `BCE`.

    bce_share : float, default=0.0
        Share of plain cross-entropy in the cost, for a mixture of both.

    See Also
    --------
    BCE : The loss that discounts nothing.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, "Focal Loss for Dense Object
       Detection", ICCV, 2017: eq. 4.

    Examples
    --------
    >>> import torch
    >>> from sklearn_icd.losses import FocalLoss
    >>> logits, y = torch.tensor([[-4.0, 2.0]]), torch.tensor([[0.0, 0.0]])
    >>> FocalLoss().cells(logits, y).numpy().round(4)
    array([[0.    , 1.6501]], dtype=float32)
    """

    gamma: NonNegativeFloat = 2.0
    bce_share: Probability = 0.0

    def cells(self, logits, y):
        """Compute the discounted cross-entropy of each cell.

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
        plain = super().cells(logits, y)
        discount = torch.expm1(-plain).neg() ** self.gamma  # (1 - p)^gamma
        return plain * (self.bce_share + (1 - self.bce_share) * discount)


@hyperparameters
class LDAMLoss(BCE):
    """Label-distribution-aware margin: a positive cell must be predicted by a margin.

    The binary cross-entropy of ``logit - margin * y``. Targets may be weighted: where a network
    gives each positive cell the ``y_l = n_l^(-1/4)`` of its code, n_l being how many training
    notes have the code, rare codes are kept the furthest from the boundary.

    Parameters
    ----------
    margin : float, default=3.0
        Margin C of a cell with the target 1. 0: plain `BCE`.

    See Also
    --------
    sklearn_icd.nn.WeightedTargets : Gives the cells of each code their weight.

    References
    ----------
    .. [1] K. Cao, C. Wei, A. Gaidon, N. Arechiga and T. Ma, "Learning Imbalanced Datasets with
       Label-Distribution-Aware Margin Loss", NeurIPS, 2019.
    .. [2] B. Biswas, T.-H. Pham and P. Zhang, "TransICD: Transformer Based Code-wise Attention
       Model for Explainable ICD Coding", AIME, 2021.

    Examples
    --------
    >>> import torch
    >>> from sklearn_icd.losses import BCE, LDAMLoss
    >>> logits, y = torch.tensor([[4.0, -1.0]]), torch.tensor([[1.0, 0.0]])
    >>> bool(LDAMLoss(margin=3)(logits, y) == BCE()(torch.tensor([[1.0, -1.0]]), y))
    True
    """

    margin: NonNegativeFloat = 3.0

    def cells(self, logits, y):
        """Compute the cross-entropy of each cell, that of positive ones behind the margin.

        Parameters
        ----------
        logits : tensor of any shape
            What the network gave.

        y : tensor of the same shape
            0 for a code that the note does not have, else 1 or the weight of the code.

        Returns
        -------
        costs : tensor of the same shape
            Of each cell.
        """
        return super().cells(logits - self.margin * y, (y > 0).to(y))


@hyperparameters
class TruncatedBCE(BCE):
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

    def counts(self, logits, *, step=0, steps_per_epoch=1):
        """Tell which of a batch's positive cells count: all but the hardest.

        Parameters
        ----------
        logits : tensor of shape (n_positives,)
            Those of the positive cells.

        step : int, default=0
            Optimiser steps T done so far.

        steps_per_epoch : int, default=1
            Optimiser steps of an epoch.

        Returns
        -------
        counts : tensor of shape (n_positives,)
            1 for a cell that counts, 0 for one that is left out.
        """
        self._validate_params()
        share = self.schedule(step, steps_per_epoch)["drop_rate"]
        counts = torch.ones_like(logits)
        # A positive costs the more the lower its logit is.
        counts[logits.argsort(stable=True)[: int(share * len(logits))]] = 0
        return counts

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


__all__ = ["BCE", "CellMean", "FocalLoss", "LDAMLoss", "LossAtStep", "TruncatedBCE"]
