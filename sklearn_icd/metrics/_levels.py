"""Metrics for groups of codes, so that a wrong code of the right category counts as right."""

import numpy as np
from scipy import sparse

from sklearn_icd.metrics._places import row_numbers
from sklearn_icd.metrics._validation import check_equal_shapes, check_table


def at_level(metric, y_true, scores, groups):
    """
    Compute a metric for groups of codes: categories, blocks, chapters.

    A note has a group if it has one of its codes, and scores it as high as the best of them: the
    columns of a group are merged by their maximum, in the truth as in the scores.

    Parameters
    ----------
    metric : callable
        Any metric ``metric(y_true, scores)`` of this package or another one, also one of
        predicted codes.
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    scores : array-like or sparse of shape (n, L)
        What the metric takes as its second argument. Cells that a sparse table does not store
        are 0.
    groups : array-like of shape (L,)
        The group of each column, such as the first three characters of each code.

    Returns
    -------
    object
        What the metric gives for the groups, in the order of their sorted names.

    Raises
    ------
    TypeError
        If an array holds no real numbers.
    ValueError
        If `groups` does not name one group for each column, or the metric refuses the merged
        arrays.

    See Also
    --------
    by_frequency : A metric within groups of codes.

    Examples
    --------
    >>> from sklearn_icd.metrics import at_level, f1_micro
    >>> codes = ["E11.0", "E11.9", "I10"]
    >>> y_true, y_pred = [[1, 0, 1]], [[0, 1, 1]]  # the wrong code of the right category
    >>> f1_micro(y_true, y_pred)
    0.5
    >>> at_level(f1_micro, y_true, y_pred, groups=[code[:3] for code in codes])
    1.0
    """
    y_true, scores = check_table(y_true, "y_true"), check_table(scores, "scores")
    check_equal_shapes(y_true, scores, "scores")
    members = _check_groups(groups, y_true.shape[1])
    return metric(_merge(y_true, members), _merge(scores, members))


def _check_groups(groups, n_codes):
    """Number the groups, and give that of each column."""
    groups = np.asarray(groups)
    if groups.shape != (n_codes,):
        raise ValueError(
            f"groups must have shape ({n_codes},), one name for each column of y_true, "
            f"got shape {groups.shape}."
        )
    missing = [group is None or group != group for group in groups.tolist()]
    if any(missing):
        raise ValueError(
            f"groups names no group for the column at position {missing.index(True)}. Give a code "
            "that has none its own name as its group, or leave its column out of all arrays."
        )
    return np.unique(groups, return_inverse=True)[1]


def _merge(table, members):
    """Give the highest cell of each group."""
    if sparse.issparse(table):
        return _merge_stored(table, members)
    order = np.argsort(members, kind="stable")
    first = np.searchsorted(members[order], np.arange(members.max() + 1))
    return np.maximum.reduceat(table[:, order], first, axis=1)


def _merge_stored(table, members):
    sizes = np.bincount(members)
    cells = row_numbers(table) * len(sizes) + members[table.indices]
    order = np.argsort(cells, kind="stable")
    cell, first, stored = np.unique(cells[order], return_index=True, return_counts=True)
    highest = np.maximum.reduceat(table.data[order], first)
    note, group = np.divmod(cell, len(sizes))
    highest[(stored < sizes[group]) & (highest < 0)] = 0  # a cell not stored is higher
    return sparse.csr_array((highest, (note, group)), shape=(table.shape[0], len(sizes)))
