"""The k best codes of each note, without a table of the scores of all codes."""

from numbers import Integral

import numpy as np
from scipy import sparse


def check_k(k, n_codes):
    """Refuse a number of codes that no note can have.

    Parameters
    ----------
    k : int
        Codes per note.

    n_codes : int
        Codes there are.

    Raises
    ------
    TypeError
        If `k` is no integer.

    ValueError
        If it is not from 1 to `n_codes`.
    """
    if not isinstance(k, Integral) or isinstance(k, bool):
        raise TypeError(f"k must be an integer, got {k!r} of type {type(k).__name__}.")
    if not 1 <= k <= n_codes:
        raise ValueError(
            f"k must be from 1 to the {n_codes} codes there are, got {k}: predict_proba gives the "
            "probabilities of all."
        )


def best_columns(scores, k):
    """Find the columns with the k highest scores of each row.

    Parameters
    ----------
    scores : ndarray of shape (n, L)
        The scores of some notes.

    k : int
        From 1 to L.

    Returns
    -------
    columns : ndarray of int of shape (n, k)
        The highest score first; of equal scores, the first column.

    values : ndarray of shape (n, k)
        Their scores.
    """
    lowest = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    above, equal = scores > lowest, scores == lowest
    n_equal = k - above.sum(axis=1, keepdims=True)  # how many of the equal ones there is room for
    columns = (above | (equal & (equal.cumsum(axis=1) <= n_equal))).nonzero()[1].reshape(-1, k)
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def join_best(found, n_codes):
    """Put what was found in batches of notes into one sparse table.

    Parameters
    ----------
    found : iterable of (rows, columns, values)
        Positions of notes (n,), and what `best_columns` found for them.

    n_codes : int
        Codes there are.

    Returns
    -------
    best : csr_array of shape (n_notes, n_codes)
        The k values of each note, in the order of `best_columns`.
    """
    rows, columns, values = map(np.concatenate, zip(*found, strict=True))
    order = np.argsort(rows)
    columns, values = columns[order], values[order]
    n_notes, k = columns.shape
    return sparse.csr_array(
        (values.ravel(), columns.ravel(), np.arange(0, n_notes * k + 1, k)),
        shape=(n_notes, n_codes),
    )
