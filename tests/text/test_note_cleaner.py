"""Cleaning of notes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.text import NoteCleaner

PIECES = "[**|**]|[**Name 5**]|==|--|___|=|-|_|*|[|a|B|3mg|120/80|1.|İ|ΟΔΟΣ|ß|ñ|e\u0301|Ⅳ"
PIECES = st.sampled_from([*PIECES.split("|"), *" \n\t\u00a0\u2028\x1f"])
NOTES = st.lists(PIECES | st.characters(), max_size=30).map("".join)
SWITCHES = st.fixed_dictionaries(
    {
        name: st.booleans()
        for name in ["lowercase", "remove_deidentification", "remove_rules", "require_letter"]
    }
)


def clean_slowly(note, lowercase, remove_deidentification, remove_rules, require_letter):
    """Read the note once from left to right, one character at a time."""
    text, i = "", 0
    while i < len(note):
        end = i
        if remove_deidentification and note.startswith("[**", i):
            close, other = note.find("**]", i + 3), note.find("[**", i + 1)
            if close != -1 and (other == -1 or close < other):
                end = close + 3
        if remove_rules and end == i and note[i] in "=-_":
            run = len(note[i:]) - len(note[i:].lstrip(note[i]))
            end = i + run if run > 1 else i
        text += " " if end > i else note[i]
        i = max(end, i + 1)
    words = [w for w in text.split() if not require_letter or any(c.isalpha() for c in w)]
    return " ".join(w.lower() if lowercase else w for w in words)


@settings(max_examples=300, deadline=None)
@given(NOTES, SWITCHES)
def test_same_as_slow_cleaning(note, switches):
    assert NoteCleaner(**switches).transform([note]) == [clean_slowly(note, **switches)]


@settings(max_examples=300, deadline=None)
@given(NOTES, SWITCHES)
def test_slices_of_the_note_are_the_words(note, switches):
    cleaner = NoteCleaner(**switches)
    [text], [spans] = cleaner.transform([note]), cleaner.spans([note])
    assert spans.shape == (len(text), 2)
    assert np.all(spans[1:, 0] >= spans[:-1, 0])
    start = 0
    for word in text.split(" ") if text else []:
        end = start + len(word)
        piece = note[spans[start, 0] : spans[end - 1, 1]]
        assert (piece.lower() if cleaner.lowercase else piece) == word
        start = end + 1


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Seen by[**Doctor\nLast Name 3**]today", "seen by today"),
        ("[**Hospital 1**] [**Hospital 2**]", ""),
        ("[**never closed, but kept [**2151-8-4**] here", "[**never closed, but kept here"),
        ("pain--severe __ x_y", "pain severe x_y"),
        ("1. Aspirin 81mg - BP 120/80 2x", "aspirin 81mg bp 2x"),
        ("----a====", "a"),
        ("Año\u00a0NUEVO", "año nuevo"),
        ("", ""),
    ],
)
def test_example(note, expected):
    assert NoteCleaner().transform([note]) == [expected]


def test_letter_that_is_longer_in_lower_case():
    note = "== İs BP"
    [text] = NoteCleaner().transform([note])
    assert text == "i\u0307s bp"
    assert NoteCleaner().spans([note])[0].tolist() == [
        [3, 4],
        [3, 4],
        [4, 5],
        [5, 6],
        [6, 7],
        [7, 8],
    ]


def test_space_stands_for_the_gap():
    assert NoteCleaner().spans(["a [**b**]\nc"])[0].tolist() == [[0, 1], [1, 10], [10, 11]]


def test_a_long_unclosed_bracket_costs_no_time():
    note = "[** " * 20_000
    assert NoteCleaner().transform([note]) == [""]
