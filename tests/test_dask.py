"""A search and a table of notes on a Dask cluster of two workers, one of which is killed."""

import logging
import os
import signal
import sys
from collections import Counter
from contextlib import suppress

import cloudpickle
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline, predict_frame

MADE = make_notes(n_notes=60, n_codes=4, mean_words=30, random_state=0)


class KillOnce(TransformerMixin, BaseEstimator):
    """A text step that kills the worker it first runs on."""

    def __init__(self, killed=None):
        self.killed = killed

    def fit(self, X, y=None):
        if self.killed is not None:
            with suppress(FileExistsError), open(self.killed, "x"):
                os.kill(os.getpid(), signal.SIGKILL)
        return self

    def transform(self, X):
        return X


class CountedPipeline(Pipeline):
    """A pipeline that tells a file which processes it arrives at."""

    def __setstate__(self, state):
        super().__setstate__(state)
        with open(self.memory, "a") as file:
            file.write(f"{os.getpid()} ")


@pytest.fixture(scope="module")
def cluster():
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)  # the workers do not know where tests are
    settings = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=2, threads_per_worker=1, **settings) as cluster, Client(cluster):
        yield cluster
    cloudpickle.unregister_pickle_by_value(module)


def tiny_pipeline(killed=None):
    pipeline = make_icd_pipeline(
        "ld-plam",
        classes=MADE.target_names,
        n_pseudo_labels=4,
        embedding_dim=8,
        hidden_size=8,
        word_vectors=None,
        optimizer="adam",
        max_epochs=2,
        threshold=0.3,
        random_state=0,
    )
    pipeline.steps.insert(0, ("kill", KillOnce(killed)))
    return pipeline


def search(pipeline):
    values = {"clf__n_pseudo_labels": [2, 4], "clf__dropout": [0.0, 0.5]}
    found = GridSearchCV(
        pipeline, values, scoring="f1_micro", cv=2, refit=False, error_score="raise"
    ).fit(MADE.data, MADE.target)
    return found.cv_results_["mean_test_score"]


def test_a_search_outlives_a_killed_worker(cluster, tmp_path):
    expected = search(tiny_pipeline())
    killed = tmp_path / "killed"
    cluster.get_client().amm.stop()  # which would leave one copy of the notes, to be lost
    with parallel_config(backend="dask", scatter=[MADE.data, MADE.target]):
        found = search(tiny_pipeline(os.fspath(killed)))
    assert killed.exists()
    np.testing.assert_array_equal(found, expected)


def test_each_worker_gets_the_pipeline_once(cluster, tmp_path):
    cluster.get_client().wait_for_workers(2)
    arrivals = tmp_path / "arrivals"
    pipeline = tiny_pipeline().fit(MADE.data, MADE.target)
    notes = pd.Series(MADE.data, index=range(100, 160))
    expected = predict_frame(pipeline, notes)
    counted = CountedPipeline(pipeline.steps, memory=os.fspath(arrivals))
    found = predict_frame(counted, dd.from_pandas(notes, npartitions=8)).compute()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)
    arrived = Counter(arrivals.read_text().split())
    arrived.pop(str(os.getpid()), None)  # the scheduler's
    assert set(arrived.values()) == {1}
