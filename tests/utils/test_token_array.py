"""Token arrays: what goes in comes out, whatever form it has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_icd.utils._token_array import TokenArray

some_notes = st.lists(st.lists(st.integers(1, 2**31 - 1), max_size=6), min_size=1, max_size=8)


def dense(notes, extra=0):
    width = max(map(len, notes)) + extra
    return np.array([note + [0] * (width - len(note)) for note in notes], dtype=np.int32).reshape(
        len(notes), width
    )


def contents(tokens):
    return [part.tolist() for part in np.split(tokens.ids, tokens.offsets[1:-1])]


@settings(deadline=None, max_examples=60)
@given(some_notes, st.integers(0, 3))
def test_every_form_holds_the_same_notes(notes, extra):
    matrix = dense(notes, extra)
    for form in (
        np.asarray,
        sparse.csr_array,
        sparse.csr_matrix,
        sparse.csc_array,
        sparse.coo_array,
    ):
        tokens = TokenArray.from_matrix(form(matrix))
        assert contents(tokens) == notes
        assert tokens.lengths.tolist() == list(map(len, notes))
        assert len(tokens) == len(notes)
    again = TokenArray.from_matrix(tokens.to_array())
    assert contents(again) == notes
    assert tokens.to_array().shape == (len(notes), max(1, *map(len, notes)))


@settings(deadline=None, max_examples=60)
@given(some_notes, st.data())
def test_rows_can_be_taken_and_padded(notes, data):
    tokens = TokenArray.from_matrix(dense(notes))
    rows = np.array(data.draw(st.lists(st.integers(0, len(notes) - 1), max_size=5)), dtype=int)
    assert [note for note in contents(tokens.take(rows)) if len(rows)] == [notes[r] for r in rows]
    padded = tokens.padded(rows)
    assert padded.dtype == np.int64
    assert padded.shape == (len(rows), max([len(notes[r]) for r in rows] + [1]))
    assert [[i for i in row if i] for row in padded.tolist()] == [notes[r] for r in rows]
    assert all(not any(row[len(notes[r]) :]) for row, r in zip(padded.tolist(), rows, strict=True))


def test_zeros_are_padding_wherever_they_stand_and_nothing_is_changed():
    matrix = sparse.csr_array(
        (np.array([5, 0, 3, 2]), np.array([3, 1, 0, 2]), np.array([0, 3, 4])), shape=(2, 4)
    )
    before = matrix.copy()
    assert contents(TokenArray.from_matrix(matrix)) == [[3, 5], [2]]
    assert (matrix.data == before.data).all()
    assert (matrix.indices == before.indices).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 30), max_size=9), st.lists(st.booleans(), min_size=2, max_size=20))
def test_ids_without_a_meaning_become_the_unknown_word(ids, known):
    known = np.array(known)
    known[1] = True
    tokens = TokenArray(np.array(ids, dtype=int), np.array([0, len(ids)]))
    expected = [i if i < len(known) and known[i] else 1 for i in ids]
    assert tokens.read_with(known).ids.tolist() == expected
    own = tokens.known_ids()
    assert own[1]
    assert set(np.flatnonzero(own)) == {1, *ids}
    assert tokens.read_with(own).ids.tolist() == ids


def test_a_single_empty_note_has_one_column_of_padding():
    tokens = TokenArray.from_matrix(sparse.csr_array((1, 0), dtype=np.int32))
    assert tokens.padded(np.array([0])).tolist() == [[0]]
    assert tokens.known_ids().tolist() == [False, True]


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_wide_indices(index_type):
    X = sparse.csr_array(np.array([[2, 3], [4, 0]]))
    X.indptr, X.indices = X.indptr.astype(index_type), X.indices.astype(index_type)
    assert contents(TokenArray.from_matrix(X)) == [[2, 3], [4]]


def test_a_huge_id_is_refused_before_a_table_is_made_for_it():
    tokens = TokenArray.from_matrix(np.array([[2, 2**30]]))
    with pytest.raises(ValueError, match="holds the id 1073741824"):
        tokens.known_ids()
