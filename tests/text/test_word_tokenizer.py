"""Notes as token arrays."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer

PIECES = "fever|fiebre|niño|3mg|_|x_y|120/80|İ|“|e\u0301|²|½|-|,|a|b|A"
PIECES = st.sampled_from([*PIECES.split("|"), *" \n\u00a0\x1c\x00\x7f"])
NOTES = st.lists(PIECES | st.characters(), max_size=25).map("".join)
CORPORA = st.lists(NOTES, min_size=1, max_size=8).map(lambda notes: [*notes, "seen"])
ASCII_NOTES = st.text(st.characters(max_codepoint=127), max_size=60)


def tokenize_slowly(notes, others, min_notes, max_vocabulary, max_length):
    split = [re.findall(r"\w+", note)[:max_length] for note in notes]
    df = Counter(word for words in split for word in set(words))
    known = sorted((w for w in df if df[w] >= min_notes), key=lambda w: (-df[w], w))
    ids = {word: i + 2 for i, word in enumerate(known[:max_vocabulary])}
    return ids, [[ids.get(w, 1) for w in re.findall(r"\w+", n)[:max_length]] for n in others]


def padded(rows):
    X = np.zeros((len(rows), max(1, *map(len, rows))), np.int32)
    for row, ids in zip(X, rows, strict=True):
        row[: len(ids)] = ids
    return X


@settings(max_examples=200, deadline=None)
@given(
    CORPORA,
    CORPORA,
    st.integers(1, 3),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 6),
)
def test_same_as_slow_tokens(notes, others, min_notes, max_vocabulary, max_length):
    notes = notes * min_notes
    parameters = min_notes, max_vocabulary, max_length
    tokenizer = WordTokenizer(*parameters).fit(notes)
    ids, rows = tokenize_slowly(notes, others, *parameters)
    assert tokenizer.vocabulary_ == ids
    assert tokenizer.n_tokens_ == len(ids) + 2
    np.testing.assert_array_equal(tokenizer.transform(others).toarray(), padded(rows))
    _, rows = tokenize_slowly(notes, notes, *parameters)
    np.testing.assert_array_equal(
        WordTokenizer(*parameters).fit_transform(notes).toarray(), padded(rows)
    )


@settings(max_examples=200, deadline=None)
@given(NOTES | ASCII_NOTES, st.none() | st.integers(1, 6))
def test_slices_of_the_note_are_the_tokens(note, max_length):
    tokenizer = WordTokenizer(min_notes=1, max_length=max_length).fit([note, "seen"])
    [spans], ids = tokenizer.spans([note]), tokenizer.transform([note]).data
    words = {i: word for word, i in tokenizer.vocabulary_.items()}
    assert [note[start:end] for start, end in spans] == [words[i] for i in ids]


def test_token_array():
    tokenizer = WordTokenizer(min_notes=1).fit(["a b c", "a b"])
    X = tokenizer.transform(["c zzz a", "", "b"])
    assert isinstance(X, csr_array)
    assert (X.dtype, X.indices.dtype, X.indptr.dtype) == (np.int32,) * 3
    assert X.has_canonical_format
    np.testing.assert_array_equal(X.toarray(), [[4, 1, 2], [0, 0, 0], [3, 0, 0]])


def test_notes_without_a_token_have_one_column():
    tokenizer = WordTokenizer(min_notes=1).fit(["a"])
    assert tokenizer.transform(["", "..."]).shape == (2, 1)
    assert tokenizer.transform([]).shape == (0, 1)


def test_smaller_vocabulary_keeps_its_ids():
    notes = ["a b c d", "a b c", "b c", "d e"]
    whole = WordTokenizer(min_notes=1).fit(notes).vocabulary_
    assert whole == {"b": 2, "c": 3, "a": 4, "d": 5, "e": 6}
    part = WordTokenizer(min_notes=1, max_vocabulary=3).fit(notes).vocabulary_
    assert part == {"b": 2, "c": 3, "a": 4}


def test_a_word_counts_once_a_note():
    with pytest.raises(ValueError, match="no word occurs in min_notes=2 of the 2 notes"):
        WordTokenizer(min_notes=2).fit(["a a a", "b"])


def test_only_kept_tokens_make_the_vocabulary():
    tokenizer = WordTokenizer(min_notes=1, max_length=2).fit(["a b c", "a c b"])
    assert set(tokenizer.vocabulary_) == {"a", "b", "c"}
    assert set(WordTokenizer(min_notes=1, max_length=1).fit(["a b c"]).vocabulary_) == {"a"}


def test_vectors():
    tokenizer = WordTokenizer(min_notes=1).fit(["a b c", "a b", "a"])
    table = tokenizer.vectors({"b": [1.0, 3.0], "a": np.array([3, 5]), "other": [9, 9]})
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, [[0, 0], [2, 4], [3, 5], [1, 3], [2, 4]])


def test_vectors_of_gensim():
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(3)
    keyed.add_vectors(["b", "x"], np.arange(6, dtype=np.float32).reshape(2, 3))
    table = WordTokenizer(min_notes=1).fit(["a b"]).vectors(keyed)
    np.testing.assert_array_equal(table, [[0, 0, 0], [0, 1, 2], [0, 1, 2], [0, 1, 2]])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"A": [1.0]}, "none of the 2 known words"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "one length"),
        ({"a": 1.0}, "one length"),
    ],
)
def test_bad_vectors(vectors, message):
    with pytest.raises(ValueError, match=message):
        WordTokenizer(min_notes=1).fit(["a b"]).vectors(vectors)


@settings(max_examples=100, deadline=None)
@given(NOTES, st.integers(1, 10))
def test_spans_compose_down_to_the_raw_note(note, max_words):
    steps = [NoteCleaner(), TfidfTruncator(max_words), WordTokenizer(min_notes=1)]
    spans, text, texts = [], [note, "seen"], []
    for step in steps:
        texts.append(text[0])
        after = step.fit_transform(text)
        spans.append(step.spans(text)[0])
        text = after
    cleaned, shortened, tokens = spans
    for start, end in tokens:
        first, last = shortened[start], shortened[end - 1]
        raw_start, raw_end = cleaned[first[0], 0], cleaned[last[1] - 1, 1]
        token, raw = texts[2][start:end], note[raw_start:raw_end].lower()
        # a token can be a part of one letter that is two in lower case
        assert raw == token or "İ" in note[raw_start:raw_end]
        assert token in raw
