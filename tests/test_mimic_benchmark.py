"""The script that trains systems on MIMIC as their papers did, on made notes."""

import importlib
import json
import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.utils import Bunch

from sklearn_icd.datasets import make_notes
from sklearn_icd.text import make_note_cleaner

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FIGURES = {
    "micro": 0.1,
    "roc_auc_micro": 0.9,
    "roc_auc_macro": 0.7,
    "P@5": 0.5,
    "P@8": 0.8,
    "P@15": 0.0,
} | {
    f"macro_{name}": value
    for name, value in {"mean": 0.2, "harmonic": 0.3, "present": 0.4, "active": 0.6}.items()
}


@pytest.fixture
def mimic(monkeypatch):
    """Give the script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("mimic")


@pytest.fixture(scope="module")
def bunch():
    """Give made notes that look as those of a benchmark."""
    made = make_notes(60, 8, mean_words=60, sd_words=20, codes_per_note=2, random_state=0)
    rows = np.arange(60)
    splits = Bunch(train=rows[:40], val=rows[40:50], test=rows[50:])
    return Bunch(**{**made, "splits": splits})


@pytest.fixture
def made_benchmark(mimic, bunch, monkeypatch):
    """Let the script load made notes in place of a benchmark."""
    monkeypatch.setitem(mimic.BENCHMARKS, "50", lambda root, benchmark, data_home: bunch)


def settings_of(system, pretrained=None, **parameters):
    fast = {"word_vectors": None, "n_filters": 4, "embedding_dim": 8} if system == "fusion" else {}
    return {
        "system": system,
        "benchmark": "50",
        "seed": 0,
        "pretrained": pretrained and str(pretrained),
        "size": "small",
        "set": {"max_epochs": 3, **fast, **parameters},
    }


class PowerCutError(Exception):
    """The machine is gone."""


def break_after(mimic, epoch, monkeypatch, error=PowerCutError):
    """Break training off after an epoch was saved."""
    save = mimic.Checkpoint.on_epoch_end

    def save_and_break(self, net, **kwargs):
        save(self, net, **kwargs)
        if len(net.history) == epoch:
            raise error

    monkeypatch.setattr(mimic.Checkpoint, "on_epoch_end", save_and_break)


@pytest.mark.parametrize(
    ("system", "epoch"), [("fusion", 1), ("fusion", 3), ("ld-plam", 2), ("plm-icd", 2)]
)
def test_a_broken_run_goes_on_to_the_same_end(
    mimic, bunch, system, epoch, tiny_bert, tmp_path, monkeypatch
):
    settings = settings_of(system, None if system == "fusion" else tiny_bert)
    whole = mimic.train(settings, bunch, tmp_path / "whole.pt")
    with monkeypatch.context() as patches:
        break_after(mimic, epoch, patches)
        with pytest.raises(PowerCutError):
            mimic.train(settings, bunch, tmp_path / "broken.pt")
    resumed = mimic.train(settings, bunch, tmp_path / "broken.pt")
    assert len(resumed[-1].history_) == len(whole[-1].history_) == 3
    for name in ("train_loss", "valid_loss", "valid_score"):
        assert resumed[-1].history_[:, name] == whole[-1].history_[:, name]
    np.testing.assert_array_equal(
        resumed.decision_function(bunch.data), whole.decision_function(bunch.data)
    )
    assert resumed[-1].threshold_ == whole[-1].threshold_


def test_a_resumed_run_is_as_patient_as_an_unbroken_one(mimic, bunch, tmp_path, monkeypatch):
    settings = settings_of("fusion", patience=2, monitor="valid_loss", lr=0.3, max_epochs=30)
    whole = mimic.train(settings, bunch, tmp_path / "whole.pt")[-1].history_[:, "train_loss"]
    assert len(whole) < 30
    with monkeypatch.context() as patches:
        break_after(mimic, len(whole) - 1, patches)
        with pytest.raises(PowerCutError):
            mimic.train(settings, bunch, tmp_path / "broken.pt")
    for checkpoint in ("broken.pt", "whole.pt"):
        again = mimic.train(settings, bunch, tmp_path / checkpoint)
        assert again[-1].history_[:, "train_loss"] == whole


def test_no_note_is_scored_after_ctrl_c(mimic, bunch, tmp_path, monkeypatch):
    settings = settings_of("fusion")
    with monkeypatch.context() as patches:
        break_after(mimic, 2, patches, KeyboardInterrupt)
        with pytest.raises(SystemExit, match="the same command goes on"):
            mimic.train(settings, bunch, tmp_path / "checkpoint.pt")
    pipeline = mimic.train(settings, bunch, tmp_path / "checkpoint.pt")
    assert len(pipeline[-1].history_) == 3


def test_figures_are_those_of_the_test_notes(mimic, bunch, tmp_path):
    pipeline = mimic.train(settings_of("fusion"), bunch, tmp_path / "checkpoint.pt")
    tuned, half = mimic.score(pipeline, bunch)
    notes, y = bunch.data[50:], bunch.target[50:].toarray()
    assert tuned["cut"] == pipeline[-1].threshold_
    for row in (tuned, half):
        assigned = pipeline.predict_proba(notes) >= row["cut"]
        assert row["micro"] == pytest.approx(f1_score(y, assigned, average="micro"))
    best = np.argsort(-pipeline.decision_function(notes), axis=1)[:, :5]
    expected = np.take_along_axis(y, best, axis=1).mean()
    assert tuned["P@5"] == half["P@5"] == pytest.approx(expected)
    expected = roc_auc_score(y.ravel(), pipeline.decision_function(notes).ravel())
    assert tuned["roc_auc_micro"] == half["roc_auc_micro"] == pytest.approx(expected)


@pytest.mark.usefixtures("made_benchmark")
def test_a_finished_run_is_not_run_again(mimic, tmp_path, monkeypatch):
    settings = settings_of("fusion", max_epochs=1)
    figures = mimic.run(settings, "root", None, tmp_path)
    assert sorted(path.name for path in (tmp_path / "50-fusion-0").iterdir()) == [
        "figures.json",
        "log.txt",
        "settings.json",
    ]
    monkeypatch.setattr(mimic, "train", None)
    assert mimic.run(settings, "root", None, tmp_path) == figures


def test_a_folder_serves_one_set_of_settings(mimic, tmp_path):
    mimic.open_folder(settings_of("fusion"), tmp_path)
    mimic.open_folder(settings_of("jlan"), tmp_path)
    with pytest.raises(SystemExit, match="50-fusion-0 holds a run with other settings"):
        mimic.open_folder(settings_of("fusion", lr=0.1), tmp_path)


@pytest.mark.usefixtures("made_benchmark")
def test_the_log_has_figures_and_no_note(mimic, bunch, tmp_path):
    [tuned, _] = mimic.run(settings_of("fusion"), "root", None, tmp_path)
    text = (tmp_path / "50-fusion-0" / "log.txt").read_text()
    assert json.dumps(tuned) in text
    assert [text.count(f'"epoch": {k}') for k in range(1, 5)] == [1, 1, 1, 0]
    for version_of in ("torch", "sklearn-icd"):
        assert f"'{version_of}': '" in text
    words = text.split()
    said = set(pairwise(words))
    for note in bunch.data:
        assert said.isdisjoint(pairwise(note.split()))
    assert not logging.getLogger("mimic").handlers


@pytest.mark.parametrize(
    ("system", "benchmark", "recipe"),
    [
        ("plm-icd", "full", "caml"),
        ("hilat", "50", "hilat"),
        ("hilat", "clean", "edin"),
        ("jlan", "icd9", "edin"),
        ("plm-icd", "icd10", "edin"),
    ],
)
def test_text_is_that_of_the_published_figures(mimic, bunch, system, benchmark, recipe, tmp_path):
    transformer = "models/some" if system in mimic.WITH_TRANSFORMER else None
    settings = {**settings_of(system, transformer), "benchmark": benchmark, "size": "paper"}
    pipeline = mimic.make_pipeline(settings, bunch, tmp_path / "checkpoint.pt")
    assert pipeline["clean"].get_params() == make_note_cleaner(recipe).get_params()


@pytest.mark.parametrize(("benchmark", "size"), [("50", 16), ("full", 256)])
def test_ld_plam_is_smaller_on_fifty_codes(mimic, bunch, benchmark, size, tmp_path):
    settings = {
        **settings_of("ld-plam", "models/some"),
        "benchmark": benchmark,
        "size": "paper",
    }
    pipeline = mimic.make_pipeline(settings, bunch, tmp_path / "checkpoint.pt")
    assert pipeline["clf"].n_pseudo_labels == size
    assert pipeline["clf"].label_encoder.path_or_name == "models/some"


@pytest.mark.parametrize(
    ("system", "benchmark", "macro", "paper"),
    [
        (
            "plm-icd",
            "full",
            "0.300",
            ["0.598", "0.104", "0.989", "0.926", "0.844", "0.771", "0.613"],
        ),
        ("plm-icd", "icd10", "0.400", ["0.585", "0.211", "0.992", "0.966", "0.699", "0.550"]),
        ("ld-plam", "50", "0.600", ["0.699", "0.937", "0.660"]),
        ("jlan", "clean", "0.400", []),
    ],
)
def test_table_has_the_macro_f1_of_the_paper(mimic, system, benchmark, macro, paper):
    settings = {"system": system, "benchmark": benchmark}
    cuts = [{"cut": 0.25, "which": "tuned"}, {"cut": 0.5, "which": "as given"}]
    text = mimic.table(settings, [{**cut, **FIGURES} for cut in cuts])
    _, header, published, *here = text.splitlines()
    assert header.split() == mimic.FIGURES
    assert [word for word in published.split() if word.startswith("0.")] == paper
    own = ["0.100", macro, "0.900", "0.700", "0.500", "0.800", "0.000"]
    assert [line.split()[-7:] for line in here] == [own, own]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--benchmark full --system jlan", "--root is missing"),
        ("--benchmark full --system hilat --root x", "hilat needs --pretrained"),
        ("--benchmark 51 --system jlan --root x", "invalid choice: '51'"),
    ],
)
def test_what_is_missing_is_named(mimic, arguments, message, capsys):
    with pytest.raises(SystemExit):
        mimic.parse(arguments.split())
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("data_home")
@pytest.mark.filterwarnings("ignore:.*admissions are not in the tables")
@pytest.mark.parametrize("benchmark", ["50", "icd10"])
def test_dry_run(mimic, benchmark, monkeypatch, capsys):
    command = ["mimic.py", "--benchmark", benchmark, "--system", "jlan", "--dry-run"]
    monkeypatch.setattr("sys.argv", command)
    mimic.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"jlan on {benchmark}, macro-F1: ")
    assert [line.split(",")[0][:9] for line in lines[3:]] == ["here", "here"]
