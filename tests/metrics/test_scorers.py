"""Scorers by name in scikit-learn's searches, with every form of answer an estimator gives."""

import pickle
import re
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_icd import metrics
from sklearn_icd.metrics import get_scorer

PROPENSITIES = np.array([0.2, 0.5, 1.0, 0.4, 0.1])
EXPECTED = {
    "average_precision_macro": (metrics.average_precision_macro, "decision_function", 1),
    "average_precision_micro": (metrics.average_precision_micro, "decision_function", 1),
    "exact_match_ratio": (metrics.exact_match_ratio, "predict", 1),
    "f1_macro": (metrics.f1_macro, "predict", 1),
    "f1_macro_active": (partial(metrics.f1_macro, average="active"), "predict", 1),
    "f1_macro_harmonic": (partial(metrics.f1_macro, average="harmonic"), "predict", 1),
    "f1_macro_present": (partial(metrics.f1_macro, average="present"), "predict", 1),
    "f1_micro": (metrics.f1_micro, "predict", 1),
    "jaccard_samples": (metrics.jaccard_samples, "predict", 1),
    "mean_average_precision": (metrics.mean_average_precision, "decision_function", 1),
    "ndcg_at_3": (partial(metrics.ndcg_at_k, k=3), "decision_function", 1),
    "neg_binary_cross_entropy": (metrics.binary_cross_entropy, "predict_proba", -1),
    "neg_brier_score": (metrics.brier_score, "predict_proba", -1),
    "neg_expected_calibration_error": (metrics.expected_calibration_error, "predict_proba", -1),
    "precision_at_12": (partial(metrics.precision_at_k, k=12), "decision_function", 1),
    "propensity_precision_at_2": (
        partial(metrics.propensity_precision_at_k, k=2, propensities=PROPENSITIES),
        "decision_function",
        1,
    ),
    "r_precision": (metrics.r_precision, "decision_function", 1),
    "recall_at_2": (partial(metrics.recall_at_k, k=2), "decision_function", 1),
    "roc_auc_macro": (metrics.roc_auc_macro, "decision_function", 1),
    "roc_auc_micro": (metrics.roc_auc_micro, "decision_function", 1),
}


def scorer_named(name):
    needed = {"propensities": PROPENSITIES} if name.startswith("propensity") else {}
    return get_scorer(name, **needed)


@pytest.fixture(scope="module")
def data():
    X, y = make_multilabel_classification(120, 8, n_classes=5, random_state=0)
    return X, y


@pytest.fixture(scope="module")
def linear(data):
    model = OneVsRestClassifier(LogisticRegression(C=0.1))
    return make_pipeline(StandardScaler(), model).fit(*data)


@pytest.mark.parametrize("name", EXPECTED)
def test_scores_are_those_of_the_metric(name, linear, data):
    X, y = data
    metric, method, sign = EXPECTED[name]
    expected = sign * metric(y, getattr(linear, method)(X))
    assert scorer_named(name)(linear, X, y) == expected
    assert scorer_named(name)(linear, X, sparse.csr_array(y)) == pytest.approx(expected)


def test_every_metric_of_an_estimator_has_a_scorer_that_is_documented():
    no_metrics = {"approximate_randomization_test", "at_level", "bootstrap_interval"}
    no_metrics |= {"by_frequency", "code_propensities", "get_scorer", "mcnemar_test"}
    no_floats = {"auc_report", "best_f1_threshold", "f1_report", "recall_by_frequency"}
    names = {re.sub(r"_\d+$", "_k", re.sub("^neg_", "", name)) for name in EXPECTED}
    assert names >= set(metrics.__all__) - no_metrics - no_floats
    documented = set(re.findall(r'``"(\w+)"``', get_scorer.__doc__.split("Returns")[0]))
    assert documented == {re.sub(r"_\d+$", "_8", name) for name in EXPECTED}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_grid_search_by_one_and_by_several(form, data):
    X, y = data
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    grid = {"onevsrestclassifier__estimator__C": [1e-4, 1.0]}
    one = GridSearchCV(model, grid, scoring=get_scorer("f1_micro"), cv=3).fit(X, form(y))
    assert one.best_params_ == {"onevsrestclassifier__estimator__C": 1.0}
    names = ["f1_micro", "recall_at_2", "neg_brier_score"]
    several = GridSearchCV(model, grid, scoring=get_scorer(names), cv=3, refit="neg_brier_score")
    several = clone(several).fit(X, form(y))
    assert several.cv_results_["mean_test_f1_micro"] == pytest.approx(
        one.cv_results_["mean_test_score"]
    )
    assert several.score(X, form(y)) == get_scorer(names)(several, X, form(y))["neg_brier_score"]


def test_cross_validate_with_metadata_routing(linear, data):
    with config_context(enable_metadata_routing=True):
        results = cross_validate(linear, *data, scoring=get_scorer(["f1_macro", "r_precision"]))
    assert results["test_f1_macro"].shape == results["test_r_precision"].shape == (5,)


def test_each_method_is_called_once(linear, data):
    calls = []

    class Counting:
        def predict(self, X):
            calls.append("predict")
            return linear.predict(X)

        def decision_function(self, X):
            calls.append("decision_function")
            return linear.decision_function(X)

    names = ["f1_micro", "f1_macro", "roc_auc_micro", "precision_at_5"]
    scores = get_scorer(names)(Counting(), *data)
    assert sorted(calls) == ["decision_function", "predict"]
    assert scores == {name: get_scorer(name)(linear, *data) for name in names}
    assert list(scores) == names


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(3),
        RandomForestClassifier(5, random_state=0),
        MultiOutputClassifier(LogisticRegression()),
        make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression())),
    ],
)
def test_lists_of_one_array_a_code(model, data):
    X, y = data
    y = y.copy()
    y[:, 3] = 0
    y[0, 3] = not isinstance(model, KNeighborsClassifier | RandomForestClassifier)
    model.fit(X, y)
    positive = np.zeros(y.shape)
    for code, table in enumerate(model.predict_proba(X)):
        if table.shape[1] == 2:
            positive[:, code] = table[:, 1]
    assert get_scorer("neg_brier_score")(model, X, y) == -metrics.brier_score(y, positive)
    assert get_scorer("roc_auc_micro")(model, X, y) == metrics.roc_auc_micro(y, positive)


@pytest.mark.parametrize("n_codes", [1, 2])
def test_few_codes(n_codes, data):
    X, y = data[0], data[1][:, :n_codes]
    model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    if n_codes == 1:
        score = get_scorer("roc_auc_macro")(model, X, y)
        assert score == metrics.roc_auc_macro(y, model.decision_function(X).reshape(-1, 1))
        assert get_scorer("f1_micro")(model, X, y) == metrics.f1_micro(y, model.predict(X)[:, None])
    else:
        for name in ("roc_auc_macro", "f1_micro", "neg_brier_score"):
            metric, method, sign = EXPECTED[name]
            assert get_scorer(name)(model, X, y) == sign * metric(y, getattr(model, method)(X))


def test_decisions_serve_where_there_are_no_probabilities(data):
    model = OneVsRestClassifier(LinearSVC()).fit(*data)
    expected = metrics.roc_auc_micro(data[1], model.decision_function(data[0]))
    assert get_scorer("roc_auc_micro")(model, *data) == expected
    with pytest.raises(AttributeError, match="predict_proba"):
        get_scorer("neg_brier_score")(model, *data)


def test_a_fold_may_lack_codes(data):
    X, y = data
    rare = np.zeros_like(y)
    rare[0] = 1
    scores = cross_validate(
        DummyClassifier(), X, rare, scoring=get_scorer("precision_at_3"), cv=KFold(3)
    )
    assert np.isfinite(scores["test_score"]).all()


def test_pickle_and_repr(linear, data):
    for name in ("ndcg_at_3", ["f1_micro", "f1_macro_present"]):
        scorer = get_scorer(name)
        assert repr(scorer) == f"get_scorer({name!r})"
        assert pickle.loads(pickle.dumps(scorer))(linear, *data) == scorer(linear, *data)


@pytest.mark.parametrize("name", ["f1", "precision_at_k", "precision_at_0", "map_at_3", 5])
def test_unknown_names_are_named(name):
    with pytest.raises(
        ValueError, match=rf"no scorer {name!r}\. Names are .*recall_at_k"
    ) as caught:
        get_scorer([name])
    assert "neg_brier_score" in str(caught.value)


def test_propensities_go_where_they_belong():
    with pytest.raises(ValueError, match="'propensity_precision_at_5' needs propensities"):
        get_scorer("propensity_precision_at_5")
    with pytest.raises(ValueError, match=r"propensities are of no use to \['f1_micro'\]"):
        get_scorer("f1_micro", propensities=PROPENSITIES)
    both = get_scorer(["f1_micro", "propensity_precision_at_5"], propensities=PROPENSITIES)
    assert repr(both) == "get_scorer(['f1_micro', 'propensity_precision_at_5'])"
