"""Where true cells stand among all cells of their row, equal scores kept together."""

import numpy as np
from scipy import sparse

from sklearn_icd.metrics._validation import as_table

_BLOCK = 2**22  # scores sorted at once: 16 MB in float32


def true_places(y_true, scores):
    """
    Find where the true cells stand in the rankings of their rows.

    Parameters
    ----------
    y_true : csr_array of bool of shape (n, L)
        The true cells.
    scores : ndarray or csr_array of shape (n, L)
        The scores; cells not stored are 0.

    Returns
    -------
    row : ndarray of shape (n_true,)
        The row of each true cell, ascending.
    value : ndarray of shape (n_true,)
        Its score.
    above : ndarray of shape (n_true,)
        Number of cells of the row with a higher score.
    tied : ndarray of shape (n_true,)
        Number of cells of the row with the same score, itself included.
    """
    row, value = true_scores(y_true, scores)
    count = _count_stored if sparse.issparse(scores) else _count_dense
    return row, value, *count(scores, row, value)


def true_scores(y_true, scores):
    """Give the row of each true cell, ascending, and its score."""
    row = row_numbers(y_true)
    # scipy gives a sparse array for no cells, and an ndarray for some.
    value = scores[row, y_true.indices] if len(row) else np.empty(0, dtype=scores.dtype)
    return row, value


def row_numbers(table):
    """Give the row of each stored cell of a csr_array."""
    return np.repeat(np.arange(table.shape[0]), sizes(table))


def as_one_row(y_true, scores):
    """Rank all cells together."""
    return sparse.csr_array(y_true.reshape((1, -1))), as_table(scores.reshape((1, -1)))


def true_cells_above_and_tied(y_true, row, value):
    """Count, for each true cell, the true cells of its row above it and equal, itself included."""
    ordered = value[np.lexsort((value, row))]
    return above_and_tied(ordered, y_true.indptr[row], y_true.indptr[row + 1], value)


def hits_within(y_true, scores, k):
    """Give the row of each true cell, and how likely it is among the k best of its row."""
    row, _, above, tied = true_places(y_true, scores)
    places = np.broadcast_to(k, y_true.shape[:1])[row] - above
    return row, np.clip(places, 0, tied) / tied


def above_and_tied(ordered, first, end, value):
    """Count, for each value, the entries of its ascending ordered[first:end] above and equal."""
    left = _bisect(ordered, first, end, value, np.less)
    right = _bisect(ordered, left, end, value, np.less_equal)
    return end - right, right - left


def sizes(y_true):
    """Count the stored cells of each row of a csr_array, in numbers whose products fit."""
    return np.diff(y_true.indptr).astype(np.int64)


def sum_by_row(y_true, row, values):
    """Sum the values of the true cells of each row: (n,)."""
    return np.bincount(row, weights=values, minlength=y_true.shape[0])


def _count_dense(scores, row, value):
    n_rows, n_columns = scores.shape
    above, tied = np.empty((2, len(row)), dtype=np.intp)
    step = max(1, _BLOCK // n_columns)
    for start in range(0, n_rows, step):
        ordered = np.array(scores[start : start + step], order="C")
        ordered.sort(axis=1)
        entries = slice(*np.searchsorted(row, [start, start + step]))
        first = (row[entries] - start) * n_columns
        above[entries], tied[entries] = above_and_tied(
            ordered.ravel(), first, first + n_columns, value[entries]
        )
    return above, tied


def _count_stored(scores, row, value):
    ordered = scores.data[np.lexsort((scores.data, row_numbers(scores)))]
    above, tied = above_and_tied(ordered, scores.indptr[row], scores.indptr[row + 1], value)
    not_stored = scores.shape[1] - sizes(scores)[row]
    return above + (value < 0) * not_stored, tied + (value == 0) * not_stored


def _bisect(ordered, first, end, value, goes_left_of):
    """Find the place of each value in its own stretch of `ordered`, all by halving together."""
    first, end = first.copy(), end.copy()
    while (open_ := np.flatnonzero(first < end)).size:
        middle = (first[open_] + end[open_]) // 2
        is_left = goes_left_of(ordered[middle], value[open_])
        first[open_[is_left]] = middle[is_left] + 1
        end[open_[~is_left]] = middle[~is_left]
    return first
