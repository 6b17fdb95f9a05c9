"""Stratified folds of patients: against the algorithm written out, and what every split keeps."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier

from sklearn_icd.model_selection import (
    MultilabelStratifiedGroupKFold,
    multilabel_train_test_split,
)

TABLES = st.integers(0, 2**32 - 1).map(
    lambda seed: _table(np.random.default_rng(seed), n_notes=seed % 29 + 6, n_codes=seed % 7 + 1)
)


def _table(rng, n_notes, n_codes):
    """Make codes of very different frequencies, and four or more patients with their notes."""
    y = rng.random((n_notes, n_codes)) < rng.uniform(0, 0.9, n_codes) ** 2
    patients = np.append(np.arange(4), rng.integers(0, n_notes // 2 + 1, n_notes - 4))
    return y.astype(int), rng.permutation(patients)


def _skewed(n_notes=600, n_codes=80, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n_notes, n_codes)) < 0.4 / np.arange(1, n_codes + 1)).astype(int)


def _folds(splits, n_notes):
    folds = np.full(n_notes, -1)
    for fold, (train, test) in enumerate(splits):
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(n_notes))
        assert (folds[test] == -1).all()
        folds[test] = fold
    return folds


def _assert_dealt_by_the_book(y, groups, folds, n_folds):
    """Go through the units in order, and hold each choice against the counts so far."""
    units = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    chosen = [folds[notes[0]] for notes in units]
    counts = np.array([y[notes].sum(axis=0) for notes in units])
    sizes = np.array([len(notes) for notes in units])
    codes_a_note = max(counts.sum(), 1) / len(y)
    dealt = []

    def had(fold, values):
        return sum((values[unit] for unit in dealt if chosen[unit] == fold), 0 * values[0])

    def had_of(unit, fold):
        own = np.flatnonzero(counts[unit])
        of_codes = counts[unit, own] * had(fold, counts)[own] / counts.sum(axis=0)[own]
        return of_codes.sum() + codes_a_note * had(fold, sizes) / len(y)

    def assert_best(unit, candidates):
        assert chosen[unit] in candidates
        least = min(had_of(unit, fold) for fold in candidates)
        assert had_of(unit, chosen[unit]) == pytest.approx(least)
        dealt.append(unit)

    codes = set(range(y.shape[1]))
    while codes:
        left = [unit for unit in range(len(units)) if unit not in dealt]
        code = min(codes, key=lambda code: (np.count_nonzero(counts[left, code]), code))
        codes.remove(code)
        with_code = [unit for unit in left if counts[unit, code]]
        for unit in sorted(with_code, key=lambda unit: (-counts[unit, code], -sizes[unit], unit)):
            of_code = [had(fold, counts)[code] for fold in range(n_folds)]
            assert_best(unit, np.flatnonzero(np.equal(of_code, min(of_code))))
    for unit in sorted(set(range(len(units))) - set(dealt), key=lambda unit: (-sizes[unit], unit)):
        assert_best(unit, range(n_folds))


@given(TABLES, st.booleans(), st.integers(2, 3))
@settings(deadline=None, max_examples=150)
def test_folds_are_those_of_the_algorithm(table, grouped, n_splits):
    y, groups = table
    groups = groups if grouped else np.arange(len(y))
    splitter = MultilabelStratifiedGroupKFold(n_splits)
    folds = _folds(splitter.split(y, y, groups if grouped else None), len(y))
    _assert_dealt_by_the_book(y, groups, folds, n_splits)


@given(TABLES, st.integers(2, 4), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_patients_stay_whole_and_no_fold_is_empty(table, n_splits, seed):
    y, groups = table
    splitter = MultilabelStratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    folds = _folds(splitter.split(y, y, groups), len(y))
    assert set(folds) == set(range(n_splits))
    assert all(len(set(folds[groups == group])) == 1 for group in groups)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_code_is_shared_out_to_the_last_note(shuffle):
    y = np.arange(1000)[:, None] % 7 == 0
    splitter = MultilabelStratifiedGroupKFold(4, shuffle=shuffle)
    sizes = [(y[test].sum(), len(test)) for _, test in splitter.split(y, y.astype(int))]
    assert {positives for positives, _ in sizes} <= {y.sum() // 4, y.sum() // 4 + 1}
    assert {size for _, size in sizes} == {250}


def test_shares_are_kept_better_than_by_chance():
    y = _skewed()

    def deviation(splitter):
        return np.mean(
            [abs(y[test].mean(axis=0) - y.mean(axis=0)) for _, test in splitter.split(y, y)]
        )

    ours = MultilabelStratifiedGroupKFold(5, shuffle=True, random_state=0)
    chance = KFold(5, shuffle=True, random_state=0)
    assert deviation(ours) < deviation(chance) / 3


def test_every_form_of_y_gives_the_same_folds():
    y = _skewed(60, 8)
    with_zeros = sparse.csr_array((y.ravel(), [row.ravel() for row in np.indices(y.shape)]))
    forms = [y, y.astype(bool), y.tolist(), sparse.csc_matrix(y), with_zeros, pd.DataFrame(y)]
    folds = [_folds(MultilabelStratifiedGroupKFold(3).split(form, form), 60) for form in forms]
    assert all(np.array_equal(folds[0], others) for others in folds)


def test_random_state_decides_and_only_with_shuffle():
    y = _skewed(100, 10)

    def folds(**parameters):
        return _folds(MultilabelStratifiedGroupKFold(3, **parameters).split(y, y), 100).tolist()

    first = folds(shuffle=True, random_state=0)
    assert folds(shuffle=True, random_state=0) == first
    assert folds(shuffle=True, random_state=1) != first
    assert folds() == folds()
    with pytest.raises(ValueError, match="random_state does nothing without shuffle"):
        folds(random_state=0)


def test_notes_without_codes_and_codes_without_notes_are_shared_out():
    y = np.zeros((12, 3), dtype=int)
    y[:4, 0] = 1
    for train, test in MultilabelStratifiedGroupKFold(4).split(y, y):
        assert (y[test].sum(), len(test), len(train)) == (1, 3, 9)


def test_a_1d_y_is_read_as_classes():
    y = np.repeat(["a", "b", "c"], [6, 9, 3])
    for _, test in MultilabelStratifiedGroupKFold(3).split(y, y):
        assert np.unique(y[test], return_counts=True)[1].tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    ("parameters", "groups", "message"),
    [
        ({"n_splits": 1}, None, "n_splits must be an integer of at least 2, got 1"),
        ({"n_splits": 2.5}, None, "n_splits must be an integer of at least 2, got 2.5"),
        ({"shuffle": 1}, None, "shuffle must be True or False, got 1"),
        ({"n_splits": 7}, None, "n_splits=7 greater than the number of samples: n_samples=6"),
        ({"n_splits": 4}, list("aabbcc"), "greater than the number of groups: n_groups=3"),
        ({}, list("aab"), "inconsistent numbers of samples"),
        ({}, [1, 2, np.nan, 4, 5, 6], "groups contains NaN"),
    ],
)
def test_bad_arguments_are_named(parameters, groups, message):
    y = np.eye(6, 2, dtype=int)
    splitter = MultilabelStratifiedGroupKFold(**parameters)
    with pytest.raises(ValueError, match=message):
        list(splitter.split(y, y, groups))


def test_it_goes_where_scikit_learn_takes_a_splitter():
    rng = np.random.default_rng(0)
    y = _skewed(120, 4)
    X, groups = y + rng.normal(size=y.shape), rng.integers(0, 40, 120)
    cv = MultilabelStratifiedGroupKFold(3)
    assert cv.get_n_splits() == 3
    assert repr(cv).startswith("MultilabelStratifiedGroupKFold(n_splits=3")
    clf = OneVsRestClassifier(LogisticRegression())
    search = GridSearchCV(clf, {"estimator__C": [0.1, 1]}, cv=cv, scoring="f1_micro")
    search.fit(X, sparse.csr_array(y), groups=groups)
    dense = cross_validate(search.best_estimator_, X, y, cv=list(cv.split(X, y, groups)))
    assert len(search.cv_results_["split2_test_score"]) == 2
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_validate(search.best_estimator_, X, y, cv=cv, params={"groups": groups})
    assert np.array_equal(routed["test_score"], dense["test_score"])


@given(TABLES, st.floats(0.05, 0.95), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_a_split_keeps_patients_whole_and_nothing_is_lost(table, test_size, seed):
    y, groups = table
    notes = np.arange(len(y))
    train, test, y_train, y_test, of_train, of_test = multilabel_train_test_split(
        notes, y, groups, stratify=y, groups=groups, test_size=test_size, random_state=seed
    )
    assert np.array_equal(np.sort(np.concatenate([train, test])), notes)
    assert min(len(train), len(test)) > 0
    assert not set(of_train) & set(of_test)
    assert np.array_equal(y[train], y_train)
    assert np.array_equal(y[test], y_test)


@pytest.mark.parametrize("test_size", [0.01, 0.1, 0.15, 0.25, 1 / 3, 0.5, 0.9, 0.99, 1, 60, 400])
def test_the_size_of_a_split_is_about_that_asked_for(test_size):
    y = _skewed(600, 30)
    _, test = multilabel_train_test_split(y, stratify=y, test_size=test_size, random_state=0)
    asked = test_size if isinstance(test_size, int) else test_size * 600
    assert abs(len(test) - asked) <= max(1, 0.03 * asked)


def test_a_split_keeps_shares_better_than_by_chance():
    y = _skewed()
    _, test = multilabel_train_test_split(y, stratify=y, test_size=0.2, random_state=0)
    deviation = abs(test.mean(axis=0) - y.mean(axis=0)).mean()
    chance = [
        abs(y[np.random.default_rng(seed).permutation(600)[:120]].mean(axis=0) - y.mean(axis=0))
        for seed in range(20)
    ]
    assert deviation < np.mean(chance) / 3


def test_rare_codes_are_tested_as_often_as_their_share():
    y = np.eye(1000, dtype=int)
    _, test = multilabel_train_test_split(y, stratify=y, test_size=0.1, random_state=0)
    assert test.sum() == 100


def test_a_split_gives_each_kind_of_array_back():
    y = _skewed(40, 5)
    notes = [f"note {i}" for i in range(40)]
    arrays = notes, sparse.csr_array(y), pd.DataFrame(y)
    parts = multilabel_train_test_split(*arrays, stratify=sparse.csr_array(y), random_state=0)
    assert [type(part) for part in parts[::2]] == [list, sparse.csr_array, pd.DataFrame]
    assert np.array_equal(parts[3].toarray(), parts[5].to_numpy())
    assert len(parts[0]) + len(parts[1]) == 40


@pytest.mark.parametrize(
    ("arrays", "parameters", "message"),
    [
        ([], {}, "At least one array required"),
        ([np.zeros(3)], {}, "inconsistent numbers of samples"),
        ([np.zeros(4)], {"test_size": 4}, "test_size=4 leaves none of the 4 notes to train on"),
        ([np.zeros(4)], {"test_size": 1.5}, "'test_size' parameter"),
        ([np.zeros(4)], {"groups": list("aaaa")}, "at least 2 notes"),
    ],
)
def test_bad_splits_are_named(arrays, parameters, message):
    with pytest.raises(ValueError, match=message):
        multilabel_train_test_split(*arrays, stratify=np.eye(4, dtype=int), **parameters)
