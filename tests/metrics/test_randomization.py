"""Approximate randomization against all swaps there are, and the fast way against the plain one."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from made_scores import made
from scipy import sparse
from sum_metrics import SUM_METRICS

from sklearn_icd.metrics import (
    _resampling,
    approximate_randomization_test,
    auc_report,
    f1_macro,
    f1_micro,
    mean_average_precision,
    roc_auc_micro,
)


def two_models(n_notes=40):
    """Make a truth and for two models probabilities and predictions, as `made` orders them."""
    y_true, good, _ = made(n_notes)
    poor = (good + made(n_notes, seed=1)[1]) / 2
    return y_true, (good, poor), (good > 0.5, poor > 0.5)


def exact_p_value(metric, y_true, a, b, groups):
    """Swap every choice of groups: 2 ** n_groups differences."""
    observed = abs(metric(y_true, a) - metric(y_true, b))
    names, extreme = np.unique(groups), []
    for swapped in product([False, True], repeat=len(names)):
        from_b = np.isin(groups, names[list(swapped)])[:, None]
        difference = metric(y_true, np.where(from_b, b, a)) - metric(y_true, np.where(from_b, a, b))
        extreme.append(abs(difference) >= observed - 1e-9)
    return np.mean(extreme)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [(f1_micro, 2), (partial(f1_macro, average="present"), 2), (mean_average_precision, 1)],
)
@pytest.mark.parametrize("groups", [np.arange(8), np.array([0, 0, 1, 2, 2, 2, 3, 4])])
def test_p_value_is_the_share_of_all_swaps(metric, kind, groups):
    models = two_models(8)
    y_true, (a, b) = models[0], models[kind]
    result = approximate_randomization_test(
        metric, y_true, a, b, groups=groups, n_shuffles=5000, random_state=0
    )
    exact = exact_p_value(metric, y_true, a, b, groups)
    assert result.p_value == pytest.approx(exact, abs=0.03)
    assert result[:2] == pytest.approx((metric(y_true, a), metric(y_true, b)))
    assert result.difference == result.value_a - result.value_b


@pytest.mark.parametrize(("metric", "kind"), SUM_METRICS.values(), ids=SUM_METRICS)
@pytest.mark.parametrize("groups", [None, np.arange(40) // 3])
def test_sums_over_notes_are_the_metric_of_swapped_notes(metric, kind, groups):
    models = two_models()
    y_true, (a, b) = models[0], models[kind]
    settings = {"groups": groups, "n_shuffles": 200, "random_state": 0}
    fast = approximate_randomization_test(metric, y_true, a, b, **settings)
    plain = approximate_randomization_test(lambda y, s: metric(y, s), y_true, a, b, **settings)
    assert tuple(fast) == pytest.approx(tuple(plain))
    stored = approximate_randomization_test(
        metric, sparse.csr_array(y_true), sparse.csr_array(a), b, **settings
    )
    assert tuple(stored) == pytest.approx(tuple(fast))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_any_metric_is_taken_also_of_dense_and_sparse_scores(form):
    y_true, (a, b), _ = two_models()
    settings = {"n_shuffles": 50, "random_state": 0}
    result = approximate_randomization_test(roc_auc_micro, y_true, form(a), b, **settings)
    assert result[:2] == pytest.approx((roc_auc_micro(y_true, a), roc_auc_micro(y_true, b)))
    turned = approximate_randomization_test(roc_auc_micro, y_true, b, form(a), **settings)
    assert turned.difference == pytest.approx(-result.difference)
    assert turned.p_value == pytest.approx(result.p_value)


def test_blocks_change_nothing(monkeypatch):
    y_true, _, (a, b) = two_models()
    settings = {"n_shuffles": 100, "random_state": 0}
    whole = approximate_randomization_test(f1_macro, y_true, a, b, **settings)
    monkeypatch.setattr(_resampling, "_BLOCK", 40 * 64)  # 64 rows: the same random bits
    assert approximate_randomization_test(f1_macro, y_true, a, b, **settings) == whole


def test_equal_predictions_and_a_single_patient_are_no_evidence():
    y_true, _, (a, b) = two_models()
    assert approximate_randomization_test(f1_micro, y_true, a, a).p_value == 1.0
    one = np.zeros(len(y_true))
    assert approximate_randomization_test(f1_micro, y_true, a, b, groups=one).p_value == 1.0


def test_the_clearest_difference_has_the_smallest_p_value():
    y_true = made(60)[0]
    result = approximate_randomization_test(
        f1_micro, y_true, y_true, 1 - y_true, n_shuffles=999, random_state=0
    )
    assert result.p_value == 1 / 1000


def test_p_values_are_uniform_where_models_are_equally_good():
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y_true = rng.random((30, 6)) < 0.3
        a, b = (y_true ^ (rng.random(y_true.shape) < 0.2) for _ in range(2))
        result = approximate_randomization_test(
            f1_micro, y_true, a, b, n_shuffles=200, random_state=seed
        )
        p_values.append(result.p_value)
    for limit in (0.1, 0.3, 0.5):
        assert np.mean(np.array(p_values) <= limit) == pytest.approx(limit, abs=0.08)


def test_seed():
    y_true, _, a = made()
    b = np.roll(a, 1, axis=0)
    b[:-3] = a[:-3]
    results = [
        approximate_randomization_test(f1_micro, y_true, a, b, n_shuffles=500, random_state=seed)
        for seed in (0, np.random.RandomState(0), 1)
    ]
    assert results[0] == results[1] != results[2]


def test_undefined_metrics_are_refused():
    nothing = np.zeros((4, 3))
    with pytest.raises(ValueError, match="the metric is nan for pred_a and nan for pred_b"):
        approximate_randomization_test(mean_average_precision, nothing, nothing, nothing)


def test_undefined_shuffles_count_as_large_differences():
    def metric(y_true, scores):  # defined where both notes are of one model
        return float(scores.sum()) if scores[0, 0] == scores[1, 0] else np.nan

    y_true, a, b = np.array([[1], [0]]), np.ones((2, 1)), np.zeros((2, 1))
    result = approximate_randomization_test(metric, y_true, a, b, n_shuffles=99, random_state=0)
    assert result.p_value == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_shuffles": 0}, ValueError, "n_shuffles must be at least 1"),
        ({"groups": [1]}, ValueError, r"groups must have shape \(40,\)"),
        ({"pred_a": np.zeros((3, 12))}, ValueError, r"y_true and pred_a .* \(3, 12\)"),
        ({"pred_b": np.zeros((40, 2))}, ValueError, r"y_true and pred_b .* \(40, 2\)"),
        ({"pred_b": np.full((40, 12), 2)}, ValueError, "must hold only 0 and 1, got 2"),
        ({"metric": auc_report}, TypeError, "metric must give one number, got dict"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    y_true, _, (a, b) = two_models()
    given = {"metric": f1_micro, "y_true": y_true, "pred_a": a, "pred_b": b} | arguments
    with pytest.raises(error, match=message):
        approximate_randomization_test(**given)
