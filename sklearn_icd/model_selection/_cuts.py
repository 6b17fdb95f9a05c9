"""The best cut through scores: every candidate is tried, and the scores are sorted once."""

import numpy as np
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.metrics._validation import check_ranking

_ROWS = 2**22  # scores ranked at once: 32 MB of positions


@validate_params(
    {
        "y_true": ["array-like", "sparse matrix"],
        "scores": ["array-like"],
        "metric": [StrOptions({"f1_micro", "f1_macro", "f1_samples"})],
    },
    prefer_skip_nested_validation=True,
)
def threshold_curve(y_true, scores, *, metric="f1_micro"):
    """
    Compute a metric for every cut through all scores that can be the best.

    A cut that is lowered without reaching a true code assigns nothing but errors. So the scores of
    the true codes are all that needs to be tried.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.
    metric : {"f1_micro", "f1_macro", "f1_samples"}, default="f1_micro"
        The F1 of all cells together, the mean of the F1 of each code, or that of each note. An
        F1 that divides by zero counts 0.

    Returns
    -------
    thresholds : ndarray of shape (n_thresholds,)
        The distinct scores of true codes in rising order, and a number above all scores.
    values : ndarray of shape (n_thresholds,)
        The metric with the codes of ``scores >= threshold`` assigned.

    Raises
    ------
    TypeError
        If `scores` is sparse, or an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, the shapes differ, or the metric is
        not known.

    See Also
    --------
    ThresholdTuner : Chooses the best of them on notes that its estimator did not see.

    Examples
    --------
    >>> from sklearn_icd.model_selection import threshold_curve
    >>> thresholds, values = threshold_curve([[1, 0], [1, 0]], [[0.9, 0.1], [0.3, 0.2]])
    >>> thresholds.round(1), values.round(2)
    (array([0.3, 0.9, 0.9]), array([1.  , 0.67, 0.  ]))
    """
    y_true, scores = check_ranking(y_true, scores)
    cuts = candidate_cuts(y_true, scores)
    return cuts, CURVES[metric](y_true, scores, cuts)


def candidate_cuts(y_true, scores):
    """Give the distinct scores of true codes, rising, and a number above all scores."""
    above = np.nextafter(scores.max(), np.inf)
    return np.append(np.unique(scores[y_true.nonzero()]), above)


def best_cut(cuts, values):
    """Give the highest of the best cuts, and its value."""
    best = np.flatnonzero(values == values.max())[-1]
    return cuts[best], float(values[best])


def own_cuts(y_true, scores):
    """Give, for each code, the cut with the best F1 of its own; nan without a true note.

    It lies halfway between the lowest score it assigns and the next one below, and is the highest
    of equally good ones.
    """
    cuts = np.full(scores.shape[1], np.nan, dtype=scores.dtype)
    for code, ordered, true in columns(y_true, scores):
        first = np.searchsorted(ordered, true)
        f1 = 2 * np.arange(len(true), 0, -1) / (len(ordered) - first + len(true))
        at = first[np.flatnonzero(f1 == f1.max())[-1]]
        middle = (ordered[at] + ordered[at - 1]) / 2 if at else ordered[at]
        cuts[code] = middle if middle > ordered[at - 1] else ordered[at]
    return cuts


def ranks(scores):
    """Give the rank of each code in its note, 0 for the highest score; of equals the first leads.

    They are negative, so that higher is better: 0, -1, -2 ...
    """
    n_notes, n_codes = scores.shape
    ranked = np.empty(scores.shape, dtype=np.float32)
    below = -np.arange(n_codes, dtype=np.float32)
    step = max(1, _ROWS // n_codes)
    for start in range(0, n_notes, step):
        rows = slice(start, start + step)
        order = np.argsort(-scores[rows], axis=1, kind="stable")
        np.put_along_axis(ranked[rows], order, np.broadcast_to(below, order.shape), axis=1)
    return ranked


def top_codes(scores, k):
    """Mark the k highest scores of each note; of equals the first leads."""
    if k == 0:
        return np.zeros(scores.shape, dtype=bool)
    last = np.partition(scores, -k, axis=1)[:, -k, None]
    chosen = scores > last
    equal = scores == last
    room = k - chosen.sum(axis=1, keepdims=True)
    chosen |= equal & (equal.cumsum(axis=1) <= room)
    return chosen


def negative_cost(y_true, scores, cuts, false_negative_cost):
    """Give minus the cost of a note, that of a code assigned by mistake being 1, at each cut."""
    hits, assigned = _counts(y_true, scores, cuts)
    cost = (assigned - hits) + false_negative_cost * (y_true.nnz - hits)
    return -cost / y_true.shape[0]


def _micro_curve(y_true, scores, cuts):
    hits, assigned = _counts(y_true, scores, cuts)
    return 2 * hits / np.maximum(assigned + y_true.nnz, 1)


def _macro_curve(y_true, scores, cuts):
    """Sum, over the codes, what each score adds to the F1 of its code when the cut reaches it."""
    gains = np.zeros(len(cuts) + 1)
    for _, ordered, true in columns(y_true, scores):
        n_notes = len(ordered)
        hits = np.zeros(n_notes + 1)
        np.add.at(hits, np.searchsorted(ordered, true), 1)
        hits = hits[::-1].cumsum()[::-1]
        f1 = 2 * hits / (np.arange(n_notes, -1, -1) + len(true))
        reached_by = np.searchsorted(cuts, ordered, side="right")
        np.add.at(gains, reached_by, f1[:-1] - f1[1:])
    return gains[:0:-1].cumsum()[::-1] / y_true.shape[1]


def _samples_curve(y_true, scores, cuts):
    return _macro_curve(y_true.T.tocsr(), scores.T, cuts)


CURVES = {"f1_macro": _macro_curve, "f1_micro": _micro_curve, "f1_samples": _samples_curve}


def _counts(y_true, scores, cuts):
    """Count the true codes assigned, and all codes assigned, at each cut."""
    true = np.sort(scores[y_true.nonzero()])
    hits = len(true) - np.searchsorted(true, cuts)
    return hits, scores.size - np.searchsorted(np.sort(scores, axis=None), cuts)


def columns(y_true, scores, codes=slice(None)):
    """Give each code that is true of a note, its scores, and those of its notes, both rising."""
    by_code = y_true.tocsc()
    true_of_any = np.diff(by_code.indptr) > 0
    for code in np.arange(scores.shape[1])[codes]:
        if true_of_any[code]:
            notes = by_code.indices[by_code.indptr[code] : by_code.indptr[code + 1]]
            column = scores[:, code]
            yield code, np.sort(column), np.sort(column[notes])
