"""What holds for every metric: dense and sparse are equal, arguments stay, bad input is named."""

from functools import partial

import numpy as np
import pytest
from made_scores import made
from scipy import sparse

from sklearn_icd import metrics
from sklearn_icd.metrics import (
    auc_report,
    average_precision_macro,
    average_precision_micro,
    best_f1_threshold,
    binary_cross_entropy,
    brier_score,
    exact_match_ratio,
    expected_calibration_error,
    f1_macro,
    f1_micro,
    f1_report,
    jaccard_samples,
    mean_average_precision,
    ndcg_at_k,
    precision_at_k,
    propensity_precision_at_k,
    r_precision,
    recall_at_k,
    recall_by_frequency,
    roc_auc_macro,
    roc_auc_micro,
)

PROPENSITIES = np.linspace(0.05, 1, 12)
COUNTS = np.arange(12)
RANKING = {
    "auc_report": auc_report,
    "average_precision_macro": average_precision_macro,
    "average_precision_micro": average_precision_micro,
    "best_f1_threshold": best_f1_threshold,
    "mean_average_precision": mean_average_precision,
    "ndcg_at_k": partial(ndcg_at_k, k=3),
    "precision_at_k": partial(precision_at_k, k=3),
    "propensity_precision_at_k": partial(propensity_precision_at_k, k=3, propensities=PROPENSITIES),
    "r_precision": r_precision,
    "recall_at_k": partial(recall_at_k, k=3),
    "recall_by_frequency": partial(recall_by_frequency, train_counts=COUNTS, k=2),
    "roc_auc_macro": roc_auc_macro,
    "roc_auc_micro": roc_auc_micro,
}
OF_PROBABILITIES = {
    "binary_cross_entropy": binary_cross_entropy,
    "brier_score": brier_score,
    "expected_calibration_error": expected_calibration_error,
}
OF_SCORES = RANKING | OF_PROBABILITIES
OF_PREDICTIONS = {
    "exact_match_ratio": exact_match_ratio,
    "f1_macro": f1_macro,
    "f1_micro": f1_micro,
    "f1_report": f1_report,
    "jaccard_samples": jaccard_samples,
}
NO_METRICS = {
    "approximate_randomization_test",
    "at_level",
    "bootstrap_interval",
    "by_frequency",
    "code_propensities",
    "get_scorer",
    "mcnemar_test",
}


def same(values):
    """Let floats differ in their rounding, in nested dicts too."""
    if isinstance(values, dict):
        return {name: same(value) for name, value in values.items()}
    return pytest.approx(values, rel=1e-12, abs=1e-12, nan_ok=True)


def over(scores):
    """Leave only the higher half of the scores: the others are 0."""
    return np.where(scores > np.median(scores), scores, 0).astype(scores.dtype)


def test_every_metric_is_here():
    assert {*OF_SCORES, *OF_PREDICTIONS} == set(metrics.__all__) - NO_METRICS


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_and_dense_are_equal(metric, form):
    y_true, scores, _ = made()
    scores = over(scores)
    expected = same(metric(y_true, scores))
    assert metric(form(y_true), scores) == expected
    assert metric(y_true, form(scores)) == expected
    assert metric(form(y_true), form(scores)) == expected


@pytest.mark.parametrize("metric", RANKING.values(), ids=RANKING)
def test_negative_sparse_scores_are_below_those_not_stored(metric):
    y_true, scores, _ = made(seed=1)
    scores = over(scores) - (scores < 0.2)
    assert metric(y_true, sparse.csr_array(scores)) == same(metric(y_true, scores))


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
def test_stored_zeros_count_as_cells_not_stored(metric):
    y_true, scores, _ = made()
    stored = sparse.csr_array(scores)
    stored.data[::2] = 0
    assert metric(y_true, stored) == same(metric(y_true, stored.toarray()))


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
def test_nothing_stored_is_all_zero(metric):
    y_true = made()[0]
    nothing = sparse.csr_array(y_true.shape)
    assert metric(y_true, nothing) == same(metric(y_true, nothing.toarray()))


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
def test_duplicates_add_up_and_arguments_stay(metric):
    y_true, scores, _ = made()
    parts = sparse.csr_array(scores)
    double = sparse.csr_array(
        (np.repeat(parts.data / 2, 2), np.repeat(parts.indices, 2), 2 * parts.indptr),
        shape=parts.shape,
    )
    truth = sparse.csr_array(y_true)
    assert metric(truth, double) == same(metric(y_true, scores))
    assert double.nnz == 2 * parts.nnz
    assert truth.nnz == y_true.sum()
    before = scores.copy()
    metric(y_true, scores)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
def test_types_of_float_agree(metric):
    y_true, scores, _ = made()
    assert metric(y_true, scores) == same(metric(y_true.astype(float), scores.astype(np.float64)))


@pytest.mark.parametrize("metric", RANKING.values(), ids=RANKING)
def test_order_of_notes_changes_nothing(metric):
    y_true, scores, _ = made()
    notes = np.random.default_rng(0).permutation(len(y_true))
    assert metric(y_true[notes], scores[notes]) == same(metric(y_true, scores))


@pytest.mark.parametrize("metric", OF_SCORES.values(), ids=OF_SCORES)
@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
def test_nan_scores_are_refused(metric, form):
    y_true, scores, _ = made()
    scores[3, 5] = np.nan
    with pytest.raises(ValueError, match="holds NaN, first at row 3, column 5"):
        metric(y_true, form(scores))


@pytest.mark.parametrize("metric", OF_PROBABILITIES.values(), ids=OF_PROBABILITIES)
@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
@pytest.mark.parametrize("value", [-0.5, 1.5, np.inf])
def test_what_is_no_probability_is_refused(metric, form, value):
    y_true, scores, _ = made()
    scores[3, 5] = value
    with pytest.raises(ValueError, match=f"between 0 and 1, got {value} at row 3, column 5"):
        metric(y_true, form(scores))


EVERY = OF_SCORES | OF_PREDICTIONS


@pytest.mark.parametrize("metric", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda y, p: (y[:, :-1], p), ValueError, r"same shape .* \(40, 11\) and \(40, 12\)"),
        (lambda y, p: (y + 2, p), ValueError, "y_true must hold only 0 and 1, got"),
        (lambda y, p: (y[0], p[0]), ValueError, "y_true must be 2-D"),
        (lambda y, p: (y[:0], p[:0]), ValueError, "at least one note and one code"),
        (lambda y, p: (y.astype(str), p), TypeError, "y_true must hold real numbers, got dtype"),
        (lambda y, p: (y, p.astype(str)), TypeError, "must hold real numbers, got dtype"),
    ],
)
def test_bad_input_is_named(metric, spoil, error, message):
    y_true, _, y_pred = made()
    with pytest.raises(error, match=message):
        metric(*spoil(y_true, y_pred))


@pytest.mark.parametrize("metric", OF_PREDICTIONS.values(), ids=OF_PREDICTIONS)
def test_sparse_and_dense_predictions_are_equal(metric):
    y_true, _, y_pred = made()
    expected = metric(y_true, y_pred)
    assert metric(sparse.csc_array(y_true), sparse.coo_matrix(y_pred)) == expected


ONE_FLOAT = {
    name: metric
    for name, metric in EVERY.items()
    if name.split("_")[-1] not in ("report", "frequency")
}


@pytest.mark.parametrize("metric", ONE_FLOAT.values(), ids=ONE_FLOAT)
def test_results_are_plain_floats(metric):
    y_true, _, y_pred = made()
    assert type(metric(y_true, y_pred)) is float
