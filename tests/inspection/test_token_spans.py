"""Tokens are found again in the raw note, whatever the text steps did to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_icd.inspection import _token_spans, token_spans
from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer

NOTES = [
    "== PLAN ==\n1. İSTANBUL: Dr [**Known\nname 5**] gave aspirin 81mg, BP 120/80 -- no fever",
    "ΟΔΟΣ, fever___fever; “ÇA\u00a0VA” niño 5µg [**unclosed",
    "fever " * 30,
    "",
    " \n\t ",
]
WORDS = ["fever", "İİx", "Xİ", "[**Name 1**]", "==", "a--b", "120/80", "ΣΑΣ.", "co-ugh,", "\u00a0"]


def pipeline(**steps):
    steps = {
        "clean": NoteCleaner(),
        "truncate": TfidfTruncator(max_words=6),
        "tokenize": WordTokenizer(min_notes=1),
        **steps,
    }
    return Pipeline([*steps.items(), ("clf", "passthrough")]).fit(NOTES)


def tokens(fitted, notes):
    """Read the tokens out of the token array."""
    words = {number: word for word, number in fitted["tokenize"].vocabulary_.items()}
    X = fitted.transform(notes)
    return [[words.get(number, "?") for number in X[[i]].data] for i in range(X.shape[0])]


def found(fitted, notes):
    """Read the tokens out of the notes."""
    return [
        [note[start:end] for start, end in spans]
        for note, spans in zip(notes, token_spans(fitted, notes), strict=True)
    ]


def folded(words):
    return [word.casefold().replace("\u0307", "") for word in words]


def test_slices_of_the_note_are_the_tokens():
    note = "== PLAN ==\n1. Dr [**Name 5**] gave Aspirin 81mg, BP 120/80"
    assert found(pipeline(truncate=None), [note]) == [
        ["PLAN", "Dr", "gave", "Aspirin", "81mg", "BP"]
    ]


def test_letters_that_are_longer_in_lower_case():
    note = "İİ fever İX"
    assert "İ".lower() != "i"
    assert found(pipeline(truncate=None), [note]) == [["İ", "İ", "fever", "İ", "X"]]


@pytest.mark.parametrize("max_words", [1, 3, 6, 100])
@pytest.mark.parametrize("max_length", [None, 2])
def test_truncated_notes(max_words, max_length):
    fitted = pipeline(
        truncate=TfidfTruncator(max_words=max_words),
        tokenize=WordTokenizer(min_notes=1, max_length=max_length),
    )
    for slices, words in zip(found(fitted, NOTES), tokens(fitted, NOTES), strict=True):
        assert folded(slices) == folded(words)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(WORDS), max_size=12).map(" \n".join) | st.text(max_size=20),
        max_size=3,
    )
)
def test_any_note(notes):
    fitted = pipeline().set_params(truncate=TfidfTruncator(max_words=4))
    fitted.fit([*NOTES, *notes])
    for slices, words in zip(found(fitted, notes), tokens(fitted, notes), strict=True):
        assert folded(slices) == folded(words)


def test_rows_are_the_columns_of_attention(pipeline, made):
    X = pipeline[:-1].transform(made.data)
    spans = token_spans(pipeline, made.data)
    assert [len(rows) for rows in spans] == np.diff(X.indptr).tolist()


@pytest.mark.parametrize("dropped", [["clean"], ["truncate"], ["clean", "truncate"]])
def test_steps_may_be_left_out(dropped):
    for nothing in (None, "passthrough"):
        fitted = pipeline(**dict.fromkeys(dropped, nothing))
        slices = found(fitted, ["Fever fever"])
        assert slices == [["Fever", "fever"]]


class Expander(TransformerMixin, BaseEstimator):
    """Write out one abbreviation: many characters then come from a few."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [note.replace("htn", "hypertension") for note in X]

    def spans(self, notes):
        found = []
        for note in notes:
            place = note.index("htn")
            spans = [[i, i + 1] for i in range(len(note))]
            spans[place : place + 3] = [[place, place + 3]] * len("hypertension")
            found.append(np.array(spans))
        return found


def test_steps_of_others_count_too():
    steps = [("expand", Expander()), ("tokenize", WordTokenizer(min_notes=1)), ("clf", None)]
    fitted = Pipeline(steps).fit(["htn"])
    assert found(fitted, ["has htn, fever"]) == [["has", "htn", "fever"]]


def test_an_empty_span_stays_where_it_is():
    inner, outer = np.array([[3, 5], [7, 9]]), np.array([[0, 0], [1, 1], [2, 2], [0, 2]])
    expected = [[3, 3], [7, 7], [9, 9], [3, 9]]
    assert _token_spans._compose(inner, outer).tolist() == expected
    assert _token_spans._compose(inner[:0], outer[:1]).tolist() == [[0, 0]]


def test_batches_do_not_matter(monkeypatch):
    expected = token_spans(pipeline(), NOTES)
    monkeypatch.setattr(_token_spans, "_NOTES_AT_ONCE", 2)
    for one, other in zip(token_spans(pipeline(), NOTES), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_without_spans_is_named():
    fitted = pipeline(clean=FunctionTransformer(list))
    with pytest.raises(TypeError, match=r"step 'clean' .* FunctionTransformer, has no method"):
        token_spans(fitted, NOTES)


def test_no_pipeline():
    with pytest.raises(TypeError, match=r"must be a sklearn\.pipeline\.Pipeline.*got NoteCleaner"):
        token_spans(NoteCleaner(), NOTES)


def test_not_fitted():
    steps = [("tokenize", WordTokenizer()), ("clf", "passthrough")]
    with pytest.raises(NotFittedError):
        token_spans(Pipeline(steps), NOTES)


def test_notes_are_checked():
    with pytest.raises(ValueError, match=r"notes\[1\] is missing"):
        token_spans(pipeline(), ["fever", None])
