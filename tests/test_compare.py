"""The command compare: runs in processes of their own, resumed, on a cluster, and with failures."""

import json
import logging
import os
import re
import subprocess
import sys
from threading import Thread
from types import SimpleNamespace

import pytest
from scipy import sparse
from sklearn import config_context

from sklearn_icd import make_icd_pipeline
from sklearn_icd.__main__ import main
from sklearn_icd._compare import _command, _process
from sklearn_icd._compare._run import n_parameters, peak_memory, say
from sklearn_icd.datasets import make_notes
from sklearn_icd.metrics import f1_micro

TINY = {"max_epochs": 1, "embedding_dim": 8, "word_vectors": None}
SETTINGS = ["--set", *(f"{key}={json.dumps(value)}" for key, value in TINY.items())]
MADE = ["--notes", "60", "--codes", "6"]


@pytest.fixture
def here(monkeypatch):
    """Do runs in this process, which saves its imports, and list them."""
    done = []

    def attempt(run, corpus, n_threads):
        done.append(str(run))
        return _process.attempt(run, corpus)

    monkeypatch.setattr(_process, "attempt_apart", attempt)
    return done


def compare(out, *options, systems=("caml", "jlan")):
    return main(["compare", "--systems", *systems, *MADE, *SETTINGS, *options, "--out", str(out)])


def figures_of(out, *place):
    return json.loads(out.joinpath("runs", *place, "figures.json").read_text())


def no_text_of(notes, folder):
    """Tell whether no file has three words of a note in a row."""
    written = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return not any(
        " ".join(words).encode() in written
        for note in notes
        for words in zip(*(note.split()[k:] for k in range(3)), strict=False)
    )


# In processes of their own -------------------------------------------------------------------


def test_each_run_in_a_process_of_its_own(tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--cv", "split", "--seeds", "3", "--jobs", "2", "--threads", "1"]
    assert compare(out, *options, "--against", "caml") == 0
    made = make_notes(60, 6, random_state=0)
    run = figures_of(out, "caml", "test-3")
    assigned = sparse.load_npz(out / "runs" / "caml" / "test-3" / "assigned.npz")

    # By hand, here: the same notes, validation notes, threshold.
    corpus = _command.read_corpus("made", n_notes=60, n_codes=6)
    [fold] = _command.make_folds(corpus, "split", "test")
    assert fold.scored.tolist() == made.splits.test.tolist()
    with config_context(enable_metadata_routing=True):
        pipeline = make_icd_pipeline(
            "caml", size="small", classes=made.target_names, random_state=3, **TINY
        )
        notes, y = corpus.take(fold.train)
        X_val, y_val = corpus.take(fold.valid)
        pipeline.fit(notes, y, X_val=X_val, y_val=y_val)
    scored, y_true = corpus.take(fold.scored)
    assert (assigned != (pipeline.predict(scored) != 0)).nnz == 0
    assert run["quality"]["micro-F1"] == pytest.approx(f1_micro(y_true, assigned))
    assert run["threshold"] == pytest.approx(pipeline[-1].threshold_)
    assert run["costs"]["parameters"] == n_parameters(pipeline[-1])
    assert run["costs"]["training s"] > 0
    assert run["costs"]["notes/s"] > 0
    assert run["threads"] == 1
    if os.path.exists("/proc/self/status"):  # this process holds more than one that only trains
        assert 100 < run["costs"]["peak MiB"] < peak_memory()

    printed = capsys.readouterr()
    assert printed.err == ""
    assert re.search(r"caml, fold test, seed 3: micro-F1 0\.\d{3}, trained in \d+ s", printed.out)
    assert "All columns: table.md, table.csv, table.html" in printed.out
    for name in ("table.md", "table.csv", "table.html"):
        assert "jlan" in (out / name).read_text("utf-8")
    assert no_text_of(made.data, out)


class Crash:
    """End the process that reads it."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_process_that_ends_is_an_error_of_its_run():
    outcome = _process.attempt_apart(Crash(), None, 1)
    assert outcome.figures is None
    assert outcome.error == "its process ended with status 3"
    assert "killed by signal 9" in _process._say_status(-9)


def test_a_process_ends_with_the_one_that_waits_for_it(monkeypatch):
    ended = []
    read, write = os.pipe()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(_process.sys, "stdin", stdin)
        monkeypatch.setattr(_process.os, "_exit", ended.append)
        thread = Thread(target=_process._end_with_parent)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        os.close(write)
        thread.join()
    assert ended == [1]


# Resuming ------------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(tmp_path, here, capsys):
    out, options = tmp_path / "out", ["--cv", "2", "--against", "caml"]
    assert compare(out, *options) == 0
    assert here == [f"{s}, fold {k}, seed 0" for s in ("caml", "jlan") for k in (1, 2)]
    tables = [(out / f"table.{kind}").read_text("utf-8") for kind in ("md", "csv", "html")]
    capsys.readouterr()
    here.clear()
    assert compare(out, *options) == 0
    assert here == []
    assert "4 of 4 runs are done already." in capsys.readouterr().out
    assert tables == [(out / f"table.{kind}").read_text("utf-8") for kind in ("md", "csv", "html")]

    assert compare(out, *options, "--set", "jlan.max_epochs=2", "--seeds", "0", "1") == 0
    assert sorted(here) == sorted(
        [f"{s}, fold {k}, seed 1" for s in ("caml", "jlan") for k in (1, 2)]
        + [f"jlan, fold {k}, seed 0" for k in (1, 2)]
    )
    printed = capsys.readouterr().out
    assert "jlan, fold 1, seed 0 is done anew: max_epochs was 1, is 2." in printed
    here.clear()
    assert compare(out, "--cv", "3") == 0
    assert len(here) == 6
    assert "fold 2, seed 0 is done anew: " in capsys.readouterr().out


def test_after_a_kill_the_rest_is_done(tmp_path, here, monkeypatch):
    def attempt(run, corpus, n_threads):
        if len(here) == 1:
            raise KeyboardInterrupt
        here.append(str(run))
        return _process.attempt(run, corpus)

    with monkeypatch.context() as patch:
        patch.setattr(_process, "attempt_apart", attempt)
        with pytest.raises(KeyboardInterrupt):
            compare(tmp_path / "out", "--cv", "2")
    assert [path.name for path in (tmp_path / "out" / "runs" / "caml").iterdir()] == ["1-0"]
    here.clear()
    assert compare(tmp_path / "out", "--cv", "2") == 0
    assert here == ["caml, fold 2, seed 0", "jlan, fold 1, seed 0", "jlan, fold 2, seed 0"]


# Failures ------------------------------------------------------------------------------------


def test_a_system_that_fails_stops_no_other(tmp_path, here, capsys):
    out = tmp_path / "out"
    assert compare(out, "--cv", "2", "--set", "caml.lr=-1", "--against", "caml") == 1
    printed = capsys.readouterr().out
    assert printed.count("Failed: caml, fold") == 2
    assert re.search(r"Failed: caml, fold 1, seed 0: InvalidParameterError: .*'lr'", printed)
    assert sorted(path.name for path in (out / "runs").iterdir()) == ["jlan"]
    rows = [line for line in (out / "table.md").read_text("utf-8").splitlines() if line[0:1] == "|"]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["caml", "jlan"]
    assert [row.split("|")[-2].strip() for row in rows[2:]] == ["0 of 2", "2 of 2"]
    here.clear()
    assert compare(out, "--cv", "2", "--against", "caml") == 0
    assert here == ["caml, fold 1, seed 0", "caml, fold 2, seed 0"]


def test_an_older_run_does_not_stand_in_for_one_that_failed(tmp_path, here):
    out, options = tmp_path / "out", ["--cv", "split"]
    assert compare(out, *options, systems=["caml"]) == 0
    assert compare(out, *options, "--set", "lr=-1", systems=["caml"]) == 1
    assert "0 of 1" in (out / "table.md").read_text("utf-8")
    assert "lr" not in figures_of(out, "caml", "test-0")["settings"]


def test_warnings_of_runs_are_told(tmp_path, here):
    options = ["--systems", "caml", *SETTINGS, "--cv", "split", "--out", str(tmp_path / "out")]
    path = tmp_path / "mine.csv"
    rows = "".join(f"cough {k},A{k % 2},{'test' if k > 30 else 'train'}\n" for k in range(40))
    path.write_text(f"text,codes,split\n{rows}".replace("A1,test", "A0,test"))
    assert main(["compare", "--data", str(path), *options]) == 0
    text = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert "- 2 of 2 codes have no known title." in text
    assert "- 1 of 2 codes have no scored note." in text
    assert "- Warning of 1 runs: UndefinedMetricWarning: An area under a curve is nan" in text
    assert figures_of(tmp_path / "out", "caml", "test-0")["quality"]["macro-AUC"] is None


def test_no_error_quotes_a_note():
    notes = ["Patient John Doe was admitted\nwith severe chest pain.", "Second."]
    assert say(ValueError("lr must be positive."), notes) == "ValueError: lr must be positive."
    for error in (
        ValueError("cannot read 'Admitted with  severe chest pain.'"),
        RuntimeError("john doe was admitted with severe chest pain"),
        KeyError("Doe"),
        UnicodeDecodeError("utf-8", b"Doe", 0, 1, "bad"),
    ):
        assert not re.search("doe|severe", say(error, notes), re.IGNORECASE)
        assert say(error, notes).startswith(type(error).__name__)


# A cluster -----------------------------------------------------------------------------------


def test_runs_on_a_dask_cluster(tmp_path, here):
    from distributed import LocalCluster

    settings = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    workers = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with LocalCluster(**workers, **settings) as cluster:
        address = cluster.scheduler_address
        assert compare(tmp_path / "there", "--cv", "2", "--dask", address, systems=["caml"]) == 0
    assert sorted(here) == ["caml, fold 1, seed 0", "caml, fold 2, seed 0"]
    assert compare(tmp_path / "here", "--cv", "2", systems=["caml"]) == 0
    for fold in ("1-0", "2-0"):
        there, own = (figures_of(tmp_path / name, "caml", fold) for name in ("there", "here"))
        assert there["quality"] == own["quality"]
        assert there["settings"] == own["settings"]


# What is asked for ---------------------------------------------------------------------------


def test_two_rows_of_one_system(tmp_path, here):
    out = tmp_path / "out"
    systems = ["caml", "wide=caml"]
    options = ["--set", "wide.n_filters=7", "--cv", "split"]
    assert compare(out, *options, systems=systems) == 0
    settings = {
        label: figures_of(out, label, "test-0")["settings"] for label in os.listdir(out / "runs")
    }
    assert settings["wide"]["n_filters"] == 7
    assert "n_filters" not in settings["caml"]
    assert {own["system"] for own in settings.values()} == {"caml"}
    assert (out / "table.md").read_text("utf-8").count("\n- wide: caml, size=small, ") == 1


def test_a_setting_for_all_reaches_those_that_have_it(tmp_path, here):
    """A row's own goes before it, wherever it stands."""
    out = tmp_path / "out"
    options = ["--set", "caml.n_filters=6", "n_filters=7", "max_epochs=1", "--cv", "split"]
    systems = ["caml", "wide=caml", "logistic-regression"]
    assert compare(out, *options, systems=systems) == 0
    rows = "caml", "wide", "logistic-regression"
    settings = [figures_of(out, row, "test-0")["settings"] for row in rows]
    assert [own.get("n_filters") for own in settings] == [6, 7, None]
    assert [own.get("max_epochs") for own in settings] == [1, 1, None]


@pytest.mark.parametrize(("taken", "titles"), [({"label_encoder"}, "letters"), (set(), None)])
def test_titles_are_a_setting_of_systems_that_take_them(monkeypatch, taken, titles):
    """Those of others are not done again for --titles."""
    classifier = SimpleNamespace(get_params=lambda deep: dict.fromkeys(taken))
    monkeypatch.setattr(_command, "make_pipeline", lambda *_: [classifier])
    entry = _command.Entry("caml", "caml", "small", {}, "letters")
    assert _command._checked(entry, None).titles == titles


def test_every_system_gets_the_same_seed_codes_titles_and_policy(tiny_bert):
    corpus = _command.read_corpus("made", n_notes=20, n_codes=3)
    for system, titles in (("plm-icd", str(tiny_bert)), ("laat", None), ("caml", "letters")):
        own = {"pretrained": str(tiny_bert)} if system == "plm-icd" else {}
        entry = _command.Entry(system, system, "paper", own, titles)
        classifier = _command.make_pipeline(entry, corpus, 5)[-1]
        known = classifier.get_params(deep=False)
        assert known["random_state"] == 5
        assert known["threshold"] == "tuned"
        assert known["monitor"] == "f1_micro"
        assert known["classes"].tolist() == corpus.codes.tolist()
        assert known.get("label_titles", corpus.titles) == corpus.titles
        if "label_encoder" in known:
            encoders = {None: "NoneType", "letters": "TitleEncoder"}
            assert type(known["label_encoder"]).__name__ == encoders.get(
                titles, "TransformerEncoder"
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--systems", "caml", "caml"], "--systems: caml is there twice"),
        (["--systems", "a/b=caml"], "a label is of letters"),
        (["--set", "lr"], "must be [LABEL.]PARAMETER=VALUE, got 'lr'"),
        (["--set", "laat.lr=1"], "--set: there is no row laat; there is caml"),
        (["--set", "caml.threshold=0.5"], "threshold is the same for all systems"),
        (["--set", "clf__random_state=0"], "random_state is the same for all systems"),
        (["--against", "laat"], "--against: there is no row laat"),
        (["--cv", "1"], "--cv: must be a whole number from 2, or split, got 1"),
        (["--seeds", "1", "1"], "--seeds: each at most once"),
        (["--dask", "tcp://localhost:1", "--jobs", "2"], "--jobs is for one machine"),
        (["--out", "no/such/folder"], "--out: there is no folder"),
    ],
)
def test_errors_of_usage(options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(["compare", "--systems", "caml", *options])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--systems", "camel"], "name='camel' is not a known system; there is"),
        (["--systems", "plm-icd"], "'plm-icd' needs pretrained"),
        (["--systems", "caml", "--set", "caml.speed=9"], "Invalid parameter 'speed'"),
        (["--systems", "caml", "--data", "mine.txt"], "there are no notes called 'mine.txt'"),
        (["--systems", "caml", "--data", "mine.csv"], "mine.csv is missing"),
        (["--systems", "caml", "--data", "cmc2007", "--data-home", "."], "cmc2007 is missing"),
        (["--systems", "caml", "--cv", "split", "--score-on", "dev"], "no notes of the split dev"),
    ],
)
def test_what_is_wrong_shows_before_training(options, message, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(["compare", *MADE, *options])
    assert exit_.value.code.startswith("sklearn-icd compare: ")
    assert message in exit_.value.code
    assert here == []


def test_help_loads_nothing_heavy():
    script = (
        "import sys\nfrom sklearn_icd.__main__ import main\n"
        "try: main(['compare', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'numpy', 'torch', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    for expected in ("--systems", "--against", "PARAMETER=VALUE", "subject_id"):
        assert expected in done.stdout
