"""Metrics within groups of codes that training met equally often."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_icd.metrics._ranking import recall_at_k
from sklearn_icd.metrics._validation import (
    as_table,
    check_counts,
    check_equal_shapes,
    check_indicator,
    check_positive_integer,
    check_ranking,
    check_table,
)

_BANDS = {
    "sfz": {"S": (6, None), "F": (1, 5), "Z": (0, 0)},
    "tens": {
        **{f"{low}-{low + 9}": (low, low + 9) for low in range(0, 100, 10)},
        "100+": (100, None),
    },
}


def by_frequency(metric, y_true, scores, train_counts, *, bands="tens"):
    """
    Compute a metric within groups of codes by how often training met them.

    Each group is evaluated as if its codes were all there are: where the metric ranks codes, it
    ranks those of the group among themselves.

    Parameters
    ----------
    metric : callable
        Any metric ``metric(y_true, scores)`` of this package or another one, also one of
        predicted codes. It is given the columns of the group.
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        What the metric takes as its second argument.
    train_counts : array-like of shape (L,)
        Number of training notes with each code: ``Y_train.sum(axis=0)``.
    bands : {"tens", "sfz"} or dict of str to (int, int or None), default="tens"
        For each group the lowest and the highest number of training notes, both inclusive; None
        as the highest means no limit. "tens": the eleven of LD-PLAM's Fig. 6, 0-9, 10-19 ...
        90-99, and 100 or more. "sfz": those of its Table 6, S for codes of more than 5 training
        notes, F for 1 to 5, Z for none.

    Returns
    -------
    dict of str to dict
        For each group ``n_codes``, ``n_positives`` (its true cells) and ``score``, what the
        metric gave; nan for a group without codes, or where the metric is undefined.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `train_counts` are no counts of L codes, a band's limits are out of order, `y_true`
        holds anything but 0 and 1, or the shapes differ.

    See Also
    --------
    recall_by_frequency : Recall with the level of chance, which depends on a group's size.
    at_level : A metric for categories of codes.

    References
    ----------
    LD-PLAM, arXiv:2106.06822. Its Fig. 6 is `average_precision_micro` in the bands "tens", which
    are printed as "less than 10 times, 10 to 20 times, ..., more than 100 times".

    Examples
    --------
    >>> from sklearn_icd.metrics import average_precision_micro, by_frequency
    >>> y_true = [[1, 0, 0, 1], [0, 1, 0, 0]]
    >>> scores = [[0.9, 0.1, 0.2, 0.1], [0.3, 0.4, 0.2, 0.0]]
    >>> groups = by_frequency(average_precision_micro, y_true, scores, [9, 7, 0, 0], bands="sfz")
    >>> for name, group in groups.items():
    ...     print(name, group)
    S {'n_codes': 2, 'n_positives': 2, 'score': 1.0}
    F {'n_codes': 0, 'n_positives': 0, 'score': nan}
    Z {'n_codes': 2, 'n_positives': 1, 'score': 0.333...}
    """
    bands = _check_bands(bands)
    indicator = check_indicator(y_true, "y_true")
    counts = check_counts(train_counts, indicator.shape[1])
    y_true, scores = as_table(y_true), check_table(scores, "scores")
    check_equal_shapes(y_true, scores, "scores")
    groups = {}
    for name, (low, high) in bands.items():
        columns = np.flatnonzero((low <= counts) & (counts <= high))
        groups[name] = {
            "n_codes": len(columns),
            "n_positives": int(indicator[:, columns].nnz),
            "score": _undefined_as_nan(metric, y_true[:, columns], scores[:, columns]),
        }
    return groups


def recall_by_frequency(y_true, scores, train_counts, *, k=(5, 10), bands="sfz"):
    """
    Compute R@k within groups of codes that training met often, rarely and never.

    Codes are ranked only among the codes of their group, and the mean is over the notes that have
    a true code of the group.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.
    train_counts : array-like of shape (L,)
        Number of training notes with each code: ``Y_train.sum(axis=0)``.
    k : int or sequence of int, default=(5, 10)
        Numbers of codes looked at.
    bands : {"sfz", "tens"} or dict of str to (int, int or None), default="sfz"
        For each group the lowest and the highest number of training notes, both inclusive; None
        as the highest means no limit. "sfz": LD-PLAM's groups ``{"S": (6, None), "F": (1, 5),
        "Z": (0, 0)}``, seen, few-shot and zero-shot codes. "tens": see `by_frequency`.

    Returns
    -------
    dict of str to dict
        For each group ``n_codes``, ``n_notes`` (those with a true code of the group), and for
        each k ``recall@k`` and ``chance@k``, the recall that random scores expect, min(k,
        n_codes) / n_codes. Recall is nan for a group without notes, chance for one without codes.

    Raises
    ------
    TypeError
        If a `k` is no integer, or an array holds no real numbers.
    ValueError
        If a `k` is below 1, `train_counts` are no counts of L codes, a band's limits are out of
        order, `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    recall_at_k : Ranks all codes together.
    by_frequency : Any other metric in such groups.

    Notes
    -----
    These are the groups of Table 6 of LD-PLAM, arXiv:2106.06822. The chance level belongs beside
    a recall: a group of ten codes has R@10 = 1 whatever the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.metrics import recall_by_frequency
    >>> y_true = np.array([[1, 0, 0, 1], [0, 1, 0, 0]])
    >>> scores = np.array([[0.9, 0.8, 0.2, 0.1], [0.3, 0.4, 0.2, 0.0]])
    >>> groups = recall_by_frequency(y_true, scores, train_counts=[9, 7, 0, 0], k=1)
    >>> groups["S"]
    {'n_codes': 2, 'n_notes': 2, 'recall@1': 1.0, 'chance@1': 0.5}
    >>> groups["Z"]
    {'n_codes': 2, 'n_notes': 1, 'recall@1': 0.0, 'chance@1': 0.5}
    """
    ks = [check_positive_integer(each, "k") for each in (k if np.iterable(k) else [k])]
    bands = _check_bands(bands)
    y_true, scores = check_ranking(y_true, scores)
    counts = check_counts(train_counts, y_true.shape[1])
    return {
        name: _group_recall(y_true, scores, (low <= counts) & (counts <= high), ks)
        for name, (low, high) in bands.items()
    }


def _group_recall(y_true, scores, in_group, ks):
    n_codes = int(in_group.sum())
    columns = np.flatnonzero(in_group)
    coded = np.diff(y_true[:, columns].indptr) > 0
    group = {"n_codes": n_codes, "n_notes": int(coded.sum())}
    if coded.any():
        y_true, scores = y_true[coded][:, columns], scores[coded][:, columns]
    for k in ks:
        group[f"recall@{k}"] = recall_at_k(y_true, scores, k) if coded.any() else float("nan")
        group[f"chance@{k}"] = min(k, n_codes) / n_codes if n_codes else float("nan")
    return group


def _undefined_as_nan(metric, y_true, scores):
    if not y_true.shape[1]:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return metric(y_true, scores)


def _check_bands(bands):
    if isinstance(bands, str):
        if bands not in _BANDS:
            raise ValueError(
                f"bands must be one of {sorted(_BANDS)}, or a dict of names to (lowest, highest "
                f"or None), got {bands!r}."
            )
        bands = _BANDS[bands]
    limits = {}
    for name, band in bands.items():
        low, high = band
        limits[name] = low, np.inf if high is None else high
        if not 0 <= low <= limits[name][1]:
            raise ValueError(
                f"bands[{name!r}] must be (lowest, highest or None) with 0 <= lowest <= highest, "
                f"got {band}."
            )
    return limits
