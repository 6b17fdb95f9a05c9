"""What a comparison reads, and how it cuts it."""

import re

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from sklearn_icd.__main__ import main
from sklearn_icd._compare import _corpus, _file
from sklearn_icd._compare._corpus import Corpus, read_corpus
from sklearn_icd._compare._folds import make_folds, say_folds
from sklearn_icd._compare._options import setting

ROWS = [
    ("Cough, and\nfever.", "R05.9;R50.9", "007", "train"),
    ("Hypertension", " I10 ; ", "007", "train"),
    ("", "I10", "8", "dev"),
    ('"Quoted" pain', "", "9", "test"),
]


def write(path, rows=ROWS, names=("text", "codes", "subject_id", "split"), **columns):
    table = pl.DataFrame(rows, schema=list(names), orient="row").with_columns(**columns)
    table.write_parquet(path) if path.suffix == ".parquet" else table.write_csv(path)
    return str(path)


def make_corpus(n_notes=60, n_codes=6, **more):
    rng = np.random.default_rng(0)
    target = sparse.csr_array((rng.random((n_notes, n_codes)) < 0.3).astype(np.int64))
    codes = np.array([f"C{k}" for k in range(n_codes)])
    return Corpus("some", [f"note {k}" for k in range(n_notes)], target, codes, **more)


# Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_of_ones_own(tmp_path, suffix):
    corpus = read_corpus(write(tmp_path / f"mine{suffix}"))
    assert corpus.name == f"mine{suffix}"
    assert corpus.notes == [text for text, *_ in ROWS]
    assert corpus.codes.tolist() == ["I10", "R05.9", "R50.9"]
    assert corpus.target.toarray().tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert corpus.patients.tolist() == ["007", "007", "8", "9"]
    assert {name: rows.tolist() for name, rows in corpus.splits.items()} == {
        "train": [0, 1],
        "dev": [2],
        "test": [3],
    }
    assert corpus.titles["R05.9"] == "Cough, unspecified"
    assert corpus.remarks() == ["1 of 4 notes are empty.", "1 of 4 notes have no code."]


def test_lists_of_codes_and_no_other_columns(tmp_path):
    rows = [("Cough", ["R05.9", "R05.9"]), ("Pain", None), (None, ["I10"])]
    corpus = read_corpus(write(tmp_path / "a.parquet", rows, ("text", "codes")))
    assert corpus.target.toarray().tolist() == [[0, 1], [0, 0], [1, 0]]
    assert corpus.notes == ["Cough", "Pain", ""]
    assert corpus.patients is None
    assert corpus.splits == {}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"split": pl.lit("valid")}, "note 1: split is none of train, dev, test"),
        ({"codes": pl.lit("")}, "no note with a code: its column codes is empty"),
        ({"codes": pl.lit(" ; ")}, "no note with a code"),
        ({"text": pl.lit(" ")}, "no note with text"),
        ({"subject_id": pl.lit("")}, "note 1: subject_id is empty"),
    ],
)
def test_mistakes_in_a_file_are_named_without_a_word_of_it(tmp_path, columns, message):
    path = write(tmp_path / "mine.csv", **columns)
    with pytest.raises(ValueError, match=message) as caught:
        read_corpus(path)
    assert path in str(caught.value)
    assert not re.search("cough|pain|007|valid|R05", str(caught.value), re.IGNORECASE)


@pytest.mark.parametrize("names", [("text", "code", "a", "b"), ("Text", "codes", "a", "b")])
def test_a_missing_column(tmp_path, names):
    with pytest.raises(ValueError, match=r"has no column (text|codes)\. A file of notes has"):
        read_corpus(write(tmp_path / "mine.csv", names=names))


@pytest.mark.parametrize("column", ["text", "codes"])
def test_a_column_of_another_kind(tmp_path, column):
    path = write(tmp_path / "mine.parquet", **{column: pl.lit(3)})
    with pytest.raises(ValueError, match=f"the column {column} holds Int32, not text"):
        read_corpus(path)


@pytest.mark.parametrize(
    "content", [b"text,codes\nsecret,a,b,c\n", b"text,codes\n\xffsecret,a\n", b""]
)
def test_a_broken_file(tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a table in UTF-8") as caught:
        read_corpus(str(path))
    assert "secret" not in str(caught.value)


def test_other_names(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none.csv is missing"):
        read_corpus(str(tmp_path / "none.csv"))
    with pytest.raises(ValueError, match=r"no notes called 'codiesp': there is made, .*codiesp-en"):
        read_corpus("codiesp")
    with pytest.raises(ValueError, match="--root says where"):
        read_corpus("mimic3-50")
    monkeypatch.setattr(_file, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs polars: pip install 'sklearn-icd\[data\]'"):
        read_corpus(str(tmp_path / "none.csv"))


# Corpora -------------------------------------------------------------------------------------


def test_help_names_every_corpus(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    words = set(re.findall(r"[\w-]+", capsys.readouterr().out.replace("-\n", "-")))
    assert {*_corpus.READERS, *_corpus.MIMIC} <= words


def test_other_names_of_dev_splits(monkeypatch):
    corpus = read_corpus("made", n_notes=20, n_codes=3)
    bunch = type("Bunch", (), {})()
    vars(bunch).update(
        data=corpus.notes, target=corpus.target, target_names=corpus.codes, titles=corpus.titles,
        subject_ids=None,
        splits={"train": np.arange(10), "dev1": np.arange(10, 13), "dev2": np.arange(13, 20)},
    )  # fmt: skip
    monkeypatch.setitem(_corpus.READERS, "cantemist", lambda data_home: bunch)
    splits = read_corpus("cantemist").splits
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 10, "dev": 10}


def test_some_of_the_notes_and_codes():
    splits = {"train": np.arange(40), "test": np.arange(40, 60)}
    corpus = make_corpus(patients=np.arange(60) // 2, splits=splits)
    cut = corpus.cut(30, 2)
    assert len(cut.notes) == 30
    rows = [int(note.split()[1]) for note in cut.notes]
    assert cut.patients.tolist() == [row // 2 for row in rows]
    assert [rows[k] for k in cut.splits["train"]] == [row for row in rows if row < 40]
    in_training = corpus.target[[row for row in rows if row < 40]].sum(axis=0)
    kept = np.flatnonzero(np.isin(corpus.codes, cut.codes))
    assert set(np.delete(in_training, kept) <= in_training[kept].min()) == {True}
    assert (cut.target != corpus.target[rows][:, kept]).nnz == 0
    assert corpus.cut(30, 2).notes == cut.notes


def test_the_digest_tells_corpora_apart():
    corpus = make_corpus()
    others = [
        make_corpus(59),
        make_corpus(60, 5),
        make_corpus(titles={"C0": "Cough"}),
        make_corpus(patients=np.arange(60)),
    ]
    digests = {other.digest for other in [corpus, make_corpus(), *others]}
    assert len(digests) == 1 + len(others)


def test_no_note_in_the_repr():
    assert "note 0" not in repr(make_corpus())


# Folds ---------------------------------------------------------------------------------------


def test_folds_keep_patients_whole_and_test_notes_out():
    splits = {"train": np.arange(50), "test": np.arange(50, 60)}
    corpus = make_corpus(patients=np.arange(60) % 25, splits=splits)
    folds = make_folds(corpus, 3, "test")
    assert [fold.name for fold in folds] == ["1", "2", "3"]
    scored = np.concatenate([fold.scored for fold in folds])
    assert sorted(scored) == list(range(50))
    for fold in folds:
        shares = [set(corpus.patients[rows]) for rows in (fold.train, fold.valid, fold.scored)]
        assert not shares[0] & shares[1]
        assert not shares[0] & shares[2]
        assert not shares[1] & shares[2]
        assert sorted([*fold.train, *fold.valid, *fold.scored]) == list(range(50))
        assert 2 <= len(fold.valid) <= 5
    assert len({fold.digest(corpus) for fold in folds}) == 3
    assert "10 notes of other splits are not used." in say_folds(corpus, folds, 3)


def test_the_dev_notes_validate_unless_they_are_scored():
    splits = {"train": np.arange(40), "dev": np.arange(40, 50), "test": np.arange(50, 60)}
    corpus = make_corpus(splits=splits)
    [on_test] = make_folds(corpus, "split", "test")
    assert on_test.train.tolist() == list(range(40))
    assert on_test.valid.tolist() == list(range(40, 50))
    assert on_test.scored.tolist() == list(range(50, 60))
    assert (
        "10 to choose epoch and threshold on (the dev notes)"
        in say_folds(corpus, [on_test], "split")[0]
    )
    [on_dev] = make_folds(corpus, "split", "dev")
    assert sorted([*on_dev.train, *on_dev.valid]) == list(range(40))
    assert len(on_dev.valid) == 4
    assert on_dev.scored.tolist() == list(range(40, 50))
    assert "10 notes of other splits are not used." in say_folds(corpus, [on_dev], "split")


def test_what_a_split_leaves_open_is_said():
    target = sparse.csr_array(np.eye(20, 4, dtype=np.int64))
    splits = {"train": np.arange(1, 18), "test": np.r_[0, 18, 19]}
    patients = np.arange(20) % 18
    codes = np.array(list("abcd"))
    corpus = Corpus("some", ["note"] * 20, target, codes, {}, patients, splits)
    said = say_folds(corpus, make_folds(corpus, "split", "test"), "split")
    assert "3 of 4 codes have no scored note." in said
    assert any(re.match("[12] of 4 codes have no training note", sentence) for sentence in said)
    assert "1 patients have notes both in training and among the scored." in said


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({}, r"no notes of the split train \(it has: none\): use --score-on, or folds"),
        ({"train": np.arange(60)}, r"no notes of the split test \(it has: train\)"),
    ],
)
def test_a_split_that_is_not_there(splits, message):
    with pytest.raises(ValueError, match=message):
        make_folds(make_corpus(splits=splits), "split", "test")


def test_one_patient_allows_no_interval():
    splits = {"train": np.arange(50), "test": np.arange(50, 60)}
    patients = np.r_[np.arange(50), [77] * 10]
    with pytest.raises(ValueError, match="of one patient"):
        make_folds(make_corpus(splits=splits, patients=patients), "split", "test")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("null", None),
        ("False", False),
        ("false", False),
        ("3e-4", 3e-4),
        ("(3, 5)", [3, 5]),  # as it is found in the record of a run
        ("[3, 5]", [3, 5]),
        ("skip-gram", "skip-gram"),
        ("models/roberta", "models/roberta"),
    ],
)
def test_values_are_written_as_in_python_or_json(text, value):
    assert setting(f"caml.lr={text}") == ("caml", "lr", value)
    assert setting(f"lr={text}") == (None, "lr", value)
