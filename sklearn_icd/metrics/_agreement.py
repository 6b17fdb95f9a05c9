"""How far the predicted codes of each note agree with its true ones."""

import numpy as np

from sklearn_icd.metrics._note_sums import mean_over_notes
from sklearn_icd.metrics._places import sizes
from sklearn_icd.metrics._validation import check_indicators


def exact_match_ratio(y_true, y_pred):
    """
    Compute the share of notes whose predicted codes are exactly the true ones.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The predicted codes, 0 or 1 in every cell.

    Returns
    -------
    float
        The share of the notes; one without true and predicted codes is a match.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If one of them holds anything but 0 and 1, or their shapes differ.

    See Also
    --------
    sklearn.metrics.accuracy_score : The same figure.

    Examples
    --------
    >>> from sklearn_icd.metrics import exact_match_ratio
    >>> exact_match_ratio([[1, 1, 0], [1, 0, 0]], [[1, 0, 1], [1, 0, 0]])
    0.5
    """
    return exact_match_ratio_sums(y_true, y_pred).value()


def jaccard_samples(y_true, y_pred, *, zero_division=0.0):
    """
    Compute the share of a note's true or predicted codes that are both, averaged over the notes.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The predicted codes, 0 or 1 in every cell.
    zero_division : {0.0, 1.0}, default=0.0
        What a note without true and predicted codes counts: 0.0 as in scikit-learn's default,
        1.0 because nothing was wrong.

    Returns
    -------
    float
        The mean over all notes.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `zero_division` is neither 0 nor 1, one of the arrays holds anything but 0 and 1, or
        their shapes differ.

    See Also
    --------
    sklearn.metrics.jaccard_score : The same figure with ``average="samples"``.

    Examples
    --------
    >>> from sklearn_icd.metrics import jaccard_samples
    >>> jaccard_samples([[1, 1, 0], [1, 0, 0]], [[1, 0, 1], [1, 0, 0]])
    0.666...
    """
    return jaccard_samples_sums(y_true, y_pred, zero_division=zero_division).value()


def exact_match_ratio_sums(y_true, y_pred):
    """Give the share of exact matches as sums over the notes."""
    both, either = _both_and_either(y_true, y_pred)
    return mean_over_notes(both == either)


def jaccard_samples_sums(y_true, y_pred, *, zero_division=0.0):
    """Give the mean Jaccard index as sums over the notes."""
    if zero_division not in (0, 1):
        raise ValueError(f"zero_division must be 0.0 or 1.0, got {zero_division!r}.")
    both, either = _both_and_either(y_true, y_pred)
    empty = np.full(len(both), float(zero_division))
    return mean_over_notes(np.divide(both, either, out=empty, where=either > 0))


def _both_and_either(y_true, y_pred):
    """Count the codes of each note that are true and predicted, and that are one of the two."""
    y_true, y_pred = check_indicators(y_true, y_pred)
    both = sizes(y_true * y_pred)  # elementwise for sparse arrays
    return both, sizes(y_true) + sizes(y_pred) - both
