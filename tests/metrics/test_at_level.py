"""Merging of codes into groups against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import RANKINGS
from scipy import sparse

from sklearn_icd.metrics import at_level, f1_micro, roc_auc_micro


def give_back(y_true, scores):
    return y_true, scores


def merged(table, groups):
    return np.array(
        [
            [
                max(x for x, g in zip(row, groups, strict=True) if g == name)
                for name in sorted({*groups})
            ]
            for row in table.tolist()
        ]
    )


@given(RANKINGS, st.data())
@settings(deadline=None, max_examples=150)
def test_a_group_is_as_high_as_its_highest_code(ranking, data):
    n_codes = ranking[0].shape[1]
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=n_codes, max_size=n_codes))
    expected = [merged(table, groups) for table in ranking]
    for dense, table, wanted in zip(
        at_level(give_back, *ranking, groups), ranking, expected, strict=True
    ):
        np.testing.assert_array_equal(dense, wanted)
        assert dense.dtype == table.dtype
    stored = at_level(give_back, *map(sparse.csr_array, ranking), groups)
    for table, wanted in zip(stored, expected, strict=True):
        np.testing.assert_array_equal(table.toarray(), wanted)


def test_partial_credit_for_the_right_category():
    y_true, y_pred = [[1, 0, 0]], [[0, 1, 0]]
    assert f1_micro(y_true, y_pred) == 0.0
    assert at_level(f1_micro, y_true, y_pred, ["E11", "E11", "I10"]) == 1.0
    assert at_level(f1_micro, y_true, y_pred, ["E11", "E12", "I10"]) == 0.0


def test_groups_of_their_own_change_nothing():
    y_true, scores = [[1, 0, 1], [0, 1, 0]], [[0.9, 0.5, 0.1], [0.2, 0.7, 0.4]]
    assert at_level(roc_auc_micro, y_true, scores, [2, 0, 1]) == roc_auc_micro(y_true, scores)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"], r"groups must have shape \(2,\).* got shape \(1,\)"),
        (["a", None], "no group for the column at position 1"),
        ([np.nan, 1.0], "no group for the column at position 0"),
    ],
)
def test_bad_groups_are_named(groups, message):
    with pytest.raises(ValueError, match=message):
        at_level(f1_micro, [[1, 0]], [[1, 0]], groups)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"y_true and scores .* \(1, 2\) and \(1, 3\)"):
        at_level(f1_micro, [[1, 0]], [[1, 0, 0]], ["a", "b"])
