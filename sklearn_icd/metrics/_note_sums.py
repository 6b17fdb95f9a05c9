"""Metrics that are functions of sums over the notes, which resampling notes computes again fast."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning


@dataclass(frozen=True)
class NoteSums:
    """
    Hold what each note adds to the sums, and the metric as a function of the sums.

    Parameters
    ----------
    parts : ndarray or csr_array of float64 of shape (n, m)
        What each note adds.
    function : callable
        Makes metrics (...) of sums (..., m).
    """

    parts: object
    function: Callable

    def value(self):
        """Compute the metric of all notes."""
        value = float(self.function(self.parts.sum(axis=0)))
        if np.isnan(value):
            warnings.warn(
                "No note of y_true has a code, so the mean over the notes with codes is nan.",
                UndefinedMetricWarning,
                stacklevel=3,
            )
        return value


def ratio_of_sums(numerator, denominator, empty=np.nan):
    """Make the metric sum(numerator) / sum(denominator), `empty` where that is 0 / 0."""
    parts = np.column_stack(np.broadcast_arrays(numerator, denominator)).astype(np.float64)
    return NoteSums(parts, partial(_divide, empty=empty))


def mean_over_notes(values):
    """Make the metric that is the mean of one value a note."""
    return ratio_of_sums(values, 1)


def _divide(sums, empty):
    part, whole = sums[..., 0], sums[..., 1]
    return np.divide(part, whole, out=np.full(whole.shape, empty), where=whole != 0)
