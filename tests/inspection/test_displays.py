"""Displays draw the numbers that they are named after."""

import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_score, recall_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_icd.inspection import (
    CodeFrequencyDisplay,
    CoverageErrorDisplay,
    PrecisionRecallByFrequencyDisplay,
    ReliabilityDisplay,
    ThresholdCurveDisplay,
    TrainingCurveDisplay,
)
from sklearn_icd.metrics import f1_micro
from sklearn_icd.model_selection import ThresholdTuner
from sklearn_icd.models import LDPLAMClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5))
Y = (X @ RNG.normal(size=(5, 6)) + RNG.normal(size=(80, 6)) > 0.8).astype(int)
FITTED = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())).fit(X, Y)
TUNER = ThresholdTuner(FITTED, min_expected_f1=0.9, random_state=0).fit(X, Y)
TRAIN_COUNTS = [9, 9, 3, 3, 0, 0]


@pytest.fixture(autouse=True)
def _closed_figures():
    matplotlib.use("Agg")
    yield
    plt.close("all")


def draw(kind, **kwargs):
    return {
        "threshold": lambda: ThresholdCurveDisplay.from_estimator(FITTED, X, Y, **kwargs),
        "reliability": lambda: ReliabilityDisplay.from_estimator(FITTED, X, Y, **kwargs),
        "coverage": lambda: CoverageErrorDisplay.from_estimator(TUNER, X, Y, **kwargs),
        "bands": lambda: PrecisionRecallByFrequencyDisplay.from_estimator(
            FITTED, X, Y, TRAIN_COUNTS, **kwargs
        ),
        "frequency": lambda: CodeFrequencyDisplay.from_targets(Y, **kwargs),
    }[kind]()


KINDS = ["threshold", "reliability", "coverage", "bands", "frequency"]


@pytest.mark.parametrize("kind", KINDS)
def test_draws_on_the_axes_given_or_on_new_ones(kind):
    _, ax = plt.subplots()
    assert draw(kind, ax=ax).ax_ is ax
    other = draw(kind)
    assert other.ax_ is not ax
    assert other.figure_ is other.ax_.figure


@pytest.mark.parametrize("kind", KINDS)
def test_passes_settings_on_to_matplotlib(kind):
    display = draw(kind, alpha=0.25)
    drawn = {"bands": "lines_", "frequency": "bars_"}.get(kind, "line_")
    artists = getattr(display, drawn)
    for artist in artists if isinstance(artists, list) else [artists]:
        first = artist[0] if hasattr(artist, "__getitem__") else artist
        assert first.get_alpha() == 0.25


@pytest.mark.parametrize("kind", ["threshold", "reliability"])
def test_two_estimators_on_one_plot(kind):
    first = draw(kind, name="one")
    draw(kind, name="two", ax=first.ax_)
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert sum("one" in label for label in labels) == 1
    assert sum("two" in label for label in labels) == 1
    assert labels.count("calibrated") == (kind == "reliability")


def test_every_threshold_has_its_f1():
    display = draw("threshold")
    scores = FITTED.decision_function(X)
    for threshold, value in zip(*display.line_.get_data(), strict=True):
        assert value == pytest.approx(f1_micro(Y, (scores >= threshold).astype(int)))
    assert "Pipeline (best" in display.line_.get_label()


def test_reliability_is_drawn_from_probabilities():
    display = ReliabilityDisplay.from_estimator(FITTED, X, csr_array(Y), n_bins=4)
    probabilities = FITTED.predict_proba(X)
    assert display.n_cells.sum() == Y.size
    order = np.argsort(probabilities, axis=None)
    lowest = order[: display.n_cells[0]]
    assert display.line_.get_xdata()[0] == pytest.approx(probabilities.ravel()[lowest].mean())
    assert display.line_.get_ydata()[0] == pytest.approx(Y.ravel()[lowest].mean())


def test_coverage_counts_the_codes_of_notes_that_the_tuner_leaves_to_a_human():
    assert TUNER.abstain(X).any()
    display = draw("coverage")
    assigned = FITTED.predict_proba(X) >= TUNER.threshold_
    assert display.line_.get_xdata()[-1] == 1
    assert 1 - display.line_.get_ydata()[-1] == pytest.approx(f1_micro(Y, assigned.astype(int)))
    assert TUNER.min_expected_f1 == 0.9


def test_precision_and_recall_within_groups_of_codes():
    display = draw("bands")
    scores = FITTED.decision_function(X)
    assert [line.get_label() for line in display.lines_] == [
        "S: 2 codes",
        "F: 2 codes",
        "Z: 2 codes",
    ]
    true, own = Y[:, 2:4].ravel(), scores[:, 2:4].ravel()
    recall, precision = display.lines_[1].get_data()
    cuts = np.unique(own[true == 1])[::-1]
    assert len(cuts) == len(recall)
    for cut, r, p in zip(cuts, recall, precision, strict=True):
        assert r == pytest.approx(recall_score(true, own >= cut))
        assert p == pytest.approx(precision_score(true, own >= cut))
    area = np.sum(np.diff(recall, prepend=0) * precision)
    assert area == pytest.approx(average_precision_score(true, own))


def test_a_group_without_true_codes_is_left_out():
    y = Y.copy()
    y[:, :2] = 0
    display = PrecisionRecallByFrequencyDisplay.from_predictions(
        y, FITTED.decision_function(X), TRAIN_COUNTS
    )
    assert list(display.groups) == ["F", "Z"]


@pytest.mark.parametrize("make", [np.array, csr_array])
def test_codes_are_counted_in_doublings(make):
    counts = [0, 0, 1, 2, 3, 4, 7, 8]
    y = (np.arange(8)[:, None] < np.array(counts)).astype(int)
    display = CodeFrequencyDisplay.from_targets(make(y))
    assert [bar.get_height() for bar in display.bars_] == [2, 1, 2, 2, 1]
    labels = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert labels == ["0", "1", "2-3", "4-7", "8-15"]


@pytest.mark.parametrize("validation", [None, 0.25])
def test_training_curves_are_those_of_the_history(validation):
    tokens = csr_array(RNG.integers(2, 9, size=(40, 6)))
    clf = LDPLAMClassifier(
        n_pseudo_labels=2,
        embedding_dim=4,
        hidden_size=4,
        word_vectors=None,
        max_epochs=3,
        validation_fraction=validation,
        random_state=0,
    ).fit(tokens, Y[:40])
    display = TrainingCurveDisplay.from_estimator(make_pipeline(clf))
    names = ["train_loss", *["valid_loss", "valid_score"] * (validation is not None)]
    assert [line.get_label() for line in display.lines_] == names
    for line in display.lines_:
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == clf.history_[:, line.get_label()]
    assert (display.score_ax_ is None) == (validation is None)
    best = [row["epoch"] for row in clf.history_ if row.get("valid_loss_best")]
    assert display.best_epoch == (best[-1] if best else None)


def test_an_estimator_without_epochs_is_refused():
    with pytest.raises(TypeError, match="OneVsRestClassifier keeps no history_"):
        TrainingCurveDisplay.from_estimator(FITTED)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-icd\[plot\]'"):
        CodeFrequencyDisplay.from_targets(Y)
