"""Propensities and propensity-scored precision against the formula and all orders of ties."""

from itertools import pairwise, permutations
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import RANKINGS, made
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_icd.metrics import code_propensities, precision_at_k, propensity_precision_at_k


@given(
    st.lists(st.integers(0, 900), min_size=1, max_size=5),
    st.integers(900, 10**6),
    st.floats(0.1, 1),
    st.floats(0.1, 3),
)
def test_propensities_follow_the_formula(counts, n_notes, a, b):
    c = (log(n_notes) - 1) * (b + 1) ** a
    expected = [1 / (1 + c * exp(-a * log(count + b))) for count in counts]
    assert code_propensities(counts, n_notes, a=a, b=b) == pytest.approx(expected)


def test_default_constants_are_those_of_jain_et_al():
    expected = code_propensities([0, 7], 100, a=0.55, b=1.5)
    np.testing.assert_array_equal(code_propensities([0, 7], 100), expected)


def gain(true, order, k, weights):
    return sum(true[code] * weights[code] for code in order[:k])


@given(RANKINGS.filter(lambda ranking: ranking[0].any()), st.integers(1, 6), st.data())
@settings(deadline=None, max_examples=150)
def test_share_of_the_reachable_weight_over_all_orders(ranking, k, data):
    y_true, scores = ranking
    n_codes = y_true.shape[1]
    propensities = data.draw(
        st.lists(st.sampled_from([0.1, 0.25, 0.5, 1.0]), min_size=n_codes, max_size=n_codes)
    )
    weights = [1 / propensity for propensity in propensities]
    reached, reachable = 0, 0
    for true, score in zip(y_true.tolist(), scores.tolist(), strict=True):
        every = list(permutations(range(n_codes)))
        allowed = [o for o in every if all(score[a] >= score[b] for a, b in pairwise(o))]
        reached += np.mean([gain(true, order, k, weights) for order in allowed])
        reachable += max(gain(true, order, k, weights) for order in every)
    result = propensity_precision_at_k(y_true, scores, k, propensities)
    assert result == pytest.approx(reached / reachable)


def test_equal_propensities_leave_precision_over_the_best_possible():
    y_true, scores, _ = made()
    expected = precision_at_k(y_true, scores, 3) / precision_at_k(y_true, y_true, 3)
    result = propensity_precision_at_k(y_true, scores, 3, np.full(12, 0.3))
    assert result == pytest.approx(expected)


def test_without_true_codes_it_is_nan_with_a_warning():
    with pytest.warns(UndefinedMetricWarning, match="No note of y_true has a code"):
        assert np.isnan(propensity_precision_at_k([[0, 0]], [[0.1, 0.2]], 1, [0.5, 0.5]))


@pytest.mark.parametrize(
    ("propensities", "error", "message"),
    [
        ([0.5], ValueError, r"propensities must have shape \(2,\).* got shape \(1,\)"),
        ([0.5, 0.0], ValueError, r"above 0 and not above 1, got 0\.0 at position 1"),
        ([1.5, 0.1], ValueError, r"got 1\.5 at position 0"),
        ([np.nan, 0.1], ValueError, "got nan at position 0"),
        (["a", "b"], TypeError, "propensities must hold numbers"),
    ],
)
def test_bad_propensities_are_named(propensities, error, message):
    with pytest.raises(error, match=message):
        propensity_precision_at_k([[1, 0]], [[0.1, 0.2]], 1, propensities)


@pytest.mark.parametrize(
    ("counts", "n_notes", "error", "message"),
    [
        ([5], 4, ValueError, "n_notes must be the number of training notes, .* got 4"),
        ([1], 2, ValueError, "at least 3 .* got 2"),
        ([1], 10.0, TypeError, r"n_notes must be an integer, got 10\.0"),
        ([-1], 10, ValueError, "train_counts must hold whole numbers from 0 on, got -1"),
        ([[1, 2]], 10, ValueError, r"train_counts must have shape \(2,\)"),
    ],
)
def test_bad_counts_are_named(counts, n_notes, error, message):
    with pytest.raises(error, match=message):
        code_propensities(counts, n_notes)
