"""CodiEsp against its files, read another way, and against the published counts."""

import csv

import numpy as np
import pytest
from scipy.sparse import issparse

from sklearn_icd.codes import load_catalogue
from sklearn_icd.datasets import load_codiesp


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def pairs(bunch):
    """Return the (id, code) pairs that a target says, codes without dot in lower case."""
    target = bunch.target.tocoo()
    return {
        (bunch.ids[i], bunch.target_names[j].replace(".", "").lower())
        for i, j in zip(target.row, target.col, strict=True)
    }


@pytest.fixture(scope="module")
def spanish(data_home):
    return load_codiesp(language="es", data_home=data_home)


@pytest.mark.parametrize(
    ("subset", "n_notes", "n_diagnoses", "n_procedures"),
    [("train", 500, 1767, 563), ("dev", 250, 1158, 375), ("all", 750, 2194, 727)],
)
def test_published_counts(data_home, subset, n_notes, n_diagnoses, n_procedures):
    for task, n_codes, n_all in (
        ("diagnosis", n_diagnoses, 2194),
        ("procedure", n_procedures, 727),
    ):
        bunch = load_codiesp(subset=subset, task=task, data_home=data_home)
        assert bunch.target.shape == (n_notes, n_all)
        assert len(bunch.data) == len(bunch.ids) == len(bunch.splits) == n_notes
        assert np.count_nonzero(bunch.target.sum(axis=0)) == n_codes
        assert bunch.target.dtype == np.int64
        assert issparse(bunch.target)
        assert bunch.target.data.max() == 1


@pytest.mark.parametrize(("task", "letter"), [("diagnosis", "D"), ("procedure", "P")])
def test_the_target_says_what_the_files_say(data_home, task, letter):
    bunch = load_codiesp(task=task, data_home=data_home)
    for split in ("train", "dev"):
        folder = data_home / "codiesp" / split
        expected = {(i, code.replace(".", "")) for i, code in rows(folder / f"{split}{letter}.tsv")}
        in_split = set(bunch.ids[bunch.splits == split])
        assert in_split == {path.stem for path in (folder / "text_files_en").iterdir()}
        assert {(i, code) for i, code in pairs(bunch) if i in in_split} == expected


def test_notes_without_procedures_stay(data_home):
    bunch = load_codiesp(task="procedure", data_home=data_home)
    empty = np.asarray(bunch.target.sum(axis=1)) == 0
    assert empty[bunch.splits == "train"].sum() == 500 - 435
    assert empty[bunch.splits == "dev"].sum() == 250 - 222


def test_columns_agree_between_subsets_and_codes_have_titles(data_home):
    train, dev = (load_codiesp(subset=s, data_home=data_home) for s in ("train", "dev"))
    np.testing.assert_array_equal(train.target_names, dev.target_names)
    assert list(train.target_names) == sorted(set(train.target_names))
    catalogue = load_catalogue("icd10cm")
    assert all(catalogue.title(code) for code in train.target_names)


def test_both_languages_have_the_same_notes_in_the_same_order(data_home, spanish):
    english = load_codiesp(data_home=data_home)
    np.testing.assert_array_equal(english.ids, spanish.ids)
    assert english.spans is None
    assert "we describe" in english.data[0].lower()
    text = data_home / "codiesp" / "dev" / "text_files" / f"{spanish.ids[-1]}.txt"
    assert spanish.data[-1] == text.read_text("utf-8")


@pytest.mark.parametrize("task", ["diagnosis", "procedure"])
def test_spans_lie_in_their_note_and_equal_the_reference_text(data_home, task):
    label = {"diagnosis": "DIAGNOSTICO", "procedure": "PROCEDIMIENTO"}[task]
    bunch = load_codiesp(task=task, language="es", data_home=data_home)
    references = {note: [] for note in bunch.ids}
    for split in ("train", "dev"):
        for note, kind, code, text, _ in rows(data_home / "codiesp" / split / f"{split}X.tsv"):
            if kind == label:
                references[note].append((code.replace(".", "").upper(), text))

    others = []
    for note, identifier, spans in zip(bunch.data, bunch.ids, bunch.spans, strict=True):
        assert len(spans) == len(references[identifier])
        for (code, pieces), (expected, text) in zip(spans, references[identifier], strict=True):
            assert code.replace(".", "") == expected
            assert all(0 <= start < end <= len(note) for start, end in pieces)
            found = " ".join(note[start:end] for start, end in pieces)
            if found.split() != text.split():
                others.append((found, text))
    assert len(others) == {"diagnosis": 3, "procedure": 3}[task]
    assert all(found.strip("(.,%") == text.strip("(.,%") for found, text in others)


def test_spans_give_exactly_the_target(spanish):
    names = list(spanish.target_names)
    for i, spans in enumerate(spanish.spans):
        columns = sorted({names.index(code) for code, _ in spans})
        assert columns == sorted(spanish.target[[i]].indices.tolist())


def test_some_spans_have_several_pieces(spanish):
    assert ("Q62.11", [(556, 575), (955, 964)]) in spanish.spans[
        spanish.ids.tolist().index("S0004-06142005000900016-1")
    ]


def test_return_x_y(data_home, spanish):
    X, y = load_codiesp(language="es", data_home=data_home, return_X_y=True)
    assert spanish.data == X
    assert (y != spanish.target).nnz == 0


@pytest.mark.parametrize(
    "wrong", [{"subset": "test"}, {"task": "D"}, {"language": "fr"}, {"return_X_y": 2}]
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        load_codiesp(**wrong)
