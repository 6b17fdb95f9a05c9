"""Lists of codes per note as a sparse indicator matrix."""

from itertools import chain

import numpy as np
from scipy.sparse import csr_array


def indicator(codes_per_note, names):
    """Return the indicator of shape (n_notes, len(names)); repeated codes count once.

    It holds int64: scikit-learn's LabelBinarizer numbers columns in the type of y, which
    silently permutes those beyond 127 with int8.
    """
    column = {name: j for j, name in enumerate(names)}
    rows = [[column[code] for code in codes] for codes in codes_per_note]
    indptr = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    indices = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=indptr[-1])
    data = np.ones(len(indices), dtype=np.int64)
    table = csr_array((data, indices, indptr), shape=(len(rows), len(names)))
    table.sum_duplicates()
    table.data[:] = 1
    return table
