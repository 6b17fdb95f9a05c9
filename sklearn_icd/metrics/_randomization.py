"""Approximate randomization: whether one model is better than another on the same notes."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from sklearn_icd.metrics._resampling import (
    block_length,
    note_sums,
    number_groups,
    one_number,
    sum_by_group,
)
from sklearn_icd.metrics._validation import as_table, check_equal_shapes, check_positive_integer


class RandomizationResult(NamedTuple):
    """Hold the metric of both models, their difference and its p-value."""

    value_a: float
    value_b: float
    difference: float
    p_value: float


def approximate_randomization_test(
    metric, y_true, pred_a, pred_b, *, groups=None, n_shuffles=10_000, random_state=None
):
    """
    Test whether two models differ in a metric, by swapping their predictions at random.

    If the models were equally good, it would not matter which of them made which prediction. In
    each shuffle the predictions of every note are swapped with probability 1/2; the p-value is
    the share of shuffles whose difference is at least as large as the real one, in either
    direction.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, pred)`` that gives a float. Metrics of this package that are sums over
        notes are fast, also with settings fixed by :class:`functools.partial`: all but those of
        areas under curves and of calibration. Any other is computed for every shuffle.
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    pred_a, pred_b : array-like or sparse of shape (n, L)
        What the metric takes as its second argument, from the one and the other model:
        predicted codes, scores or probabilities.
    groups : array-like of shape (n,), default=None
        The patient of each note. The notes of a patient are then swapped together.
    n_shuffles : int, default=10000
        How often to shuffle. The smallest possible p-value is 1 / (n_shuffles + 1).
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffles.

    Returns
    -------
    RandomizationResult
        A named tuple of ``value_a`` and ``value_b`` (the metric of both), ``difference`` (a - b)
        and ``p_value``.

    Raises
    ------
    TypeError
        If `n_shuffles` is no integer, the metric gives no number, or an array holds none.
    ValueError
        If `groups` does not go with `y_true`, the shapes differ, or the metric refuses the arrays
        or gives nan.

    See Also
    --------
    bootstrap_interval : How far one model's figure may be off.
    mcnemar_test : Compares two models code by code.

    Notes
    -----
    The test that LAAT and HiLAT report. It says nothing of the random seed of training: two
    runs of one model can differ significantly.

    References
    ----------
    E. W. Noreen, "Computer-Intensive Methods for Testing Hypotheses", 1989.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.metrics import approximate_randomization_test, f1_micro
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.random((200, 30)) < 0.1
    >>> pred_a, pred_b = (y_true ^ (rng.random((200, 30)) < share) for share in (0.05, 0.06))
    >>> result = approximate_randomization_test(f1_micro, y_true, pred_a, pred_b, random_state=0)
    >>> print(f"{result.difference:.3f}, p = {result.p_value:.4f}")
    0.036, p = 0.0120
    """
    n_shuffles = check_positive_integer(n_shuffles, "n_shuffles")
    y_true, pred_a, pred_b = as_table(y_true), as_table(pred_a), as_table(pred_b)
    check_equal_shapes(y_true, pred_a, "pred_a")
    check_equal_shapes(y_true, pred_b, "pred_b")
    n_groups, member = number_groups(groups, y_true.shape[0])
    statistic, width = _make_statistic(metric, y_true, pred_a, pred_b, n_groups, member)
    value_a, value_b = (float(value[0]) for value in statistic(np.zeros((1, n_groups), dtype=bool)))
    if np.isnan(value_a) or np.isnan(value_b):
        raise ValueError(
            f"the metric is {value_a} for pred_a and {value_b} for pred_b, and nan has no "
            "difference: y_true may hold no note, or no code, for which it is defined."
        )
    random = check_random_state(random_state)
    least = abs(value_a - value_b) * (1 - 1e-9)  # equal differences differ in their rounding
    n_smaller = 0
    block = block_length(n_groups, width)
    for start in range(0, n_shuffles, block):
        shape = min(block, n_shuffles - start), n_groups
        shuffled_a, shuffled_b = statistic(random.randint(2, size=shape, dtype=bool))
        n_smaller += int((np.abs(shuffled_a - shuffled_b) < least).sum())
    p_value = (n_shuffles - n_smaller + 1) / (n_shuffles + 1)
    return RandomizationResult(value_a, value_b, value_a - value_b, p_value)


def _make_statistic(metric, y_true, pred_a, pred_b, n_groups, member):
    """Give both metrics as a function of swaps (r, n_groups), and what they are made of."""
    sums_a = note_sums(metric, y_true, pred_a)
    if sums_a is None:
        return _of_swapped_notes(metric, y_true, pred_a, pred_b, member), 1
    sums_a, sums_b = (
        sum_by_group(sums, n_groups, member) for sums in (sums_a, note_sums(metric, y_true, pred_b))
    )
    total_a, total_b = sums_a.parts.sum(axis=0), sums_b.parts.sum(axis=0)
    more_in_b = sums_b.parts - sums_a.parts

    def statistic(swaps):
        moved = swaps.astype(np.float64) @ more_in_b
        return sums_a.function(total_a + moved), sums_a.function(total_b - moved)

    return statistic, more_in_b.shape[1]


def _of_swapped_notes(metric, y_true, pred_a, pred_b, member):
    both = sparse.issparse(pred_a) or sparse.issparse(pred_b)
    both = sparse.vstack([pred_a, pred_b], "csr") if both else np.concatenate([pred_a, pred_b])
    n_notes = len(member)

    def values(swap):
        from_b = swap[member]
        rows = np.arange(n_notes) + n_notes * np.stack([from_b, ~from_b])
        return [one_number(metric(y_true, both[chosen])) for chosen in rows]

    def statistic(swaps):
        return np.array([values(swap) for swap in swaps]).T

    return statistic
