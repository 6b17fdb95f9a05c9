"""Cleaning of notes."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.text import NoteCleaner

PIECES = "[**|**]|[**Name 5**]|==|--|___|=|-|_|*|[|]|a|B|3mg|120/80|1.|12|½|İ|ΟΔΟΣ|ß|ñ|e\u0301|Ⅳ|一"
PIECES = st.sampled_from([*PIECES.split("|"), *" \n\t\u00a0\u2028\x1f"])
NOTES = st.lists(PIECES | st.characters(), max_size=30).map("".join)
SWITCHES = [
    "lowercase",
    "remove_deidentification",
    "remove_rules",
    "require_letter",
    "remove_numbers",
]
SETTINGS = st.fixed_dictionaries(
    {
        **{name: st.booleans() for name in SWITCHES},
        "token_pattern": st.sampled_from([r"\S+", r"\w+", "[a-z]+", "[a-z]|[0-9]"]),
        "delete_pattern": st.sampled_from([None, "-", r"\[.*?\]", "a|1"]),
    }
)


def clean_slowly(
    note,
    lowercase,
    remove_deidentification,
    remove_rules,
    require_letter,
    remove_numbers,
    token_pattern,
    delete_pattern,
):
    """Read the note from left to right, one character at a time."""
    if delete_pattern is not None:
        note = "".join(re.split(delete_pattern, note))
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
    words = text.split() if token_pattern == r"\S+" else re.findall(token_pattern, text)
    words = [w for w in words if not require_letter or any(c.isalpha() for c in w)]
    words = [w for w in words if not remove_numbers or not w.isnumeric()]
    return " ".join(w.lower() if lowercase else w for w in words)


@settings(max_examples=500, deadline=None)
@given(NOTES, SETTINGS)
def test_same_as_slow_cleaning(note, parameters):
    assert NoteCleaner(**parameters).transform([note]) == [clean_slowly(note, **parameters)]


@settings(max_examples=500, deadline=None)
@given(NOTES, SETTINGS)
def test_spans_hold_their_characters_in_order(note, parameters):
    cleaner = NoteCleaner(**parameters)
    [text], [spans] = cleaner.transform([note]), cleaner.spans([note])
    assert spans.shape == (len(text), 2)
    assert np.all(spans[:, 0] <= spans[:, 1])
    assert np.all(spans[1:, 0] >= spans[:-1, 0])
    for i, (character, (start, end)) in enumerate(zip(text, spans.tolist(), strict=True)):
        if character == " ":
            assert (start, end) == (spans[i - 1, 1], spans[i + 1, 0])
        else:
            assert end == start + 1
            assert character.casefold() in note[start:end].casefold()


@settings(max_examples=300, deadline=None)
@given(NOTES, SETTINGS)
def test_slices_of_the_note_are_the_words(note, parameters):
    cleaner = NoteCleaner(**{**parameters, "delete_pattern": None})
    [text], [spans] = cleaner.transform([note]), cleaner.spans([note])
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


def test_deleted_text_leaves_no_gap_and_removed_text_does():
    cleaner = NoteCleaner(delete_pattern="-|'")
    assert cleaner.transform(["X-ray of[**Name 5**]his arm__he's"]) == ["xray of his arm hes"]


def test_spans_skip_what_was_deleted():
    cleaner = NoteCleaner(delete_pattern=r"\[.*?\]")
    assert cleaner.transform(["[1]a[2]b [3] [4]c"]) == ["ab c"]
    assert cleaner.spans(["[1]a[2]b [3] [4]c"])[0].tolist() == [[3, 4], [7, 8], [8, 16], [16, 17]]


def test_words_without_a_gap_are_joined_by_a_space_of_no_width():
    cleaner = NoteCleaner(token_pattern="[a-z]", delete_pattern="-")
    assert cleaner.transform(["ab-c"]) == ["a b c"]
    assert cleaner.spans(["ab-c"])[0].tolist() == [[0, 1], [1, 1], [1, 2], [2, 3], [3, 4]]


def test_a_match_of_nothing_is_no_word():
    cleaner = NoteCleaner(token_pattern="[a-z]*", require_letter=False)
    assert cleaner.transform([" a, 1 b"]) == ["a b"]
    assert cleaner.spans([" a, 1 b"])[0].tolist() == [[1, 2], [2, 6], [6, 7]]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("he's 3mg 12 ½ Ⅳ x_1 ___", "he s 3mg x_1 ___"),
        ("a1 1 一 1.5", "a1"),
    ],
)
def test_numbers_are_words_that_are_numeric(note, expected):
    cleaner = NoteCleaner(
        remove_rules=False, require_letter=False, remove_numbers=True, token_pattern=r"\w+"
    )
    assert cleaner.transform([note]) == [expected]


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"token_pattern": "["}, "token_pattern='\\[' is not a regular expression"),
        ({"delete_pattern": "(?P<"}, "delete_pattern=.* is not a regular expression"),
        ({"token_pattern": "(a)b"}, "capturing group"),
        ({"token_pattern": None}, "token_pattern"),
        ({"delete_pattern": 1}, "delete_pattern"),
    ],
)
def test_bad_pattern(parameters, match):
    with pytest.raises(ValueError, match=match):
        NoteCleaner(**parameters).fit(["a"])


def test_a_long_unclosed_bracket_costs_no_time():
    note = "[** " * 20_000
    assert NoteCleaner().transform([note]) == [""]
