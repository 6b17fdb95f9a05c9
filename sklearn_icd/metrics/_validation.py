"""What every metric asks of its arguments."""

from numbers import Integral

import numpy as np
from scipy import sparse


def check_indicator(y, name):
    """Bring an indicator, dense or sparse, to a csr_array of bool (n, L) without stored zeros."""
    if not sparse.issparse(y):
        y = np.asarray(y)
        _check_table(y, name)
        ones = y == 1
        wrong = ~(ones | (y == 0))
        if wrong.any():
            note, code = np.unravel_index(wrong.argmax(), y.shape)
            _refuse_value(name, y[note, code], note, code)
        return sparse.csr_array(ones)
    _check_table(y, name)
    y = sparse.csr_array(y, copy=True)
    y.sum_duplicates()
    wrong = (y.data != 0) & (y.data != 1)
    if wrong.any():
        at = wrong.argmax()
        note = np.searchsorted(y.indptr, at, side="right") - 1
        _refuse_value(name, y.data[at], note, y.indices[at])
    y = y.astype(bool)
    y.eliminate_zeros()
    return y


def check_indicators(y_true, y_pred):
    """Bring true and predicted codes to two csr_arrays of bool of one shape (n, L)."""
    y_true, y_pred = check_indicator(y_true, "y_true"), check_indicator(y_pred, "y_pred")
    _check_equal_shapes(y_true, y_pred, "y_pred")
    return y_true, y_pred


def check_ranking(y_true, scores):
    """Give a csr_array of bool (n, L) and an ndarray (n, L) of scores in their own type."""
    y_true = check_indicator(y_true, "y_true")
    if sparse.issparse(scores):
        raise TypeError(
            "scores is sparse, a dense array is wanted: every code needs a score to be ranked by. "
            "Pass scores.toarray() if the cells not stored mean 0."
        )
    scores = np.asarray(scores)
    _check_table(scores, "scores")
    _check_equal_shapes(y_true, scores, "scores")
    missing = np.isnan(scores)
    if missing.any():
        note, code = np.unravel_index(missing.argmax(), scores.shape)
        raise ValueError(
            f"scores holds NaN, first at row {note}, column {code}; a NaN has no rank. "
            "Look for the model's first NaN loss, or replace NaN by -inf to rank it last."
        )
    return y_true, scores


def check_k(k):
    """Check the number of codes looked at."""
    if not isinstance(k, Integral) or isinstance(k, bool):
        raise TypeError(f"k must be an integer, got {k!r} of type {type(k).__name__}.")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    return int(k)


def _check_table(array, name):
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}.")
    if array.ndim != 2:
        raise ValueError(
            f"{name} must be 2-D of shape (n_notes, n_codes), got shape {array.shape}. "
            "For a single code reshape to (n_notes, 1)."
        )
    if 0 in array.shape:
        raise ValueError(f"{name} must hold at least one note and one code, got {array.shape}.")


def _check_equal_shapes(y_true, other, name):
    if y_true.shape != other.shape:
        raise ValueError(
            f"y_true and {name} must have the same shape (n_notes, n_codes), "
            f"got {y_true.shape} and {other.shape}."
        )


def _refuse_value(name, value, note, code):
    raise ValueError(
        f"{name} must hold only 0 and 1, got {value!s} at row {note}, column {code}. "
        "Codes are binarised with MultiLabelBinarizer, scores with a threshold."
    )
