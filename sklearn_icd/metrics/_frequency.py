"""Recall of frequent, rare and unseen codes, each kind ranked among its own."""

import numpy as np

from sklearn_icd.metrics._ranking import recall_at_k
from sklearn_icd.metrics._validation import check_k, check_ranking

_BANDS = {"S": (6, None), "F": (1, 5), "Z": (0, 0)}


def recall_by_frequency(y_true, scores, train_counts, *, k=(5, 10), bands=None):
    """
    Compute R@k within groups of codes that training met often, rarely and never.

    Codes are ranked only among the codes of their group, and the mean is over the notes that have
    a true code of the group.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.
    train_counts : array-like of shape (L,)
        Number of training notes with each code: ``Y_train.sum(axis=0)``.
    k : int or sequence of int, default=(5, 10)
        Numbers of codes looked at.
    bands : dict of str to (int, int or None), default=None
        For each group the lowest and the highest number of training notes, both inclusive; None
        as the highest means no limit. None stands for LD-PLAM's groups
        ``{"S": (6, None), "F": (1, 5), "Z": (0, 0)}``: seen, few-shot and zero-shot codes.

    Returns
    -------
    dict of str to dict
        For each group ``n_codes``, ``n_notes`` (those with a true code of the group), and for
        each k ``recall@k`` and ``chance@k``, the recall that random scores expect, min(k,
        n_codes) / n_codes. Recall is nan for a group without notes, chance for one without codes.

    Raises
    ------
    TypeError
        If a `k` is no integer, `scores` is sparse, or an array holds no real numbers.
    ValueError
        If a `k` is below 1, `train_counts` are no counts of L codes, a band's limits are out of
        order, `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    recall_at_k : Ranks all codes together.

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
    ks = [check_k(each) for each in (k if np.iterable(k) else [k])]
    bands = _check_bands(bands)
    y_true, scores = check_ranking(y_true, scores)
    counts = _check_counts(train_counts, y_true.shape[1])
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
        y_true, scores = y_true[coded][:, columns], scores[np.ix_(coded, columns)]
    for k in ks:
        group[f"recall@{k}"] = recall_at_k(y_true, scores, k) if coded.any() else float("nan")
        group[f"chance@{k}"] = min(k, n_codes) / n_codes if n_codes else float("nan")
    return group


def _check_counts(train_counts, n_codes):
    counts = np.asarray(train_counts)
    if counts.shape != (n_codes,):
        raise ValueError(
            f"train_counts must have shape ({n_codes},), one number for each column of y_true, "
            f"got shape {counts.shape}."
        )
    if counts.dtype.kind not in "biuf":
        raise TypeError(f"train_counts must hold numbers of notes, got dtype {counts.dtype}.")
    wrong = ~((counts >= 0) & (counts == np.floor(counts)))
    if wrong.any():
        at = wrong.argmax()
        raise ValueError(
            f"train_counts must hold whole numbers from 0 on, got {counts[at]} at position {at}."
        )
    return counts


def _check_bands(bands):
    limits = {}
    for name, band in (_BANDS if bands is None else bands).items():
        low, high = band
        limits[name] = low, np.inf if high is None else high
        if not 0 <= low <= limits[name][1]:
            raise ValueError(
                f"bands[{name!r}] must be (lowest, highest or None) with 0 <= lowest <= highest, "
                f"got {band}."
            )
    return limits
