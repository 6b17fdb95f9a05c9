"""CMC 2007 against its file, read another way, and against the published counts."""

import re

import numpy as np
import pytest

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import fetch_cmc2007, load_cmc2007


@pytest.fixture(scope="module")
def train(data_home):
    return load_cmc2007(data_home=data_home)


def test_published_counts(train):
    assert train.target.shape == (978, 45)
    assert train.target.sum(axis=1).mean() == pytest.approx(1.25, abs=0.005)
    assert train.target.sum(axis=1).min() == 1
    assert np.mean([len(note.split()) for note in train.data]) == pytest.approx(22, abs=1)
    assert list(train.splits) == ["train"]
    assert train.splits.train.tolist() == list(range(978))
    assert train.subject_ids is None
    assert train.spans is None


def test_the_target_is_the_majority_annotation(data_home, train):
    xml = (data_home / "cmc2007" / "2007ChallengeTrainData.xml").read_text("utf-8")
    documents = re.findall(r'<doc id="(\d+)".*?</doc>', xml, re.DOTALL)
    blocks = re.split(r"</doc>", xml)[:-1]
    assert train.ids.tolist() == documents
    for i, block in enumerate(blocks):
        codes = set(re.findall(r'"CMC_MAJORITY"[^>]*>([^<]+)<', block))
        assert set(train.target_names[train.target[[i]].indices]) == codes


def test_a_note_is_its_history_and_its_impression(train):
    assert train.data[1].split("\n") == [
        "Six year old with history of cough for one week.",
        "The lungs are clear. Question prominent hilar lymph nodes, left greater than right, which "
        "could be reactive in nature.",
    ]
    assert all(note.count("\n") == 1 for note in train.data)


def test_codes_are_sorted_and_have_titles(train):
    assert list(train.target_names) == sorted(train.target_names)
    assert train.titles == CodeSystem("icd9cm").titles(train.target_names)


def test_the_test_notes_have_no_codes(data_home, train):
    test = load_cmc2007(subset="test", data_home=data_home)
    assert len(test.data) == len(test.ids) == 976
    assert test.target is None
    assert test.splits.test.tolist() == list(range(976))
    assert not set(test.ids) & set(train.ids)
    np.testing.assert_array_equal(test.target_names, train.target_names)


def test_return_x_y(data_home, train):
    X, y = load_cmc2007(data_home=data_home, return_X_y=True)
    assert train.data == X
    assert (y != train.target).nnz == 0


def test_fetch_loads_what_is_there(data_home, train):
    X, y = fetch_cmc2007(data_home=data_home, return_X_y=True)
    assert train.data == X
    assert (y != train.target).nnz == 0


def test_fetch_says_that_there_is_no_download(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"TrainData\.xml is missing.*cannot be downloaded"):
        fetch_cmc2007(data_home=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cmc2007 is missing\. It belongs to"):
        fetch_cmc2007(data_home=tmp_path, download_if_missing=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", [load_cmc2007, fetch_cmc2007])
def test_wrong_subset_is_named(function):
    with pytest.raises(ValueError, match="The 'subset' parameter"):
        function(subset="dev")
