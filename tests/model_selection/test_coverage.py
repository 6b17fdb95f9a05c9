"""The error on the notes that are kept, against counting it anew at every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.metrics import f1_score

from sklearn_icd.model_selection import coverage_error_curve

NOTES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=5).flatmap(
    lambda shape: st.tuples(
        *[hnp.arrays(np.int8, shape, elements=st.integers(0, 1))] * 2,
        hnp.arrays(np.float64, shape[0], elements=st.sampled_from([0, 0.5, 1]) | st.floats(0, 1)),
    )
)


@given(NOTES, st.sampled_from(["f1_micro", "f1_samples"]))
@settings(deadline=None, max_examples=150)
def test_error_is_that_of_the_kept_notes(notes, metric):
    y_true, y_pred, confidence = notes
    curve = coverage_error_curve(sparse.csr_array(y_true), y_pred, confidence, metric=metric)
    assert np.array_equal(curve[2], np.unique(confidence)[::-1])
    for coverage, error, threshold in zip(*curve, strict=True):
        kept = confidence >= threshold
        f1 = f1_score(
            y_true[kept], y_pred[kept], average=metric.removeprefix("f1_"), zero_division=1
        )
        assert coverage == pytest.approx(kept.mean())
        assert error == pytest.approx(1 - f1)


def test_bad_input_is_named():
    y = np.eye(2, dtype=int)
    with pytest.raises(ValueError, match="confidence contains NaN"):
        coverage_error_curve(y, y, [0.1, np.nan])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        coverage_error_curve(y, y, [0.1])
    with pytest.raises(ValueError, match="y_true and y_pred must have the same shape"):
        coverage_error_curve(y, y[:, :1], [0.1, 0.2])
