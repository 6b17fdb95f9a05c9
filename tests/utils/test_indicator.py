"""Lists of codes as an indicator matrix."""

import numpy as np

from sklearn_icd.utils._indicator import indicator


def test_rows_columns_and_repeated_codes():
    target = indicator([["b", "a", "b"], [], ["c"]], ["a", "b", "c"])
    np.testing.assert_array_equal(target.toarray(), [[1, 1, 0], [0, 0, 0], [0, 0, 1]])
    assert target.nnz == 3
    assert target.has_canonical_format
    assert target.dtype == np.int64
    assert target.indices.dtype == target.indptr.dtype == np.int32


def test_no_codes_at_all():
    assert indicator([[], []], ["a"]).shape == (2, 1)
