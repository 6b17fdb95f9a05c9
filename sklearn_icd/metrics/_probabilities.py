"""How good probabilities are as such: cross-entropy, Brier score and calibration, per cell."""

from itertools import pairwise

import numpy as np
from scipy import sparse

from sklearn_icd.metrics._note_sums import mean_over_notes
from sklearn_icd.metrics._places import above_and_tied, row_numbers, sum_by_row, true_scores
from sklearn_icd.metrics._validation import check_positive_integer, check_probabilities

_BLOCK = 2**20  # probabilities computed with at once: 8 MB in float64


def binary_cross_entropy(y_true, probabilities):
    """
    Compute the binary cross-entropy (BCE), averaged over all cells.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    probabilities : array-like or sparse of shape (n, L)
        The probability of each code. Cells that a sparse table does not store are 0.

    Returns
    -------
    float
        The mean of -log(p) over the true and -log(1 - p) over the other cells together, in nats.
        What a cell would take the logarithm of is at least the machine epsilon of the type of
        `probabilities` (1.2e-7 in float32), so that a cell costs 16 at most there, not infinity.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `probabilities` holds NaN or anything below 0 or above 1, `y_true` anything but 0 and
        1, or the shapes differ.

    See Also
    --------
    sklearn.metrics.log_loss : Gives this figure only for a single code; given an indicator, it
        sums over the true cells alone, so that "all codes are present" is the best answer.

    Examples
    --------
    >>> from sklearn_icd.metrics import binary_cross_entropy
    >>> binary_cross_entropy([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.698...
    """
    return binary_cross_entropy_sums(y_true, probabilities).value()


def brier_score(y_true, probabilities):
    """
    Compute the squared difference of probability and truth, averaged over all cells.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    probabilities : array-like or sparse of shape (n, L)
        The probability of each code. Cells that a sparse table does not store are 0.

    Returns
    -------
    float
        The mean over all cells, 0.0 at best.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `probabilities` holds NaN or anything below 0 or above 1, `y_true` anything but 0 and
        1, or the shapes differ.

    See Also
    --------
    sklearn.metrics.brier_score_loss : Gives this figure for a single code, and given an indicator
        L times as much.

    Examples
    --------
    >>> from sklearn_icd.metrics import brier_score
    >>> brier_score([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.226...
    """
    return brier_score_sums(y_true, probabilities).value()


def expected_calibration_error(y_true, probabilities, *, n_bins=15, strategy="uniform"):
    """
    Compute the mean distance between probability and frequency over bins of cells (ECE).

    All cells are sorted into bins by their probability; for each bin the mean probability is
    compared to the share of true cells, and the absolute differences are averaged with the number
    of cells as weights.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    probabilities : array-like or sparse of shape (n, L)
        The probability of each code. Cells that a sparse table does not store are 0.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform": bins of equal width, each with its upper limit and without its lower one (the
        lowest has both), as in :func:`sklearn.calibration.calibration_curve`. "quantile": bins of
        equal numbers of cells, except that cells of equal probability stay together.

    Returns
    -------
    float
        The mean distance, 0.0 at best.

    Raises
    ------
    TypeError
        If `n_bins` is no integer, or an array holds no real numbers.
    ValueError
        If `n_bins` is below 1, `strategy` none of the two, `probabilities` holds NaN or anything
        below 0 or above 1, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    brier_score : Also says how well the probabilities tell the codes apart.

    Notes
    -----
    With thousands of codes nearly all cells are false and have a probability near 0, and lie in
    the first bin of equal width: the figure is then small whatever the rest. Compare it with that
    of the base rates.

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015.

    Examples
    --------
    >>> from sklearn_icd.metrics import expected_calibration_error
    >>> expected_calibration_error([[1, 0], [1, 0]], [[0.9, 0.1], [0.7, 0.4]], n_bins=2)
    0.224...
    """
    n_bins = check_positive_integer(n_bins, "n_bins")
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"strategy must be 'uniform' or 'quantile', got {strategy!r}.")
    y_true, probabilities = check_probabilities(y_true, probabilities)
    stored = np.sort(_stored(probabilities), axis=None)
    n_cells = probabilities.shape[0] * probabilities.shape[1]
    if strategy == "uniform":
        limits = np.linspace(0, 1, n_bins + 1)[1:-1]
    else:
        places = -(-np.arange(1, n_bins) * n_cells // n_bins) - 1
        places -= n_cells - len(stored)  # the cells not stored come first
        limits = np.zeros(n_bins - 1, dtype=stored.dtype)
        limits[places >= 0] = stored[places[places >= 0]]
    true = np.sort(true_scores(y_true, probabilities)[1])
    n_true = np.diff(_up_to(true, limits))
    bins = pairwise(_up_to(stored, limits))
    sums = [stored[first:end].sum(dtype=np.float64) for first, end in bins]
    return float(np.abs(sums - n_true).sum() / n_cells)


def binary_cross_entropy_sums(y_true, probabilities):
    """Give the cross-entropy as sums over the notes."""
    y_true, probabilities = check_probabilities(y_true, probabilities)
    real = probabilities.dtype.kind == "f"
    least = np.finfo(probabilities.dtype if real else np.float64).eps

    def if_false(p):
        return -np.log(np.maximum(1 - p, least))

    def if_true(p):
        return -np.log(np.maximum(p, least))

    return _mean_over_cells(y_true, probabilities, if_true, if_false)


def brier_score_sums(y_true, probabilities):
    """Give the Brier score as sums over the notes."""
    y_true, probabilities = check_probabilities(y_true, probabilities)
    return _mean_over_cells(y_true, probabilities, lambda p: (1 - p) ** 2, np.square)


def _mean_over_cells(y_true, probabilities, if_true, if_false):
    """Average a loss that is 0 for a false cell of probability 0, given as a function of p."""
    note, true = true_scores(y_true, probabilities)
    true = true.astype(np.float64)
    as_if_false = _sum_of_stored(probabilities, if_false)
    losses = as_if_false + sum_by_row(y_true, note, if_true(true) - if_false(true))
    return mean_over_notes(losses / y_true.shape[1])


def _sum_of_stored(table, function):
    """Sum a function of the cells of each row, which is 0 for those not stored."""
    if sparse.issparse(table):
        return sum_by_row(table, row_numbers(table), function(table.data.astype(np.float64)))
    step = max(1, _BLOCK // table.shape[1])
    blocks = (table[start : start + step] for start in range(0, len(table), step))
    return np.concatenate([function(block.astype(np.float64)).sum(axis=1) for block in blocks])


def _stored(table):
    return table.data if sparse.issparse(table) else table


def _up_to(ordered, cuts):
    """Count the ascending values up to each cut, after 0 and before the number of all."""
    first = np.zeros(len(cuts), dtype=np.intp)
    above, _ = above_and_tied(ordered, first, first + len(ordered), cuts)
    return [0, *(len(ordered) - above), len(ordered)]
