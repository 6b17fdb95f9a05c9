"""What every metric asks of its arguments."""

from numbers import Integral

import numpy as np
from scipy import sparse


def as_table(values):
    """Give an ndarray, or where sparse a csr_array without duplicates, never the user's changed."""
    if not sparse.issparse(values):
        return np.asarray(values)
    values = sparse.csr_array(values)
    if not values.has_canonical_format:
        values = values.copy()
        values.sum_duplicates()
    return values


def check_indicator(y, name):
    """Bring an indicator, dense or sparse, to a csr_array of bool (n, L) without stored zeros."""
    y = check_table(y, name)
    values = _cells(y)
    ones = values == 1
    wrong = ~(ones | (values == 0))
    if wrong.any():
        value, where = _first(y, wrong)
        raise ValueError(
            f"{name} must hold only 0 and 1, got {value!s} at {where}. "
            "Lists of codes are binarised with CodeBinarizer, scores with a threshold."
        )
    if not sparse.issparse(y):
        return sparse.csr_array(ones)
    y = y.astype(bool)
    y.eliminate_zeros()
    return y


def check_indicators(y_true, y_pred, name="y_pred"):
    """Bring true and predicted codes to two csr_arrays of bool of one shape (n, L)."""
    y_true, y_pred = check_indicator(y_true, "y_true"), check_indicator(y_pred, name)
    check_equal_shapes(y_true, y_pred, name)
    return y_true, y_pred


def check_ranking(y_true, scores, name="scores"):
    """Give a csr_array of bool (n, L), and the scores as ndarray or csr_array in their own type."""
    y_true, scores = check_indicator(y_true, "y_true"), check_table(scores, name)
    check_equal_shapes(y_true, scores, name)
    cells = _cells(scores)
    if cells.size and np.isnan(cells.min()):
        _, where = _first(scores, np.isnan(cells))
        raise ValueError(
            f"{name} holds NaN, first at {where}; a NaN has no rank. "
            "Look for the model's first NaN loss, or replace NaN by -inf to rank it last."
        )
    return y_true, scores


def check_probabilities(y_true, probabilities):
    """Give what `check_ranking` gives, of scores between 0 and 1."""
    y_true, probabilities = check_ranking(y_true, probabilities, "probabilities")
    cells = _cells(probabilities)
    if cells.size and (cells.min() < 0 or cells.max() > 1):
        value, where = _first(probabilities, (cells < 0) | (cells > 1))
        raise ValueError(
            f"probabilities must lie between 0 and 1, got {value!s} at {where}. "
            "Logits become probabilities with scipy.special.expit."
        )
    return y_true, probabilities


def check_positive_integer(value, name):
    """Check the number of codes looked at, of bins, of resamples ..."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}.")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}.")
    return int(value)


def check_counts(train_counts, n_codes):
    """Give the training notes of each code as an ndarray (L,)."""
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


def check_table(values, name):
    """Give a 2-D ndarray or csr_array of numbers."""
    table = as_table(values)
    if table.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {table.dtype}.")
    if table.ndim != 2:
        raise ValueError(
            f"{name} must be 2-D of shape (n_notes, n_codes), got shape {table.shape}. "
            "For a single code reshape to (n_notes, 1)."
        )
    if 0 in table.shape:
        raise ValueError(f"{name} must hold at least one note and one code, got {table.shape}.")
    return table


def check_equal_shapes(y_true, other, name):
    """Check that truth and predictions are of the same notes and codes."""
    if y_true.shape != other.shape:
        raise ValueError(
            f"y_true and {name} must have the same shape (n_notes, n_codes), "
            f"got {y_true.shape} and {other.shape}."
        )


def _cells(table):
    return table.data if sparse.issparse(table) else table


def _first(table, wrong):
    """Give the value and the place of the first wrong cell, among those stored if sparse."""
    at = wrong.argmax()
    if sparse.issparse(table):
        note, code = np.searchsorted(table.indptr, at, side="right") - 1, table.indices[at]
    else:
        note, code = np.unravel_index(at, table.shape)
    return table[note, code], f"row {note}, column {code}"
