"""Metrics within groups of frequent, rare and unseen codes, against plain loops."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_icd.metrics import (
    average_precision_micro,
    by_frequency,
    f1_micro,
    recall_by_frequency,
    roc_auc_macro,
)

LDPLAM = {"S": range(6, 1000), "F": range(1, 6), "Z": range(1)}


def brute(y_true, scores, counts, k):
    result = {}
    for name, band in LDPLAM.items():
        columns = [j for j, count in enumerate(counts) if count in band]
        recalls = []
        for true, score in zip(y_true, scores, strict=True):
            relevant = {j for j in columns if true[j]}
            if relevant:
                best = sorted(columns, key=lambda j: -score[j])[:k]
                recalls.append(len(relevant.intersection(best)) / len(relevant))
        result[name] = len(columns), len(recalls), np.mean(recalls) if recalls else np.nan
    return result


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 12), st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_equals_a_plain_loop(seed, n_notes, n_codes, k):
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(n_codes), (n_notes, 1)), axis=1)
    y_true = (rng.random(scores.shape) < 0.3).astype(int)
    counts = rng.integers(0, 10, n_codes)
    groups = recall_by_frequency(sparse.csr_array(y_true), scores, counts, k=k)
    assert list(groups) == list(LDPLAM)
    for name, (size, coded, recall) in brute(y_true, scores, counts, k).items():
        expected = {
            "n_codes": size,
            "n_notes": coded,
            f"recall@{k}": recall,
            f"chance@{k}": min(k, size) / size if size else np.nan,
        }
        assert groups[name] == pytest.approx(expected, nan_ok=True)


def test_limits_of_the_groups():
    counts = [0, 1, 5, 6, 7]
    groups = recall_by_frequency(np.ones((1, 5)), np.ones((1, 5)), counts)
    assert {name: group["n_codes"] for name, group in groups.items()} == {"S": 2, "F": 2, "Z": 1}


def test_the_eleven_bands():
    counts = [0, 9, 10, 19, 20, 35, 89, 90, 99, 100, 5000]
    groups = by_frequency(f1_micro, np.ones((1, 11)), np.ones((1, 11)), counts)
    sizes = {name: group["n_codes"] for name, group in groups.items()}
    names = ["0-9", *(f"{low}-{low + 9}" for low in range(10, 100, 10)), "100+"]
    assert sizes == dict(zip(names, [2, 2, 1, 1, 0, 0, 0, 0, 1, 2, 2], strict=True))
    assert np.isnan(groups["40-49"]["score"])


@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
def test_a_band_is_evaluated_as_if_it_were_all(form):
    rng = np.random.default_rng(0)
    y_true = (rng.random((30, 8)) < 0.3).astype(int)
    scores = rng.random(y_true.shape).round(1)
    counts = np.array([0, 3, 9, 0, 4, 2, 8, 7])
    groups = by_frequency(roc_auc_macro, form(y_true), form(scores), counts, bands="sfz")
    for name, band in LDPLAM.items():
        columns = [j for j, count in enumerate(counts) if count in band]
        assert groups[name] == {
            "n_codes": len(columns),
            "n_positives": y_true[:, columns].sum(),
            "score": pytest.approx(roc_auc_macro(y_true[:, columns], scores[:, columns])),
        }


def test_by_frequency_gives_the_metric_what_it_was_given():
    kinds = []
    tables = [[1, 0]], sparse.csr_matrix([[0.5, 0.1]])
    by_frequency(lambda y, s: kinds.extend([type(y), type(s)]), *tables, [5, 5], bands="sfz")
    assert kinds == [np.ndarray, sparse.csr_array]


def test_undefined_in_a_band_is_nan_without_a_warning():
    groups = by_frequency(average_precision_micro, [[1, 0]], [[0.5, 0.5]], [9, 0], bands="sfz")
    assert groups["S"] == {"n_codes": 1, "n_positives": 1, "score": 1.0}
    assert groups["Z"] == {
        "n_codes": 1,
        "n_positives": 0,
        "score": pytest.approx(np.nan, nan_ok=True),
    }


def test_random_scores_reach_chance():
    rng = np.random.default_rng(0)
    y_true = rng.random((200, 60)) < 0.1
    counts = np.repeat([0, 3, 9], 20)
    groups = recall_by_frequency(y_true, np.zeros((200, 60)), counts)
    for group in groups.values():
        assert group["recall@5"] == pytest.approx(group["chance@5"]) == pytest.approx(5 / 20)
        assert group["recall@10"] == pytest.approx(group["chance@10"]) == pytest.approx(10 / 20)


def test_bands_of_ones_own():
    bands = {"head": (100, None), "tail": (0, 99)}
    groups = recall_by_frequency([[1, 1]], [[0.1, 0.9]], [100, 99], k=[1], bands=bands)
    assert groups == {
        name: {"n_codes": 1, "n_notes": 1, "recall@1": 1.0, "chance@1": 1.0} for name in bands
    }


def test_counts_may_come_from_a_sparse_sum():
    y_train = sparse.csr_array(np.ones((7, 2), dtype=np.int8))
    groups = recall_by_frequency([[1, 0]], [[0.9, 0.1]], y_train.sum(axis=0), k=1)
    assert groups["S"]["n_codes"] == 2


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ([1, 2, 3], ValueError, r"train_counts must have shape \(2,\).* got shape \(3,\)"),
        ([[1, 2]], ValueError, r"train_counts must have shape \(2,\).* got shape \(1, 2\)"),
        ([1, -2], ValueError, "whole numbers from 0 on, got -2 at position 1"),
        ([0.5, 2], ValueError, "whole numbers from 0 on, got 0.5 at position 0"),
        ([1, np.nan], ValueError, "whole numbers from 0 on, got nan at position 1"),
        (["a", "b"], TypeError, "train_counts must hold numbers of notes"),
    ],
)
def test_bad_counts_are_named(counts, error, message):
    with pytest.raises(error, match=message):
        recall_by_frequency([[1, 0]], [[0.9, 0.1]], counts)


@pytest.mark.parametrize("by", [partial(by_frequency, f1_micro), recall_by_frequency])
def test_unknown_bands_are_named(by):
    with pytest.raises(ValueError, match=r"bands must be one of \['sfz', 'tens'\].* got 'SFZ'"):
        by([[1, 0]], [[1, 0]], [1, 2], bands="SFZ")


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"y_true and scores .* \(1, 2\) and \(1, 3\)"):
        by_frequency(f1_micro, [[1, 0]], [[1, 0, 0]], [1, 2])


@pytest.mark.parametrize("band", [(5, 1), (-1, 3), (-2, None)])
def test_bad_bands_are_named(band):
    with pytest.raises(ValueError, match=r"bands\['x'\] must be"):
        recall_by_frequency([[1, 0]], [[0.9, 0.1]], [1, 2], bands={"x": band})


def test_bad_k_is_named():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        recall_by_frequency([[1, 0]], [[0.9, 0.1]], [1, 2], k=(5, 0))


def test_nan_scores_are_refused():
    with pytest.raises(ValueError, match="scores holds NaN"):
        recall_by_frequency([[1, 0]], [[0.9, np.nan]], [1, 2])
