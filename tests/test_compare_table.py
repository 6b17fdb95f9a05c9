"""What the runs of a comparison come to, and how the table says it."""

import csv
import io
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from scipy import sparse

from sklearn_icd._compare import _store
from sklearn_icd._compare._conditions import say_conditions
from sklearn_icd._compare._corpus import Corpus
from sklearn_icd._compare._figures import Summary, summarise
from sklearn_icd._compare._folds import make_folds
from sklearn_icd._compare._run import Entry, Run, measure
from sklearn_icd._compare._store import Store, changes
from sklearn_icd._compare._table import find_columns, to_csv, to_html, to_markdown, to_screen
from sklearn_icd.metrics import (
    approximate_randomization_test,
    bootstrap_interval,
    f1_micro,
    f1_report,
    mean_average_precision,
    precision_at_k,
)

N_NOTES, N_CODES = 60, 9
TARGET = np.random.default_rng(0).random((N_NOTES, N_CODES)) < 0.3
PATIENTS = np.arange(N_NOTES) // 2
CORPUS = Corpus(
    "some",
    ["note"] * N_NOTES,
    sparse.csr_array(TARGET.astype(np.int64)),
    np.array(list("abcdefghi")),
    {},
    PATIENTS,
)
FOLDS = make_folds(CORPUS, 2, "test")
SEEDS = (0, 1, 2)
MISTAKES = {"good": 0.05, "fair": 0.1, "poor": 0.3}


def assigned_by(label, seed):
    """Make what a system assigns to all notes."""
    rng = np.random.default_rng([seed, len(label), ord(label[0])])
    return TARGET ^ (rng.random(TARGET.shape) < MISTAKES[label])


def scores_by(label, seed):
    return assigned_by(label, seed) + np.random.default_rng(seed).random(TARGET.shape) / 2


@pytest.fixture(scope="module")
def runs():
    entries = [Entry(label, "laat", "small", {}) for label in MISTAKES]
    return [Run(entry, fold, seed) for entry in entries for seed in SEEDS for fold in FOLDS]


@pytest.fixture(scope="module")
def store(runs, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs"))
    for run in runs:
        label, rows = run.entry.label, run.fold.scored
        assigned = sparse.csr_array(assigned_by(label, run.seed)[rows])
        record = {
            "quality": measure(CORPUS.target[rows], assigned, scores_by(label, run.seed)[rows]),
            "costs": {
                "training s": run.seed + 1.0,
                "notes/s": 100.0,
                "peak MiB": 500.0 + run.seed,
                "GPU MiB": None,
                "parameters": 1000,
            },
        }
        store.write(run, record, assigned)
    return store


@pytest.fixture(scope="module")
def records(runs, store):
    return {str(run): store.read(run) for run in runs}


@pytest.fixture(scope="module")
def summaries(runs, store, records):
    return summarise(runs, records, store, CORPUS, "fair")


# Figures -------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_metrics():
    y, assigned, scores = TARGET, assigned_by("fair", 0), scores_by("fair", 0)
    figures = measure(sparse.csr_array(y), sparse.csr_array(assigned), scores)
    f1 = f1_report(y, assigned)
    assert figures["micro-F1"] == f1["micro"]
    for name in ("mean", "harmonic", "present", "active"):
        assert figures[f"macro-F1 {name}"] == f1[f"macro_{name}"]
    assert figures["P@5"] == precision_at_k(y, scores, 5)
    assert figures["P@8"] == precision_at_k(y, scores, 8)
    assert "P@15" not in figures  # of nine codes
    assert figures["MAP"] == mean_average_precision(y, scores)
    assert 0.5 < figures["macro-AUC"] < figures["micro-AUC"] + 0.1 < 1.1


def test_means_over_folds_then_seeds(summaries):
    for summary in summaries:
        of_seeds = [
            np.mean(
                [f1_micro(TARGET[f.scored], assigned_by(summary.label, s)[f.scored]) for f in FOLDS]
            )
            for s in SEEDS
        ]
        assert summary.means["micro-F1"] == pytest.approx(np.mean(of_seeds))
        assert summary.deviations["micro-F1"] == pytest.approx(np.std(of_seeds, ddof=1))
        assert summary.costs["training s"] == 2
        assert summary.costs["peak MiB"] == 502
        assert summary.costs["GPU MiB"] is None
        assert (summary.n_done, summary.n_runs) == (6, 6)


def stacked(label, seeds=SEEDS):
    rows = np.concatenate([fold.scored for fold in FOLDS])
    given = np.hstack([assigned_by(label, seed)[rows] for seed in seeds])
    return np.hstack([TARGET[rows]] * len(seeds)), given, PATIENTS[rows]


def test_the_interval_draws_patients_with_all_their_seeds(summaries):
    for summary in summaries:
        y_true, given, patients = stacked(summary.label)
        expected = bootstrap_interval(f1_micro, y_true, given, groups=patients, random_state=0)
        assert summary.interval == pytest.approx((expected.low, expected.high))


def test_p_values_are_adjusted_for_the_number_of_systems(summaries):
    y_true, fair, patients = stacked("fair")
    good, poor = (
        approximate_randomization_test(
            f1_micro, y_true, stacked(label)[1], fair, groups=patients, random_state=0
        ).p_value
        for label in ("good", "poor")
    )
    adjusted = {summary.label: summary.p_value for summary in summaries}
    assert adjusted["fair"] is None
    assert min(adjusted["good"], adjusted["poor"]) == pytest.approx(2 * min(good, poor))
    assert max(adjusted["good"], adjusted["poor"]) == pytest.approx(
        max(2 * min(good, poor), max(good, poor))
    )


def test_only_seeds_with_all_folds_count(runs, store, records):
    some = {key: record for key, record in records.items() if key != "poor, fold 2, seed 1"}
    some = {key: record for key, record in some.items() if not key.startswith("good")}
    good, fair, poor = summarise(runs, some, store, CORPUS, "poor")
    assert (good.n_done, good.means, good.p_value) == (0, {}, None)
    assert (poor.n_done, poor.n_runs) == (5, 6)
    y_true, given, patients = stacked("poor", (0, 2))
    expected = bootstrap_interval(f1_micro, y_true, given, groups=patients, random_state=0)
    assert poor.interval == pytest.approx((expected.low, expected.high))
    test = approximate_randomization_test(
        f1_micro, y_true, stacked("fair", (0, 2))[1], given, groups=patients, random_state=0
    )
    assert fair.p_value == pytest.approx(test.p_value)


def test_one_seed_has_no_deviation(runs, store, records):
    summaries = summarise([run for run in runs if run.seed == 1], records, store, CORPUS)
    assert {summary.deviations["MAP"] for summary in summaries} == {None}
    assert {summary.p_value for summary in summaries} == {None}


def test_a_figure_that_a_fold_lacks_is_that_of_the_others(runs, store, records):
    own = [run for run in runs if run.seed == 0]
    lacking = {str(run): {**records[str(run)]} for run in own}
    key = "good, fold 1, seed 0"
    lacking[key]["quality"] = {**lacking[key]["quality"], "macro-AUC": None}
    good, *_ = summarise(own, lacking, store, CORPUS)
    assert good.means["macro-AUC"] == records["good, fold 2, seed 0"]["quality"]["macro-AUC"]


# The table -----------------------------------------------------------------------------------


def cells_of(markdown):
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    heading, _, *rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_markdown(summaries):
    columns = find_columns(summaries, "fair")
    text = to_markdown(summaries, columns, ["First.", "Second."])
    rows = cells_of(text)
    assert [row["system"] for row in rows] == ["good", "fair", "poor"]
    for row, summary in zip(rows, summaries, strict=True):
        shown = f"{summary.means['micro-F1']:.3f} ± {summary.deviations['micro-F1']:.3f}"
        assert row["micro-F1"] == (f"**{shown}**" if summary.label == "good" else shown)
        assert row["95 % interval"] == "{:.3f} to {:.3f}".format(*summary.interval)
        assert row["peak MiB"] == "502"  # all alike, none is best
        assert row["parameters"] == "1,000"
    assert [row["p against fair"][-1] for row in rows] == ["*", "-", "*"]
    assert "GPU MiB" not in rows[0]
    assert "runs" not in rows[0]
    assert text.endswith("\n- First.\n- Second.\n")


def test_csv_holds_the_numbers_in_full(summaries):
    rows = list(csv.DictReader(io.StringIO(to_csv(summaries, find_columns(summaries, "fair")))))
    for row, summary in zip(rows, summaries, strict=True):
        assert row["system"] == summary.label
        assert float(row["micro-F1"]) == summary.means["micro-F1"]
        assert float(row["MAP sd"]) == summary.deviations["MAP"]
        assert (float(row["micro-F1 low"]), float(row["micro-F1 high"])) == summary.interval
        assert float(row["training s"]) == 2
    assert [row["p against fair"] == "" for row in rows] == [False, True, False]


class Cells(HTMLParser):
    """Collect the text of the cells, that of bold ones apart, and the caption."""

    def __init__(self, page):
        super().__init__()
        self.open, self.rows, self.bold, self.caption = [], [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta",):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1].append(data)
        if "strong" in self.open:
            self.bold.append(data)
        if "caption" in self.open:
            self.caption += data


def test_html(summaries):
    columns = find_columns(summaries, "fair")
    page = Cells(to_html(summaries, columns, ["Some <notes> & codes."]))
    assert page.open == []
    heading, *rows = page.rows
    expected = cells_of(to_markdown(summaries, columns, []))
    assert heading == [*expected[0]]
    assert rows == [[cell.strip("*").removesuffix(" ") if cell.startswith("**") else cell
                     for cell in row.values()] for row in expected]  # fmt: skip
    assert page.bold == [cell.strip("*") for row in expected for cell in row.values()
                         if cell.startswith("**")]  # fmt: skip
    assert page.caption.strip() == "Some <notes> & codes."


def test_the_lowest_cost_is_best():
    fast, slow = (
        Summary(label, 1, 1, {"MAP": 0.5}, {"MAP": None}, {"training s": seconds, "notes/s": rate})
        for label, seconds, rate in (("fast", 12, 90), ("slow", 1345.6, 30))
    )
    columns = find_columns([fast, slow], None)
    rows = cells_of(to_markdown([fast, slow], columns, []))
    assert [row["training s"] for row in rows] == ["**12**", "1,346"]
    assert [row["notes/s"] for row in rows] == ["**90**", "30"]
    assert [row["MAP"] for row in rows] == ["0.500", "0.500"]


def test_a_system_without_figures_keeps_its_row(runs, store, records):
    some = {key: record for key, record in records.items() if not key.startswith("poor")}
    summaries = summarise(runs, some, store, CORPUS, "fair")
    columns = find_columns(summaries, "fair")
    *_, poor = cells_of(to_markdown(summaries, columns, []))
    assert {cell for name, cell in poor.items() if name not in ("system", "runs")} == {"-"}
    assert poor["runs"] == "0 of 6"
    assert len(to_csv(summaries, columns).splitlines()) == 4
    nothing = summarise(runs, {}, store, CORPUS, "fair")
    assert cells_of(to_markdown(nothing, find_columns(nothing, "fair"), []))[0]["runs"] == "0 of 6"


def test_the_screen_has_room(summaries):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(to_screen(summaries, find_columns(summaries, "fair")))
    lines = [line for line in console.export_text().splitlines() if line.strip()]
    assert len(lines) == 5  # heading, rule and a line for each system


def test_the_caption_tells_conditions_apart():
    entries = [Entry("wide", "laat", "small", {"hidden_size": 9}, "letters")]
    options = SimpleNamespace(seeds=[0, 1], against="wide")
    machine = {"device": "CPU", "threads": 1, "versions": {"torch": "2"}}
    said = say_conditions(options, entries, {"a": machine, "b": machine})
    assert "wide: laat, size=small, hidden_size=9, titles of codes read by letters." in said
    assert said[-1] == "Machine: CPU, threads: 1, torch 2."
    said = say_conditions(options, entries, {"a": machine, "b": {**machine, "threads": 2}})
    assert said[-3].startswith("The runs were done under different conditions")
    assert said[-1] == "Machine of 1 runs: CPU, threads: 2, torch 2."


# The store -----------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["save_npz", "dumps", "replace"])
def test_a_run_that_is_broken_off_leaves_what_was_there(runs, tmp_path, monkeypatch, broken):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    store, run, assigned = Store(tmp_path), runs[0], sparse.csr_array(np.eye(2, dtype=bool))
    for number in (None, 1):  # of a run that is new, and of one that takes another's place
        with monkeypatch.context() as patch:
            home = {"save_npz": _store.sparse, "dumps": _store.json, "replace": _store.os}[broken]
            patch.setattr(home, broken, stop)
            with pytest.raises(KeyboardInterrupt):
                store.write(run, {"number": 2}, assigned)
        expected = None if number is None or broken == "replace" else {"number": 1}
        assert store.read(run) == expected
        assert [path.name for path in (tmp_path / "good").iterdir()] == ["1-0"][
            : expected is not None
        ]
        store.write(run, {"number": 1}, assigned)
    assert (store.read_assigned(run) != assigned).nnz == 0


def test_changes_are_named():
    before = {"size": "small", "lr": 0.1, "notes": "a"}
    assert changes(before, dict(before)) == ""
    now = {"size": "small", "notes": "b", "max_epochs": 3}
    assert changes(before, now) == (
        "lr was 0.1, is not set; max_epochs was not set, is 3; "
        "the notes, or their folds, are others"
    )
