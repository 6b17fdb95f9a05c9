"""Tuned thresholds: against trying every cut, on notes that the estimator did not see."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from known_scores import KnownLogits, KnownScores
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklearn_icd.model_selection import MultilabelStratifiedGroupKFold, ThresholdTuner

SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1, width=32)
RANKINGS = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=4).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.int64, shape, elements=st.integers(0, 1)),
        hnp.arrays(np.float32, shape, elements=SCORES),
    )
)
METRICS = st.sampled_from(["f1_micro", "f1_macro", "f1_samples"])


def tuned(ranking, **parameters):
    y, scores = ranking
    return ThresholdTuner(KnownScores().fit(scores, y), cv="prefit", **parameters).fit(scores, y)


def skl_f1(y, assigned, metric):
    return f1_score(y, assigned, average=metric.removeprefix("f1_"), zero_division=0)


def own_f1(y, scores, cut):
    return f1_score(y, scores >= cut, zero_division=0)


@pytest.fixture(scope="module")
def notes():
    X, y = make_multilabel_classification(150, 10, n_classes=5, n_labels=1, random_state=0)
    return X, y


@pytest.fixture
def clf():
    return OneVsRestClassifier(LogisticRegression())


@given(RANKINGS, METRICS)
@settings(deadline=None, max_examples=80)
def test_no_global_cut_is_better(ranking, metric):
    y, scores = ranking
    tuner = tuned(ranking, metric=metric)
    reached = skl_f1(y, tuner.predict(scores), metric)
    assert tuner.best_score_ == pytest.approx(reached)
    for cut in [*np.unique(scores), np.inf]:
        assert skl_f1(y, scores >= cut, metric) <= reached + 1e-9


@given(RANKINGS)
@settings(deadline=None, max_examples=80)
def test_no_cut_of_its_own_is_better_for_a_code(ranking):
    y, scores = ranking
    tuner = tuned(ranking, metric="f1_macro", strategy="per_code", shrinkage=0)
    assigned = tuner.predict(scores)
    for code in range(y.shape[1]):
        reached = f1_score(y[:, code], assigned[:, code], zero_division=0)
        for cut in np.unique(scores):
            assert own_f1(y[:, code], scores[:, code], cut) <= reached + 1e-9
    assert tuner.best_score_ == pytest.approx(skl_f1(y, assigned, "f1_macro"))


@given(RANKINGS, METRICS)
@settings(deadline=None, max_examples=80)
def test_no_number_of_codes_is_better(ranking, metric):
    y, scores = ranking
    tuner = tuned(ranking, metric=metric, strategy="top_k")
    assert (tuner.predict(scores).sum(axis=1) == tuner.k_).all()
    reached = skl_f1(y, tuner.predict(scores), metric)
    assert tuner.best_score_ == pytest.approx(reached)
    order = np.argsort(-scores, axis=1, kind="stable")
    for k in range(y.shape[1] + 1):
        assigned = np.zeros_like(y)
        np.put_along_axis(assigned, order[:, :k], 1, axis=1)
        assert skl_f1(y, assigned, metric) <= reached + 1e-9
        if k == tuner.k_:
            assert np.array_equal(tuner.predict(scores), assigned)


@given(RANKINGS, st.floats(0.1, 10))
@settings(deadline=None, max_examples=80)
def test_no_cut_costs_less(ranking, false_negative_cost):
    y, scores = ranking
    tuner = tuned(ranking, strategy="cost", false_negative_cost=false_negative_cost)

    def cost(assigned):
        false_positives, false_negatives = assigned & (1 - y), y & (1 - assigned)
        return (false_positives.sum() + false_negative_cost * false_negatives.sum()) / len(y)

    reached = cost(tuner.predict(scores))
    assert tuner.best_score_ == pytest.approx(-reached)
    for cut in [*np.unique(scores), np.inf]:
        assert reached <= cost((scores >= cut).astype(int)) + 1e-9


def test_calibrated_probabilities_are_cut_where_the_costs_say():
    rng = np.random.default_rng(0)
    scores = rng.random((4000, 5))
    y = (rng.random(scores.shape) < scores).astype(int)
    tuner = tuned((y, scores), strategy="cost", false_negative_cost=4)
    assert tuner.threshold_ == pytest.approx(1 / (1 + 4), abs=0.02)


def test_rare_codes_are_shrunk_more():
    rng = np.random.default_rng(0)
    y = (rng.random((200, 4)) < [0.5, 0.1, 0.02, 0.0]).astype(int)
    scores = np.clip(rng.normal(0.3, 0.1, y.shape) + y * 0.2, 0, 1)
    common = tuned((y, scores)).threshold_
    own = tuned((y, scores), strategy="per_code", shrinkage=0).threshold_
    shrunk = tuned((y, scores), strategy="per_code", shrinkage=7).threshold_
    n = y.sum(axis=0)
    assert shrunk == pytest.approx((n * own + 7 * common) / (n + 7))
    assert own[3] == shrunk[3] == common
    assert len(set(own)) == 4


def test_own_cuts_lie_halfway_to_the_next_note():
    y, scores = np.array([[1], [1], [0], [0]]), np.array([[0.9], [0.8], [0.4], [0.1]])
    assert tuned((y, scores), strategy="per_code", shrinkage=0).threshold_ == pytest.approx([0.6])


def test_own_cuts_part_neighbouring_numbers():
    for above in 0.5 + np.arange(1, 5, dtype=np.float32) * np.float32(2**-24):
        scores = np.array([[above], [np.nextafter(above, np.float32(0))]])
        tuner = tuned((np.array([[1], [0]]), scores), strategy="per_code", shrinkage=0)
        assert tuner.predict(scores).tolist() == [[1], [0]]


@pytest.mark.parametrize("strategy", ["global", "per_code"])
def test_of_equally_good_cuts_the_highest_is_taken(strategy):
    y, scores = np.array([[1], [0], [0], [1]]), np.array([[0.9], [0.5], [0.4], [0.1]])
    tuner = tuned((y, scores), strategy=strategy, shrinkage=0)
    assert tuner.best_score_ == pytest.approx(2 / 3)
    assert tuner.predict(scores).tolist() == [[1], [0], [0], [0]]


@pytest.mark.parametrize("strategy", ["global", "per_code", "top_k", "cost"])
def test_degenerate_notes(strategy):
    cases = {
        "no true code": (np.zeros((4, 3), dtype=int), np.full((4, 3), 0.5)),
        "no other": (np.ones((4, 3), dtype=int), np.full((4, 3), 0.5)),
        "equal scores": (np.eye(4, 3, dtype=int), np.full((4, 3), 0.5)),
        "one note": (np.array([[1, 0, 0]]), np.array([[0.9, 0.2, 0.1]])),
        "one code": (np.array([[1], [0], [1]]), np.array([[0.9], [0.2], [0.7]])),
    }
    predicted = {
        name: tuned(case, strategy=strategy).predict(case[1]) for name, case in cases.items()
    }
    assert predicted["no true code"].sum() == 0
    assert predicted["no other"].all()
    assert predicted["one note"].tolist() == [[1, 0, 0]]
    if strategy != "top_k":
        assert predicted["one code"].tolist() == [[1], [0], [1]]
    assert all(predicted[name].shape == case[0].shape for name, case in cases.items())


def test_nan_is_refused():
    y, scores = np.eye(3, 2, dtype=int), np.array([[0.1, 0.2], [0.3, np.nan], [0.1, 0.2]])
    with pytest.raises(ValueError, match="NaN, first at row 1, column 1"):
        tuned((y, scores))


class Recorder(KnownScores):
    """Say at prediction which notes were seen in fit."""

    fits, scored = [], []

    def fit(self, X, y):
        super().fit(X, y)
        self.fits.append(set(self.fitted_on_))
        return self

    def predict_proba(self, X):
        self.scored.append((set(self.fitted_on_), set(X[:, 0].tolist())))
        return X


@pytest.mark.parametrize(
    ("cv", "refit", "n_fits", "n_tuned_on"),
    [(None, True, 6, 60), (3, True, 4, 60), (0.2, True, 2, 12), (0.2, False, 1, 12)],
)
def test_tuned_on_notes_that_were_not_fitted_on(cv, refit, n_fits, n_tuned_on):
    rng = np.random.default_rng(0)
    scores = rng.random((60, 3))
    Recorder.fits, Recorder.scored = [], []
    tuner = ThresholdTuner(Recorder(), cv=cv, refit=refit, random_state=0)
    tuner.fit(scores, (scores > 0.6).astype(int))
    assert len(Recorder.fits) == n_fits
    assert sum(len(tuned_on) for _, tuned_on in Recorder.scored) == n_tuned_on
    assert not any(fitted_on & tuned_on for fitted_on, tuned_on in Recorder.scored)
    assert len(tuner.estimator_.fitted_on_) == (60 if refit else 48)


def test_cross_validation_shows_it_no_test_note():
    rng = np.random.default_rng(0)
    scores = rng.random((60, 3))
    y, cv = (scores > 0.6).astype(int), KFold(3)
    Recorder.fits, Recorder.scored = [], []
    tuner = ThresholdTuner(Recorder(), cv=2, random_state=0)
    cross_validate(tuner, scores, y, cv=cv, scoring="f1_micro")
    train = [set(scores[rows, 0].tolist()) for rows, _ in cv.split(scores)]
    assert len(Recorder.fits) == 9
    for number, fitted_on in enumerate(Recorder.fits):
        assert fitted_on <= train[number // 3]
    for number in range(3):
        tuned_on = [scored for _, scored in Recorder.scored[number * 3 : number * 3 + 2]]
        assert set.union(*tuned_on) == train[number]


def test_groups_stay_whole_with_and_without_routing(notes):
    _, y = notes
    groups = np.arange(len(y)) // 5
    Recorder.fits, Recorder.scored = [], []
    scores = np.random.default_rng(0).random(y.shape)
    scores[:, 0] = groups / 100
    ThresholdTuner(Recorder(), cv=3, random_state=0).fit(scores, y, groups=groups)
    ThresholdTuner(Recorder(), cv=0.2, random_state=0).fit(scores, y, groups=groups)
    ThresholdTuner(Recorder(), cv=GroupKFold(3)).fit(scores, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        tuner = ThresholdTuner(Recorder(), cv=3, random_state=0)
        cv = MultilabelStratifiedGroupKFold(2)
        cross_validate(tuner, scores, y, cv=cv, scoring="f1_micro", params={"groups": groups})
    assert len(Recorder.scored) == 3 + 1 + 3 + 2 * (3 + 1)
    assert not any(fitted_on & tuned_on for fitted_on, tuned_on in Recorder.scored)


def test_fit_parameters_reach_the_estimator_by_routing(notes):
    X, y = notes
    weight = np.where(y[:, 0], 5.0, 1.0)
    plain = ThresholdTuner(LogisticRegression(), cv=3, random_state=0)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        plain.fit(X, y[:, 0], sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        tuner = ThresholdTuner(estimator, cv=3, random_state=0)
        weighted = tuner.fit(X, y[:, 0], sample_weight=weight)
    expected = LogisticRegression().fit(X, y[:, 0], sample_weight=weight)
    assert np.array_equal(weighted.predict_proba(X), expected.predict_proba(X))
    assert weighted.threshold_ != plain.fit(X, y[:, 0]).threshold_


def test_sparse_and_framed_codes_come_back_as_they_went_in(clf, notes):
    X, y = notes
    dense = ThresholdTuner(clf, random_state=0).fit(X, y)
    assert dense.classes_.tolist() == list(range(5))
    for kind in (sparse.csr_array, sparse.csc_matrix):
        tuner = ThresholdTuner(clf, random_state=0).fit(X, kind(y))
        assert tuner.threshold_ == dense.threshold_
        predicted = tuner.predict(X)
        assert sparse.issparse(predicted)
        assert predicted.format == "csr"
        assert predicted.dtype == y.dtype
        assert np.array_equal(predicted.toarray(), dense.predict(X))
    framed = ThresholdTuner(clf, random_state=0).fit(X, pd.DataFrame(y, columns=list("abcde")))
    assert framed.classes_.tolist() == list("abcde")
    assert np.array_equal(framed.predict(X), dense.predict(X))


def test_in_a_grid_search_around_a_pipeline_of_raw_text():
    words = ["fever", "cough", "pain", "rash"]
    rng = np.random.default_rng(0)
    y = (rng.random((80, 4)) < 0.4).astype(int)
    texts = [" ".join(np.array(words)[row == 1]) + " note" for row in y]
    pipeline = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    tuner = ThresholdTuner(pipeline, cv=2, random_state=0)
    grid = {
        "strategy": ["global", "per_code"],
        "estimator__onevsrestclassifier__estimator__C": [1e-6, 10],
    }
    search = GridSearchCV(tuner, grid, cv=2, scoring="f1_micro", error_score="raise")
    search.fit(texts, sparse.csr_array(y))
    assert search.best_params_["estimator__onevsrestclassifier__estimator__C"] == 10
    assert search.best_score_ == pytest.approx(1)
    assert search.best_estimator_.predict(["fever and rash"]).toarray().tolist() == [[1, 0, 0, 1]]


def test_clone_and_pickle(clf, notes):
    X, y = notes
    tuner = ThresholdTuner(clf, strategy="per_code", min_expected_f1=0.5, random_state=0)
    assert clone(tuner).get_params()["min_expected_f1"] == 0.5
    fitted = clone(tuner).fit(X, y)
    assert not hasattr(tuner, "estimator_")
    assert fitted.estimator is clf or not hasattr(fitted.estimator, "estimators_")
    restored = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(restored.predict(X), fitted.predict(X))
    assert np.array_equal(restored.abstain(X), fitted.abstain(X))


def test_every_kind_of_scores_is_read(notes):
    X, y = notes
    y = np.column_stack([y, np.zeros(len(y), dtype=int)])
    forest = RandomForestClassifier(5, random_state=0)
    tuner = ThresholdTuner(forest, cv=2, random_state=0).fit(X, y)
    assert tuner.predict(X).shape == y.shape
    assert tuner.predict(X)[:, 5].sum() == 0
    margins = ThresholdTuner(OneVsRestClassifier(LinearSVC()), cv=2).fit(X, y[:, :5])
    assert margins.response_method_ == "decision_function"
    assert not hasattr(margins, "predict_proba")
    chosen = ThresholdTuner(
        OneVsRestClassifier(LogisticRegression()), cv=2, response_method="decision_function"
    ).fit(X, y[:, :5])
    scores = chosen.decision_function(X)
    assert np.array_equal(chosen.predict(X), scores >= chosen.threshold_)
    with pytest.raises(AttributeError, match="LinearSVC has no predict_proba"):
        ThresholdTuner(LinearSVC(), response_method="predict_proba").fit(X, y[:, 0])


def test_scores_of_other_codes_are_refused():
    scores = np.random.default_rng(0).random((6, 3))
    clf = KnownScores().fit(scores, np.eye(6, 3, dtype=int))
    with pytest.raises(ValueError, match=r"KnownScores gave scores of shape \(6, 3\).* 2 codes"):
        ThresholdTuner(clf, cv="prefit").fit(scores, np.eye(6, 2, dtype=int))


def test_a_1d_y_of_two_classes_is_one_code(notes):
    X, y = notes
    names = np.where(y[:, 0], "yes", "no")
    tuner = ThresholdTuner(LogisticRegression(), random_state=0).fit(X, names)
    as_code = ThresholdTuner(OneVsRestClassifier(LogisticRegression()), random_state=0).fit(
        X, y[:, :1]
    )
    assert (tuner.predict(X) == names).mean() > 0.7
    assert tuner.threshold_ == pytest.approx(as_code.threshold_)
    assert np.array_equal(tuner.predict(X) == "yes", as_code.predict(X)[:, 0])
    with pytest.raises(ValueError, match=r"binary classification.* multiclass"):
        ThresholdTuner(LogisticRegression()).fit(X, np.arange(len(X)) % 3)


def test_the_curve_is_kept_on_request(clf, notes):
    X, y = notes
    for strategy, name in (("global", "thresholds"), ("top_k", "k"), ("cost", "thresholds")):
        tuner = ThresholdTuner(clf, strategy=strategy, store_cv_results=True, random_state=0)
        curve = tuner.fit(X, y).cv_results_
        assert set(curve) == {name, "scores"}
        best = curve[name][curve["scores"] == tuner.best_score_]
        assert getattr(tuner, "k_" if strategy == "top_k" else "threshold_") in best
    assert not hasattr(ThresholdTuner(clf).fit(X, y), "cv_results_")


def test_misuse_is_named(clf, notes):
    X, y = notes
    with pytest.raises(ValueError, match="refit=False needs a single split, and cv=3 gives 3"):
        ThresholdTuner(clf, cv=3, refit=False).fit(X, y)
    with pytest.raises(sklearn.exceptions.NotFittedError, match="not fitted"):
        ThresholdTuner(clf, cv="prefit").fit(X, y)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        ThresholdTuner(clf).predict(X)
    for wrong in ({"strategy": "local"}, {"shrinkage": -1}, {"metric": "auc"}, {"cv": 1.5}):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
            ThresholdTuner(clf, **wrong).fit(X, y)


def _calibrated(n_notes, seed):
    """Make notes of very different difficulty, with true probabilities."""
    rng = np.random.default_rng(seed)
    sharpness = rng.uniform(0, 4, (n_notes, 1))
    scores = 1 / (1 + np.exp(1 - sharpness * rng.normal(size=(n_notes, 12))))
    return scores, (rng.random(scores.shape) < scores).astype(int)


def test_expected_f1_is_what_notes_reach():
    scores, y = _calibrated(4000, 0)
    tuner = tuned((y, scores), min_expected_f1=0.6)
    scores, y = _calibrated(4000, 1)
    expected, left = tuner.expected_f1(scores), tuner.abstain(scores)
    complete = (scores >= tuner.threshold_).astype(int)
    reached = f1_score(y, complete, average="samples", zero_division=1)
    assert expected.mean() == pytest.approx(reached, abs=0.02)
    kept = ~left
    assert 0.2 < kept.mean() < 0.8
    assert f1_score(y[kept], complete[kept], average="samples", zero_division=1) > reached + 0.1
    for low, high in ((0.3, 0.5), (0.6, 0.8)):
        some = (expected > low) & (expected < high)
        f1 = f1_score(y[some], complete[some], average="samples", zero_division=1)
        assert low - 0.03 < f1 < high + 0.03


def test_a_note_rightly_left_without_codes_is_coded_well():
    scores = np.repeat([[0.02, 0.02], [0.5, 0.4]], 50, axis=0)
    y = np.zeros((100, 2), dtype=int)
    y[50:80, 0] = 1
    expected = tuned((y, scores)).expected_f1(scores)
    assert expected[:50] == pytest.approx(1)
    assert expected[50:] == pytest.approx(0.6)


def test_notes_left_to_a_human_are_assigned_nothing():
    scores, y = _calibrated(500, 0)
    everything, partly = tuned((y, scores)), tuned((y, scores), min_expected_f1=0.6)
    left = partly.abstain(scores)
    assert np.array_equal(left, partly.expected_f1(scores) < 0.6)
    assert np.array_equal(partly.predict(scores)[~left], everything.predict(scores)[~left])
    assert partly.predict(scores)[left].sum() == 0
    assert everything.predict(scores)[left].sum() > 0
    assert not everything.abstain(scores).any()
    assert partly.set_params(min_expected_f1=0).predict(scores).sum() == (
        everything.predict(scores).sum()
    )


def test_abstention_needs_probabilities():
    y, logits = np.eye(5, 3, dtype=int), np.random.default_rng(0).normal(size=(5, 3))
    clf = KnownLogits().fit(logits, y)
    with pytest.raises(ValueError, match=r"needs the probabilities .*MultilabelCalibrator"):
        ThresholdTuner(clf, cv="prefit", min_expected_f1=0.5).fit(logits, y)
    tuner = ThresholdTuner(clf, cv="prefit").fit(logits, y)
    with pytest.raises(ValueError, match="needs the probabilities"):
        tuner.expected_f1(logits)
