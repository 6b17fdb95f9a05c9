"""How far a metric may be off because the evaluated notes are a sample: bootstrap intervals."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from sklearn_icd.metrics._resampling import (
    block_length,
    note_sums,
    number_groups,
    one_number,
    sum_by_group,
)
from sklearn_icd.metrics._validation import as_table, check_equal_shapes, check_positive_integer

_METHODS = {"percentile": "percentile", "bca": "BCa"}


class BootstrapInterval(NamedTuple):
    """Hold a metric with its confidence interval."""

    value: float
    low: float
    high: float
    standard_error: float


def bootstrap_interval(
    metric,
    y_true,
    scores,
    *,
    groups=None,
    n_resamples=1000,
    confidence_level=0.95,
    method="percentile",
    random_state=None,
):
    """
    Compute a confidence interval of a metric by drawing the notes again, with replacement.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, scores)`` that gives a float. Metrics of this package that are sums over
        notes are fast, also with settings fixed by :class:`functools.partial`: all but those of
        areas under curves and of calibration. Any other is computed for every resample.
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        What the metric takes as its second argument: scores, probabilities or predicted codes.
    groups : array-like of shape (n,), default=None
        The patient of each note. Patients are then drawn, each with all notes, because notes of
        one patient are alike; without groups notes are.
    n_resamples : int, default=1000
        How often to draw.
    confidence_level : float, default=0.95
        How often such intervals are to cover the value of all notes there could be.
    method : {"percentile", "bca"}, default="percentile"
        "percentile": the middle of the resampled values. "bca": bias-corrected and accelerated,
        better for skewed metrics and few patients, which computes the metric once more without
        each note (or patient).
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    Returns
    -------
    BootstrapInterval
        A named tuple of ``value`` (the metric of all notes), ``low`` and ``high`` (the interval)
        and ``standard_error`` (the standard deviation over the resamples). The limits are nan,
        with an :class:`~sklearn.exceptions.UndefinedMetricWarning`, where the metric is nan for
        some resample; with "bca" also where it is the same for all.

    Raises
    ------
    TypeError
        If `n_resamples` is no integer, the metric gives no number, or an array holds none.
    ValueError
        If `method` is none of the two, `confidence_level` does not lie between 0 and 1, there are
        fewer than two notes or groups, `groups` does not go with `y_true`, or the metric refuses
        the arrays.

    See Also
    --------
    approximate_randomization_test : Tells whether one model is better than another.
    scipy.stats.bootstrap : Computes the interval.

    Notes
    -----
    The interval covers the choice of the evaluated notes, not that of the training notes or of
    the random seed of training.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.metrics import bootstrap_interval, f1_micro
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.random((200, 30)) < 0.1
    >>> y_pred = y_true ^ (rng.random((200, 30)) < 0.05)
    >>> interval = bootstrap_interval(f1_micro, y_true, y_pred, random_state=0)
    >>> print(f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]")
    0.796 [0.774, 0.818]
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {sorted(_METHODS)}, got {method!r}.")
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level must lie between 0 and 1, got {confidence_level}.")
    n_resamples = check_positive_integer(n_resamples, "n_resamples")
    y_true, scores = as_table(y_true), as_table(scores)
    check_equal_shapes(y_true, scores, "scores")
    n_groups, member = number_groups(groups, y_true.shape[0])
    if n_groups < 2:
        raise ValueError(f"two notes or groups are needed to draw from, got {n_groups}.")
    statistic, width = _make_statistic(metric, y_true, scores, n_groups, member)

    def rounded(drawn, axis=-1):  # "bca" counts resamples below the metric and equal to it
        return np.round(statistic(drawn, axis), 12)

    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (np.arange(n_groups),),
            rounded,
            n_resamples=n_resamples,
            batch=block_length(n_groups, width),
            vectorized=True,
            axis=-1,
            confidence_level=confidence_level,
            method=_METHODS[method],
            random_state=check_random_state(random_state),
        )
        value = statistic(np.arange(n_groups))
    low, high = result.confidence_interval
    if np.isnan(low):
        warnings.warn(
            "The interval is nan: the metric is nan for some resample, or the same for all of "
            "them, of which method='bca' makes no interval.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return BootstrapInterval(*map(float, (value, low, high, result.standard_error)))


def _make_statistic(metric, y_true, scores, n_groups, member):
    """Give the metric as a function of drawn groups (..., n_groups), and what it is made of."""
    sums = note_sums(metric, y_true, scores)
    if sums is None:
        return _of_drawn_notes(metric, y_true, scores, member), 1
    sums = sum_by_group(sums, n_groups, member)

    def statistic(drawn, axis=-1):
        times = np.apply_along_axis(np.bincount, axis, drawn, minlength=n_groups)
        return sums.function(times.astype(np.float64) @ sums.parts)

    return statistic, sums.parts.shape[1]


def _of_drawn_notes(metric, y_true, scores, member):
    notes = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])

    def value(drawn):
        rows = np.concatenate([notes[group] for group in drawn])
        return one_number(metric(y_true[rows], scores[rows]))

    def statistic(drawn, axis=-1):
        return np.apply_along_axis(value, axis, drawn)

    return statistic
