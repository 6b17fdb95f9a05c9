"""The reliability curve against scikit-learn's, and against the calibration error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.calibration import calibration_curve

from sklearn_icd.metrics import expected_calibration_error
from sklearn_icd.model_selection import reliability_curve

TABLES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.int8, shape, elements=st.integers(0, 1)),
        hnp.arrays(np.float64, shape, elements=st.floats(0, 1) | st.sampled_from([0, 0.5, 1])),
    )
)
BINS = st.integers(1, 6)


@given(TABLES, BINS)
@settings(deadline=None, max_examples=100)
def test_the_curve_is_that_of_scikit_learn(table, n_bins):
    y, p = table
    whole = reliability_curve(sparse.csr_array(y), p, n_bins=n_bins)
    assert whole.n_cells.sum() == y.size
    y, p = np.append(y, [0, 1]), np.append(p, [0, 1])  # it refuses truth of one kind
    share, mean = calibration_curve(y, p, n_bins=n_bins)
    curve = reliability_curve(y[:, None], p[:, None], n_bins=n_bins)
    assert curve.share_true == pytest.approx(share)
    assert curve.mean_probability == pytest.approx(mean)


@given(TABLES, BINS, st.sampled_from(["uniform", "quantile"]))
@settings(deadline=None, max_examples=100)
def test_the_distances_add_up_to_the_calibration_error(table, n_bins, strategy):
    y, p = table
    curve = reliability_curve(y, p, n_bins=n_bins, strategy=strategy)
    distance = abs(curve.mean_probability - curve.share_true)
    error = (distance * curve.n_cells).sum() / y.size
    assert error == pytest.approx(
        expected_calibration_error(y, p, n_bins=n_bins, strategy=strategy), abs=1e-12
    )
