"""McNemar's test of each code against the binomial test, corrections against their rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from made_scores import TWO_PREDICTIONS, made
from scipy import sparse
from scipy.stats import binomtest

from sklearn_icd.metrics import mcnemar_test


def plain(y_true, pred_a, pred_b):
    right_a, right_b = pred_a == y_true, pred_b == y_true
    only_a, only_b = (right_a & ~right_b).sum(axis=0), (right_b & ~right_a).sum(axis=0)
    p_values = [
        binomtest(a, a + b).pvalue if a + b else 1.0
        for a, b in zip(only_a.tolist(), only_b.tolist(), strict=True)
    ]
    return only_a, only_b, p_values


@given(TWO_PREDICTIONS)
@settings(deadline=None, max_examples=150)
def test_each_code_has_the_binomial_test_of_its_notes(tables):
    for form in (np.asarray, sparse.csr_array):
        result = mcnemar_test(*map(form, tables), correction=None)
        only_a, only_b, p_values = plain(*tables)
        np.testing.assert_array_equal(result.only_a, only_a)
        np.testing.assert_array_equal(result.only_b, only_b)
        np.testing.assert_allclose(result.p_value, p_values)
        np.testing.assert_array_equal(result.p_adjusted, result.p_value)


def holm(p_values, limit):
    """Reject from the smallest on, as long as p <= limit / number of those left."""
    rejected = np.zeros(len(p_values), dtype=bool)
    for rank, at in enumerate(np.argsort(p_values)):
        if p_values[at] > limit / (len(p_values) - rank):
            break
        rejected[at] = True
    return rejected


def benjamini_hochberg(p_values, limit):
    """Reject up to the last p_(i) <= limit * i / n."""
    sorted_ = np.sort(p_values)
    under = sorted_ <= limit * np.arange(1, len(p_values) + 1) / len(p_values)
    return p_values <= (sorted_[under].max() if under.any() else -1)


@pytest.mark.parametrize(("correction", "rule"), [("holm", holm), ("fdr", benjamini_hochberg)])
@pytest.mark.parametrize("seed", range(5))
def test_corrections_reject_what_their_rules_reject(correction, rule, seed):
    rng = np.random.default_rng(seed)
    y_true, _, pred_a = made(60, 30, seed)
    flips = rng.random(y_true.shape) < np.linspace(0, 0.5, 30) ** 2
    flips[:, ::4] = False
    pred_b = pred_a ^ flips
    result = mcnemar_test(y_true, pred_a, pred_b, correction=correction)
    tested = result.only_a + result.only_b > 0
    assert not tested[::4].any()
    assert tested.sum() > 10
    np.testing.assert_array_equal(result.p_adjusted[~tested], 1.0)
    assert (result.p_adjusted >= result.p_value).all()
    for limit in (0.01, 0.05, 0.2, 0.5):
        rejected = result.p_adjusted[tested] <= limit
        np.testing.assert_array_equal(rejected, rule(result.p_value[tested], limit))


def test_codes_alike_are_corrected_alike():
    y_true = np.ones((8, 4))
    pred_b = y_true.copy()
    pred_b[:7, :3] = 0
    result = mcnemar_test(y_true, y_true, pred_b)
    np.testing.assert_allclose(result.p_adjusted, [6 / 2**7] * 3 + [1])


@pytest.mark.parametrize("correction", ["holm", "fdr", None])
def test_equal_models_leave_nothing_to_test(correction):
    y_true, _, y_pred = made()
    result = mcnemar_test(y_true, y_pred, y_pred, correction=correction)
    np.testing.assert_array_equal(result.p_adjusted, np.ones(12))


def test_turned_models():
    y_true, _, pred_a = made()
    pred_b = made(seed=1)[2]
    one, other = mcnemar_test(y_true, pred_a, pred_b), mcnemar_test(y_true, pred_b, pred_a)
    np.testing.assert_array_equal(one.only_a, other.only_b)
    np.testing.assert_array_equal(one.p_adjusted, other.p_adjusted)


def test_bad_arguments_are_named():
    y_true, probabilities, y_pred = made()
    with pytest.raises(ValueError, match="correction must be 'holm', 'fdr' or None, got 'bonf'"):
        mcnemar_test(y_true, y_pred, y_pred, correction="bonf")
    with pytest.raises(ValueError, match="pred_b must hold only 0 and 1"):
        mcnemar_test(y_true, y_pred, probabilities)
    with pytest.raises(ValueError, match="y_true and pred_a must have the same shape"):
        mcnemar_test(y_true, y_pred[:, :3], y_pred)
