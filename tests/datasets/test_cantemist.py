"""CANTEMIST, made in the form of its archive."""

import io
import shutil
import zipfile

import numpy as np
import pytest

from sklearn_icd.datasets import fetch_cantemist, load_cantemist

# name -> its text, and its mentions as (code, places as brat writes them, text)
NOTES = {
    "train": {
        "cc_onco1": (
            "Metástasis de\r\nun adenocarcinoma",
            [("8000/6", "0 10", "Metástasis"), ("8140/3", "18 32", "adenocarcinoma")],
        ),
        "cc_onco2": ("Sin tumor", []),
    },
    "dev1": {"cc_onco3": ("Tumor benigno", [("8000/1", "0 5", "Tumor"), ("8000/0", "0 13", "T")])},
    "dev2": {"cc_onco4": ("tumor de tumor", [("8000/1", "0 5;9 14", "tumor tumor")])},
    "test": {"cc_onco5": ("Linfoma", [("9590/3", "0 7", "Linfoma")])},
}
FOLDERS = {"train": "train-set", "dev1": "dev-set1", "dev2": "dev-set2", "test": "test-set"}


def write_corpus(home):
    for split, notes in NOTES.items():
        coding = home / FOLDERS[split] / "cantemist-coding"
        # The archive has no texts beside the codes of its test notes.
        folders = [home / FOLDERS[split] / "cantemist-norm"]
        folders += [coding / "txt"] if split != "test" else []
        coding.mkdir(parents=True)
        for folder in folders:
            folder.mkdir()
            for name, (text, _) in notes.items():
                (folder / f"{name}.txt").write_bytes(text.encode())
        lines = ["file\tcode"]
        for name, (_, mentions) in notes.items():
            lines += sorted({f"{name}\t{code}" for code, *_ in mentions})
            annotations = [
                f"T{i}\tMORFOLOGIA_NEOPLASIA {places}\t{text}\n#{i}\tAnnotatorNotes T{i}\t{code}\n"
                for i, (code, places, text) in enumerate(mentions, start=1)
            ]
            (folders[0] / f"{name}.ann").write_text("".join(annotations), encoding="utf-8")
        (coding / f"{split}-coding.tsv").write_text("\n".join([*lines, ""]))


@pytest.fixture
def home(tmp_path):
    write_corpus(tmp_path / "cantemist")
    return tmp_path


def test_all_notes_and_codes(home):
    bunch = load_cantemist(data_home=home)
    assert bunch.data == [text for notes in NOTES.values() for text, _ in notes.values()]
    assert bunch.ids.tolist() == [f"cc_onco{i}" for i in range(1, 6)]
    assert bunch.target_names.tolist() == ["8000/0", "8000/1", "8000/6", "8140/3", "9590/3"]
    assert bunch.target.toarray().tolist() == [
        [0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1],
    ]
    assert bunch.target.dtype == np.int64
    rows = {split: rows.tolist() for split, rows in bunch.splits.items()}
    assert rows == {"train": [0, 1], "dev1": [2], "dev2": [3], "test": [4]}
    assert bunch.subject_ids is None
    assert bunch.titles == {}
    assert "CC BY 4.0" in bunch.DESCR


def test_mentions_are_where_brat_has_them(home):
    spans = load_cantemist(data_home=home).spans
    assert spans.tolist() == [
        (0, 0, "8000/6", 0, 10),
        (0, 1, "8140/3", 18, 32),
        (2, 2, "8000/1", 0, 5),
        (2, 3, "8000/0", 0, 13),
        (3, 4, "8000/1", 0, 5),
        (3, 4, "8000/1", 9, 14),
        (4, 5, "9590/3", 0, 7),
    ]
    assert NOTES["train"]["cc_onco1"][0][18:32] == "adenocarcinoma"


@pytest.mark.parametrize("subset", list(NOTES))
def test_one_split(home, subset):
    bunch = load_cantemist(subset=subset, data_home=home)
    assert bunch.ids.tolist() == list(NOTES[subset])
    assert list(bunch.splits) == [subset]
    assert bunch.spans["note"].max() < len(bunch.data)
    X, y = load_cantemist(subset=subset, data_home=home, return_X_y=True)
    assert bunch.data == X
    assert (y != bunch.target).nnz == 0


def test_the_columns_do_not_depend_on_the_test_notes(home):
    before = load_cantemist(subset="dev1", data_home=home).target_names.tolist()
    shutil.rmtree(home / "cantemist" / "test-set")
    assert load_cantemist(subset="dev1", data_home=home).target_names.tolist() == before
    assert load_cantemist(data_home=home).target_names.tolist() == before
    assert before == ["8000/0", "8000/1", "8000/6", "8140/3"]
    with pytest.raises(FileNotFoundError, match=r"test-coding\.tsv is missing.*record 3978041"):
        load_cantemist(subset="test", data_home=home)


def test_a_mention_without_a_code(home):
    path = home / "cantemist" / "train-set" / "cantemist-norm" / "cc_onco1.ann"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    with pytest.raises(ValueError, match=r"cc_onco1\.ann gives no code for T2"):
        load_cantemist(data_home=home)


@pytest.fixture
def zenodo(server, tmp_path, monkeypatch):
    write_corpus(tmp_path / "zenodo")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (tmp_path / "zenodo").rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path / "zenodo"))
    server.files["cantemist.zip"] = buffer.getvalue()
    monkeypatch.setattr("sklearn_icd.datasets._cantemist.URL", server.url("cantemist.zip"))
    return server


def test_fetch_downloads_once_and_says_what_it_recorded(zenodo, tmp_path):
    home = tmp_path / "home"
    with pytest.warns(UserWarning, match=r"recorded in .*cantemist\.zip\.sha256"):
        bunch = fetch_cantemist(data_home=home)
    assert bunch.ids.tolist() == [f"cc_onco{i}" for i in range(1, 6)]
    X, y = fetch_cantemist(subset="dev2", data_home=home, return_X_y=True)
    assert X == ["tumor de tumor"]
    assert y.shape == (1, 4)
    assert len(zenodo.requests) == 1


def test_fetch_adds_only_what_is_missing(zenodo, home):
    shutil.rmtree(home / "cantemist" / "test-set")
    assert len(fetch_cantemist(subset="train", data_home=home).data) == 2
    assert zenodo.requests == []
    with pytest.warns(UserWarning, match="recorded"):
        assert len(fetch_cantemist(subset="test", data_home=home).data) == 1


def test_fetch_does_not_download_when_told_so(zenodo, tmp_path):
    (tmp_path / "home").mkdir()
    with pytest.raises(FileNotFoundError, match="cantemist is missing"):
        fetch_cantemist(data_home=tmp_path / "home", download_if_missing=False)
    assert zenodo.requests == []


@pytest.mark.parametrize("function", [load_cantemist, fetch_cantemist])
@pytest.mark.parametrize("wrong", [{"subset": "dev"}, {"return_X_y": 2}])
def test_wrong_parameters_are_named(function, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        function(**wrong)
