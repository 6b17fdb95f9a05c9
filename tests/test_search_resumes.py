"""A search whose process was killed goes on with the trials that are left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from optuna_integration import OptunaSearchCV
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from sklearn_icd.datasets import make_notes

# Optuna says so of what it has had for years, and of what its own integration still calls.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* experimental"),
    pytest.mark.filterwarnings("ignore:.*optuna.terminator"),
]
N_TRIALS, N_FOLDS = 4, 2
NOTES = make_notes(n_notes=40, n_codes=4, mean_words=30, random_state=0)


class CountFits(TransformerMixin, BaseEstimator):
    """A text step that counts its fits in a file, and kills its process at one of them."""

    def __init__(self, counter=None, kill_at=None):
        self.counter = counter
        self.kill_at = kill_at

    def fit(self, X, y=None):
        with open(self.counter, "a") as file:
            file.write(".")
        if os.path.getsize(self.counter) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


def search_in_file(folder, *, kill_at=None):
    """Make a search whose trials are kept in a file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = RDBStorage(
        f"sqlite:///{folder}/study.db",
        heartbeat_interval=1,
        grace_period=1,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
    )
    study = optuna.create_study(
        study_name="search", storage=storage, direction="maximize", load_if_exists=True
    )
    pipeline = Pipeline(
        [
            ("count", CountFits(f"{folder}/fits", kill_at)),
            ("words", CountVectorizer()),
            ("clf", KNeighborsClassifier()),
        ]
    )
    return OptunaSearchCV(
        pipeline,
        {"clf__n_neighbors": CategoricalDistribution([1, 3, 5])},
        study=study,
        n_trials=None,
        callbacks=[MaxTrialsCallback(N_TRIALS, states=(TrialState.COMPLETE,))],
        scoring="f1_micro",
        cv=N_FOLDS,
        error_score="raise",
    )


def search_until_killed(folder):
    search = search_in_file(folder, kill_at=2 * N_FOLDS + 1)
    search.fit(NOTES.data, NOTES.target.toarray())


def test_a_killed_search_does_the_trials_that_are_left(tmp_path):
    this = Path(__file__)
    script = f"import {this.stem}; {this.stem}.search_until_killed({os.fspath(tmp_path)!r})"
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=this.parent, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    search = search_in_file(tmp_path)
    before, fits = search.study.trials, (tmp_path / "fits").stat().st_size
    assert [trial.state.name for trial in before] == ["COMPLETE", "COMPLETE", "RUNNING"]
    time.sleep(2)  # until the trial has given no sign of life for longer than the grace period
    search.fit(NOTES.data, NOTES.target.toarray())
    first, second, killed, again, *others = search.study.trials
    assert [first.values, second.values] == [trial.values for trial in before[:2]]
    assert killed.state == TrialState.FAIL
    assert again.params == killed.params
    complete = [first, second, again, *others]
    assert [trial.state for trial in complete] == [TrialState.COMPLETE] * N_TRIALS
    refit = 1
    assert (tmp_path / "fits").stat().st_size - fits == (N_TRIALS - 2) * N_FOLDS + refit
    assert search.best_score_ == max(trial.value for trial in complete)
