"""Resampling of notes, whole patients at a time, and metrics of what comes out."""

from functools import partial
from numbers import Real

import numpy as np
from scipy import sparse

from sklearn_icd.metrics._agreement import (
    exact_match_ratio,
    exact_match_ratio_sums,
    jaccard_samples,
    jaccard_samples_sums,
)
from sklearn_icd.metrics._f1 import f1_macro, f1_macro_sums, f1_micro, f1_micro_sums
from sklearn_icd.metrics._note_sums import NoteSums
from sklearn_icd.metrics._probabilities import (
    binary_cross_entropy,
    binary_cross_entropy_sums,
    brier_score,
    brier_score_sums,
)
from sklearn_icd.metrics._propensity import (
    propensity_precision_at_k,
    propensity_precision_at_k_sums,
)
from sklearn_icd.metrics._ranking import (
    mean_average_precision,
    mean_average_precision_sums,
    ndcg_at_k,
    ndcg_at_k_sums,
    precision_at_k,
    precision_at_k_sums,
    r_precision,
    r_precision_sums,
    recall_at_k,
    recall_at_k_sums,
)

_BLOCK = 2**22  # numbers computed with at once: 32 MB in float64
_SUMS = {
    binary_cross_entropy: binary_cross_entropy_sums,
    brier_score: brier_score_sums,
    exact_match_ratio: exact_match_ratio_sums,
    f1_macro: f1_macro_sums,
    f1_micro: f1_micro_sums,
    jaccard_samples: jaccard_samples_sums,
    mean_average_precision: mean_average_precision_sums,
    ndcg_at_k: ndcg_at_k_sums,
    precision_at_k: precision_at_k_sums,
    propensity_precision_at_k: propensity_precision_at_k_sums,
    r_precision: r_precision_sums,
    recall_at_k: recall_at_k_sums,
}


def note_sums(metric, y_true, scores):
    """Give a metric, or a partial of one, as sums over the notes; None for one that is none."""
    settings = {}
    if isinstance(metric, partial) and not metric.args:
        metric, settings = metric.func, metric.keywords
    return _SUMS[metric](y_true, scores, **settings) if metric in _SUMS else None


def one_number(value):
    """Check what a metric gave."""
    if not isinstance(value, Real):
        raise TypeError(
            f"metric must give one number, got {type(value).__name__}. A figure of a report has "
            "a function of its own: f1_micro, functools.partial(f1_macro, average='present') ..."
        )
    return value


def number_groups(groups, n_notes):
    """Give the number of groups, and that of each note; without groups each is its own."""
    if groups is None:
        return n_notes, np.arange(n_notes)
    groups = np.asarray(groups)
    if groups.shape != (n_notes,):
        raise ValueError(
            f"groups must have shape ({n_notes},), one patient for each note, "
            f"got shape {groups.shape}."
        )
    names, member = np.unique(groups, return_inverse=True)
    return len(names), member


def sum_by_group(sums, n_groups, member):
    """Add up what the notes of each group add."""
    notes = np.arange(len(member))
    chooser = sparse.csr_array((np.ones(len(member)), (member, notes)), (n_groups, len(member)))
    return NoteSums(chooser @ sums.parts, sums.function)


def block_length(*widths):
    """Give how many resamples, each of arrays of these widths, are computed at once."""
    return max(1, _BLOCK // max(widths))
