"""How well scores rank the codes of each note; equal scores count as if in random order."""

import numpy as np

from sklearn_icd.metrics._note_sums import mean_over_notes, ratio_of_sums
from sklearn_icd.metrics._places import (
    hits_within,
    sizes,
    sum_by_row,
    true_cells_above_and_tied,
    true_places,
)
from sklearn_icd.metrics._validation import check_positive_integer, check_ranking


def precision_at_k(y_true, scores, k):
    """
    Compute the share of true codes among the k best, averaged over the notes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.
    k : int
        Number of codes looked at; where it is above L, the share is still of k.

    Returns
    -------
    float
        The mean over all notes; a note without codes counts 0.

    Raises
    ------
    TypeError
        If `k` is no integer, or an array holds no real numbers.
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
    return precision_at_k_sums(y_true, scores, k).value()


def recall_at_k(y_true, scores, k):
    """
    Compute the share of a note's true codes that are among the k best, averaged over the notes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.
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
        If `k` is no integer, or an array holds no real numbers.
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
    return recall_at_k_sums(y_true, scores, k).value()


def r_precision(y_true, scores):
    """
    Compute the share of true codes among a note's R best, R being the number of its true codes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.

    Returns
    -------
    float
        The mean over the notes that have a code; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has one.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
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
    return r_precision_sums(y_true, scores).value()


def mean_average_precision(y_true, scores):
    """
    Compute the average precision of each note's ranking of all codes, averaged over the notes.

    A note's average precision is the mean, over its true codes, of the precision at their ranks.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.

    Returns
    -------
    float
        The mean over the notes that have a code; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has one.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
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
    return mean_average_precision_sums(y_true, scores).value()


def ndcg_at_k(y_true, scores, k):
    """
    Compute the normalised discounted cumulative gain of the k best, averaged over the notes.

    A true code at rank r gains 1 / log2(r + 1); a note's sum over its k best codes is divided by
    the most that any ranking could reach.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.
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
        If `k` is no integer, or an array holds no real numbers.
    ValueError
        If `k` is below 1, `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    sklearn.metrics.ndcg_score : The same where every note has a code; it counts 0 for a note
        without codes.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders, which depends neither on chance nor on the order of the columns.

    References
    ----------
    K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS
    20(4), 2002.

    Examples
    --------
    >>> from sklearn_icd.metrics import ndcg_at_k
    >>> ndcg_at_k([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]], k=2)
    0.806...
    """
    return ndcg_at_k_sums(y_true, scores, k).value()


def precision_at_k_sums(y_true, scores, k):
    """Give P@k as sums over the notes."""
    k = check_positive_integer(k, "k")
    return mean_over_notes(_hits(*check_ranking(y_true, scores), k) / k)


def recall_at_k_sums(y_true, scores, k):
    """Give R@k as sums over the notes."""
    k = check_positive_integer(k, "k")
    y_true, scores = check_ranking(y_true, scores)
    return _mean_over_coded(y_true, _hits(y_true, scores, k), sizes(y_true))


def r_precision_sums(y_true, scores):
    """Give R-precision as sums over the notes."""
    y_true, scores = check_ranking(y_true, scores)
    return _mean_over_coded(y_true, _hits(y_true, scores, sizes(y_true)), sizes(y_true))


def mean_average_precision_sums(y_true, scores):
    """Give MAP as sums over the notes."""
    y_true, scores = check_ranking(y_true, scores)
    note, value, above, tied = true_places(y_true, scores)
    true_above, true_tied = true_cells_above_and_tied(y_true, note, value)
    # A true code lies at each of the places above + 1 ... above + tied with the same probability.
    inverse = _from_rank_one(1 / np.arange(1, scores.shape[1] + 1))
    sum_inverse = inverse[above + tied] - inverse[above]
    true_share = (true_tied - 1) / np.maximum(tied - 1, 1)  # of the other tied codes
    precision = (
        (true_above + 1) * sum_inverse + true_share * (tied - (above + 1) * sum_inverse)
    ) / tied
    return _mean_over_coded(y_true, sum_by_row(y_true, note, precision), sizes(y_true))


def ndcg_at_k_sums(y_true, scores, k):
    """Give nDCG@k as sums over the notes."""
    k = check_positive_integer(k, "k")
    y_true, scores = check_ranking(y_true, scores)
    note, _, above, tied = true_places(y_true, scores)
    gain = _from_rank_one(1 / np.log2(np.arange(2, scores.shape[1] + 2)))
    gained = (gain[np.minimum(above + tied, k)] - gain[np.minimum(above, k)]) / tied
    most = gain[np.minimum(sizes(y_true), k)]
    return _mean_over_coded(y_true, sum_by_row(y_true, note, gained), most)


def _hits(y_true, scores, k):
    """Count the true codes among the k best of each note, k a number or one a note: (n,)."""
    return sum_by_row(y_true, *hits_within(y_true, scores, k))


def _from_rank_one(gains):
    """Sum the gains of the first 0, 1, 2 ... ranks."""
    return np.concatenate([[0.0], np.cumsum(gains)])


def _mean_over_coded(y_true, values, most):
    """Make the mean of values / most over the notes that have a code."""
    coded = sizes(y_true) > 0
    return ratio_of_sums(np.divide(values, most, out=np.zeros(len(coded)), where=coded), coded)
