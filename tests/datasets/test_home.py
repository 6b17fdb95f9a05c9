"""The data home: where it is looked for, and what is said when something is missing."""

import re

import pytest

from sklearn_icd.datasets import data_home as find_home
from sklearn_icd.datasets import load_cantemist, load_cmc2007, load_codiesp, load_pubmed_mesh


def test_the_parameter_comes_before_the_environment(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("SKLEARN_ICD_DATA", str(tmp_path))
    assert find_home() == tmp_path
    assert find_home(other) == other
    assert find_home(str(other)) == other


@pytest.fixture
def no_variable(tmp_path, monkeypatch):
    """Unset the variable, with a home folder of the user that is empty."""
    monkeypatch.delenv("SKLEARN_ICD_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_is_in_the_user_s_home(no_variable, tmp_path, monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("SKLEARN_ICD_DATA", value)
    with pytest.raises(
        NotADirectoryError,
        match=r"~/sklearn_icd_data, does not exist.*data_home=.*SKLEARN_ICD_DATA",
    ):
        find_home()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "sklearn_icd_data").mkdir()
    assert find_home() == tmp_path / "sklearn_icd_data"


def test_a_home_that_is_no_folder_is_named_with_its_source(tmp_path, monkeypatch):
    missing = tmp_path / "nowhere"
    with pytest.raises(NotADirectoryError, match=rf"data_home should.*{re.escape(str(missing))}"):
        find_home(missing)
    monkeypatch.setenv("SKLEARN_ICD_DATA", str(missing))
    with pytest.raises(NotADirectoryError, match="environment variable SKLEARN_ICD_DATA"):
        find_home()


@pytest.mark.parametrize(
    ("load", "folder", "source"),
    [
        (load_cantemist, "cantemist", "Zenodo record 3978041"),
        (load_cmc2007, "cmc2007", "organisers"),
        (load_codiesp, "codiesp", "Zenodo record 3837305"),
        (load_pubmed_mesh, "pubmed_mesh", "fetch_pubmed_mesh"),
    ],
)
def test_a_missing_corpus_says_which_and_where_from(load, folder, source, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{folder} is missing.*{source}"):
        load(data_home=tmp_path)
    (tmp_path / folder).mkdir()
    first = r"(trainD\.tsv|TrainData\.xml|train-coding\.tsv|mesh_names\.tsv)"
    with pytest.raises(FileNotFoundError, match=rf"{first} is.*{source}"):
        load(data_home=tmp_path)


def test_a_folder_without_notes_is_an_error(tmp_path):
    for split in ("train", "dev"):
        (tmp_path / "codiesp" / split / "text_files_en").mkdir(parents=True)
        (tmp_path / "codiesp" / split / f"{split}D.tsv").write_text("")
    with pytest.raises(FileNotFoundError, match=r"text_files_en holds no \.txt file"):
        load_codiesp(data_home=tmp_path)


@pytest.mark.parametrize("load", [load_codiesp, load_cmc2007])
def test_a_missing_data_home_says_where_to_get_the_corpus(load, no_variable, tmp_path):
    for parameters in ({}, {"data_home": tmp_path / "nowhere"}):
        with pytest.raises(NotADirectoryError, match=r"(Zenodo|Computational Medicine)"):
            load(**parameters)
