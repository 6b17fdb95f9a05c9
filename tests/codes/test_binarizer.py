"""Lists of codes as an indicator matrix, and back."""

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MultiLabelBinarizer

from sklearn_icd.codes import CodeBinarizer, CodeSystem

NOTES = [["4019", "428.0"], ["401.1", "0389", "0389"], []]
SOME = {
    "icd9cm": CodeSystem("icd9cm").codes[::97],
    "icd9proc": CodeSystem("icd9proc").codes[::61],
    "icd10cm": CodeSystem("icd10cm").codes[::991],
    "icd10pcs": CodeSystem("icd10pcs").codes[::997],
    "icd9": ("401.1", "401.9", "428.0", "40.11", "38.93", "V58.61", "E885.9"),
    "icd10": ("E11.9", "I10", "B20", "0DTJ4ZZ", "B2111ZZ"),
}


def lists_of(codes):
    return st.lists(st.lists(st.sampled_from(codes), max_size=6), min_size=1, max_size=12).filter(
        any
    )


def test_columns_are_sorted_codes_and_rows_are_notes():
    binarizer = CodeBinarizer("icd9cm")
    y = binarizer.fit_transform(NOTES)
    assert isinstance(y, csr_array)
    assert y.dtype == np.int64
    assert binarizer.classes_.tolist() == ["038.9", "401.1", "401.9", "428.0"]
    assert binarizer.counts_.tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(y.toarray(), [[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    dense = CodeBinarizer("icd9cm", sparse_output=False).fit_transform(NOTES)
    assert dense.dtype == np.int64
    np.testing.assert_array_equal(dense, y.toarray())


@pytest.mark.parametrize("system", SOME)
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_round_trip_of_any_spelling(system, data):
    notes = data.draw(lists_of(SOME[system]))
    written = [[f" {code.lower()}" for code in codes] for codes in notes]
    binarizer = CodeBinarizer(system)
    back = binarizer.inverse_transform(binarizer.fit_transform(written))
    assert back == [tuple(sorted(set(codes))) for codes in notes]


@pytest.mark.parametrize("level", ["category", "block", "chapter"])
@pytest.mark.parametrize("system", ["icd9cm", "icd9proc", "icd9", "icd10cm", "icd10pcs"])
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_rolled_up_codes_are_what_the_system_says(system, level, data):
    notes = data.draw(lists_of(SOME[system]))
    rolled = [[CodeSystem(system).roll_up(code, level) for code in codes] for codes in notes]
    expected = MultiLabelBinarizer()
    table = expected.fit_transform(rolled)
    binarizer = CodeBinarizer(system, level=level)
    np.testing.assert_array_equal(binarizer.fit_transform(notes).toarray(), table)
    assert binarizer.classes_.tolist() == expected.classes_.tolist()


@given(
    notes=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=30),
    min_count=st.integers(1, 5),
    top_k=st.none() | st.integers(1, 6),
)
@settings(deadline=None, max_examples=150)
def test_min_count_and_top_k(notes, min_count, top_k):
    counts = Counter(code for codes in notes for code in set(codes))
    left = [code for code in "abcdefgh" if counts[code] >= min_count]
    order = np.lexsort((left, [-counts[code] for code in left])) if left else []
    expected = sorted(left[i] for i in order[:top_k])
    binarizer = CodeBinarizer(min_count=min_count, top_k=top_k)
    if not expected:
        with pytest.raises(ValueError, match=rf"no code of y is in min_count={min_count} notes"):
            binarizer.fit(notes)
        return
    y = binarizer.fit_transform(notes)
    assert binarizer.classes_.tolist() == expected
    assert binarizer.counts_.tolist() == [counts[code] for code in expected]
    assert binarizer.infrequent_classes_.tolist() == sorted(counts.keys() - expected)
    np.testing.assert_array_equal(y.sum(axis=0), binarizer.counts_)
    np.testing.assert_array_equal(binarizer.transform(notes).toarray(), y.toarray())
    kept = [tuple(sorted(set(codes) & set(expected))) for codes in notes]
    assert binarizer.inverse_transform(y) == kept


def test_counts_are_of_notes_after_rolling_up():
    binarizer = CodeBinarizer("icd9cm", level="category", min_count=2)
    binarizer.fit([["401.1", "401.9"], ["4019", "428.0", "4280"]])
    assert binarizer.classes_.tolist() == ["401"]
    assert binarizer.counts_.tolist() == [2]
    assert binarizer.infrequent_classes_.tolist() == ["428"]


def test_unknown_codes_are_counted_in_a_warning():
    binarizer = CodeBinarizer("icd9cm").fit(NOTES)
    message = r"not seen in fit are left out, 3 in all, 2 different: the first is y\[1\]\[0\]"
    with pytest.warns(UserWarning, match=message):
        y = binarizer.transform([["4019"], ["25000", "4280"], ["250.00", "V5861"]])
    assert binarizer.inverse_transform(y) == [("401.9",), ("428.0",), ()]


def test_unknown_codes_can_be_ignored_or_an_error():
    unknown = [["4019"], ["4280", "25000"]]
    binarizer = CodeBinarizer("icd9cm", handle_unknown="ignore").fit(NOTES)
    assert binarizer.inverse_transform(binarizer.transform(unknown)) == [("401.9",), ("428.0",)]
    binarizer.set_params(handle_unknown="error")
    with pytest.raises(ValueError, match=r"y\[1\]\[1\] has no column: it is not seen in fit"):
        binarizer.transform(unknown)


def test_infrequent_codes_are_no_unknown_codes():
    binarizer = CodeBinarizer(top_k=1, handle_unknown="error").fit([["a", "b"], ["a"]])
    assert binarizer.inverse_transform(binarizer.transform([["b"], ["a"]])) == [(), ("a",)]


def test_codes_that_the_system_does_not_have():
    notes = [["4019", "999.99"], ["401.1"]]  # 999.99 is spelt like a code
    assert "999.99" in CodeBinarizer("icd9cm").fit(notes).classes_
    for level in ("category", "block", "chapter"):
        with pytest.warns(UserWarning, match=r"not in CodeSystem\('icd9cm'\).*1 in all"):
            y = CodeBinarizer("icd9cm", level=level).fit_transform(notes)
        np.testing.assert_array_equal(y.toarray(), [[1], [1]])
        strict = CodeBinarizer("icd9cm", level=level, handle_unknown="error")
        with pytest.raises(ValueError, match=r"y\[0\]\[1\] has no column"):
            strict.fit(notes)


def test_codes_since_split_have_their_block():
    binarizer = CodeBinarizer("icd9cm", level="block", handle_unknown="error")
    binarizer.fit([["780.6"], ["7806"]])
    assert binarizer.classes_.tolist() == ["780-789"]
    assert binarizer.counts_.tolist() == [2]


def test_given_classes_are_the_columns_in_their_order():
    binarizer = CodeBinarizer("icd9cm", classes=["4280", "V58.61", "401.9"])
    with pytest.warns(UserWarning, match="not among classes are left out, 3 in all, 2 different"):
        y = binarizer.fit_transform(NOTES)
    assert binarizer.classes_.tolist() == ["428.0", "V58.61", "401.9"]
    assert binarizer.counts_.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(y.toarray(), [[1, 0, 1], [0, 0, 0], [0, 0, 0]])
    assert binarizer.inverse_transform(y)[0] == ("428.0", "401.9")


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"classes": []}, ValueError, "classes is empty"),
        ({"classes": ["4019", "401.9"]}, ValueError, "classes has the code '401.9' more than once"),
        ({"classes": ["401.9", 4280]}, TypeError, r"classes\[1\] must be a str, got int"),
        ({"classes": ["401.9", None]}, ValueError, r"classes\[1\] is missing"),
        ({"classes": ["cat"]}, ValueError, "'cat' is not an ICD-9-CM diagnosis"),
        ({"classes": ["999.99"], "level": "block"}, ValueError, "has no code '999.99' of classes"),
        ({"classes": ["401.9"], "top_k": 3}, ValueError, "classes fixes the columns"),
        ({"classes": ["401.9"], "min_count": 3}, ValueError, "classes fixes the columns"),
        ({"system": None, "level": "block"}, ValueError, "level='block' needs a coding system"),
        ({"system": "icd11"}, ValueError, "system"),
        ({"level": "section"}, ValueError, "level"),
        ({"min_count": 0}, ValueError, "min_count"),
        ({"min_count": 0.5}, ValueError, "min_count"),
        ({"top_k": 0}, ValueError, "top_k"),
        ({"handle_unknown": "drop"}, ValueError, "handle_unknown"),
        ({"sparse_output": "no"}, ValueError, "sparse_output"),
    ],
)
def test_bad_parameters(parameters, error, message):
    binarizer = CodeBinarizer(**{"system": "icd9cm", **parameters})
    for method in (binarizer.fit, binarizer.fit_transform):
        with pytest.raises(error, match=message):
            method(NOTES)


@pytest.mark.parametrize("system", [None, "icd9cm"])
@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (
            [["4019"], ["4280", 401.9]],
            TypeError,
            r"y\[1\]\[1\].*float \(401\.9\).*zeros.*dtype=str",
        ),
        ([["4019"], [42]], TypeError, r"y\[1\]\[0\].*int \(42\).*zeros.*dtype=str"),
        ([np.array([401, 428])], TypeError, r"y\[0\]\[0\].*int64.*zeros.*dtype=str"),
        ([["4019", None]], ValueError, r"y\[0\]\[1\] is missing \(None\)"),
        ([["4019", float("nan")]], ValueError, r"y\[0\]\[1\] is missing \(nan\)"),
        ([["4019", pd.NA]], ValueError, r"y\[0\]\[1\] is missing \(<NA>\)"),
        ([["4019"], None], ValueError, r"y\[1\] is missing: give \[\]"),
        ([["4019"], np.nan], ValueError, r"y\[1\] is missing: give \[\]"),
        ([["4019"], ["", "4280"]], ValueError, r"y\[1\]\[0\]: an empty code"),
        ([["4019"], "4280"], TypeError, r"y\[1\] must be a list of codes, got str"),
        ([["4019"], 4280], TypeError, r"y\[1\] must be a list of codes, got int"),
        ([[["4019"]]], TypeError, r"y\[0\]\[0\] must be a str, got list"),
        ("4019", TypeError, "list of lists of codes, got str"),
        (4019, TypeError, "list of lists of codes, got int"),
        ([], ValueError, "no code of y"),
        ([[], []], ValueError, "no code of y"),
    ],
)
def test_bad_codes(system, y, error, message):
    with pytest.raises(error, match=message):
        CodeBinarizer(system).fit(y)


@pytest.mark.parametrize(
    ("system", "level", "code", "message"),
    [
        ("icd9cm", "full", "38.93", r"y\[1\]\[0\]: '38\.93' is not an ICD-9-CM diagnosis"),
        ("icd9", "full", "4011", r"y\[1\]\[0\].*may be a diagnosis or a procedure"),
        ("icd9cm", "category", "390-459", r"y\[1\]\[0\]: '390-459' cannot be rolled up"),
        ("icd10", "category", "B2000ZZ", r"y\[1\]\[0\]: The category of.*'B20'.*also a diagnosis"),
    ],
)
def test_what_cannot_be_rolled_up_is_an_error_whatever_is_done_about_unknown_codes(
    system, level, code, message
):
    binarizer = CodeBinarizer(system, level=level, handle_unknown="ignore")
    with pytest.raises(ValueError, match=message):
        binarizer.fit([[], [code]])


@pytest.mark.parametrize(
    "y",
    [
        [["secret name coughs, and has a fever"]],
        ["secret name coughs"],
        "secret name coughs",
        [[b"secret name coughs"]],
        [[["secret name coughs"]]],
    ],
)
def test_notes_that_are_passed_in_place_of_codes_are_not_shown(y):
    with pytest.raises((TypeError, ValueError)) as caught:
        CodeBinarizer("icd9cm").fit(y)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        iter,
        pd.Series,
        pl.Series,
        lambda notes: [np.array(codes, dtype=str) for codes in notes],
        lambda notes: [pd.Series(codes, dtype=str) for codes in notes],
        lambda notes: map(set, notes),
        lambda notes: map(iter, notes),
    ],
)
def test_containers(container):
    binarizer = CodeBinarizer("icd9cm")
    expected = binarizer.fit_transform(NOTES).toarray()
    np.testing.assert_array_equal(binarizer.fit_transform(container(NOTES)).toarray(), expected)
    assert binarizer.classes_.tolist() == ["038.9", "401.1", "401.9", "428.0"]


def test_grouped_table():
    table = pd.DataFrame({"hadm_id": [7, 7, 9], "icd9_code": ["4019", "4280", "0389"]})
    codes = table.groupby("hadm_id")["icd9_code"].agg(list)
    binarizer = CodeBinarizer("icd9cm")
    back = binarizer.inverse_transform(binarizer.fit_transform(codes))
    assert back == [("401.9", "428.0"), ("038.9",)]


@pytest.mark.parametrize(
    "form",
    [
        lambda y, names: y,
        lambda y, names: y.tocsc(),
        lambda y, names: y.toarray().astype(bool),
        lambda y, names: y.toarray().tolist(),
        lambda y, names: pd.DataFrame(y.toarray(), columns=names),
        lambda y, names: pd.DataFrame.sparse.from_spmatrix(y, columns=names),
        lambda y, names: csr_array(  # a stored zero, and columns out of order
            (np.array([1, 1, 0, 1, 1]), np.array([3, 2, 0, 1, 0]), np.array([0, 3, 5, 5])),
            shape=y.shape,
        ),
    ],
)
def test_inverse_of_any_indicator(form):
    binarizer = CodeBinarizer("icd9cm")
    y = form(binarizer.fit_transform(NOTES), binarizer.classes_)
    assert binarizer.inverse_transform(y) == [("401.9", "428.0"), ("038.9", "401.1"), ()]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((2, 3)), "classes_ has shape .*3 columns"),
        (np.full((2, 4), 0.5), "0 and 1 only"),
        (np.zeros(4), "1 dimensions"),
        (pd.DataFrame(np.zeros((1, 4)), columns=["428.0", "401.9", "401.1", "038.9"]), "reorder"),
    ],
)
def test_bad_indicators(y, message):
    with pytest.raises(ValueError, match=message):
        CodeBinarizer("icd9cm").fit(NOTES).inverse_transform(y)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        CodeBinarizer().transform([["a"]])
    with pytest.raises(NotFittedError):
        CodeBinarizer().inverse_transform([[1]])


def test_clone_and_pickle():
    binarizer = CodeBinarizer("icd9cm", level="block", min_count=1).fit(NOTES)
    assert not hasattr(clone(binarizer), "classes_")
    assert clone(binarizer).get_params() == binarizer.get_params()
    copy = pickle.loads(pickle.dumps(binarizer))
    np.testing.assert_array_equal(
        copy.transform(NOTES).toarray(), binarizer.transform(NOTES).toarray()
    )
