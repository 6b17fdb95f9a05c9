"""The linear baseline: scikit-learn's weights, the published setting, thresholds, its errors."""

import numpy as np
import pytest
from by_hand import notes, single
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from sklearn_icd.models import LogisticRegressionBaseline

SPARSE_OR_NOT = pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])


def counts(X, n_tokens=20):
    return np.array([np.bincount(row[row != 0], minlength=n_tokens) for row in X.toarray()])


def weighted(X, training):
    tfidf = TfidfTransformer(sublinear_tf=True).fit(counts(training))
    return tfidf.transform(counts(X))


@SPARSE_OR_NOT
def test_weights_are_scikit_learns_on_tfidf(kind):
    X, Y = notes()
    fitted = LogisticRegressionBaseline().fit(X, kind(Y))
    assert fitted.coef_.shape == (4, 20)
    for code in range(4):
        model = LogisticRegression(C=10, solver="liblinear", max_iter=1000)
        model.fit(weighted(X, X), Y[:, code])
        np.testing.assert_allclose(fitted.coef_[code], model.coef_[0], rtol=1e-5)
        expected = model.decision_function(weighted(X[:9], X))
        np.testing.assert_allclose(fitted.decision_function(X[:9])[:, code], expected, atol=1e-5)


def test_words_may_be_counted_and_the_order_is_nothing():
    X, Y = notes()
    fitted = LogisticRegressionBaseline(features="count", C=1.0).fit(X, Y)
    model = LogisticRegression(solver="liblinear", max_iter=1000).fit(counts(X), Y[:, 1])
    np.testing.assert_allclose(fitted.coef_[1], model.coef_[0], rtol=1e-5)
    there, back = (fitted.decision_function(single(*words)) for words in ([3, 3, 9], [9, 3, 3]))
    np.testing.assert_array_equal(there, back)
    assert not np.allclose(there, fitted.decision_function(single(3, 9, 9)))


@pytest.mark.parametrize("solver", ["lbfgs", "sag"])
def test_solvers_find_the_same_weights(solver):
    X, Y = notes()
    expected = LogisticRegressionBaseline(C=1.0).fit(X, Y).decision_function(X)
    fitted = LogisticRegressionBaseline(C=1.0, solver=solver, random_state=0).fit(X, Y)
    # liblinear's penalty takes in the intercept.
    assert np.abs(fitted.decision_function(X) - expected).max() < 0.5


def test_the_published_setting_warns_once_that_it_has_not_converged():
    X, Y = notes()
    published = {"features": "count", "C": 1.0, "solver": "sag", "max_iter": 20}
    with pytest.warns(ConvergenceWarning, match="4 of 4 codes .* max_iter=20") as caught:
        LogisticRegressionBaseline(**published, random_state=0).fit(X, Y)
    assert len(caught) == 1


@SPARSE_OR_NOT
def test_codes_that_none_or_all_have_get_their_log_odds(kind):
    X, Y = notes()
    Y[:, 0], Y[:, 1] = 0, 1
    fitted = LogisticRegressionBaseline().fit(X, kind(Y))
    assert not fitted.coef_[:2].any()
    odds = 0.5 / 60.5
    np.testing.assert_allclose(fitted.decision_function(X)[:, 0], np.log(odds), rtol=1e-5)
    np.testing.assert_allclose(fitted.decision_function(X)[:, 1], -np.log(odds), rtol=1e-5)
    assert fitted.n_iter_[:2].tolist() == [0, 0]


def test_threads_change_nothing():
    X, Y = notes()
    one, two = (LogisticRegressionBaseline(n_jobs=n).fit(X, Y).coef_ for n in (None, 2))
    np.testing.assert_array_equal(one, two)


def test_notes_are_held_out_for_a_tuned_threshold_only():
    X, Y = notes()
    every = LogisticRegressionBaseline(random_state=0).fit(X, Y)
    tuned = LogisticRegressionBaseline(random_state=0, threshold="tuned").fit(X, Y)
    assert not hasattr(every, "threshold_")
    assert 0 < tuned.threshold_ < 1
    assert not np.array_equal(every.coef_, tuned.coef_)
    given = LogisticRegressionBaseline(threshold="tuned").fit(X, Y, X_val=X[:20], y_val=Y[:20])
    np.testing.assert_array_equal(given.coef_, every.coef_)
    probabilities = given.predict_proba(X)
    np.testing.assert_array_equal(given.predict(X), probabilities >= given.threshold_)
    best = max(f1_score(Y[:20], probabilities[:20] >= cut, average="micro") for cut in (0.3, 0.5))
    assert f1_score(Y[:20], given.predict(X[:20]), average="micro") >= best


def test_a_tuned_threshold_needs_notes():
    X, Y = notes(5)
    with pytest.raises(ValueError, match="threshold='tuned' needs validation notes"):
        LogisticRegressionBaseline(threshold="tuned").fit(X, Y)


def test_a_new_fit_forgets_the_last():
    X, Y = notes()
    classifier = LogisticRegressionBaseline(threshold="tuned").fit(X, Y)
    classifier.set_params(threshold=0.5, features="count").fit(X, Y)
    assert not hasattr(classifier, "threshold_")
    assert not hasattr(classifier, "tfidf_")


def test_unseen_words_are_read_as_the_unknown_one():
    X, Y = notes()
    fitted = LogisticRegressionBaseline().fit(X, Y)
    np.testing.assert_array_equal(
        fitted.decision_function(single(2, 99)), fitted.decision_function(single(2, 1))
    )


def test_it_has_no_attention_and_says_where_the_weights_are():
    with pytest.raises(AttributeError, match=r"has no attention: .*coef_ holds them"):
        LogisticRegressionBaseline().fit(*notes()).attention(single(2))


def test_classes_of_a_1d_y():
    X, Y = notes()
    y = np.where(Y[:, 0] == 1, "fever", np.where(Y[:, 1] == 1, "zoster", "other"))
    fitted = LogisticRegressionBaseline().fit(X, y)
    assert fitted.classes_.tolist() == ["fever", "other", "zoster"]
    assert fitted.coef_.shape == (3, 20)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert (fitted.predict(X) == y).mean() > 0.8


def test_it_can_learn_what_stands_in_the_notes():
    fitted = LogisticRegressionBaseline(C=100.0).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9
