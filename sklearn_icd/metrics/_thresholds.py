"""The cut through all scores with the best micro-F1."""

import numpy as np

from sklearn_icd.metrics._places import as_one_row, true_places
from sklearn_icd.metrics._validation import check_ranking


def best_f1_threshold(y_true, scores):
    """
    Find the score from which on assigning codes gives the best micro-F1.

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
        The best of all thresholds for ``scores >= threshold``, and of equally good ones the
        highest: always the score of a true code. Without any true code the smallest number above
        all scores, so that nothing is assigned.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    f1_micro : What it makes as high as it can be.

    Notes
    -----
    Choose it on validation notes: on the notes a model was trained on, or those it is judged by,
    it flatters.

    Examples
    --------
    >>> from sklearn_icd.metrics import best_f1_threshold
    >>> best_f1_threshold([[1, 0], [1, 0]], [[0.9, 0.1], [0.3, 0.2]])
    0.3
    """
    y_true, scores = as_one_row(*check_ranking(y_true, scores))
    _, cuts, above, tied = true_places(y_true, scores)
    if not len(cuts):
        return float(np.nextafter(scores.max(), np.inf))
    order = np.argsort(cuts)
    cuts, assigned = cuts[order], (above + tied)[order]
    hits = len(cuts) - np.searchsorted(cuts, cuts)
    f1 = 2 * hits / (assigned + len(cuts))
    return float(cuts[np.flatnonzero(f1 == f1.max())[-1]])
