"""Segment arrays: notes in segments, batches without the padding that all of them have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from sklearn_icd.utils._token_array import SegmentArray, TokenArray, as_tokens, check_token_array

lengths_of_notes = st.integers(0, 4).flatmap(
    lambda s: st.lists(
        st.lists(st.integers(0, 5), min_size=s, max_size=s).map(np.array), min_size=1, max_size=6
    )
)


def make(lengths, width=5, dtype=np.int32):
    lengths = np.array(lengths).reshape(len(lengths), -1)
    ids = np.random.RandomState(0).randint(1, 9, size=(*lengths.shape, width))
    return (ids * (np.arange(width) < lengths[..., None])).astype(dtype)


@settings(deadline=None, max_examples=60)
@given(lengths_of_notes, st.data())
def test_a_batch_holds_the_notes_and_is_no_larger_than_it_must(lengths, data):
    X = make(lengths)
    tokens = SegmentArray(X)
    assert len(tokens) == len(X)
    assert tokens.lengths.tolist() == [int(sum(note)) for note in lengths]
    assert tokens.to_array() is X
    rows = np.array(data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=8)))
    batch = tokens.padded(rows)
    assert batch.dtype == np.int64
    whole = np.zeros((len(rows), *X.shape[1:]), dtype=int)
    whole[:, : batch.shape[1], : batch.shape[2]] = batch
    np.testing.assert_array_equal(whole, X[rows])
    filled = [n for row in rows for n in np.atleast_1d(lengths[row])]
    assert batch.shape[2] == max(1, *filled, 1)
    n_segments = max((np.count_nonzero(np.cumsum(lengths[row][::-1])) for row in rows), default=0)
    assert batch.shape[1] == (max(1, n_segments) if X.shape[1] else 0)


def test_notes_can_be_taken():
    X = make([[3, 2], [0, 0], [5, 0]])
    taken = SegmentArray(X).take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.to_array(), X[[2, 0]])
    assert taken.lengths.tolist() == [5, 5]
    assert sorted(taken.ids) == sorted(X[[2, 0]].ravel())


@settings(deadline=None, max_examples=40)
@given(lengths_of_notes, st.integers(2, 9))
def test_ids_without_a_meaning_are_unknown(lengths, n_known):
    X = make(lengths)
    tokens = SegmentArray(X)
    known = tokens.known_ids()
    assert known.dtype == bool
    assert set(np.flatnonzero(known)) - {0, 1} == set(X.ravel()) - {0, 1}
    np.testing.assert_array_equal(tokens.read_with(known).to_array(), X)
    known = np.arange(n_known) % 2 == 0
    for note, same in zip(tokens.read_with(known).to_array(), X, strict=True):
        for mine, id in zip(note.ravel(), same.ravel(), strict=True):
            has_meaning = id == 0 or (id < n_known and known[id])
            assert mine == (id if has_meaning else 1)


def test_three_dimensions_are_segments():
    X = make([[3, 2]])
    assert isinstance(as_tokens(X), SegmentArray)
    assert isinstance(as_tokens(X[0]), TokenArray)
    tokens = SegmentArray(X)
    assert as_tokens(tokens) is tokens


def check(X, segments=True, **more):
    return check_token_array(BaseEstimator(), X, segments=segments, reset=True, **more)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, float, object])
def test_whole_numbers_of_any_kind(dtype):
    X = make([[3, 2], [5, 1]])
    tokens = check(X.astype(dtype))
    np.testing.assert_array_equal(tokens.to_array(), X)
    assert tokens.ids.dtype.kind in "iu"
    np.testing.assert_array_equal(check(X.tolist()).to_array(), X)


def test_no_copy_of_ids_that_are_right():
    X = make([[3, 2], [5, 1]])
    assert np.shares_memory(check(X).to_array(), X)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-3, "Negative values in data passed to X: -3.0 in row 1, segment 0, token 4"),
        (2.5, "Fractional values in data passed to X: 2.5 in row 1, segment 0, token 4"),
        (np.nan, "NaN"),
        (2.0**33, "32-bit"),
    ],
)
def test_wrong_ids_are_named_with_their_place(value, message):
    X = make([[3, 2], [5, 1]], dtype=float)
    X[1, 0, 4] = value
    with pytest.raises(ValueError, match=message):
        check(X)


def test_the_width_is_that_of_the_segments():
    estimator = BaseEstimator()
    estimator.feature_names_in_ = ["left from a data frame"]
    check_token_array(estimator, make([[3, 2]]), reset=True, segments=True)
    assert estimator.n_features_in_ == 5
    assert not hasattr(estimator, "feature_names_in_")
    check_token_array(estimator, make([[7, 7, 7]], width=7), segments=True)
    assert estimator.n_features_in_ == 5


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4, 5), ()])
def test_other_numbers_of_dimensions(shape):
    with pytest.raises(ValueError, match=r"or \(n_notes, n_segments, segment_length\)"):
        check(np.ones(shape, dtype=int))


def test_segments_where_notes_are_read():
    with pytest.raises(ValueError, match=r"X_val has shape \(2, 2, 5\).*BaseEstimator reads whole"):
        check(make([[3, 2], [5, 1]]), segments=False, name="X_val")
