"""The quickstart runs from the command line, says what it does and keeps its errors short."""

import re
import subprocess
import sys
from html import unescape
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from sklearn_icd import _quickstart
from sklearn_icd.__main__ import main
from sklearn_icd.datasets import make_notes
from sklearn_icd.metrics import mean_average_precision

TABLE_ROW = r" +0\.\d{3}" * 4 + r" +\d+ *$"


@pytest.fixture
def corpus(tmp_path):
    """Make a data home with a corpus in the form of CMC 2007."""
    made = make_notes(
        n_notes=60, n_codes=3, mean_words=40, sd_words=5, codes_per_note=1.5, random_state=0
    )
    codes = ["786.2", "599.0", "593.70"]
    root = ET.Element("docs")
    for number, note in enumerate(made.data):
        document = ET.SubElement(root, "doc", id=str(number))
        group = ET.SubElement(document, "codes")
        for column in made.target[[number]].indices:
            ET.SubElement(group, "code", origin="CMC_MAJORITY").text = codes[column]
        ET.SubElement(ET.SubElement(document, "texts"), "text").text = note
    folder = tmp_path / "cmc2007"
    folder.mkdir()
    ET.ElementTree(root).write(folder / "2007ChallengeTrainData.xml", encoding="unicode")
    return tmp_path


def test_made_notes(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # so that no word is broken
    page = tmp_path / "note.html"
    sizes = ["--notes", "50", "--codes", "4"]
    assert main(["quickstart", *sizes, "--seed", "1", "--out", str(page)]) == 0
    output, errors = capfd.readouterr()
    assert errors == ""
    assert len(output.splitlines()) < 60
    assert "Made notes: 36 to train, 4 to validate, 10 to test; 4 codes." in output
    assert re.search("^ +micro-F1 +macro-F1 +P@5 +MAP +seconds", output, re.MULTILINE)
    for system in ("LD-PLAM", r"TF-IDF \+ logistic regression"):
        assert re.search(f"^ +{system}{TABLE_ROW}", output, re.MULTILINE)
    assert str(page) in output.splitlines()[-1]

    html = page.read_text(encoding="utf-8")
    note = unescape(
        re.sub("<[^>]*>", "", re.search('<div class="note".*?</div>', html, re.DOTALL)[0])
    )
    assert note in make_notes(50, 4, random_state=1).data
    rows = output[output.index("words it looked at") : output.index("Codes of the note")]
    words = re.findall(r"(\w+) \d+%", rows)
    assert words
    assert all(re.search(rf"\b{word}\b", note) for word in words)
    for code in re.findall(r"^  ([A-Z]\d\S*)", rows, re.MULTILINE):
        assert f"<strong>{code}</strong>" in html


def test_a_corpus(capfd, tmp_path, corpus):
    page = tmp_path / "note.html"
    home = ["--data-home", str(corpus)]
    sizes = ["--notes", "50", "--codes", "2"]
    assert main(["quickstart", "--data", "cmc2007", *home, *sizes, "--out", str(page)]) == 0
    output, errors = capfd.readouterr()
    assert errors == ""
    assert "Notes of cmc2007: 36 to train, 4 to validate, 10 to test; 2 codes." in output
    assert page.exists()


def test_the_baseline_keeps_the_columns_of_many_codes():
    made = make_notes(n_notes=100, n_codes=300, mean_words=50, sd_words=5, random_state=0)
    random = np.random.RandomState(0)
    names, train, valid, _ = _quickstart._shares(made, None, None, random)
    classifier, _ = _quickstart._fit_linear(train, valid)
    scores = classifier.predict_proba(train.notes)
    assert len(names) == 300
    assert mean_average_precision(train.y, scores) > 0.9


@pytest.mark.parametrize(
    ("data", "source"), [("codiesp", "zenodo.org/records/3837305"), ("cmc2007", "Cincinnati")]
)
@pytest.mark.parametrize("home", ["empty", "absent", None])
def test_a_missing_corpus_says_where_to_get_it(data, source, home, tmp_path, monkeypatch):
    monkeypatch.delenv("SKLEARN_ICD_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    arguments = [] if home is None else ["--data-home", home]
    with pytest.raises(SystemExit) as exit_:
        main(["quickstart", "--data", data, *arguments])
    message = exit_.value.code
    assert message.startswith(f"sklearn-icd quickstart: the notes of {data} could not be read.")
    assert message.count(source) == 1
    assert "--data-home FOLDER" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "command"),
        (["quick"], "invalid choice"),
        (["quickstart", "--data", "mimic"], "invalid choice: 'mimic'"),
        (["quickstart", "--data-home", "."], "--data-home is where a corpus lies"),
        (["quickstart", "--notes", "10"], "--notes: must be a whole number from 50, got 10"),
        (["quickstart", "--codes", "many"], "--codes: must be a whole number from 2, got many"),
        (["quickstart", "--seed", "-1"], "--seed: must be a whole number from 0, got -1"),
        (["quickstart", "--out", "no/such/note.html"], "--out: there is no folder"),
    ],
)
def test_errors_of_usage(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_help_of_the_command():
    command = [sys.executable, "-m", "sklearn_icd", "quickstart", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for expected in ("no download", "two minutes", "{made,codiesp,cmc2007}", "--data-home FOLDER"):
        assert expected in done.stdout
