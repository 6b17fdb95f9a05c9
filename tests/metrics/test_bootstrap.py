"""Bootstrap intervals: the fast way against drawing notes, whole patients, and known spreads."""

import warnings
from functools import partial

import numpy as np
import pytest
from made_scores import made
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sum_metrics import SUM_METRICS

from sklearn_icd.metrics import (
    _resampling,
    bootstrap_interval,
    exact_match_ratio,
    f1_macro,
    f1_micro,
    f1_report,
    mean_average_precision,
    precision_at_k,
    roc_auc_micro,
)

PATIENTS = np.repeat(["anna", "bert", "carl", "dora", "emil"], [3, 11, 9, 1, 16])


@pytest.mark.parametrize(("metric", "kind"), SUM_METRICS.values(), ids=SUM_METRICS)
@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("groups", [None, PATIENTS])
def test_sums_over_notes_are_the_metric_of_drawn_notes(metric, kind, method, groups):
    y_true, scores = made()[0], made()[kind]
    settings = {"groups": groups, "method": method, "n_resamples": 50, "random_state": 0}
    fast = bootstrap_interval(metric, y_true, scores, **settings)
    drawn = bootstrap_interval(lambda y, s: metric(y, s), y_true, scores, **settings)
    assert tuple(fast) == pytest.approx(tuple(drawn))
    assert fast.value == pytest.approx(metric(y_true, scores))
    stored = bootstrap_interval(
        metric, sparse.csr_array(y_true), sparse.csr_array(scores), **settings
    )
    assert tuple(stored) == pytest.approx(tuple(fast))


def test_blocks_change_nothing(monkeypatch):
    y_true, _, y_pred = made()
    settings = {"n_resamples": 50, "random_state": 0, "method": "bca"}
    whole = bootstrap_interval(f1_micro, y_true, y_pred, **settings)
    monkeypatch.setattr(_resampling, "_BLOCK", 130)
    assert bootstrap_interval(f1_micro, y_true, y_pred, **settings) == whole


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_interval_of_a_mean_is_that_of_the_normal_distribution(method):
    y_true, scores, _ = made(1000)
    first = np.take_along_axis(y_true, scores.argmax(axis=1)[:, None], axis=1)
    interval = bootstrap_interval(
        partial(precision_at_k, k=1),
        y_true,
        scores,
        n_resamples=4000,
        method=method,
        random_state=0,
    )
    error = first.std() / np.sqrt(len(first))
    assert interval.standard_error == pytest.approx(error, rel=0.05)
    expected = first.mean() - 1.96 * error, first.mean() + 1.96 * error
    assert interval[1:3] == pytest.approx(expected, abs=0.2 * error)


def test_higher_confidence_is_wider():
    y_true, scores, _ = made()
    low, high = (
        bootstrap_interval(
            mean_average_precision, y_true, scores, confidence_level=level, random_state=0
        )
        for level in (0.5, 0.95)
    )
    assert high.low < low.low < low.high < high.high
    assert high.value == low.value


def test_notes_of_a_patient_are_drawn_together():
    y_true, scores, _ = made()
    twins = np.repeat(np.arange(len(y_true)), 2)

    def metric(y_true, scores):
        np.testing.assert_array_equal(y_true[::2], y_true[1::2])
        return precision_at_k(y_true, scores, 2)

    settings = {"n_resamples": 40, "random_state": 0}
    paired = bootstrap_interval(metric, y_true[twins], scores[twins], groups=twins, **settings)
    single = bootstrap_interval(partial(precision_at_k, k=2), y_true, scores, **settings)
    assert tuple(paired) == pytest.approx(tuple(single))


def test_any_metric_is_taken():
    y_true, scores, _ = made()
    interval = bootstrap_interval(roc_auc_micro, y_true, scores, n_resamples=30, random_state=0)
    assert interval.value == roc_auc_micro(y_true, scores)
    assert interval.low < interval.value < interval.high


def test_seed():
    y_true, _, y_pred = made()
    intervals = [
        bootstrap_interval(f1_micro, y_true, y_pred, random_state=seed, n_resamples=50)
        for seed in (0, np.random.RandomState(0), 1)
    ]
    assert intervals[0] == intervals[1] != intervals[2]


def test_no_spread():
    y_true = made()[0]
    assert bootstrap_interval(f1_micro, y_true, y_true) == (1.0, 1.0, 1.0, 0.0)
    with pytest.warns(UndefinedMetricWarning, match="the same for all of them"):
        interval = bootstrap_interval(f1_micro, y_true, y_true, method="bca")
    assert interval.value == 1.0
    assert np.isnan(interval.low)


@pytest.mark.parametrize("metric", [f1_micro, f1_macro])
def test_f1_of_nothing_is_zero_in_resamples_too(metric):
    nothing = np.zeros((5, 3))
    assert bootstrap_interval(metric, nothing, nothing, n_resamples=20) == (0.0, 0.0, 0.0, 0.0)


def test_undefined_resamples_give_nan_with_a_warning():
    y_true = np.array([[1, 0], [0, 0], [0, 0]])
    with pytest.warns(UndefinedMetricWarning, match="nan for some resample"):
        interval = bootstrap_interval(mean_average_precision, y_true, y_true, random_state=0)
    assert interval.value == 1.0
    assert np.isnan([interval.low, interval.high, interval.standard_error]).all()


def test_undefined_resamples_of_other_metrics_do_not_warn_one_by_one():
    y_true = np.array([[1, 0], [0, 0], [0, 0]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bootstrap_interval(roc_auc_micro, y_true, y_true, random_state=0, n_resamples=50)
    assert [str(each.message)[:23] for each in caught] == ["The interval is nan: th"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"method": "BCa"},
            ValueError,
            r"method must be one of \['bca', 'percentile'\], got 'BCa'",
        ),
        ({"confidence_level": 95}, ValueError, "between 0 and 1, got 95"),
        ({"n_resamples": 0}, ValueError, "n_resamples must be at least 1"),
        ({"n_resamples": 1e3}, TypeError, "n_resamples must be an integer"),
        ({"groups": [1, 2]}, ValueError, r"groups must have shape \(40,\).* got shape \(2,\)"),
        ({"groups": np.ones(40)}, ValueError, "two notes or groups are needed .* got 1"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        bootstrap_interval(exact_match_ratio, *made()[::2], **settings)


def test_reports_and_other_shapes_are_refused():
    y_true, _, y_pred = made()
    with pytest.raises(TypeError, match="metric must give one number, got dict"):
        bootstrap_interval(f1_report, y_true, y_pred)
    with pytest.raises(ValueError, match="y_true and scores must have the same shape"):
        bootstrap_interval(roc_auc_micro, y_true, y_pred[:5])
    with pytest.raises(ValueError, match="scores holds NaN"):
        bootstrap_interval(mean_average_precision, y_true, np.full(y_true.shape, np.nan))
