"""Ranking metrics against plain Python over all orders of equal scores, and scikit-learn."""

from itertools import pairwise, permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import RANKINGS
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    average_precision_score,
    label_ranking_average_precision_score,
    ndcg_score,
)

from sklearn_icd.metrics import (
    _places,
    mean_average_precision,
    ndcg_at_k,
    precision_at_k,
    r_precision,
    recall_at_k,
)

ALL = [
    lambda y, s: precision_at_k(y, s, 2),
    lambda y, s: recall_at_k(y, s, 2),
    r_precision,
    mean_average_precision,
    lambda y, s: ndcg_at_k(y, s, 2),
]


def mean_over_orders(y_true, scores, of_list):
    """Average of_list(true codes best first) over all orders of each note that scores allow."""
    per_note = []
    for true, score in zip(y_true.tolist(), scores.tolist(), strict=True):
        orders = [
            [true[j] for j in order]
            for order in permutations(range(len(true)))
            if all(score[a] >= score[b] for a, b in pairwise(order))
        ]
        values = [of_list(order) for order in orders]
        if values[0] is not None:
            per_note.append(sum(values) / len(values))
    return sum(per_note) / len(per_note)


def average_precision(order):
    ranks = [rank for rank, true in enumerate(order, 1) if true]
    return sum(i / rank for i, rank in enumerate(ranks, 1)) / len(ranks) if ranks else None


def dcg(order):
    return sum(true / log2(rank + 1) for rank, true in enumerate(order, 1))


@given(RANKINGS, st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_precision_at_k_is_the_mean_over_tie_orders(ranking, k):
    expected = mean_over_orders(*ranking, lambda order: sum(order[:k]) / k)
    assert precision_at_k(*ranking, k) == pytest.approx(expected)


@given(RANKINGS.filter(lambda ranking: ranking[0].any()), st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_the_others_are_the_mean_over_tie_orders(ranking, k):
    def recall(order):
        return sum(order[:k]) / sum(order) if any(order) else None

    def precision_at_r(order):
        return sum(order[: sum(order)]) / sum(order) if any(order) else None

    def ndcg(order):
        if any(order):
            return dcg(order[:k]) / dcg(sorted(order, reverse=True)[:k])

    assert ndcg_at_k(*ranking, k) == pytest.approx(mean_over_orders(*ranking, ndcg))
    assert recall_at_k(*ranking, k) == pytest.approx(mean_over_orders(*ranking, recall))
    assert r_precision(*ranking) == pytest.approx(mean_over_orders(*ranking, precision_at_r))
    assert mean_average_precision(*ranking) == pytest.approx(
        mean_over_orders(*ranking, average_precision)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("block", [1, 2**22])
def test_map_without_ties_is_that_of_scikit_learn(dtype, block, monkeypatch):
    monkeypatch.setattr(_places, "_BLOCK", block)
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(300), (20, 1)), axis=1).astype(dtype)
    y_true = (rng.random(scores.shape) < 0.05).astype(int)
    y_true[:, 7] = 1
    result = mean_average_precision(y_true, scores)
    assert result == pytest.approx(label_ranking_average_precision_score(y_true, scores))
    assert result == pytest.approx(average_precision_score(y_true, scores, average="samples"))


@pytest.mark.parametrize("k", [1, 7, 30, 100])
@pytest.mark.parametrize("decimals", [1, 8])
def test_ndcg_is_that_of_scikit_learn(k, decimals):
    rng = np.random.default_rng(0)
    scores = rng.random((20, 30)).round(decimals)
    y_true = (rng.random(scores.shape) < 0.2).astype(int)
    y_true[:, 7] = 1
    assert ndcg_at_k(y_true, scores, k) == pytest.approx(ndcg_score(y_true, scores, k=k))


@pytest.mark.parametrize("metric", ALL)
def test_sparse_and_dense_truth_are_equal_and_left_alone(metric):
    rng = np.random.default_rng(1)
    scores = rng.random((6, 9), dtype=np.float32)
    y_true = (rng.random(scores.shape) < 0.3).astype(np.int8)
    before = scores.copy()
    assert metric(sparse.csr_array(y_true), scores) == metric(y_true, scores)
    assert metric(sparse.coo_array(y_true), np.asfortranarray(scores)) == metric(y_true, scores)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("metric", ALL)
def test_order_of_columns_and_a_rising_map_of_scores_change_nothing(metric):
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 4, (8, 7)) / 4
    y_true = rng.random(scores.shape) < 0.4
    columns = rng.permutation(7)
    assert metric(y_true[:, columns], scores[:, columns]) == pytest.approx(metric(y_true, scores))
    assert metric(y_true, np.exp(scores) - 3) == pytest.approx(metric(y_true, scores))


def test_equal_scores_give_chance():
    y_true = np.eye(4, 10, dtype=int)
    scores = np.zeros((4, 10))
    assert precision_at_k(y_true, scores, 5) == pytest.approx(1 / 10)
    assert recall_at_k(y_true, scores, 5) == pytest.approx(5 / 10)
    assert mean_average_precision(y_true, scores) == pytest.approx(np.mean(1 / np.arange(1, 11)))


@pytest.mark.parametrize("metric", ALL[1:])
def test_notes_without_codes_are_left_out(metric):
    y_true = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    scores = np.array([[0.3, 0.9, 0.1], [0.9, 0.8, 0.7], [0.5, 0.6, 0.7]])
    assert metric(y_true, scores) == metric(y_true[[0, 2]], scores[[0, 2]])


def test_precision_counts_notes_without_codes_as_zero():
    assert precision_at_k([[1, 0], [0, 0]], [[0.9, 0.1], [0.9, 0.1]], 1) == 0.5


def test_precision_above_the_number_of_codes_is_still_of_k():
    assert precision_at_k([[1, 1]], [[0.9, 0.1]], 8) == 2 / 8


@pytest.mark.parametrize("metric", ALL[1:])
def test_without_any_true_code_the_result_is_nan_with_a_warning(metric):
    with pytest.warns(UndefinedMetricWarning, match="No note of y_true has a code"):
        assert np.isnan(metric(np.zeros((2, 3)), np.ones((2, 3))))


def test_without_any_true_code_precision_is_zero():
    assert precision_at_k(np.zeros((2, 3)), np.ones((2, 3)), 2) == 0.0


@pytest.mark.parametrize("metric", ALL[1:])
def test_one_code(metric):
    assert metric([[1], [0]], [[-0.3], [0.9]]) == 1.0


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("y_true", "scores", "error", "message"),
    [
        ([[1, 0]], [[0.1, np.nan]], ValueError, "scores holds NaN, first at row 0, column 1"),
        ([[1, 0]], [[0.1, 0.2, 0.3]], ValueError, r"y_true and scores .* \(1, 2\) and \(1, 3\)"),
        ([[1, 3]], [[0.1, 0.2]], ValueError, "y_true must hold only 0 and 1, got 3"),
        ([1, 0], [0.1, 0.2], ValueError, "y_true must be 2-D"),
        ([[1, 0]], [0.1, 0.2], ValueError, "scores must be 2-D"),
        ([[1, 0]], [["a", "b"]], TypeError, "scores must hold real numbers, got dtype <U1"),
    ],
)
def test_bad_input_is_named(metric, y_true, scores, error, message):
    with pytest.raises(error, match=message):
        metric(y_true, scores)


@pytest.mark.parametrize("metric", [ndcg_at_k, precision_at_k, recall_at_k])
@pytest.mark.parametrize(
    ("k", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_bad_k_is_named(metric, k, error):
    with pytest.raises(error, match=rf"k must be .*got {k}"):
        metric([[1, 0]], [[0.1, 0.2]], k)
