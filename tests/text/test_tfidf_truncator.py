"""Shortening of long notes."""

import math
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from sklearn_icd.text import TfidfTruncator

WORDS = st.sampled_from(["a", "b", "c", "a,", "(b)", "C", "...", "-", "¿b?", "x_", "_", "é", "a.b"])
SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0"])
NOTES = st.lists(WORDS | SPACES | st.just(" "), max_size=40).map("".join)


def key_of(word):
    kept = [i for i, c in enumerate(word) if c.isalnum()]
    return word[kept[0] : kept[-1] + 1] if kept else word


def truncate_slowly(notes, note, max_words):
    """Take the least important word away, one at a time."""
    df = Counter(key for n in notes for key in {key_of(w) for w in n.split()})
    words = list(enumerate(note.split()))
    if len(words) <= max_words:
        return note
    tf = Counter(key_of(word) for _, word in words)

    def importance(word):
        return tf[key_of(word)] * (math.log((1 + len(notes)) / (1 + df[key_of(word)])) + 1)

    while len(words) > max_words:
        words.remove(min(words, key=lambda word: (importance(word[1]), -word[0])))
    return " ".join(word for _, word in words)


@settings(max_examples=200, deadline=None)
@given(st.lists(NOTES, min_size=1, max_size=6), NOTES, st.integers(1, 12))
def test_same_as_slow_truncation(notes, other, max_words):
    truncator = TfidfTruncator(max_words=max_words).fit(notes)
    for note, shortened in zip([*notes, other], truncator.transform([*notes, other]), strict=True):
        assert shortened == truncate_slowly(notes, note, max_words)


@settings(max_examples=200, deadline=None)
@given(st.lists(NOTES, min_size=1, max_size=4), st.integers(1, 12))
def test_exactly_max_words_remain_in_order(notes, max_words):
    for note, shortened in zip(notes, TfidfTruncator(max_words).fit_transform(notes), strict=True):
        words = note.split()
        if len(words) <= max_words:
            assert shortened == note
        else:
            assert len(shortened.split()) == max_words
            rest = iter(words)
            assert all(word in rest for word in shortened.split())


@settings(max_examples=200, deadline=None)
@given(NOTES, st.integers(1, 12))
def test_slices_of_the_note_are_the_characters(note, max_words):
    truncator = TfidfTruncator(max_words).fit(["a b", "b c"])
    [text], [spans] = truncator.transform([note]), truncator.spans([note])
    assert spans.shape == (len(text), 2)
    for i, (start, end) in enumerate(spans):
        if not text[i].isspace():
            assert note[start:end] == text[i]
        else:
            assert note[start:end] == text[i] or start == spans[i - 1, 1]


def test_idf_is_that_of_scikit_learn():
    notes = ["fever cough fever", "cough", "rash and cough", ""]
    truncator = TfidfTruncator().fit(notes)
    vectorizer = TfidfVectorizer().fit(notes)
    assert set(truncator.vocabulary_) == set(vectorizer.vocabulary_)
    for word, number in truncator.vocabulary_.items():
        assert truncator.idf_[number] == pytest.approx(
            vectorizer.idf_[vectorizer.vocabulary_[word]]
        )


def test_later_of_equals_goes_first():
    truncator = TfidfTruncator(max_words=3).fit(["z"])
    assert truncator.transform(["d c b a"]) == ["d c b"]
    assert truncator.transform(["a b a b"]) == ["a b a"]


def test_unseen_words_count_as_the_rarest():
    truncator = TfidfTruncator(max_words=1).fit(["common rare", "common"])
    assert truncator.transform(["common rare unseen"]) == ["unseen"]
    assert truncator.transform(["new1 new2 new1"]) == ["new1"]


def test_nothing_is_learned_from_the_notes_transformed():
    truncator = TfidfTruncator(max_words=2).fit(["a b", "a c"])
    before = dict(truncator.vocabulary_)
    first = truncator.transform(["a d e", "b c d"])
    assert truncator.transform(["b c d", "a d e"]) == first[::-1]
    assert truncator.vocabulary_ == before


def test_punctuation_around_a_word_does_not_count():
    truncator = TfidfTruncator().fit(
        [f"{mark}pain{mark}" for mark in string.punctuation] + ["...", "pain-free"]
    )
    assert set(truncator.vocabulary_) == {"pain", "...", "pain-free"}


def test_only_empty_notes():
    assert TfidfTruncator(max_words=1).fit(["", " "]).transform(["a b", ""]) == ["a", ""]
    assert np.size(TfidfTruncator().fit([""]).idf_) == 0
