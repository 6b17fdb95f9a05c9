"""How often probabilities come true, bin by bin."""

from numbers import Integral

import numpy as np
from sklearn.utils import Bunch, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklearn_icd.metrics._validation import check_probabilities

_CELLS = 2**20  # sorted into bins at once


@validate_params(
    {
        "y_true": ["array-like", "sparse matrix"],
        "probabilities": ["array-like"],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "strategy": [StrOptions({"uniform", "quantile"})],
    },
    prefer_skip_nested_validation=True,
)
def reliability_curve(y_true, probabilities, *, n_bins=15, strategy="uniform"):
    """
    Compare the probabilities of cells with how often such cells are true.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    probabilities : array-like of shape (n, L)
        The probability of each code.
    n_bins : int, default=15
        Number of bins that the cells are sorted into by their probability; those without a cell
        are left out.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal numbers of cells. A bin has its upper limit and,
        but for the lowest, not its lower one.

    Returns
    -------
    curve : :class:`~sklearn.utils.Bunch`
        With one entry for each bin that has a cell, in rising order.

        mean_probability : ndarray of float64 of shape (n_filled_bins,)
            Mean probability of the cells.
        share_true : ndarray of float64 of shape (n_filled_bins,)
            Share of the cells that are true.
        n_cells : ndarray of int of shape (n_filled_bins,)
            Number of cells.

    Raises
    ------
    TypeError
        If `probabilities` is sparse, or an array holds no real numbers.
    ValueError
        If `probabilities` holds NaN or anything below 0 or above 1, `y_true` anything but 0 and
        1, the shapes differ, or a parameter is not as described.

    See Also
    --------
    sklearn_icd.metrics.expected_calibration_error : The mean distance of the two over all cells.
    sklearn.calibration.calibration_curve : The same for a single code, without the numbers.

    Notes
    -----
    With thousands of codes nearly all cells fall into the lowest bin of equal width.

    Examples
    --------
    >>> from sklearn_icd.model_selection import reliability_curve
    >>> curve = reliability_curve([[1, 0], [1, 0]], [[0.9, 0.1], [0.7, 0.3]], n_bins=2)
    >>> curve.mean_probability, curve.share_true, curve.n_cells
    (array([0.2, 0.8]), array([0., 1.]), array([2, 2]))
    """
    y_true, probabilities = check_probabilities(y_true, probabilities)
    limits = _limits(probabilities, n_bins, strategy)
    n_cells, sums = np.zeros(n_bins, dtype=np.int64), np.zeros(n_bins)
    for rows in gen_batches(len(probabilities), max(1, _CELLS // probabilities.shape[1])):
        cells = probabilities[rows].ravel()
        bins = np.searchsorted(limits, cells)
        n_cells += np.bincount(bins, minlength=n_bins)
        sums += np.bincount(bins, cells, minlength=n_bins)
    bins = np.searchsorted(limits, probabilities[y_true.nonzero()])
    n_true, filled = np.bincount(bins, minlength=n_bins), n_cells > 0
    return Bunch(
        mean_probability=sums[filled] / n_cells[filled],
        share_true=n_true[filled] / n_cells[filled],
        n_cells=n_cells[filled],
    )


def _limits(probabilities, n_bins, strategy):
    """Give the upper limits of all bins but the last."""
    if strategy == "uniform":
        return np.linspace(0, 1, n_bins + 1)[1:-1]
    ordered = np.sort(probabilities, axis=None)
    n_up_to = -(-np.arange(1, n_bins) * ordered.size // n_bins)
    return ordered[np.maximum(n_up_to, 1) - 1]
