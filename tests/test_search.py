"""Searches over whole pipelines: where to start, and text steps that run once."""

import os

import numpy as np
import pytest
from joblib import parallel_config
from joblib.parallel import get_active_backend
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, ParameterGrid
from small_systems import has_transformer

from sklearn_icd import models
from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline
from sklearn_icd.utils import all_systems

# Optuna says so of what it has had for years, and of what its own integration still calls.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.* experimental"),
    pytest.mark.filterwarnings("ignore:.*optuna.terminator"),
]
NOTES = make_notes(n_notes=40, n_codes=4, mean_words=30, random_state=0)
PRETRAINED = {"pretrained": "a folder"}
SYSTEMS = [
    system(**PRETRAINED) if has_transformer(system) else system() for _, system in all_systems()
]
every_system = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: type(system).__name__)


@every_system
def test_the_grid_holds_the_default_and_other_values_that_are_valid(system):
    grid = system.param_grid()
    assert grid
    for name, values in grid.items():
        assert system.get_params()[name] in values
        assert len(set(values)) == len(values) > 1
    for parameters in ParameterGrid(grid):
        system.set_params(**parameters)._validate_params()


def test_the_prefix_names_the_step():
    pipeline = make_icd_pipeline("jlan")
    grid = pipeline["clf"].param_grid("clf__")
    assert len(grid) == len(models.JLANClassifier.param_grid())
    assert set(grid) <= set(pipeline.get_params())


def test_a_grid_can_be_changed():
    grid = models.JLANClassifier.param_grid()
    grid["lr"].append(1.0)
    assert 1.0 not in models.JLANClassifier.param_grid()["lr"]


class CountFits(TransformerMixin, BaseEstimator):
    """A text step that tells a file of each of its fits."""

    def __init__(self, counter=None):
        self.counter = counter

    def fit(self, X, y=None):
        with open(self.counter, "a") as file:
            file.write("fit ")
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


def tiny_pipeline(folder):
    pipeline = make_icd_pipeline(
        "ld-plam",
        classes=NOTES.target_names,
        n_pseudo_labels=4,
        embedding_dim=8,
        hidden_size=8,
        word_vectors=None,
        optimizer="adam",
        batch_size=16,
        max_epochs=2,
        random_state=0,
    )
    pipeline.steps.insert(0, ("count", CountFits(os.fspath(folder / "fits"))))
    return pipeline.set_params(memory=os.fspath(folder / "cache"))


def optuna_search(pipeline, values, **settings):
    from optuna import logging
    from optuna.distributions import CategoricalDistribution
    from optuna_integration import OptunaSearchCV

    logging.set_verbosity(logging.WARNING)
    distributions = {name: CategoricalDistribution(v) for name, v in values.items()}
    return OptunaSearchCV(pipeline, distributions, error_score="raise", **settings)


def halving_search(pipeline, values, **settings):
    return HalvingGridSearchCV(
        pipeline,
        values,
        resource="clf__max_epochs",
        max_resources=2,
        factor=2,
        error_score="raise",
        **settings,
    )


# scikit-learn's cross_validate, which OptunaSearchCV calls, takes no sparse y.
@pytest.mark.parametrize(
    ("make_search", "y"),
    [
        (GridSearchCV, NOTES.target),
        (GridSearchCV, NOTES.target.toarray()),
        (halving_search, NOTES.target),
        (halving_search, NOTES.target.toarray()),
        (optuna_search, NOTES.target.toarray()),
    ],
)
def test_text_steps_run_once_for_each_fold(make_search, y, tmp_path):
    values = {"clf__n_pseudo_labels": [2, 4], "clf__lr": [0.001, 0.01]}
    search = make_search(tiny_pipeline(tmp_path), values, scoring="f1_micro", cv=2)
    search.fit(NOTES.data, y)
    folds, all_notes = ["fit"] * 2, ["fit"]
    assert (tmp_path / "fits").read_text().split() == folds + all_notes
    assert all(search.best_params_[name] in values[name] for name in values)
    predicted = search.predict(NOTES.data)
    assert predicted.shape == y.shape
    assert sparse.issparse(predicted) == sparse.issparse(y)
    assert 0 <= search.best_score_ <= 1


class TellBackend(TransformerMixin, BaseEstimator):
    """An encoder of titles that keeps what would run its parts."""

    def fit(self, X, y=None):
        self.backend_ = type(get_active_backend()[0]).__name__
        return self

    def transform(self, X):
        return np.eye(len(X))


def test_a_fit_leaves_no_part_of_itself_to_other_workers(tmp_path):
    pipeline = tiny_pipeline(tmp_path).set_params(clf__label_encoder=TellBackend())
    with parallel_config(backend="threading", n_jobs=2):
        pipeline.fit(NOTES.data, NOTES.target)
    assert pipeline["clf"].label_encoder_.backend_ == "SequentialBackend"
