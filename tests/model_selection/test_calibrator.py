"""Calibration against one optimiser a code, scikit-learn's isotonic regression, and the truth."""

import pickle

import numpy as np
import pytest
from known_scores import KnownLogits, KnownScores
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_icd.model_selection import MultilabelCalibrator, ThresholdTuner

METHODS = ["temperature", "platt", "isotonic"]


def made(n_notes=400, n_codes=8, seed=0):
    """Make logits that are too sharp by 2.5, of codes from frequent to absent."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(np.linspace(0.5, -7, n_codes), 1.5, (n_notes, n_codes))
    y = (rng.random(truth.shape) < expit(truth)).astype(int)
    y[:, -1] = 0
    return y, 2.5 * truth


def calibrated(y, logits, **parameters):
    clf = KnownLogits().fit(logits, y)
    return MultilabelCalibrator(clf, cv="prefit", **parameters).fit(logits, y)


def cell_loss(y, p):
    return log_loss(y.ravel(), p.ravel())


def best_line(y, scores):
    """Fit Platt's logistic regression to one code."""
    n_true, n_false = y.sum(), (1 - y).sum()
    target = np.where(y, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))

    def loss(line):
        z = line[0] * scores + line[1]
        return (np.logaddexp(0, z) - target * z).sum()

    return minimize(loss, [0.0, 0.0], tol=1e-10).x


def test_temperature_is_the_most_likely_one():
    y, logits = made()
    fitted = calibrated(y, logits)
    best = minimize_scalar(
        lambda t: cell_loss(y, expit(logits / t)), bounds=(0.1, 10), method="bounded"
    )
    assert fitted.calibration_.temperature == pytest.approx(best.x, rel=1e-4)
    assert fitted.predict_proba(logits) == pytest.approx(
        expit(logits / fitted.calibration_.temperature)
    )


@pytest.mark.parametrize(("sign", "limit"), [(1, 0.01), (-1, 100)])
def test_temperature_has_limits(sign, limit):
    logits = np.array([[1.0, -1.0], [-1.0, 1.0]]) * sign
    assert calibrated(np.eye(2, dtype=int), logits).calibration_.temperature == limit


def test_platt_is_one_logistic_regression_a_code():
    y, logits = made()
    y[:, 0] = logits[:, 0] > 0  # separable
    logits[:, 1] = 0.3  # says nothing
    logits[:, 2] *= 1e4
    y[:, 3] = 1
    fitted = calibrated(y, logits, method="platt", min_positives=5)
    own = [code for code in range(8) if y[:, code].sum() >= 5]
    assert np.array_equal(fitted.pooled_codes_, [code not in own for code in range(8)])
    assert len(own) == 6
    for code in own:
        scale = abs(logits[:, code]).max()
        slope, intercept = best_line(y[:, code], logits[:, code] / scale)
        expected = expit(slope * logits[:, code] / scale + intercept)
        assert fitted.predict_proba(logits)[:, code] == pytest.approx(expected, abs=2e-5)


def test_platt_finds_the_optimum_in_spite_of_outliers():
    rng = np.random.default_rng(0)
    logits = np.vstack([rng.normal(size=(29, 200)), rng.normal(size=(1, 200)) * 100])
    y = (rng.random(logits.shape) < 0.1).astype(int)
    p = calibrated(y, logits, method="platt", min_positives=1).predict_proba(logits)
    n_true = y.sum(axis=0)
    residuals = p - np.where(y, (n_true + 1) / (n_true + 2), 1 / (30 - n_true + 2))
    own = n_true > 0
    assert residuals[:, own].sum(axis=0) == pytest.approx(0, abs=1e-5)
    assert (residuals * logits)[:, own].sum(axis=0) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("n_notes", [50, 70_000])
def test_rare_codes_share_one_line(n_notes):
    y, logits = made(n_notes, n_codes=4)
    rare = [2, 3]
    fitted = calibrated(y, logits, method="platt", min_positives=int(y[:, 1].sum()))
    assert np.flatnonzero(fitted.pooled_codes_).tolist() == rare
    slope, intercept = best_line(y[:, rare].ravel(), logits[:, rare].ravel())
    assert fitted.calibration_.slopes[rare] == pytest.approx([slope] * 2, rel=1e-3)
    assert fitted.calibration_.intercepts[rare] == pytest.approx([intercept] * 2, rel=1e-3)


@pytest.mark.parametrize("ties", [False, True])
def test_isotonic_is_that_of_scikit_learn_on_the_notes_learned_from(ties):
    y, logits = made(n_codes=6)
    logits = logits.round() if ties else logits
    fitted = calibrated(y, logits, method="isotonic", min_positives=30)
    pooled = fitted.pooled_codes_
    assert 0 < pooled.sum() < 6
    p = fitted.predict_proba(logits)
    for codes in [*np.flatnonzero(~pooled)[:, None], np.flatnonzero(pooled)]:
        true, scores = y[:, codes].ravel(), logits[:, codes].ravel()
        least = 1 / (len(true) + 2)
        expected = IsotonicRegression().fit_transform(scores, true).clip(least, 1 - least)
        assert p[:, codes].ravel() == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_of_new_notes_come_true_more_often(method):
    fitted = calibrated(*made(3000), method=method)
    y, logits = made(3000, seed=1)
    p = fitted.predict_proba(logits)
    assert cell_loss(y, p) < 0.85 * cell_loss(y, expit(logits))
    assert p.mean() == pytest.approx(y.mean(), rel=0.1)
    for low, high in ((0.05, 0.2), (0.2, 0.5), (0.5, 0.8)):
        assert low - 0.03 < y[(p > low) & (p < high)].mean() < high + 0.03


@pytest.mark.parametrize("method", METHODS)
def test_logits_probabilities_and_decisions_say_the_same(method):
    y, logits = made()
    fitted = calibrated(y, logits, method=method)
    p = fitted.predict_proba(logits)
    assert ((p > 0) & (p < 1)).all()
    assert expit(fitted.decision_function(logits)) == pytest.approx(p)
    assert np.array_equal(fitted.predict(logits), p >= 0.5)
    in_half = calibrated(y, logits.astype(np.float32), method=method)
    assert in_half.predict_proba(logits.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_are_read_as_logits(method):
    y, logits = made()
    p = expit(logits / 10)
    of_logits = calibrated(y, logit(p), method=method)
    clf = MultilabelCalibrator(KnownScores().fit(p, y), method=method, cv="prefit").fit(p, y)
    assert clf.response_method_ == "predict_proba"
    assert clf.predict_proba(p) == pytest.approx(of_logits.predict_proba(logit(p)))
    p[0, 0], p[0, 1] = 0, 1
    assert np.isfinite(clf.fit(p, y).decision_function(p)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("y", [np.zeros((3, 2), int), np.ones((3, 2), int), [[1], [0], [0]]])
def test_degenerate_notes(method, y):
    logits = np.zeros(np.shape(y))
    p = calibrated(y, logits, method=method, min_positives=1).predict_proba(logits)
    assert p.shape == logits.shape
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_must_be_finite(value):
    y, logits = made(20)
    logits[3, 2] = value
    with pytest.raises(ValueError, match=r"NaN|infinite"):
        calibrated(y, logits, method="platt")


@pytest.fixture(scope="module")
def notes():
    return make_multilabel_classification(150, 10, n_classes=5, n_labels=1, random_state=0)


def test_one_map_is_learned_from_all_folds(notes):
    X, y = notes
    svm = OneVsRestClassifier(LinearSVC())
    clf = MultilabelCalibrator(svm, method="platt", min_positives=1, cv=3, random_state=0)
    fitted = clone(clf).fit(X, y)
    again = ThresholdTuner(svm, cv=3, random_state=0)  # has the same folds
    indicator, scores = again._fit_held_out(X, y, {})
    expected = calibrated(indicator.toarray().astype(int), scores, method="platt", min_positives=1)
    assert fitted.calibration_.slopes == pytest.approx(expected.calibration_.slopes)
    whole = svm.fit(X, y).decision_function(X)
    assert fitted.predict_proba(X) == pytest.approx(expected.predict_proba(whole))


@pytest.mark.parametrize("method", METHODS)
def test_it_goes_where_estimators_go(method, notes):
    X, y = notes
    pipeline = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    clf = MultilabelCalibrator(pipeline, method=method, cv=2, random_state=0)
    assert cross_validate(clf, X, y, cv=2, scoring="roc_auc")["test_score"].min() > 0.6
    tuner = ThresholdTuner(clf, cv=0.3, refit=False, random_state=0)
    grid = {"estimator__estimator__onevsrestclassifier__estimator__C": [0.1, 1]}
    search = GridSearchCV(tuner, grid, cv=2, scoring="f1_micro", error_score="raise")
    best = search.fit(X, sparse.csr_array(y)).best_estimator_
    restored = pickle.loads(pickle.dumps(best))
    assert np.array_equal(restored.predict_proba(X), best.predict_proba(X))
    assert sparse.issparse(restored.predict(X))
    assert np.isfinite(best.expected_f1(X)).all()


def test_a_1d_y_has_two_columns(notes):
    X, y = notes
    names = np.where(y[:, 0], "yes", "no")
    clf = MultilabelCalibrator(LogisticRegression(), cv=3, random_state=0).fit(X, names)
    p = clf.predict_proba(X)
    assert p.shape == (150, 2)
    assert p.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(clf.predict(X), clf.classes_[(p[:, 1] >= 0.5).astype(int)])
    assert clf.decision_function(X) == pytest.approx(logit(p[:, 1]))
