"""P@k weighed by how likely a code is to be noted at all, so that rare codes count more."""

import numpy as np

from sklearn_icd.metrics._note_sums import ratio_of_sums
from sklearn_icd.metrics._places import hits_within, sizes, sum_by_row
from sklearn_icd.metrics._validation import (
    check_counts,
    check_positive_integer,
    check_ranking,
)


def code_propensities(train_counts, n_notes, *, a=0.55, b=1.5):
    r"""
    Estimate how likely a code that applies to a note is noted there, from its frequency.

    The model of Jain et al., with N notes of which :math:`N_l` have code l:

    .. math:: p_l = 1 / (1 + C (N_l + b)^{-a}), \quad C = (\log N - 1) (b + 1)^a

    Parameters
    ----------
    train_counts : array-like of shape (L,)
        Number of training notes with each code: ``Y_train.sum(axis=0)``.
    n_notes : int
        Number of training notes, at least 3.
    a, b : float, default=0.55, 1.5
        Constants of the model; 0.55 and 1.5 are those of most data sets, estimated for none of
        medical coding.

    Returns
    -------
    ndarray of float64 of shape (L,)
        Propensities between 0 and 1, low for rare codes.

    Raises
    ------
    TypeError
        If `n_notes` is no integer, or `train_counts` holds no numbers.
    ValueError
        If `n_notes` is below 3 or below a count, or `train_counts` are no counts.

    See Also
    --------
    propensity_precision_at_k : What they are for.

    References
    ----------
    H. Jain, Y. Prabhu and M. Varma, "Extreme multi-label loss functions for recommendation,
    tagging, ranking and other missing label applications", KDD 2016.

    Examples
    --------
    >>> from sklearn_icd.metrics import code_propensities
    >>> code_propensities([900, 30, 0], n_notes=1000).round(2)
    array([0.81, 0.41, 0.11])
    """
    n_notes = check_positive_integer(n_notes, "n_notes")
    counts = check_counts(train_counts, np.size(train_counts))
    if n_notes < 3 or n_notes < counts.max(initial=0):
        raise ValueError(
            f"n_notes must be the number of training notes, at least 3 and no less than any of "
            f"train_counts, got {n_notes}."
        )
    return 1 / (1 + (np.log(n_notes) - 1) * ((b + 1) / (counts + b)) ** a)


def propensity_precision_at_k(y_true, scores, k, propensities):
    """
    Compute the propensity-scored P@k, where a hit counts 1 / propensity.

    The sum over all notes of the weights of the true codes among the k best, divided by the most
    that any ranking could reach: 1.0 is perfect.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.
    k : int
        Number of codes looked at.
    propensities : array-like of shape (L,)
        How likely each code is to be noted where it applies, above 0 and at most 1: from
        `code_propensities` with the training counts.

    Returns
    -------
    float
        The share of the weight that was reached; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has a code.

    Raises
    ------
    TypeError
        If `k` is no integer, or an array holds no real numbers.
    ValueError
        If `k` is below 1, `propensities` are not L numbers above 0 and at most 1, `scores` holds
        NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    precision_at_k : All codes count the same, and nothing is divided by what could be reached.

    Notes
    -----
    Codes with equal scores count as if in random order: the value is the mean over all their
    orders, which depends neither on chance nor on the order of the columns.

    References
    ----------
    H. Jain, Y. Prabhu and M. Varma, "Extreme multi-label loss functions for recommendation,
    tagging, ranking and other missing label applications", KDD 2016.

    Examples
    --------
    >>> from sklearn_icd.metrics import code_propensities, propensity_precision_at_k
    >>> propensities = code_propensities([900, 30, 1], n_notes=1000)
    >>> y_true, scores = [[1, 0, 1]], [[0.9, 0.5, 0.1]]  # only the frequent code is found
    >>> propensity_precision_at_k(y_true, scores, k=2, propensities=propensities)
    0.151...
    """
    return propensity_precision_at_k_sums(y_true, scores, k, propensities).value()


def propensity_precision_at_k_sums(y_true, scores, k, propensities):
    """Give propensity-scored P@k as sums over the notes."""
    k = check_positive_integer(k, "k")
    y_true, scores = check_ranking(y_true, scores)
    weight = 1 / _check_propensities(propensities, y_true.shape[1])[y_true.indices]
    note, hit = hits_within(y_true, scores, k)
    heaviest_first = np.lexsort((-weight, note))
    rank = np.arange(len(note)) - np.repeat(y_true.indptr[:-1], sizes(y_true))
    reachable = np.where(rank < k, weight[heaviest_first], 0)
    return ratio_of_sums(
        sum_by_row(y_true, note, hit * weight), sum_by_row(y_true, note, reachable)
    )


def _check_propensities(propensities, n_codes):
    propensities = np.asarray(propensities)
    if propensities.dtype.kind not in "biuf":
        raise TypeError(f"propensities must hold numbers, got dtype {propensities.dtype}.")
    if propensities.shape != (n_codes,):
        raise ValueError(
            f"propensities must have shape ({n_codes},), one for each column of y_true, "
            f"got shape {propensities.shape}."
        )
    wrong = ~((propensities > 0) & (propensities <= 1))
    if wrong.any():
        at = wrong.argmax()
        raise ValueError(
            f"propensities must lie above 0 and not above 1, got {propensities[at]} at position "
            f"{at}. code_propensities gives them from training counts."
        )
    return propensities
