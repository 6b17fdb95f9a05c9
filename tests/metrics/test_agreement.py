"""Exact matches and the Jaccard index against plain sets, and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from made_scores import PREDICTIONS
from sklearn.metrics import accuracy_score, jaccard_score

from sklearn_icd.metrics import exact_match_ratio, jaccard_samples


def code_sets(table):
    return [set(np.flatnonzero(row)) for row in table]


@given(PREDICTIONS)
@settings(deadline=None, max_examples=150)
def test_sets_of_codes(pair):
    notes = list(zip(*map(code_sets, pair), strict=True))
    assert exact_match_ratio(*pair) == pytest.approx(np.mean([t == p for t, p in notes]))
    for empty in (0.0, 1.0):
        shares = [len(t & p) / len(t | p) if t | p else empty for t, p in notes]
        assert jaccard_samples(*pair, zero_division=empty) == pytest.approx(np.mean(shares))


@given(PREDICTIONS)
@settings(deadline=None, max_examples=100)
def test_those_of_scikit_learn(pair):
    y_true, y_pred = (np.hstack([y, y]) for y in pair)  # one column would be binary to it
    assert exact_match_ratio(y_true, y_pred) == pytest.approx(accuracy_score(y_true, y_pred))
    for empty in (0.0, 1.0):
        theirs = jaccard_score(y_true, y_pred, average="samples", zero_division=empty)
        assert jaccard_samples(y_true, y_pred, zero_division=empty) == pytest.approx(theirs)


def test_notes_without_codes():
    none = np.zeros((2, 3))
    assert exact_match_ratio(none, none) == 1.0
    assert jaccard_samples(none, none) == 0.0


def test_other_zero_division_is_named():
    with pytest.raises(ValueError, match=r"zero_division must be 0\.0 or 1\.0, got 'warn'"):
        jaccard_samples([[1]], [[1]], zero_division="warn")
