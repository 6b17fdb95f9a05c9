"""Areas under the ROC and the precision-recall curve: of all cells together, or code by code."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_icd.metrics._places import (
    as_one_row,
    sizes,
    sum_by_row,
    true_cells_above_and_tied,
    true_places,
)
from sklearn_icd.metrics._validation import as_table, check_ranking


def auc_report(y_true, scores):
    """
    Compute the areas under both curves, micro and macro, and say how many codes have none.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        Probabilities, logits or any other scores, higher for likelier codes. Cells that a sparse
        table does not store are 0.

    Returns
    -------
    dict
        Keys ``roc_auc_micro``, ``roc_auc_macro``, ``average_precision_micro`` and
        ``average_precision_macro``, defined in the functions of these names; ``n_codes``, and of
        them ``n_without_positives``, which are in neither macro figure, and
        ``n_without_negatives``, which are not in ``roc_auc_macro``.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    f1_report : The F1 of predictions.

    Examples
    --------
    >>> from sklearn_icd.metrics import auc_report
    >>> y_true = [[1, 0, 0], [1, 1, 0]]
    >>> scores = [[0.9, 0.2, 0.3], [0.8, 0.7, 0.1]]
    >>> for name, value in auc_report(y_true, scores).items():
    ...     print(f"{name:25}{value}")
    roc_auc_micro            1.0
    roc_auc_macro            1.0
    average_precision_micro  1.0
    average_precision_macro  1.0
    n_codes                  3
    n_without_positives      1
    n_without_negatives      1
    """
    y_true, scores = check_ranking(y_true, scores)
    together, by_code = as_one_row(y_true, scores), _by_code(y_true, scores)
    n_true = sizes(by_code[0])
    areas = {
        f"{name}_{average}": _mean_area(area(*rows), stacklevel=3)
        for name, area in (("roc_auc", _roc_auc), ("average_precision", _average_precision))
        for average, rows in (("micro", together), ("macro", by_code))
    }
    return areas | {
        "n_codes": len(n_true),
        "n_without_positives": int((n_true == 0).sum()),
        "n_without_negatives": int((n_true == y_true.shape[0]).sum()),
    }


def roc_auc_micro(y_true, scores):
    """
    Compute the area under the ROC curve of all note-code pairs together.

    It is the share of the pairs of a true and a false cell, of any notes and codes, in which the
    true one has the higher score; equal scores count half.

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
        The area; nan, with an :class:`~sklearn.exceptions.UndefinedMetricWarning`, where all
        cells are true or none.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    roc_auc_macro : Code by code.
    sklearn.metrics.roc_auc_score : The same figure with ``average="micro"``.

    Examples
    --------
    >>> from sklearn_icd.metrics import roc_auc_micro
    >>> roc_auc_micro([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.666...
    """
    return _mean_area(_roc_auc(*as_one_row(*check_ranking(y_true, scores))), stacklevel=3)


def roc_auc_macro(y_true, scores):
    """
    Compute the mean over codes of the area under the ROC curve.

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
        The mean over the codes that some notes have and others have not, as CAML's evaluation
        and all who took it report; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no code is so.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    auc_report : Says how many codes are left out.
    sklearn.metrics.roc_auc_score : The same figure with ``average="macro"`` where no code is left
        out; nan otherwise.

    Examples
    --------
    >>> from sklearn_icd.metrics import roc_auc_macro
    >>> roc_auc_macro([[1, 0, 0], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.5, 0.4]])
    0.75
    """
    return _mean_area(_roc_auc(*_by_code(*check_ranking(y_true, scores))), stacklevel=3)


def average_precision_micro(y_true, scores):
    """
    Compute the area under the precision-recall curve (AUPR) of all note-code pairs together.

    It is the mean, over the true cells, of the precision of assigning all cells that score at
    least as high.

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
        The area; nan, with an :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no cell
        is true.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    mean_average_precision : Note by note.
    sklearn.metrics.average_precision_score : The same figure with ``average="micro"``.

    Examples
    --------
    >>> from sklearn_icd.metrics import average_precision_micro
    >>> average_precision_micro([[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]])
    0.833...
    """
    return _mean_area(_average_precision(*as_one_row(*check_ranking(y_true, scores))), stacklevel=3)


def average_precision_macro(y_true, scores):
    """
    Compute the mean over codes of the area under the precision-recall curve (AUPR).

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
        The mean over the codes that some note has; nan, with an
        :class:`~sklearn.exceptions.UndefinedMetricWarning`, where no note has a code.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `scores` holds NaN, `y_true` anything but 0 and 1, or the shapes differ.

    See Also
    --------
    auc_report : Says how many codes are left out.
    sklearn.metrics.average_precision_score : The same figure with ``average="macro"`` where every
        code has a note; it counts 0 for the others.

    Examples
    --------
    >>> from sklearn_icd.metrics import average_precision_macro
    >>> average_precision_macro([[1, 0, 0], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.5, 0.4]])
    0.75
    """
    return _mean_area(_average_precision(*_by_code(*check_ranking(y_true, scores))), stacklevel=3)


def _by_code(y_true, scores):
    """Rank the cells of each code."""
    return as_table(y_true.T), as_table(scores.T)


def _roc_auc(y_true, scores):
    """Compute the area of each row, nan where all or none of its cells are true."""
    row, _, above, tied = true_places(y_true, scores)
    n_true = sizes(y_true)
    n_false = scores.shape[1] - n_true
    # Among themselves, true cells are above or tied to the sum of n_true (n_true - 1) / 2.
    false_above = sum_by_row(y_true, row, above + (tied - 1) / 2) - n_true * (n_true - 1) / 2
    pairs = n_true * n_false
    return 1 - np.divide(false_above, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _average_precision(y_true, scores):
    """Compute the area of each row, nan where none of its cells is true."""
    row, value, above, tied = true_places(y_true, scores)
    true_above, true_tied = true_cells_above_and_tied(y_true, row, value)
    precision = sum_by_row(y_true, row, (true_above + true_tied) / (above + tied))
    n_true = sizes(y_true)
    return np.divide(precision, n_true, out=np.full(len(n_true), np.nan), where=n_true > 0)


def _mean_area(areas, stacklevel):
    """Average over the rows that have an area."""
    areas = areas[~np.isnan(areas)]
    if not len(areas):
        warnings.warn(
            "An area under a curve is nan: no code of y_true has what it needs, a note with it "
            "and, for ROC, a note without it.",
            UndefinedMetricWarning,
            stacklevel=stacklevel,
        )
        return float("nan")
    return float(areas.mean())
