"""Lists of codes per note as a sparse indicator matrix."""

import numpy as np
from scipy.sparse import csr_array


def indicator(codes_per_note, names):
    """Return the indicator of shape (n_notes, len(names)); repeated codes count once.

    It holds int64: scikit-learn's LabelBinarizer numbers columns in the type of y, which
    silently permutes those beyond 127 with int8.
    """
    column = {name: j for j, name in enumerate(names)}
    rows = [sorted({column[code] for code in codes}) for codes in codes_per_note]
    indptr = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    indices = np.fromiter((j for row in rows for j in row), dtype=np.int32, count=indptr[-1])
    data = np.ones(len(indices), dtype=np.int64)
    return csr_array((data, indices, indptr), shape=(len(rows), len(names)))
