"""Areas under curves against counting pairs and cuts, and scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from made_scores import RANKINGS, made
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_icd.metrics import (
    auc_report,
    average_precision_macro,
    average_precision_micro,
    roc_auc_macro,
    roc_auc_micro,
)

ALL = [average_precision_macro, average_precision_micro, roc_auc_macro, roc_auc_micro]


def count_pairs(true, scores):
    above = [(t > f) + (t == f) / 2 for t in scores[true == 1] for f in scores[true == 0]]
    return np.mean(above) if above else None


def precision_at_cuts(true, scores):
    at_cuts = [true[scores >= cut].mean() for cut in scores[true == 1]]
    return np.mean(at_cuts) if at_cuts else None


def over_codes(area, y_true, scores):
    areas = [area(*columns) for columns in zip(y_true.T, scores.T, strict=True)]
    areas = [each for each in areas if each is not None]
    return np.mean(areas) if areas else None


@given(RANKINGS)
@settings(deadline=None, max_examples=200)
def test_areas_are_those_of_pairs_and_cuts(ranking):
    y_true, scores = ranking
    expected = {
        roc_auc_micro: count_pairs(y_true.ravel(), scores.ravel()),
        roc_auc_macro: over_codes(count_pairs, *ranking),
        average_precision_micro: precision_at_cuts(y_true.ravel(), scores.ravel()),
        average_precision_macro: over_codes(precision_at_cuts, *ranking),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        report = auc_report(*ranking)
        for metric, value in expected.items():
            value = np.nan if value is None else value
            assert metric(*ranking) == pytest.approx(value, nan_ok=True)
            assert report[metric.__name__] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decimals", [1, 8])
def test_areas_are_those_of_scikit_learn(dtype, decimals):
    rng = np.random.default_rng(0)
    y_true = (rng.random((90, 30)) < 0.2).astype(int)
    y_true[:2] = [[0], [1]]
    scores = rng.normal(size=y_true.shape).round(decimals).astype(dtype)
    for average, roc, precision in (
        ("micro", roc_auc_micro, average_precision_micro),
        ("macro", roc_auc_macro, average_precision_macro),
    ):
        theirs = roc_auc_score(y_true, scores, average=average)
        assert roc(y_true, scores) == pytest.approx(theirs, abs=1e-12)
        assert roc(y_true, np.asfortranarray(scores)) == roc(y_true, scores)
        theirs = average_precision_score(y_true, scores, average=average)
        assert precision(y_true, scores) == pytest.approx(theirs, abs=1e-12)


def test_more_pairs_than_32_bits_hold():
    rng = np.random.default_rng(0)
    scores = rng.random((500, 400), dtype=np.float32)
    y_true = rng.random(scores.shape) < 0.5  # 10 ** 10 pairs
    expected = roc_auc_score(y_true, scores, average="micro")
    assert roc_auc_micro(y_true, scores) == pytest.approx(expected, abs=1e-12)


def test_report_says_how_many_codes_are_left_out():
    y_true = np.array([[1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [1, 0, 0, 1, 1]])
    scores = made(3, 5)[1]
    report = auc_report(y_true, scores)
    assert (report["n_codes"], report["n_without_positives"], report["n_without_negatives"]) == (
        5,
        2,
        1,
    )
    assert report["roc_auc_macro"] == roc_auc_macro(y_true[:, 3:], scores[:, 3:])
    kept = [0, 3, 4]
    assert report["average_precision_macro"] == average_precision_macro(
        y_true[:, kept], scores[:, kept]
    )


@pytest.mark.parametrize("metric", ALL)
def test_undefined_is_nan_with_a_warning(metric):
    with pytest.warns(UndefinedMetricWarning, match="no code of y_true") as caught:
        assert np.isnan(metric(np.zeros((2, 3)), np.ones((2, 3))))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("metric", [roc_auc_macro, roc_auc_micro])
def test_without_negatives_there_is_no_roc(metric):
    with pytest.warns(UndefinedMetricWarning, match="for ROC, a note without it"):
        assert np.isnan(metric(np.ones((2, 3)), np.ones((2, 3))))


@pytest.mark.parametrize("metric", [roc_auc_macro, roc_auc_micro])
def test_equal_scores_are_chance(metric):
    y_true = made()[0]
    assert metric(y_true, np.zeros(y_true.shape)) == 0.5


@pytest.mark.parametrize("metric", ALL)
def test_codes_left_out_need_no_warning(metric):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric([[1, 0, 0], [0, 0, 0]], [[0.9, 0.1, 0.2], [0.3, 0.2, 0.1]]) == 1.0


def test_sparse_scores_with_truth_at_cells_not_stored():
    y_true = np.array([[1, 0, 0], [0, 1, 0]])
    scores = np.array([[0.0, 0.0, 0.4], [-1.0, 0.6, 0.0]])
    expected = auc_report(y_true, scores)
    assert auc_report(sparse.csr_array(y_true), sparse.coo_array(scores)) == expected
