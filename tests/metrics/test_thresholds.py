"""The best cut against trying every score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from sklearn_icd.metrics import best_f1_threshold, f1_micro

RANKINGS = hnp.array_shapes(min_dims=2, max_dims=2, max_side=5).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.int8, shape, elements=st.integers(0, 1)).filter(np.any),
        hnp.arrays(np.float32, shape, elements=st.floats(-2, 2, width=16)),
    )
)


@given(RANKINGS)
@settings(deadline=None, max_examples=150)
def test_no_score_is_a_better_cut_and_no_higher_one_as_good(ranking):
    y_true, scores = ranking
    threshold = best_f1_threshold(y_true, scores)
    best = f1_micro(y_true, scores >= threshold)
    for cut in np.unique(scores):
        f1 = f1_micro(y_true, scores >= cut)
        assert f1 <= best
        assert f1 < best or cut <= threshold
    assert best_f1_threshold(sparse.csr_array(y_true), scores) == threshold
    assert best_f1_threshold(y_true, sparse.csr_array(scores)) == threshold


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cut_includes_its_own_score(dtype):
    scores = np.array([[0.1, 0.7], [1 / 3, 0.2]], dtype=dtype)
    assert f1_micro([[0, 1], [1, 0]], scores >= best_f1_threshold([[0, 1], [1, 0]], scores)) == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_without_a_true_code_nothing_is_assigned(dtype):
    scores = np.array([[0, 1]], dtype=dtype)
    assert not (scores >= best_f1_threshold([[0, 0]], scores)).any()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="scores holds NaN"):
        best_f1_threshold([[1, 0]], [[0.1, np.nan]])
    with pytest.raises(ValueError, match="same shape"):
        best_f1_threshold([[1, 0]], [[0.1]])
