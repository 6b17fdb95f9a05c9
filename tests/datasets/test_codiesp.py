"""CodiEsp against its files, read another way, against published counts, and made in its form."""

import csv
import hashlib
import io
import shutil
import zipfile
from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import fetch_codiesp, load_codiesp


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
        assert len(bunch.data) == len(bunch.ids) == n_notes
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
        in_split = set(bunch.ids[bunch.splits[split]])
        assert in_split == {path.stem for path in (folder / "text_files_en").iterdir()}
        assert {(i, code) for i, code in pairs(bunch) if i in in_split} == expected


def test_notes_without_procedures_stay(data_home):
    bunch = load_codiesp(task="procedure", data_home=data_home)
    empty = np.asarray(bunch.target.sum(axis=1)) == 0
    assert empty[bunch.splits.train].sum() == 500 - 435
    assert empty[bunch.splits.dev].sum() == 250 - 222


def test_columns_agree_between_subsets_and_codes_have_titles(data_home):
    train, dev = (load_codiesp(subset=s, data_home=data_home) for s in ("train", "dev"))
    np.testing.assert_array_equal(train.target_names, dev.target_names)
    assert list(train.target_names) == sorted(set(train.target_names))
    assert train.titles == CodeSystem("icd10cm").titles(train.target_names)


def test_codes_without_a_title_are_missing_in_titles(data_home):
    bunch = load_codiesp(task="procedure", data_home=data_home)
    untitled = set(bunch.target_names) - set(bunch.titles)
    assert 0 < len(untitled) < 10
    assert not any(code in CodeSystem("icd10pcs") for code in untitled)


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

    others, mentions = [], []
    for _, rows_of_mention in groupby(bunch.spans, key=lambda span: span["mention"]):
        pieces = list(rows_of_mention)
        [row], [code] = ({piece[field] for piece in pieces} for field in ("note", "code"))
        note = bunch.data[row]
        assert all(0 <= start < end <= len(note) for *_, start, end in pieces)
        expected, text = references[bunch.ids[row]].pop(0)
        assert code.replace(".", "") == expected
        found = " ".join(note[start:end] for *_, start, end in pieces)
        if found.split() != text.split():
            others.append((found, text))
        mentions.append(pieces[0]["mention"])
    assert not any(references.values())
    assert mentions == list(range(len(mentions)))
    assert len(others) == {"diagnosis": 3, "procedure": 3}[task]
    assert all(found.strip("(.,%") == text.strip("(.,%") for found, text in others)


def test_spans_give_exactly_the_target(spanish):
    columns = np.searchsorted(spanish.target_names, spanish.spans["code"])
    from_spans = set(zip(spanish.spans["note"].tolist(), columns.tolist(), strict=True))
    assert from_spans == set(zip(*(i.tolist() for i in spanish.target.nonzero()), strict=True))


def test_some_spans_have_several_pieces(spanish):
    row = spanish.ids.tolist().index("S0004-06142005000900016-1")
    spans = pd.DataFrame(spanish.spans)
    found = spans[(spans.note == row) & (spans.code == "Q62.11")]
    pieces = [list(zip(m.start, m.end, strict=True)) for _, m in found.groupby("mention")]
    assert [(556, 575), (955, 964)] in pieces


def test_return_x_y(data_home, spanish):
    X, y = load_codiesp(language="es", data_home=data_home, return_X_y=True)
    assert spanish.data == X
    assert (y != spanish.target).nnz == 0


def write_corpus(folder):
    """Write six notes in the form of the archive."""
    coded = {
        "train": {"t1": ["i10", "e11.9"], "t2": []},
        "dev": {"d1": ["r05"]},
        "test": {"s1": ["i10", "z99.89"], "s2": ["n3?"]},
    }
    for split, notes in coded.items():
        for language in ("text_files", "text_files_en"):
            (folder / split / language).mkdir(parents=True)
            for name in notes:
                (folder / split / language / f"{name}.txt").write_text(f"{language} of {name}")
        pairs = [(name, code) for name, codes in notes.items() for code in codes]
        table = "".join(f"{name}\t{code}\n" for name, code in pairs)
        (folder / split / f"{split}D.tsv").write_text(table)
        (folder / split / f"{split}P.tsv").write_text("")
        table = "".join(f"{n}\tDIAGNOSTICO\t{c}\ttext\t0 2;4 4;5 6\n" for n, c in pairs)
        (folder / split / f"{split}X.tsv").write_text(table)
    for language in ("text_files", "text_files_en"):
        (folder / "background" / language).mkdir(parents=True)
        (folder / "background" / language / "b1.txt").write_text(f"{language} of b1")


@pytest.fixture
def whole(tmp_path):
    write_corpus(tmp_path / "codiesp")
    return tmp_path


def test_the_whole_corpus(whole):
    bunch = load_codiesp(data_home=whole, language="es")
    assert bunch.ids.tolist() == ["t1", "t2", "d1", "s1", "s2"]
    assert {split: rows.tolist() for split, rows in bunch.splits.items()} == {
        "train": [0, 1],
        "dev": [2],
        "test": [3, 4],
    }
    assert all(rows.dtype == np.int64 for rows in bunch.splits.values())
    assert bunch.target_names.tolist() == ["E11.9", "I10", "N3?", "R05", "Z99.89"]
    assert bunch.target.toarray().tolist() == [
        [1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 0, 0],
    ]
    assert set(bunch.titles) == {"E11.9", "I10", "R05", "Z99.89"}
    assert bunch.subject_ids is None
    assert bunch.spans["note"].tolist() == [0, 0, 0, 0, 2, 2, 3, 3, 3, 3, 4, 4]
    assert bunch.spans["mention"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_columns_of_train_and_dev_do_not_depend_on_the_test_notes(whole):
    columns = ["E11.9", "I10", "R05"]
    splits = ("train", "dev")
    with_test = [load_codiesp(subset=s, data_home=whole).target_names.tolist() for s in splits]
    test = load_codiesp(subset="test", data_home=whole)
    everything = load_codiesp(data_home=whole)
    shutil.rmtree(whole / "codiesp" / "test")
    without = [load_codiesp(subset=s, data_home=whole).target_names.tolist() for s in splits]
    assert with_test == without == [columns, columns]
    np.testing.assert_array_equal(test.target_names, everything.target_names)
    assert (test.target != everything.target[everything.splits.test]).nnz == 0
    rest = load_codiesp(data_home=whole)
    assert rest.target_names.tolist() == columns
    assert list(rest.splits) == ["train", "dev"]
    with pytest.raises(FileNotFoundError, match=r"testD\.tsv is missing.*fetch_codiesp"):
        load_codiesp(subset="test", data_home=whole)


def test_the_background_notes_have_no_target(whole):
    bunch = load_codiesp(subset="background", language="es", data_home=whole)
    assert bunch.data == ["text_files of b1"]
    assert bunch.target is None
    assert bunch.spans is None
    assert bunch.splits.background.tolist() == [0]
    assert load_codiesp(subset="background", data_home=whole, return_X_y=True) == (
        ["text_files_en of b1"],
        None,
    )


def test_codes_of_a_note_that_is_not_there(whole):
    (whole / "codiesp" / "dev" / "text_files_en" / "d1.txt").rename(
        whole / "codiesp" / "dev" / "text_files_en" / "d2.txt"
    )
    with pytest.raises(FileNotFoundError, match=r"codes for a note 'd1', but no text"):
        load_codiesp(data_home=whole)


@pytest.fixture
def zenodo(server, tmp_path, monkeypatch):
    """Serve a made archive of the form that Zenodo has."""
    write_corpus(tmp_path / "zenodo" / "final_dataset_v4_to_publish")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (tmp_path / "zenodo").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "zenodo"))
    server.files["codiesp.zip"] = buffer.getvalue()
    monkeypatch.setattr("sklearn_icd.datasets._codiesp.URL", server.url("codiesp.zip"))
    checksum = f"md5:{hashlib.md5(buffer.getvalue()).hexdigest()}"
    monkeypatch.setattr("sklearn_icd.datasets._codiesp.CHECKSUM", checksum)
    return server


def test_fetch_downloads_the_whole_corpus_once(zenodo, tmp_path):
    home = tmp_path / "home"
    bunch = fetch_codiesp(data_home=home)
    assert bunch.ids.tolist() == ["t1", "t2", "d1", "s1", "s2"]
    assert sorted(path.name for path in (home / "codiesp").iterdir()) == [
        "background",
        "dev",
        "test",
        "train",
    ]
    X, y = fetch_codiesp(
        subset="dev", language="es", task="procedure", data_home=home, return_X_y=True
    )
    assert X == ["text_files of d1"]
    assert y.shape == (1, 0)
    assert fetch_codiesp(subset="background", data_home=home).ids.tolist() == ["b1"]
    assert len(zenodo.requests) == 1


def test_fetch_adds_only_what_is_missing(zenodo, whole):
    shutil.rmtree(whole / "codiesp" / "test")
    note = whole / "codiesp" / "dev" / "text_files_en" / "d1.txt"
    note.write_text("changed")
    assert fetch_codiesp(subset="dev", data_home=whole).data == ["changed"]
    assert zenodo.requests == []
    assert fetch_codiesp(data_home=whole).data[2:4] == ["changed", "text_files_en of s1"]
    assert len(zenodo.requests) == 1


def test_fetch_gets_the_notes_that_the_columns_come_from(zenodo, whole):
    shutil.rmtree(whole / "codiesp" / "train")
    bunch = fetch_codiesp(subset="dev", data_home=whole)
    assert bunch.target_names.tolist() == ["E11.9", "I10", "R05"]
    assert len(zenodo.requests) == 1


def test_fetch_does_not_download_when_told_so(zenodo, tmp_path):
    (tmp_path / "home").mkdir()
    with pytest.raises(FileNotFoundError, match=r"codiesp is missing.*Zenodo record 3837305"):
        fetch_codiesp(data_home=tmp_path / "home", download_if_missing=False)
    assert zenodo.requests == []


def test_fetch_makes_the_default_data_home(zenodo, tmp_path, monkeypatch):
    monkeypatch.delenv("SKLEARN_ICD_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(fetch_codiesp(subset="train").data) == 2
    assert (tmp_path / "sklearn_icd_data" / "codiesp" / "train").is_dir()
    assert len(load_codiesp(subset="train").data) == 2


@pytest.mark.parametrize(
    "wrong", [{"subset": "valid"}, {"task": "D"}, {"language": "fr"}, {"return_X_y": 2}]
)
@pytest.mark.parametrize("function", [load_codiesp, fetch_codiesp])
def test_wrong_parameters_are_named(function, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        function(**wrong)
