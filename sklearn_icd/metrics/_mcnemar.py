"""McNemar's test: which codes one model gets right more often than another."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from sklearn_icd.metrics._validation import check_indicators


class McNemarResult(NamedTuple):
    """Hold, for each code, the notes only one model got right, and the p-values."""

    only_a: np.ndarray
    only_b: np.ndarray
    p_value: np.ndarray
    p_adjusted: np.ndarray


def mcnemar_test(y_true, pred_a, pred_b, *, correction="holm"):
    """
    Test code by code whether two models differ in how many notes they get right.

    Of the notes that only one of the models got right, each should be right as often as the
    other; the test is exact (two-sided binomial).

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    pred_a, pred_b : array-like or sparse of shape (n, L)
        The codes that the one and the other model predicted, 0 or 1 in every cell.
    correction : {"holm", "fdr", None}, default="holm"
        How `p_adjusted` makes up for testing many codes. "holm": the chance that any code below
        the limit is there wrongly is at most the limit (Holm). "fdr": of the codes below the limit
        at most that share is there wrongly, on average (Benjamini and Hochberg). None: not.

    Returns
    -------
    McNemarResult
        A named tuple of arrays of shape (L,): ``only_a`` and ``only_b``, the numbers of notes
        that only the one and only the other model got right; ``p_value``, of each code by itself;
        ``p_adjusted``, after the correction.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `correction` is none of the three, an array holds anything but 0 and 1, or the shapes
        differ.

    See Also
    --------
    approximate_randomization_test : Compares two models in one metric.

    Notes
    -----
    A code that both models get right for the same notes has nothing to be tested: its p-value is
    1, and it is not counted among the tests that are corrected for. Notes count as independent:
    where many are of the same patient, p-values are too small.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.metrics import mcnemar_test
    >>> y_true = np.ones((12, 2), dtype=int)
    >>> pred_a, pred_b = y_true.copy(), y_true.copy()
    >>> pred_b[:9, 0] = 0  # the second model misses the first code in nine notes
    >>> result = mcnemar_test(y_true, pred_a, pred_b)
    >>> result.only_a, result.only_b
    (array([9, 0]), array([0, 0]))
    >>> result.p_adjusted.round(4)
    array([0.0039, 1.    ])
    """
    if correction not in _CORRECTIONS:
        raise ValueError(f"correction must be 'holm', 'fdr' or None, got {correction!r}.")
    y_true, pred_a = check_indicators(y_true, pred_a, "pred_a")
    _, pred_b = check_indicators(y_true, pred_b, "pred_b")
    wrong_a, wrong_b = y_true != pred_a, y_true != pred_b
    both, wrong_a, wrong_b = map(_count, (wrong_a * wrong_b, wrong_a, wrong_b))
    only_a, only_b = wrong_b - both, wrong_a - both
    n_tested = only_a + only_b
    p_value = np.minimum(1, 2 * stats.binom.cdf(np.minimum(only_a, only_b), n_tested, 0.5))
    p_adjusted = np.ones(len(p_value))
    p_adjusted[n_tested > 0] = _CORRECTIONS[correction](p_value[n_tested > 0])
    return McNemarResult(only_a, only_b, p_value, p_adjusted)


def _count(table):
    return np.bincount(table.indices, minlength=table.shape[1])


def holm(p_values):
    """Adjust p-values so that any below a limit is there wrongly at most that often."""
    order = np.argsort(p_values)
    multiplied = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(multiplied))
    return adjusted


def _benjamini_hochberg(p_values):
    return stats.false_discovery_control(p_values) if len(p_values) else p_values


_CORRECTIONS = {"holm": holm, "fdr": _benjamini_hochberg, None: lambda p_values: p_values}
