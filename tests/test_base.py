"""The base class: what it refuses, how it validates and stops, and what it leaves behind."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from sklearn_icd import LDPLAMClassifier
from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.utils._hyperparameters import hyperparameters
from sklearn_icd.utils._token_array import SegmentArray

N_CODES = 4
SECRET = "Zaphod has a fever"


class Bag(torch.nn.Module):
    """Add up one vector of logits per token."""

    def __init__(self, n_tokens, n_outputs):
        super().__init__()
        self.table = torch.nn.Embedding(n_tokens, n_outputs, padding_idx=0)
        self.bias = torch.nn.Parameter(torch.zeros(n_outputs))

    def forward(self, ids):
        return self.table(ids).sum(dim=1) + self.bias

    def attention(self, ids, labels):
        real = (ids != 0).float()
        return (real / real.sum(1, keepdim=True).clamp_min(1))[:, None].repeat(1, len(labels), 1)


@hyperparameters
class BagClassifier(MultiLabelClassifier):
    """Bag of words."""

    lr: float = 0.1

    def build_module(self, data):
        self.data_ = data
        return Bag(data.n_tokens, data.n_outputs)


class Answers(Callback):
    """Set the module to the right answer times a factor, one factor an epoch."""

    def __init__(self, *factors):
        self.factors = factors

    def on_batch_end(self, net, training, **kwargs):
        factor = self.factors[len(net.history) - 1]
        with torch.no_grad():
            net.module_.table.weight.zero_()
            for code in range(N_CODES):
                net.module_.table.weight[code + 2, code] = 10 * factor
            net.module_.bias.fill_(-5 * factor)


class CountsEpochs(Callback):
    epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.epochs += 1


def notes(n=30, seed=0):
    """Make notes whose codes can be read off: code k is there where the token k + 2 is."""
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, N_CODES + 3, size=(n, 3)))
    Y = np.array([np.isin(np.arange(N_CODES) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


X, Y = notes()
SMALL = {
    "n_pseudo_labels": 3,
    "embedding_dim": 8,
    "hidden_size": 4,
    "word_vectors": None,
    "optimizer": "adam",
    "batch_size": 10,
    "max_epochs": 3,
    "random_state": 0,
}
NO_VALIDATION = {"validation_fraction": None, "max_epochs": 2, "random_state": 0}


def refused(kind, call, *args, **kwargs):
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert "Zaphod" not in str(caught.value)
    return str(caught.value)


# Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["X", "X_val"])
@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (
            X.toarray()[:, :, None],
            ValueError,
            ["(30, 3, 1)", "(n_notes, longest note)", "BagClassifier reads whole", "WordTokenizer"],
        ),
        (X.toarray()[0], ValueError, ["(3,)", "(n_notes, longest note)"]),
        (X.toarray() - 2, ValueError, ["Negative", "row", "column"]),
        (X.toarray() + 0.5, ValueError, ["Fractional", "5.5", "row 0, column 0"]),
        (sparse.csr_array(X * 0.25), ValueError, ["Fractional", "row 0"]),
        (np.where(X.toarray() == 1, np.nan, X.toarray()), ValueError, ["NaN"]),
        (X.toarray() * 2.0**40, ValueError, ["32-bit"]),
        (sparse.csr_array(X * 2**40), ValueError, ["32-bit"]),
        ([SECRET] * 30, TypeError, ["token ids", "WordTokenizer"]),
        (np.array([SECRET] * 30), TypeError, ["token ids", "WordTokenizer"]),
        (pd.Series([SECRET] * 30), TypeError, ["token ids", "WordTokenizer"]),
        (pl.Series([SECRET] * 30), TypeError, ["token ids", "WordTokenizer"]),
        (pl.DataFrame({"text": [SECRET] * 30}), TypeError, ["token ids", "WordTokenizer"]),
        (pd.Series([SECRET] * 30, dtype="category"), TypeError, ["token ids", "WordTokenizer"]),
        (pd.DataFrame({"text": [SECRET] * 30}), TypeError, ["token ids", "WordTokenizer"]),
        (np.array([[SECRET]] * 30, dtype=object), TypeError, ["token ids", "WordTokenizer"]),
        ([[SECRET, "b"], ["c"]], TypeError, ["token ids", "WordTokenizer"]),
        ([[2, 3], [4]], ValueError, ["different lengths", "csr"]),
        ("one note: " + SECRET, TypeError, ["token ids", "WordTokenizer"]),
        (7, ValueError, ["()"]),
        (X[:29], ValueError, ["29 notes", "30 rows", "inconsistent"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
def test_bad_notes(place, bad, kind, words):
    classifier = BagClassifier(**NO_VALIDATION)
    if place == "X":
        message = refused(kind, classifier.fit, bad, Y)
    else:
        message = refused(kind, classifier.fit, X, Y, X_val=bad, y_val=Y)
    missing = [word for word in [place, *words] if word not in message]
    assert not missing, message


def test_messages_of_bad_text_point_to_the_user_guide():
    message = refused(TypeError, BagClassifier().fit, X, Y, X_val=[SECRET], y_val=Y[:1])
    assert "metadata routing" in message


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Y[:29], ["30 notes", "29 rows", "inconsistent"]),
        (Y * 2, ["0 and 1", "row 0", "2"]),
        (sparse.csr_array(Y * 3), ["0 and 1", "row 0", "3"]),
        (Y - 0.5, ["0 and 1", "row 0"]),
        (np.where(Y == 1, np.nan, Y), ["NaN"]),
        (Y[:, :, None], ["dim 3"]),
        (None, ["y", "None"]),
        ([["E11", "I10"], ["I10"]] * 15, ["different lengths", "CodeBinarizer"]),
        ([["E11", "I10"]] * 30, ["0 and 1", "CodeBinarizer"]),
        ([[SECRET, "I10"]] * 30, ["row 0, column 0 holds text"]),
        (pd.DataFrame({"a": [SECRET] * 30, "b": 1}), ["row 0, column 0 holds text"]),
        (pd.DataFrame(Y, columns=["a", 1, 1, None]), ["1", "more than one column"]),
        (pd.DataFrame(Y, columns=list("abca")), ["'a'", "more than one column"]),
        (np.zeros((30, 0)), ["0 feature"]),
    ],
    ids=repr,
)
def test_bad_targets(bad, words):
    message = refused(ValueError, BagClassifier(**NO_VALIDATION).fit, X, bad)
    missing = [word for word in ["y", *words] if word not in message]
    assert not missing, message


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Y[:29], ["X_val", "30 notes", "y_val", "29 rows"]),
        (Y[:, :3], ["y_val", "3 columns"]),
        (Y * 2, ["y_val", "0 and 1"]),
        (None, ["X_val", "y_val"]),
        (pd.DataFrame(Y, columns=list("dcba")), ["y_val", "order"]),
        (Y[:, 0], ["y_val", "dimensions"]),
    ],
    ids=repr,
)
def test_bad_validation_targets(bad, words):
    frame = pd.DataFrame(Y, columns=list("abcd"))
    message = refused(ValueError, BagClassifier(**NO_VALIDATION).fit, X, frame, X_val=X, y_val=bad)
    missing = [word for word in words if word not in message]
    assert not missing, message


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"classes": list("abc")}, ["classes", "(3,)", "4 columns"]),
        ({"classes": list("abca")}, ["'a'", "more than one column"]),
        ({"classes": [list("abcd")]}, ["classes", "(1, 4)"]),
        ({"threshold": [0.1, 0.2]}, ["threshold", "(2,)", "4 codes"]),
        ({"threshold": [0.1, 0.2, 0.3, 1.3]}, ["threshold", "1.3"]),
        ({"threshold": 1.5}, ["threshold", "1.5"]),
        ({"threshold": "best"}, ["threshold", "best"]),
        ({"threshold": "tuned"}, ["threshold='tuned'", "X_val", "validation_fraction"]),
        ({"monitor": "no such score"}, ["monitor"]),
        ({"optimizer": "adm"}, ["optimizer", "adm"]),
        ({"precision": "float16"}, ["precision", "float16"]),
        ({"batch_size": 0}, ["batch_size", "0"]),
        ({"lr": "fast"}, ["lr", "fast"]),
        ({"max_epochs": 1.5}, ["max_epochs", "1.5"]),
        ({"patience": 0}, ["patience", "0"]),
        ({"device": "no-such-device"}, ["device='no-such-device'", "'auto'"]),
        ({"device": "cuda:99"}, ["device='cuda:99'"]),
    ],
    ids=str,
)
def test_bad_parameters(parameters, words):
    classifier = BagClassifier(**{**NO_VALIDATION, **parameters})
    message = refused(ValueError, classifier.fit, X, Y)
    missing = [word for word in words if word not in message]
    assert not missing, message


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"label_titles": {0: "a", 1: "b", 2: "c"}}, ["label_titles", "1 of 4", "3"]),
        ({"word_vectors": np.zeros((9, 3))}, ["word_vectors", "(9, 3)", "embedding_dim=8"]),
        ({"word_vectors": np.zeros((4, 8))}, ["word_vectors", "4 rows", "6"]),
    ],
    ids=["label_titles", "width", "rows"],
)
def test_bad_parameters_of_ld_plam(parameters, words):
    small = {"embedding_dim": 8, "hidden_size": 4, "n_pseudo_labels": 2, "word_vectors": None}
    message = refused(ValueError, LDPLAMClassifier(**{**small, **parameters}).fit, X, Y)
    missing = [word for word in words if word not in message]
    assert not missing, message


def test_unknown_codes_in_attention():
    fitted = BagClassifier(**NO_VALIDATION, classes=list("abcd")).fit(X, Y)
    message = refused(ValueError, fitted.attention, X, ["a", "E11"])
    assert "'E11'" in message
    assert "classes_" in message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"X": None}, ["X", "()"]),
        ({"X_val": X}, ["X_val", "without y_val"]),
        ({"y_val": Y}, ["y_val", "without X_val"]),
    ],
    ids=["X", "X_val", "y_val"],
)
def test_missing_data(given, words):
    message = refused(ValueError, BagClassifier().fit, **{"X": X, "y": Y, **given})
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "decision_function", "attention", "history_"]
)
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(BagClassifier(), method)(X)


def test_a_dense_array_of_another_width():
    fitted = BagClassifier(**NO_VALIDATION).fit(X, Y)
    assert "2 features" in refused(ValueError, fitted.predict, X.toarray()[:, :2])
    message = refused(ValueError, clone(fitted).fit, X, Y, X_val=X.toarray()[:, :2], y_val=Y)
    assert "X_val has 2 columns" in message


# Segments ------------------------------------------------------------------------------------


class SegmentBagClassifier(BagClassifier):
    """Bag of the tokens of all segments."""

    reads_segments = True

    def build_module(self, data):
        bag = super().build_module(data)
        return torch.nn.Sequential(torch.nn.Flatten(), bag)


def in_segments(X, width=2):
    """Cut notes into segments."""
    dense = X.toarray()
    dense = np.pad(dense, ((0, 0), (0, -dense.shape[1] % width)))
    return dense.reshape(len(dense), -1, width)


@pytest.mark.parametrize(
    "call",
    [
        lambda c, S: c.fit(S, Y),
        lambda c, S: c.fit(X, Y, X_val=S, y_val=Y),
        lambda c, S: c.fit(X, Y).predict(S),
        lambda c, S: c.partial_fit(S, Y),
    ],
    ids=["fit", "X_val", "predict", "partial_fit"],
)
def test_segments_for_a_system_of_words(call):
    for classifier in (BagClassifier(**NO_VALIDATION), LDPLAMClassifier(**SMALL)):
        message = refused(ValueError, call, classifier, in_segments(X))
        assert "shape (30, 2, 2): it holds segments" in message
        assert f"{type(classifier).__name__} reads whole notes" in message
        assert "WordTokenizer" in message


def test_segments_may_differ_in_number_and_length():
    classifier = SegmentBagClassifier(random_state=0, max_epochs=3)
    fitted = classifier.fit(in_segments(X), Y, X_val=in_segments(X, 3), y_val=Y)
    expected = fitted.decision_function(in_segments(X))
    assert isinstance(fitted.data_.tokens, SegmentArray)
    for width in (1, 3, 5):
        same = in_segments(X, width)
        np.testing.assert_allclose(fitted.decision_function(same), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(fitted.decision_function(same.tolist()), expected, atol=1e-5)
    assert fitted.n_features_in_ == 2
    fitted.partial_fit(in_segments(X, 3), Y)


def test_notes_are_held_out_with_their_segments():
    fitted = SegmentBagClassifier(random_state=0, max_epochs=60).fit(in_segments(X), Y)
    assert len(fitted.data_.tokens) == 27
    assert "valid_loss" in fitted.history_[-1]
    assert f1_score(Y, fitted.predict(in_segments(X)), average="micro") > 0.95
    scores = cross_val_score(SegmentBagClassifier(**NO_VALIDATION), in_segments(X), Y, cv=2)
    assert len(scores) == 2


def test_notes_of_words_where_segments_are_read_too():
    fitted = SegmentBagClassifier(**NO_VALIDATION).fit(X, Y)
    expected = fitted.decision_function(X)
    for same in (X.toarray(), X.toarray()[:, None], X.tocsc()):
        np.testing.assert_allclose(fitted.decision_function(same), expected, rtol=1e-6)
    dense = SegmentBagClassifier(**NO_VALIDATION).fit(X.toarray()[:, None], Y)
    np.testing.assert_allclose(dense.decision_function(X), expected, rtol=1e-5)


@pytest.mark.parametrize("place", ["X", "X_val"])
@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (in_segments(X) - 9, ValueError, ["Negative", "row 0, segment 0, token 0"]),
        (in_segments(X) + 0.5, ValueError, ["Fractional", "row 0, segment 0, token 0"]),
        (in_segments(X) * np.nan, ValueError, ["NaN"]),
        (in_segments(X)[..., None], ValueError, ["(30, 2, 2, 1)", "segment_length"]),
        (in_segments(X)[:29], ValueError, ["29 notes", "30 rows"]),
        ([SECRET] * 30, TypeError, ["token ids", "SegmentTokenizer"]),
        ([[[SECRET]]] * 30, TypeError, ["token ids", "SegmentTokenizer"]),
        (pd.Series([SECRET] * 30), TypeError, ["token ids", "SegmentTokenizer"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
def test_bad_segments(place, bad, kind, words):
    classifier, good = SegmentBagClassifier(**NO_VALIDATION), in_segments(X)
    if place == "X":
        message = refused(kind, classifier.fit, bad, Y)
    else:
        message = refused(kind, classifier.fit, good, Y, X_val=bad, y_val=Y)
    missing = [word for word in [place, *words] if word not in message]
    assert not missing, message


def test_no_segments_and_no_columns_are_empty_notes():
    fitted = SegmentBagClassifier(**NO_VALIDATION).fit(in_segments(X), Y)
    bias = fitted.net_.module_[1].bias.detach().numpy()
    for shape in ((2, 0, 5), (2, 3, 0), (2, 3, 5)):
        empty = np.zeros(shape, dtype=int)
        np.testing.assert_allclose(fitted.decision_function(empty), [bias, bias])


# Training ------------------------------------------------------------------------------------


def test_it_learns_what_can_be_read_off():
    held_out = notes(seed=1)
    fitted = BagClassifier(random_state=0, max_epochs=60).fit(X, Y)
    assert f1_score(held_out[1], fitted.predict(held_out[0]), average="micro") > 0.95
    assert len(fitted.data_.tokens) == 27


def test_a_loss_that_is_not_finite():
    class Broken(BagClassifier):
        def build_module(self, data):
            module = super().build_module(data)
            with torch.no_grad():
                module.bias.fill_(np.nan)
            return module

    classifier = Broken(**NO_VALIDATION)
    message = refused(FloatingPointError, classifier.fit, X, Y)
    assert "nan in epoch 1" in message
    assert "lr" in message
    assert not hasattr(classifier, "net_")


@pytest.mark.parametrize("validation_fraction", [None, 0.3])
def test_a_learning_rate_out_of_all_measure(validation_fraction):
    classifier = LDPLAMClassifier(**{**SMALL, "lr": 1e20, "optimizer": "sgd"})
    classifier.set_params(validation_fraction=validation_fraction)
    message = refused(FloatingPointError, classifier.fit, X, Y)
    assert "epoch" in message
    assert "lr (now 1e+20)" in message


def test_a_last_step_that_is_not_finite(monkeypatch):
    # The square root has a value at zero, but no slope.
    forward = Bag.forward
    monkeypatch.setattr(Bag, "forward", lambda self, ids: forward(self, ids) + self.bias.sqrt())
    classifier = BagClassifier(batch_size=30, max_epochs=1, random_state=0)
    assert "a parameter became" in refused(FloatingPointError, classifier.fit, X, Y)


@pytest.mark.parametrize("method", ["fit", "predict", "attention", "partial_fit"])
def test_memory_errors_name_the_batch_size(method, monkeypatch):
    def out_of_memory(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    fitted = BagClassifier(**NO_VALIDATION, batch_size=7).fit(X, Y)
    monkeypatch.setattr(Bag, "attention" if method == "attention" else "forward", out_of_memory)
    given = (X, Y) if "fit" in method else (X,)
    message = refused(MemoryError, getattr(fitted, method), *given)
    assert "batch_size=7" in message
    assert "lower batch_size" in message


def test_the_best_epoch_is_restored_after_patience():
    classifier = BagClassifier(
        callbacks=[Answers(-1, 1, -1, -1, -1, -1, -1)], max_epochs=7, patience=3, random_state=0
    )
    classifier.fit(X, Y)
    assert len(classifier.history_) == 5
    assert classifier.history_[:, "valid_loss_best"] == [True, True, False, False, False]
    assert classifier.history_[1, "valid_score"] == 1
    assert np.array_equal(classifier.predict(X), Y)


@pytest.mark.parametrize(("monitor", "best"), [("f1_micro", 1), ("valid_loss", 1)])
def test_of_equal_scores_the_lower_loss_is_better(monitor, best):
    factors = [0.5, 2, 1, 1]
    classifier = BagClassifier(
        callbacks=[Answers(*factors)], max_epochs=4, patience=None, monitor=monitor, random_state=0
    ).fit(X, Y)
    assert len(classifier.history_) == 4
    assert classifier.net_.module_.bias[0] == -5 * factors[best]
    assert ("valid_score" in classifier.history_[0]) == (monitor == "f1_micro")


def test_without_validation_the_last_epoch_stays():
    classifier = BagClassifier(
        callbacks=[Answers(1, 2, -1)], max_epochs=3, validation_fraction=None, random_state=0
    ).fit(X, Y)
    assert classifier.net_.module_.bias[0] == 5
    assert "valid_loss" not in classifier.history_[-1]


def test_validation_notes_given_are_those_that_are_scored():
    seen = []

    def score(estimator, X, y):
        seen.append((X.toarray(), y.toarray(), estimator.predict(X), estimator.predict_proba(X)))
        return len(seen)

    X_val, y_val = notes(n=5, seed=3)
    fitted = BagClassifier(monitor=score, max_epochs=3, random_state=0).fit(
        X, sparse.csr_array(Y), X_val=X_val, y_val=sparse.csr_array(y_val)
    )
    assert len(fitted.data_.tokens) == 30
    assert len(seen) == 3
    assert np.array_equal(seen[0][0], X_val.toarray())
    assert np.array_equal(seen[0][1], y_val)
    np.testing.assert_array_equal(seen[2][3], fitted.predict_proba(X_val))
    assert fitted.history_[:, "valid_score"] == [1, 2, 3]


@pytest.mark.parametrize("monitor", ["accuracy", "f1_samples", "average_precision"])
def test_scorers_by_name(monitor):
    X_val, y_val = notes(n=20, seed=3)
    fitted = BagClassifier(monitor=monitor, max_epochs=2, random_state=0).fit(
        X, Y, X_val=X_val, y_val=y_val
    )
    from sklearn.metrics import get_scorer

    best = max(fitted.history_[:, "valid_score"])
    assert get_scorer(monitor)(fitted, X_val, y_val) == pytest.approx(best)


@pytest.mark.parametrize("monitor", ["f1_micro", "f1_macro", "precision_macro"])
def test_scores_that_are_not_defined_are_no_news(monitor):
    nothing_in_them = sparse.csr_array(np.ones((3, 2), dtype=int))
    no_codes = np.zeros((3, N_CODES), dtype=int)
    fitted = BagClassifier(
        callbacks=[Answers(1, 2)], max_epochs=2, monitor=monitor, random_state=0
    ).fit(X, Y, X_val=nothing_in_them, y_val=no_codes)
    assert not fitted.predict(nothing_in_them).any()
    assert fitted.history_[:, "valid_score"] == [0, 0]


def test_a_score_that_is_nan_is_refused():
    message = refused(
        ValueError,
        BagClassifier(monitor="roc_auc", max_epochs=2, random_state=0).fit,
        *(X, Y),
        X_val=X[:3],
        y_val=np.zeros((3, N_CODES), dtype=int),
    )
    assert "monitor='roc_auc' is nan" in message


# Thresholds ----------------------------------------------------------------------------------


def test_a_tuned_threshold_is_the_best_cut():
    X_val, y_val = notes(n=40, seed=5)
    fitted = BagClassifier(threshold="tuned", max_epochs=3, random_state=0).fit(
        X, Y, X_val=X_val, y_val=y_val
    )
    probabilities = fitted.predict_proba(X_val)

    def f1(cut):
        return f1_score(y_val, probabilities >= cut, average="micro")

    best = max(f1(cut) for cut in np.unique(probabilities))
    assert f1_score(y_val, fitted.predict(X_val), average="micro") == pytest.approx(best)
    assert best > f1(0.5)
    assert not hasattr(clone(fitted), "threshold_")


def test_one_threshold_per_code():
    cuts = [0.0, 1.0, 0.3, 0.6]
    fitted = BagClassifier(**NO_VALIDATION, threshold=cuts).fit(X, Y)
    assert np.array_equal(fitted.predict(X), fitted.predict_proba(X) >= np.float32(cuts))
    assert fitted.predict(X)[:, 0].all()


def test_a_threshold_can_be_set_after_fit():
    fitted = BagClassifier(**NO_VALIDATION).fit(X, Y)
    assert fitted.set_params(threshold=0.0).predict(X).all()


def test_a_threshold_for_two_classes():
    y = np.where(Y[:, 0] == 1, "yes", "no")
    fitted = BagClassifier(**NO_VALIDATION, threshold=0.3).fit(X, y)
    expected = np.where(fitted.predict_proba(X)[:, 1] >= 0.3, "yes", "no")
    assert np.array_equal(fitted.predict(X), expected)


# Targets of other forms ----------------------------------------------------------------------


def test_classes_of_a_one_dimensional_y():
    y = np.array(["a", "b", "c"])[np.arange(30) % 3]
    fitted = BagClassifier(**NO_VALIDATION).fit(X, y)
    assert fitted.decision_function(X).shape == (30, 3)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    assert set(fitted.predict(X)) <= set("abc")
    two = BagClassifier(**NO_VALIDATION).fit(X, y == "a")
    assert two.decision_function(X).shape == (30,)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], expit(two.decision_function(X)))
    assert [note.shape for note in two.attention(X[:2])] == [(2, 3), (2, 3)]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_predictions_have_the_type_of_y(dtype):
    fitted = BagClassifier(**NO_VALIDATION).fit(X, Y.astype(dtype))
    assert fitted.predict(X).dtype == dtype
    sparse_fitted = BagClassifier(**NO_VALIDATION).fit(X, sparse.csr_array(Y.astype(dtype)))
    assert sparse_fitted.predict(X).dtype == dtype
    assert np.array_equal(sparse_fitted.predict(X).toarray(), fitted.predict(X))


def test_partial_fit_goes_on():
    learner = BagClassifier(batch_size=10, random_state=0)
    learner.partial_fit(X, Y, classes=list("abcd"))
    assert learner.net_.n_steps_ == 3
    learner.partial_fit(X[:20], Y[:20])
    assert learner.net_.n_steps_ == 5
    assert learner.classes_.tolist() == list("abcd")
    message = refused(ValueError, BagClassifier(threshold="tuned").partial_fit, X, Y)
    assert "threshold='tuned'" in message
    classes = BagClassifier().partial_fit(X[:2], ["b", "c"], classes=["a", "b", "c"])
    assert classes.predict_proba(X).shape == (30, 3)
    assert "classes" in refused(ValueError, classes.partial_fit, X[:2], ["b", "z"])


def test_partial_fits_do_not_repeat_themselves():
    class Orders(Callback):
        def __init__(self, seen):
            self.seen = seen

        def __deepcopy__(self, memo):
            return self

        def on_batch_end(self, net, batch, **kwargs):
            self.seen[-1].append(batch[0].tolist())

    seen = []
    learner = BagClassifier(callbacks=[Orders(seen)], random_state=0)
    for _ in range(3):
        seen.append([])
        learner.partial_fit(X, Y)
    assert seen[1] != seen[2]


def test_fit_forgets_an_earlier_fit():
    refitted = BagClassifier(random_state=0, threshold="tuned").fit(X[:, :2], Y[:, :2])
    refitted.set_params(**NO_VALIDATION, threshold=0.5).fit(X, Y)
    assert not hasattr(refitted, "threshold_")
    expected = BagClassifier(**NO_VALIDATION).fit(X, Y)
    assert np.array_equal(refitted.decision_function(X), expected.decision_function(X))
    assert len(refitted.history_) == 2


# Callbacks -----------------------------------------------------------------------------------


def test_skorch_callbacks_are_copied():
    counter = CountsEpochs()
    fitted = BagClassifier(**NO_VALIDATION, callbacks=[counter, ("again", CountsEpochs())])
    fitted.fit(X, Y)
    assert counter.epochs == 0
    counts = [c.epochs for _, c in fitted.net_.callbacks_ if isinstance(c, CountsEpochs)]
    assert counts == [2, 2]


def test_skorch_callbacks_may_read_the_score_of_the_epoch_and_stop():
    stopping = EarlyStopping(monitor="valid_loss", patience=2, threshold=1e9, threshold_mode="abs")
    classifier = BagClassifier(
        max_epochs=9, callbacks=[stopping, LRScheduler("StepLR", step_size=1)], random_state=0
    )
    assert len(classifier.fit(X, Y).history_) < 9


def test_sklearn_callbacks_alone():
    monitor = ScoringMonitor(scoring="f1_micro")
    classifier = BagClassifier(max_epochs=4, patience=None, random_state=0)
    classifier.set_callbacks(monitor, ProgressBar()).fit(X, Y)
    scores = [row["f1_micro"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 4
    assert scores[-1] > scores[0]


@pytest.mark.filterwarnings("ignore:The estimator FunctionTransformer does not support callbacks")
def test_sklearn_callbacks_in_a_pipeline(capsys):
    monitor = ScoringMonitor(scoring="f1_micro")
    classifier = BagClassifier(max_epochs=3, random_state=0).set_callbacks(monitor)
    pipe = Pipeline([("same", FunctionTransformer(accept_sparse=True)), ("clf", classifier)])
    pipe.set_callbacks(ProgressBar()).fit(X, Y)
    assert len([r for r in monitor.get_logs().data if r["task_name"] == "epoch"]) == 3
    assert "BagClassifier" in capsys.readouterr().out


def test_sklearn_callbacks_through_a_grid_search(capsys):
    search = GridSearchCV(
        BagClassifier(max_epochs=2, random_state=0), {"lr": [0.1, 0.2]}, cv=2, scoring="f1_micro"
    )
    search.set_callbacks(ProgressBar()).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert "GridSearchCV" in capsys.readouterr().out


def test_a_callback_of_sklearn_can_stop():
    class StopAfterTwo:
        def setup(self, estimator, context):
            self.seen = []

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name != "epoch":
                return False
            self.seen.append(fitted_estimator.predict(X).shape)
            return len(self.seen) == 2

        def teardown(self, estimator, context):
            self.torn_down = True

    stop = StopAfterTwo()
    fitted = BagClassifier(max_epochs=9, random_state=0).set_callbacks(stop).fit(X, Y)
    assert len(fitted.history_) == 2
    assert stop.seen == [Y.shape] * 2
    assert stop.torn_down


def test_an_interruption_before_the_first_epoch_is_over():
    class Interrupt(Callback):
        def on_batch_begin(self, net, **kwargs):
            raise KeyboardInterrupt

    classifier = BagClassifier(callbacks=[Interrupt()], random_state=0)
    with pytest.warns(UserWarning, match="interrupted in epoch 1"):
        classifier.fit(X, Y)
    assert classifier.predict(X).shape == Y.shape


# Precision, processes, pickles ---------------------------------------------------------------


def test_precisions_agree():
    def fit(precision):
        fitted = LDPLAMClassifier(**SMALL, precision=precision, validation_fraction=None)
        return fitted.fit(X, Y)

    double, single, half = map(fit, ("float64", "float32", "bfloat16"))
    kinds = [f.net_.module_.embed.table.weight.dtype for f in (double, single, half)]
    assert kinds == [torch.float64, torch.float32, torch.float32]
    assert double.predict_proba(X).dtype == np.float64
    assert half.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-4)

    # Training drifts apart, so bfloat16 is held against float32 with the same parameters.
    rounded = half.predict_proba(X)
    half.net_.precision = "float32"
    np.testing.assert_allclose(rounded, half.predict_proba(X), atol=0.02)
    assert not np.array_equal(rounded, half.predict_proba(X))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scores_are_the_same_whatever_the_number_of_workers(backend):
    classifier = LDPLAMClassifier(**SMALL)

    def scores(n_jobs):
        with joblib.parallel_config(backend, n_jobs=n_jobs):
            return cross_val_score(classifier, X, Y, cv=2, scoring="average_precision")

    assert np.array_equal(scores(2), scores(1))


def test_a_pickle_holds_the_module_once():
    fitted = LDPLAMClassifier(**SMALL).fit(X, Y)
    weight = fitted.net_.module_.encode.ahead.weight_hh_l0.detach().numpy().tobytes()
    assert pickle.dumps(fitted).count(weight) == 1
    restored = pickle.loads(pickle.dumps(fitted))
    assert restored.net_.module is restored.net_.module_


def test_a_compiled_module_predicts_the_same(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module, **kwargs: Compiled(module))
    expected = BagClassifier(**NO_VALIDATION).fit(X, Y)
    fitted = BagClassifier(**NO_VALIDATION, compile=True).fit(X, Y)
    assert isinstance(fitted.net_.module_, Compiled)
    assert np.array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert np.array_equal(fitted.attention(X)[0], expected.attention(X)[0])


class Compiled(torch.nn.Module):
    """What `torch.compile` returns, as far as the net can tell."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, *args, **kwargs):
        return self._orig_mod(*args, **kwargs)


def test_the_random_state_may_be_an_instance():
    one, two = (
        BagClassifier(max_epochs=2, random_state=np.random.RandomState(3)).fit(X, Y)
        for _ in range(2)
    )
    assert np.array_equal(one.decision_function(X), two.decision_function(X))


def test_no_random_state_means_another_result_each_time():
    one, two = (BagClassifier(max_epochs=1).fit(X, Y) for _ in range(2))
    assert not np.array_equal(one.decision_function(X), two.decision_function(X))


def test_verbose_prints_a_line_per_epoch(capsys):
    with warnings.catch_warnings():
        BagClassifier(max_epochs=2, verbose=1, random_state=0).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert "valid_loss" in lines[0]
    assert len(lines) == 4


def test_a_monitor_that_cannot_score_many_codes_is_named():
    X = np.random.RandomState(0).randint(1, 9, (40, 5))
    y = np.random.RandomState(1).binomial(1, 0.5, (40, 3))
    classifier = LDPLAMClassifier(
        n_pseudo_labels=2,
        embedding_dim=4,
        hidden_size=4,
        word_vectors=None,
        optimizer="adam",
        max_epochs=1,
        monitor="f1",
    )
    with pytest.raises(ValueError, match="monitor='f1' cannot score"):
        classifier.fit(X, y)
