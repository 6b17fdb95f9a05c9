"""Micro-F1, and the four figures that circulate under the name macro-F1."""

import numpy as np
from scipy import sparse

from sklearn_icd.metrics._note_sums import NoteSums, ratio_of_sums
from sklearn_icd.metrics._places import sizes
from sklearn_icd.metrics._validation import check_indicators


def f1_report(y_true, y_pred):
    """
    Compute micro-F1 and all four macro-F1 at once.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The predicted codes, 0 or 1 in every cell.

    Returns
    -------
    dict of str to float
        Keys ``micro``, ``macro_mean``, ``macro_harmonic``, ``macro_present`` and ``macro_active``,
        defined in `f1_micro` and `f1_macro`.

    Raises
    ------
    TypeError
        If `y_true` or `y_pred` holds no real numbers.
    ValueError
        If one of them holds anything but 0 and 1, or their shapes differ.

    See Also
    --------
    f1_macro : Says which papers report which macro-F1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.metrics import f1_report
    >>> y_true = np.array([[1, 1, 0, 0], [1, 0, 0, 0]])
    >>> y_pred = np.array([[1, 0, 0, 1], [1, 0, 0, 0]])
    >>> for name, value in f1_report(y_true, y_pred).items():
    ...     print(f"{name:15}{value:.3f}")
    micro          0.667
    macro_mean     0.250
    macro_harmonic 0.250
    macro_present  0.500
    macro_active   0.333
    """
    counts = _counts(y_true, y_pred)
    macro = {f"macro_{name}": float(average(*counts)) for name, average in _AVERAGES.items()}
    return {"micro": _micro(*counts), **macro}


def f1_micro(y_true, y_pred):
    """
    Compute the F1 of all note-code pairs together.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The predicted codes, 0 or 1 in every cell.

    Returns
    -------
    float
        The micro-F1; 0.0 where nothing is true and nothing predicted.

    Raises
    ------
    TypeError
        If `y_true` or `y_pred` holds no real numbers.
    ValueError
        If one of them holds anything but 0 and 1, or their shapes differ.

    See Also
    --------
    sklearn.metrics.f1_score : The same figure with ``average="micro", zero_division=0``.

    Examples
    --------
    >>> from sklearn_icd.metrics import f1_micro
    >>> f1_micro([[1, 1, 0], [1, 0, 0]], [[1, 0, 1], [1, 0, 0]])
    0.666...
    """
    return _micro(*_counts(y_true, y_pred))


def f1_macro(y_true, y_pred, *, average="mean"):
    """
    Compute one of the four macro-F1 that circulate.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The predicted codes, 0 or 1 in every cell.
    average : {"mean", "harmonic", "present", "active"}, default="mean"
        How the codes are averaged:

        - ``"mean"``: mean F1 over all codes (scikit-learn's, TransICD's, AnEMIC's);
        - ``"harmonic"``: harmonic mean of the mean precision and the mean recall over all codes
          (CAML's evaluation, and with it that of MultiResCNN, LAAT, Fusion, HiLAT and PLM-ICD);
        - ``"present"``: mean F1 over the codes that are true for some note (Edin et al.);
        - ``"active"``: mean F1 over the codes that are true or predicted for some note (LD-PLAM's).

    Returns
    -------
    float
        The macro-F1. Wherever a code's precision, recall or F1 divides by zero it counts as 0.0,
        and the mean over no codes is 0.0.

    Raises
    ------
    TypeError
        If `y_true` or `y_pred` holds no real numbers.
    ValueError
        If `average` is none of the four, `y_true` or `y_pred` holds anything but 0 and 1, or
        their shapes differ.

    See Also
    --------
    sklearn.metrics.f1_score : Equal to "mean" with ``average="macro", zero_division=0``.
    f1_report : All of them at once.

    Notes
    -----
    For the same predictions "mean" is never above "harmonic", nor "mean" above "active", nor
    "active" above "present": figures of different papers compare only under the same name.

    References
    ----------
    J. Opitz and S. Burst, "Macro F1 and Macro F1", arXiv:1911.03347, 2019, on the first two.

    Examples
    --------
    >>> from sklearn_icd.metrics import f1_macro
    >>> y_true, y_pred = [[1, 1, 0], [1, 0, 0]], [[1, 1, 0], [0, 1, 0]]
    >>> f1_macro(y_true, y_pred)
    0.444...
    >>> f1_macro(y_true, y_pred, average="present")
    0.666...
    """
    return float(_average(average)(*_counts(y_true, y_pred)))


def f1_micro_sums(y_true, y_pred):
    """Give micro-F1 as sums over the notes."""
    both, y_true, y_pred = _both_true_pred(y_true, y_pred)
    return ratio_of_sums(2 * sizes(both), sizes(y_true) + sizes(y_pred), empty=0.0)


def f1_macro_sums(y_true, y_pred, *, average="mean"):
    """Give macro-F1 as sums over the notes: those of each code, both, true and predicted."""
    macro = _average(average)
    parts = sparse.hstack(_both_true_pred(y_true, y_pred), format="csr", dtype=np.float64)
    return NoteSums(parts, lambda sums: macro(*np.split(sums, 3, axis=-1)))


def _both_true_pred(y_true, y_pred):
    y_true, y_pred = check_indicators(y_true, y_pred)
    return y_true * y_pred, y_true, y_pred  # elementwise for sparse arrays


def _counts(y_true, y_pred):
    """Count, for every code, the notes where it is both, true, and predicted: three (L,)."""
    tables = _both_true_pred(y_true, y_pred)
    return tuple(np.bincount(table.indices, minlength=table.shape[1]) for table in tables)


# What follows takes counts of shape (..., L) and averages over the last axis.


def _ratio(part, whole):
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)


def _f1(both, true, pred):
    return _ratio(2 * both, true + pred)


def _mean_where(values, chosen):
    return _ratio((values * chosen).sum(axis=-1), chosen.sum(axis=-1))


def _micro(both, true, pred):
    return float(_f1(both.sum(), true.sum(), pred.sum()))


def _harmonic(both, true, pred):
    precision, recall = _ratio(both, pred).mean(axis=-1), _ratio(both, true).mean(axis=-1)
    return _ratio(2 * precision * recall, precision + recall)


_AVERAGES = {
    "mean": lambda both, true, pred: _f1(both, true, pred).mean(axis=-1),
    "harmonic": _harmonic,
    "present": lambda both, true, pred: _mean_where(_f1(both, true, pred), true > 0),
    "active": lambda both, true, pred: _mean_where(_f1(both, true, pred), true + pred > 0),
}


def _average(name):
    if name not in _AVERAGES:
        raise ValueError(f"average must be one of {sorted(_AVERAGES)}, got {name!r}.")
    return _AVERAGES[name]
