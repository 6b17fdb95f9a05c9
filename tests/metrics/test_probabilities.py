"""Cross-entropy, Brier score and calibration against plain loops, and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import PROBABILITIES, made
from scipy import sparse
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from sklearn_icd.metrics import (
    _probabilities,
    binary_cross_entropy,
    brier_score,
    expected_calibration_error,
)


@given(PROBABILITIES)
@settings(deadline=None, max_examples=150)
def test_losses_are_means_over_cells(pair):
    cells = list(zip(*(table.ravel().tolist() for table in pair), strict=True))
    least = 2.0**-52
    entropies = [-math.log(max(p if y else 1 - p, least)) for y, p in cells]
    assert binary_cross_entropy(*pair) == pytest.approx(np.mean(entropies))
    assert brier_score(*pair) == pytest.approx(np.mean([(p - y) ** 2 for y, p in cells]))


@given(PROBABILITIES)
@settings(deadline=None, max_examples=100)
def test_losses_are_those_of_scikit_learn_for_each_code(pair):
    columns = list(zip(*(table.T for table in pair), strict=True))
    theirs = np.mean([log_loss(y, p, labels=[0, 1]) for y, p in columns])
    assert binary_cross_entropy(*pair) == pytest.approx(theirs, abs=1e-12)
    theirs = np.mean([brier_score_loss(y, p, pos_label=1, labels=[0, 1]) for y, p in columns])
    assert brier_score(*pair) == pytest.approx(theirs)


def test_blocks_change_nothing(monkeypatch):
    y_true, probabilities, _ = made()
    whole = binary_cross_entropy(y_true, probabilities), brier_score(y_true, probabilities)
    monkeypatch.setattr(_probabilities, "_BLOCK", 30)
    blocks = binary_cross_entropy(y_true, probabilities), brier_score(y_true, probabilities)
    assert blocks == pytest.approx(whole, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_and_wrong_is_dear_but_finite(dtype):
    dearest = -math.log(np.finfo(dtype).eps)
    for y_true, wrong in (([[1]], [[0]]), ([[0]], [[1]])):
        assert binary_cross_entropy(y_true, np.array(wrong, dtype)) == pytest.approx(dearest)
        assert binary_cross_entropy(y_true, 1 - np.array(wrong, dtype)) == 0.0


def test_predictions_are_probabilities():
    y_true, _, y_pred = made()
    assert brier_score(y_true, y_pred) == pytest.approx((y_true != y_pred).mean())
    assert binary_cross_entropy(y_true, y_pred == 1) == pytest.approx(
        (y_true != y_pred).mean() * -math.log(np.finfo(np.float64).eps)
    )


def mean_distance(y_true, probabilities, limits):
    """Compare frequency and probability of the cells of each bin (limit, next limit]."""
    bins = [sum(p > limit for limit in limits) for p in probabilities.ravel()]
    distance = 0
    for each in set(bins):
        chosen = [place for place, number in enumerate(bins) if number == each]
        distance += abs(probabilities.ravel()[chosen].sum() - y_true.ravel()[chosen].sum())
    return distance / y_true.size


@given(PROBABILITIES, st.integers(1, 6))
@settings(deadline=None, max_examples=200)
def test_calibration_error_is_the_mean_distance_over_bins(pair, n_bins):
    shares = np.linspace(0, 1, n_bins + 1)[1:-1]
    cells = pair[1].ravel()
    of_cells = [  # the least with that share of the cells up to it, in whole numbers
        min(p for p in cells if (cells <= p).sum() * n_bins >= part * len(cells))
        for part in range(1, n_bins)
    ]
    for strategy, limits in (("uniform", shares), ("quantile", of_cells)):
        for probabilities in (pair[1], sparse.csr_array(pair[1])):
            error = expected_calibration_error(
                pair[0], probabilities, n_bins=n_bins, strategy=strategy
            )
            assert error == pytest.approx(mean_distance(*pair, limits), abs=1e-12)


def test_calibration_error_is_that_of_calibration_curve():
    y_true, probabilities, _ = made(200)
    shares, means = calibration_curve(y_true.ravel(), probabilities.ravel(), n_bins=8)
    limits = np.linspace(0, 1, 9)
    sizes = np.histogram(probabilities, limits)[0]
    expected = np.average(np.abs(shares - means), weights=sizes[sizes > 0])
    error = expected_calibration_error(y_true, probabilities, n_bins=8)
    assert error == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_error_of_base_rates_is_zero_and_of_contraries_one(strategy):
    y_true = np.array([[0, 0], [0, 1]])
    assert expected_calibration_error(y_true, np.full((2, 2), 0.25), strategy=strategy) == 0.0
    assert expected_calibration_error(y_true, 1 - y_true, strategy=strategy) == 1.0


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_bins": 0}, ValueError, "n_bins must be at least 1, got 0"),
        ({"n_bins": 1.5}, TypeError, r"n_bins must be an integer, got 1\.5"),
        ({"strategy": "equal"}, ValueError, "'uniform' or 'quantile', got 'equal'"),
    ],
)
def test_bad_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        expected_calibration_error([[1]], [[0.5]], **parameters)
