"""The metric at every cut, against scikit-learn at each of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.metrics import f1_score

from sklearn_icd.model_selection import threshold_curve

RANKINGS = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=5).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.int8, shape, elements=st.integers(0, 1)),
        hnp.arrays(np.float32, shape, elements=st.integers(-3, 3) | st.floats(-2, 2, width=16)),
    )
)
METRICS = st.sampled_from(["f1_micro", "f1_macro", "f1_samples"])


def skl_f1(y_true, y_pred, metric):
    average = metric.removeprefix("f1_")
    return f1_score(y_true, y_pred, average=average, zero_division=0)


@given(RANKINGS, METRICS)
@settings(deadline=None, max_examples=150)
def test_values_are_those_of_scikit_learn(ranking, metric):
    y_true, scores = ranking
    thresholds, values = threshold_curve(sparse.csr_array(y_true), scores, metric=metric)
    assert (np.diff(thresholds) > 0).all()
    assert values == pytest.approx([skl_f1(y_true, scores >= t, metric) for t in thresholds])


@given(RANKINGS, METRICS)
@settings(deadline=None, max_examples=150)
def test_no_other_cut_is_better(ranking, metric):
    y_true, scores = ranking
    _, values = threshold_curve(y_true, scores, metric=metric)
    for cut in [-np.inf, *np.unique(scores), np.inf]:
        assert skl_f1(y_true, scores >= cut, metric) <= values.max() + 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_the_last_threshold_assigns_nothing(dtype):
    scores = np.array([[0, 3], [2, 1]], dtype=dtype)
    for y_true in ([[0, 1], [1, 0]], [[0, 0], [0, 0]]):
        thresholds, values = threshold_curve(y_true, scores)
        assert not (scores >= thresholds[-1]).any()
        assert values[-1] == 0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="scores holds NaN, first at row 0, column 1"):
        threshold_curve([[1, 0]], [[0.1, np.nan]])
    with pytest.raises(ValueError, match="same shape"):
        threshold_curve([[1, 0]], [[0.1]])
    with pytest.raises(ValueError, match="'metric' parameter"):
        threshold_curve([[1, 0]], [[0.1, 0.2]], metric="accuracy")
    with pytest.raises(TypeError, match="'scores' parameter"):
        threshold_curve([[1, 0]], sparse.csr_array([[0.1, 0.2]]))
