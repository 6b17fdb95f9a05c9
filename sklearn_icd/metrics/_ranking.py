"""How well scores rank the codes of each note; equal scores count as if in random order."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_icd.metrics._validation import check_k, check_ranking

_BLOCK = 2**22  # scores sorted at once: 32 MB in float64


def precision_at_k(y_true, scores, k):
    """
    Compute the share of true codes among the k best, averaged over the notes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.
    k : int
        Number of codes looked at; where it is above L, the share is still of k.

    Returns
    -------
    float
        The mean over all notes; a note without codes counts 0.

    Raises
    ------
    TypeError
        If `k` is no integer, `scores` is sparse, or an array holds no real numbers.
    ValueError
        If `k` is below 1, `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    recall_at_k : The share of the note's true codes instead.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders, which depends neither on chance nor on the order of the columns.

    Examples
    --------
    >>> from sklearn_icd.metrics import precision_at_k
    >>> precision_at_k([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]], k=2)
    0.5
    """
    k = check_k(k)
    y_true, scores = check_ranking(y_true, scores)
    return float(_hits(y_true, scores, k).mean() / k)


def recall_at_k(y_true, scores, k):
    """
    Compute the share of a note's true codes that are among the k best, averaged over the notes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.
    k : int
        Number of codes looked at.

    Returns
    -------
    float
        The mean over the notes that have a code; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has one.

    Raises
    ------
    TypeError
        If `k` is no integer, `scores` is sparse, or an array holds no real numbers.
    ValueError
        If `k` is below 1, `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    recall_by_frequency : The same within groups of frequent, rare and unseen codes.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders, which depends neither on chance nor on the order of the columns.

    Examples
    --------
    >>> from sklearn_icd.metrics import recall_at_k
    >>> recall_at_k([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]], k=2)
    0.75
    """
    k = check_k(k)
    y_true, scores = check_ranking(y_true, scores)
    return _mean_over_coded(y_true, _hits(y_true, scores, k))


def r_precision(y_true, scores):
    """
    Compute the share of true codes among a note's R best, R being the number of its true codes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.

    Returns
    -------
    float
        The mean over the notes that have a code; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has one.

    Raises
    ------
    TypeError
        If `scores` is sparse, or an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    precision_at_k : The same number of codes for every note.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders, which depends neither on chance nor on the order of the columns.

    Examples
    --------
    >>> from sklearn_icd.metrics import r_precision
    >>> r_precision([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.75
    """
    y_true, scores = check_ranking(y_true, scores)
    return _mean_over_coded(y_true, _hits(y_true, scores, _sizes(y_true)))


def mean_average_precision(y_true, scores):
    """
    Compute the average precision of each note's ranking of all codes, averaged over the notes.

    A note's average precision is the mean, over its true codes, of the precision at their ranks.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes.

    Returns
    -------
    float
        The mean over the notes that have a code; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has one.

    Raises
    ------
    TypeError
        If `scores` is sparse, or an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    sklearn.metrics.label_ranking_average_precision_score : The same where no scores are equal
        and every note has a code; it counts 1 for a note without codes, and gives equal scores
        the worst of their ranks.
    sklearn.metrics.average_precision_score : With ``average="samples"``, the same where no scores
        are equal and every note has a code.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders (McSherry and Najork), which depends neither on chance nor on the order of the columns.
    The CodiEsp challenge reports this figure as MAP.

    References
    ----------
    F. McSherry and M. Najork, "Computing information retrieval performance measures efficiently
    in the presence of tied scores", ECIR 2008.

    Examples
    --------
    >>> from sklearn_icd.metrics import mean_average_precision
    >>> mean_average_precision([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.916...
    """
    y_true, scores = check_ranking(y_true, scores)
    note, value, above, tied = _true_places(y_true, scores)
    order = np.lexsort((value, note))
    first, end = y_true.indptr[note], y_true.indptr[note + 1]
    true_above, true_tied = _above_and_tied(value[order], first, end, value)
    # A true code lies at each of the places above + 1 ... above + tied with the same probability.
    inverse = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, scores.shape[1] + 1))])
    sum_inverse = inverse[above + tied] - inverse[above]
    true_share = (true_tied - 1) / np.maximum(tied - 1, 1)  # of the other tied codes
    precision = (
        (true_above + 1) * sum_inverse + true_share * (tied - (above + 1) * sum_inverse)
    ) / tied
    return _mean_over_coded(y_true, _sum_by_note(y_true, note, precision))


def _hits(y_true, scores, k):
    """Count the true codes among the k best of each note, k a number or one a note: (n,)."""
    note, _, above, tied = _true_places(y_true, scores)
    places = np.broadcast_to(k, y_true.shape[:1])[note] - above
    return _sum_by_note(y_true, note, np.clip(places, 0, tied) / tied)


def _true_places(y_true, scores):
    """
    Find where the true codes stand in their notes' rankings.

    Parameters
    ----------
    y_true : csr_array of bool of shape (n, L)
        The true codes.
    scores : ndarray of shape (n, L)
        The scores.

    Returns
    -------
    note : ndarray of shape (n_true,)
        The row of each true code, ascending.
    value : ndarray of shape (n_true,)
        Its score.
    above : ndarray of shape (n_true,)
        Number of codes of the note with a higher score.
    tied : ndarray of shape (n_true,)
        Number of codes of the note with the same score, itself included.
    """
    n_notes, n_codes = scores.shape
    note = np.repeat(np.arange(n_notes), _sizes(y_true))
    value = scores[note, y_true.indices]
    above, tied = np.empty((2, len(note)), dtype=np.intp)
    step = max(1, _BLOCK // n_codes)
    for start in range(0, n_notes, step):
        ordered = np.sort(scores[start : start + step], axis=1).ravel()
        entries = slice(*np.searchsorted(note, [start, start + step]))
        first = (note[entries] - start) * n_codes
        above[entries], tied[entries] = _above_and_tied(
            ordered, first, first + n_codes, value[entries]
        )
    return note, value, above, tied


def _above_and_tied(ordered, first, end, value):
    """Count, for each value, the entries of its ascending ordered[first:end] above and equal."""
    left = _bisect(ordered, first, end, value, np.less)
    right = _bisect(ordered, left, end, value, np.less_equal)
    return end - right, right - left


def _bisect(ordered, first, end, value, goes_left_of):
    """Find the place of each value in its own stretch of `ordered`, all by halving together."""
    first, end = first.copy(), end.copy()
    while (open_ := np.flatnonzero(first < end)).size:
        middle = (first[open_] + end[open_]) // 2
        is_left = goes_left_of(ordered[middle], value[open_])
        first[open_[is_left]] = middle[is_left] + 1
        end[open_[~is_left]] = middle[~is_left]
    return first


def _sizes(y_true):
    return np.diff(y_true.indptr)


def _sum_by_note(y_true, note, values):
    return np.bincount(note, weights=values, minlength=y_true.shape[0])


def _mean_over_coded(y_true, sums):
    sizes = _sizes(y_true)
    coded = sizes > 0
    if not coded.any():
        warnings.warn(
            "No note of y_true has a code, so the mean over the notes with codes is nan.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
        return float("nan")
    return float((sums[coded] / sizes[coded]).mean())
