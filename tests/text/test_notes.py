"""Validation of raw notes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_icd.utils._notes import check_notes


def test_result_is_a_new_list():
    notes = ["a", ""]
    assert check_notes(notes) == notes
    assert check_notes(notes) is not notes
    assert check_notes(np.array([])) == []


def test_strings_of_numpy_become_plain():
    assert {type(x) for x in check_notes([np.str_("a"), "b"])} == {str}
    assert {type(x) for x in check_notes(np.array(["a"]))} == {str}


@pytest.mark.parametrize(
    "missing", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT], ids=lambda x: type(x).__name__
)
def test_missing(missing):
    with pytest.raises(ValueError, match=r"X\[1\] is missing: give '' for an empty note"):
        check_notes(["a", missing, missing], name="X")


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["a", None]),
        pd.Series(["a", None], dtype=object),
        pd.Series(["a", None], dtype="string"),
        pl.Series(["a", None]),
    ],
    ids=lambda series: f"{type(series).__module__}-{series.dtype}",
)
def test_missing_in_series(series):
    with pytest.raises(ValueError, match=r"notes\[1\] is missing"):
        check_notes(series)


@pytest.mark.parametrize(
    ("value", "message"),
    [(b"x", "got bytes: decode it first"), (3, "got int"), (0.5, "got float"), ([], "got list")],
)
def test_not_text(value, message):
    with pytest.raises(TypeError, match=rf"notes\[0\] must be a str, {message}"):
        check_notes([value, "a"])


@pytest.mark.parametrize(
    "table",
    [
        np.array([["a"]]),
        pd.DataFrame({"text": ["a"]}),
        pl.DataFrame({"text": ["a"]}),
        np.array("a"),
    ],
    ids=lambda table: f"{type(table).__module__}-{table.ndim if hasattr(table, 'ndim') else 2}",
)
def test_not_one_dimensional(table):
    with pytest.raises(ValueError, match=r"notes must be one-dimensional.*of shape \(.*one column"):
        check_notes(table)


@pytest.mark.parametrize("notes", ["a note", b"a note"])
def test_single_note(notes):
    with pytest.raises(TypeError, match=r"got a single .*: put it in a list"):
        check_notes(notes)


@pytest.mark.parametrize(
    "notes", [None, 3, {0: "a"}, {"a"}, (x for x in "ab")], ids=lambda notes: type(notes).__name__
)
def test_no_sequence(notes):
    with pytest.raises(TypeError, match="notes must be a list, array or series of str, got"):
        check_notes(notes)
