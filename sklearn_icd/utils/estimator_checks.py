"""Checks that every classifier over token arrays must pass, beside scikit-learn's own.

Each takes an unfitted classifier, one of ours or a user's own, and raises an AssertionError where
it breaks a promise. ``CLASSIFIER_CHECKS`` lists them all::

    @pytest.mark.parametrize("check", CLASSIFIER_CHECKS)
    def test_my_classifier(check):
        check(MyClassifier(max_epochs=2))

They run faster the smaller the classifier is, and as many epochs as it asks for. What a classifier
does not have, `attention` or `partial_fit`, is not checked, but it must say that it has no
attention.
"""

import pickle
import warnings
from unittest import SkipTest

import numpy as np
from joblib import hash as joblib_hash
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone

__all__ = [
    "CLASSIFIER_CHECKS",
    "check_attention",
    "check_bad_ids",
    "check_batch_invariance",
    "check_code_without_positives",
    "check_data_frame",
    "check_empty_notes",
    "check_fit_keeps_parameters",
    "check_generators_untouched",
    "check_interrupted_training",
    "check_no_notes_in_pickle",
    "check_one_code",
    "check_one_note",
    "check_padding_invariance",
    "check_partial_fit",
    "check_pickle",
    "check_probabilities",
    "check_random_state",
    "check_sparse_is_dense",
    "check_sparse_targets",
    "check_text_refused",
    "check_unseen_ids",
    "check_widths",
]

_LENGTHS = [7, 1, 12, 3, 5, 2, 9, 4, 6, 12, 8, 1]
_N_TOKENS = 9
_TOLERANCES = {"float64": 1e-9, "float32": 2e-5, "bfloat16": 5e-2}
_SECRET = "Zaphod"


def check_padding_invariance(estimator):
    """Check that padding behind the notes changes no prediction."""
    X, Y = _notes()
    fitted = _fit(estimator, X, Y)
    expected = fitted.decision_function(X)
    wider = sparse.csr_array((X.data, X.indices, X.indptr), shape=(X.shape[0], X.shape[1] + 9))
    stored = _with_stored_zeros(wider)
    assert stored.nnz > X.nnz
    assert_array_equal(fitted.decision_function(wider), expected)
    assert_array_equal(fitted.decision_function(stored), expected)


def check_batch_invariance(estimator):
    """Check that the other notes of a batch change no prediction, and no attention."""
    X, Y = _notes()
    fitted = _fit(estimator, X, Y)
    tolerance = _tolerance(estimator)
    expected = fitted.decision_function(X)
    alone = np.vstack([fitted.decision_function(X[[i]]) for i in range(X.shape[0])])
    backwards = fitted.decision_function(X[::-1])[::-1]
    assert_allclose(alone, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(backwards, expected, rtol=tolerance, atol=tolerance)
    for i, weights in enumerate(_attention(fitted, X)):
        alone = fitted.attention(X[[i]])[0]
        # Weights are float32 whatever the precision is.
        assert_allclose(alone, weights, rtol=0, atol=max(tolerance, 1e-6))


def check_sparse_is_dense(estimator):
    """Check that a dense array means the same as its sparse forms, in fit and in predict."""
    X, Y = _notes()
    expected = _fit(estimator, X, Y).decision_function(X)
    for same in (X.toarray(), sparse.csr_matrix(X), sparse.csc_array(X), sparse.coo_array(X)):
        fitted = _fit(estimator, same, Y)
        assert_array_equal(fitted.decision_function(same), expected)
        assert_array_equal(fitted.decision_function(X), expected)


def check_widths(estimator):
    """Check that sparse arrays may have any width and that a dense one must have the fitted."""
    X, Y = _notes()
    short = np.flatnonzero(np.diff(X.indptr) <= 4)
    narrow = X[short][:, :4]
    fitted = _fit(estimator, X, Y)
    tolerance = _tolerance(estimator)
    assert_allclose(
        fitted.decision_function(narrow),
        fitted.decision_function(X)[short],
        rtol=tolerance,
        atol=tolerance,
    )
    _fit(estimator, X, Y, X_val=narrow, y_val=Y[short]).predict(X)
    _fit(estimator, narrow, Y[short], X_val=X, y_val=Y).predict(X)
    _message(ValueError, fitted.predict, narrow.toarray(), holds=["4", "12"])
    call = clone(estimator).fit
    message = _message(
        ValueError, call, X.toarray(), Y, X_val=narrow.toarray(), y_val=Y[short], holds=["4", "12"]
    )
    assert "X_val" in message, f"the message must name X_val: {message}"


def check_generators_untouched(estimator):
    """Check that the global generators of torch and numpy stay as they were found."""
    X, Y = _notes()
    before = _global_generators()
    fitted = _fit(estimator, X, Y)
    fitted.predict_proba(X)
    _attention(fitted, X)
    if _learns_on(fitted):
        fitted.partial_fit(X, Y)
    assert _global_generators() == before, "a global generator was moved"


def check_no_notes_in_pickle(estimator):
    """Check that a pickle of a fitted classifier holds no note that it was fitted on."""
    X, Y = _notes(lengths=[600] * 40)
    quick = {"max_epochs": 1} if _learns_on(estimator) else {}
    for data in ({}, {"X_val": X[20:], "y_val": Y[20:]}):
        train = slice(0, 20 if data else 40)
        fitted = _fit(estimator, X[train], Y[train], **quick, **data)
        saved = pickle.dumps(fitted)
        small = pickle.dumps(_fit(estimator, X[:2, :60], Y[:2], **quick))
        assert len(saved) - len(small) < X.nnz, "the pickle grows with the notes"
        for start in X.indptr[:-1]:
            passage = X.data[start : start + 12]
            for kind in (np.uint8, np.uint16, np.int32, np.int64, np.float32):
                assert passage.astype(kind).tobytes() not in saved, "the pickle holds a note"


def check_attention(estimator):
    """Check that each code gives one weight to each token of a note, and 1 in sum.

    A classifier without attention must say so, by its name.
    """
    X, Y = _notes()
    fitted = _fit(estimator, X, Y)
    if not hasattr(fitted, "attention"):
        name = type(fitted).__name__
        _message(AttributeError, getattr, fitted, "attention", holds=[name, "attention"])
        return
    lengths = [0, 5, 1, 12, 0, 3]
    notes, _ = _notes(lengths=lengths)
    weights = fitted.attention(notes)
    assert len(weights) == len(lengths)
    for note, length in zip(weights, lengths, strict=True):
        assert note.dtype == np.float32
        assert note.shape == (len(fitted.classes_), length)
        assert (note >= 0).all()
        if length:
            assert_allclose(note.sum(axis=1), 1, rtol=max(1e-4, _tolerance(estimator)))
    some = fitted.classes_[[3, 0]]
    for note, all_codes in zip(fitted.attention(notes, some), weights, strict=True):
        assert_allclose(note, all_codes[[3, 0]], atol=max(1e-6, _tolerance(estimator)))
    _message(ValueError, fitted.attention, notes, ["no such code"], holds=["no such code", "codes"])


def check_code_without_positives(estimator):
    """Check that codes that no note has, or every note, are learned beside the others."""
    X, Y = _notes()
    Y[:, 1], Y[:, 2] = 0, 1
    _assert_usable(_fit(estimator, X, Y), X, Y.shape[1])


def check_one_note(estimator):
    """Check that one note is enough to fit and to predict."""
    X, Y = _notes()
    _assert_usable(_fit(estimator, X[:1], Y[:1], threshold=0.5), X[:1], Y.shape[1])


def check_one_code(estimator):
    """Check that one code is enough, and stays a column."""
    X, Y = _notes()
    for only in (Y[:, :1], sparse.csr_array(Y[:, :1])):
        fitted = _fit(estimator, X, only)
        _assert_usable(fitted, X, 1)
        assert all(note.shape[0] == 1 for note in _attention(fitted, X))


def check_empty_notes(estimator):
    """Check that notes without a token are taken, in fit and in predict."""
    X, Y = _notes()
    nothing = sparse.csr_array((4, 0), dtype=np.int32)
    fitted = _fit(estimator, X, Y)
    _assert_usable(fitted, nothing, Y.shape[1])
    mixed, targets = _notes(lengths=[0, 3, 0, 7, 0, 1])
    _assert_usable(_fit(estimator, mixed, targets), mixed, Y.shape[1])
    _assert_usable(_fit(estimator, nothing, Y[:4]), X, Y.shape[1])


def check_sparse_targets(estimator):
    """Check that sparse targets give sparse predictions, equal to the dense ones."""
    X, Y = _notes()
    dense = _fit(estimator, X, Y)
    for kind in (sparse.csr_array, sparse.csc_array, sparse.csr_matrix):
        fitted = _fit(estimator, X, kind(Y), X_val=X[:4], y_val=kind(Y[:4]))
        same = _fit(estimator, X, Y, X_val=X[:4], y_val=Y[:4])
        assert_array_equal(fitted.predict_proba(X), same.predict_proba(X))
        predicted = fitted.predict(X)
        assert sparse.issparse(predicted)
        assert predicted.format == "csr"
        assert predicted.dtype == Y.dtype
        assert_array_equal(predicted.toarray(), same.predict(X))
    assert isinstance(dense.predict(X), np.ndarray)
    assert dense.predict(X).dtype == Y.dtype


def check_unseen_ids(estimator):
    """Check that ids not seen in fit are read as the unknown word.

    Where all ids of a vocabulary have a meaning before, those beyond it are refused.
    """
    X, Y = _notes()
    X = _replaced(X, 4, 5)
    fitted = _fit(estimator, X, Y)
    if fitted.known_tokens_.all():
        beyond = len(fitted.known_tokens_)
        assert_array_equal(fitted.predict(_replaced(X, 3, beyond - 1)).shape, Y.shape)
        for call in _methods(fitted, "predict", "attention"):
            _message(ValueError, call, _replaced(X, 3, beyond), holds=["X", str(beyond)])
        return
    expected = fitted.decision_function(_replaced(X, 3, 1))
    for unseen in (4, _N_TOKENS + 1000, 2**31 - 1):
        other = _replaced(X, 3, unseen)
        assert_array_equal(fitted.decision_function(other), expected)
        _fit(estimator, X, Y, X_val=other, y_val=Y)


def check_probabilities(estimator):
    """Check that probabilities, logits, decisions and the most probable codes say the same."""
    X, Y = _notes()
    fitted = _fit(estimator, X, Y, threshold=0.5)
    logits, probabilities = fitted.decision_function(X), fitted.predict_proba(X)
    kind = np.float64 if _precision(estimator) == "float64" else np.float32
    assert logits.dtype == probabilities.dtype == kind
    assert logits.shape == probabilities.shape == Y.shape
    assert_allclose(probabilities, expit(logits), rtol=1e-6)
    assert_array_equal(fitted.predict(X), probabilities >= 0.5)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    assert_array_equal(fitted.predict_topk(X, 2).indices.reshape(-1, 2), best)


def check_random_state(estimator):
    """Check that the random state decides all, and the global generator of torch nothing."""
    import torch

    X, Y = _notes()
    expected = _fit(estimator, X, Y).decision_function(X)
    with torch.random.fork_rng(devices=[]):
        torch.rand(3)
        assert_array_equal(_fit(estimator, X, Y).decision_function(X), expected)
    if _learns_on(estimator):
        other = clone(estimator).set_params(random_state=1).fit(X, Y).decision_function(X)
        assert not np.array_equal(other, expected), "the random state changes nothing"


def check_data_frame(estimator):
    """Check that the columns of a data frame become the classes, dense or sparse."""
    try:
        import pandas as pd
    except ImportError as error:
        raise SkipTest("pandas is not installed") from error
    X, Y = _notes()
    names = [f"code {k}" for k in range(Y.shape[1])]
    expected = _fit(estimator, X, Y).decision_function(X)
    frames = [
        pd.DataFrame(Y, columns=names),
        pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(Y), columns=names),
    ]
    for frame in frames:
        fitted = _fit(estimator, X, frame)
        assert fitted.classes_.tolist() == names
        assert_array_equal(fitted.decision_function(X), expected)
        for weights in _attention(fitted, X[:1], names[:1]):
            assert weights.shape == (1, _LENGTHS[0])


def check_fit_keeps_parameters(estimator):
    """Check that fit changes no hyper-parameter, also none inside another object."""
    X, Y = _notes()
    fresh = clone(estimator).set_params(random_state=0)
    before = joblib_hash(fresh.get_params(deep=False)), repr(fresh)
    fresh.fit(X, Y)
    assert (joblib_hash(fresh.get_params(deep=False)), repr(fresh)) == before


def check_pickle(estimator):
    """Check that a pickled classifier predicts the same, attends the same and learns on."""
    X, Y = _notes()
    fitted = _fit(estimator, X, Y)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(restored.decision_function(X), fitted.decision_function(X))
    for mine, same in zip(_attention(restored, X), _attention(fitted, X), strict=True):
        assert_array_equal(mine, same)
    if not _learns_on(fitted):
        return
    assert restored.history_ == fitted.history_
    restored.partial_fit(X, Y)
    fitted.partial_fit(X, Y)
    assert_array_equal(restored.decision_function(X), fitted.decision_function(X))


def check_partial_fit(estimator):
    """Check that partial fits go on where the last one stopped."""
    _skip_without_epochs(estimator)
    X, Y = _notes()
    learner = clone(estimator).set_params(random_state=0, threshold=0.5)
    classes = [f"code {k}" for k in range(Y.shape[1])]
    assert learner.partial_fit(X, Y, classes) is learner
    assert learner.classes_.tolist() == classes
    first, steps = learner.decision_function(X), learner.net_.n_steps_
    learner.partial_fit(X[:5], Y[:5])
    assert learner.net_.n_steps_ > steps
    assert len(learner.history_) == 2
    assert not np.array_equal(learner.decision_function(X), first)
    _message(ValueError, learner.partial_fit, X, Y[:, 1:], holds=["y"])


def check_interrupted_training(estimator):
    """Check that an interruption warns and leaves a classifier that can be used."""
    from skorch.callbacks import Callback

    _skip_without_epochs(estimator)

    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    X, Y = _notes()
    fresh = clone(estimator).set_params(callbacks=[Interrupt()], max_epochs=4, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fresh.fit(X, Y)
    assert any("interrupted" in str(warning.message) for warning in caught)
    _assert_usable(fresh, X, Y.shape[1])
    assert len(fresh.history_) == 2


def check_text_refused(estimator):
    """Check that raw notes are refused by the name of the parameter and are not printed."""
    X, Y = _notes()
    texts = [f"{_SECRET} has a fever"] * X.shape[0]
    fitted = _fit(estimator, X, Y)
    for notes in (texts, np.array(texts), np.array(texts, dtype=object), *_series(texts)):
        wanted = ["X", "Tokenizer"]
        _message(TypeError, clone(estimator).fit, notes, Y, holds=wanted)
        for method in _methods(fitted, "predict", "attention", "decision_function"):
            _message(TypeError, method, notes, holds=wanted)
        for method in _methods(fitted, "partial_fit"):
            _message(TypeError, method, notes, Y, holds=wanted)
        call = clone(estimator).fit
        _message(TypeError, call, X, Y, X_val=notes, y_val=Y, holds=["X_val", "metadata routing"])


def check_bad_ids(estimator):
    """Check that ids that are none are refused with their place."""
    X, Y = _notes()
    fitted = _fit(estimator, X, Y)
    for value, word in ((-3, "negative"), (2.5, "fractional")):
        bad = X.toarray().astype(float if value == 2.5 else int)
        bad[2, 3] = value
        for given in (bad, sparse.csr_array(bad)):
            holds = [str(value), "row 2", "column 3"]
            for call in (clone(estimator).fit, *_methods(fitted, "partial_fit")):
                message = _message(ValueError, call, given, Y, holds=["X", *holds])
                assert word in message.lower()
            _message(ValueError, fitted.predict, given, holds=["X", *holds])
            call = clone(estimator).fit
            _message(ValueError, call, X, Y, X_val=given, y_val=Y, holds=["X_val", *holds])
    for value in (np.nan, np.inf):
        bad = X.toarray().astype(float)
        bad[2, 3] = value
        for given in (bad, sparse.csr_array(bad)):
            _message(ValueError, fitted.predict, given, holds=["X"])


CLASSIFIER_CHECKS = [globals()[name] for name in __all__ if name.startswith("check_")]


def _notes(lengths=_LENGTHS):
    """Make a token array and its codes: code k is there where token k + 2 is."""
    random_state = np.random.RandomState(0)
    ids = random_state.randint(1, _N_TOKENS, size=sum(lengths), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    columns = np.concatenate([np.arange(length) for length in lengths])
    X = sparse.csr_array((ids, columns, offsets), shape=(len(lengths), max(lengths)))
    Y = np.array([[np.isin(k + 2, note.data).item() for k in range(5)] for note in _rows(X)])
    return X, Y.astype(np.int64)


def _rows(X):
    return (X[[i]] for i in range(X.shape[0]))


def _fit(estimator, X, Y, X_val=None, y_val=None, **parameters):
    fresh = clone(estimator).set_params(random_state=0, **parameters)
    return fresh.fit(X, Y, X_val=X_val, y_val=y_val)


def _global_generators():
    import torch

    return joblib_hash((torch.get_rng_state().numpy(), np.random.get_state()))  # noqa: NPY002


def _precision(estimator):
    return getattr(estimator, "precision", "float32")


def _tolerance(estimator):
    return _TOLERANCES[_precision(estimator)]


def _learns_on(estimator):
    return hasattr(estimator, "partial_fit")


def _skip_without_epochs(estimator):
    if not _learns_on(estimator):
        raise SkipTest(f"{type(estimator).__name__} is not trained in epochs")


def _attention(fitted, X, codes=None):
    """Give the attention, nothing where there is none."""
    return fitted.attention(X, codes) if hasattr(fitted, "attention") else []


def _methods(fitted, *names):
    """Give those of the methods that there are."""
    return [getattr(fitted, name) for name in names if hasattr(fitted, name)]


def _with_stored_zeros(X):
    X = X.tocoo()
    row, column = np.append(X.row, [0, 3]), np.append(X.col, [X.shape[1] - 1] * 2)
    return sparse.csr_array((np.append(X.data, [0, 0]), (row, column)), shape=X.shape)


def _replaced(X, old, new):
    return sparse.csr_array((np.where(X.data == old, new, X.data), X.indices, X.indptr), X.shape)


def _assert_usable(fitted, X, n_codes):
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (X.shape[0], n_codes)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert fitted.predict(X).shape == (X.shape[0], n_codes)
    assert fitted.decision_function(X).shape == (X.shape[0], n_codes)


def _series(texts):
    try:
        import pandas as pd
    except ImportError:
        return []
    return [pd.Series(texts)]


def _message(kind, call, *given, holds=(), **named):
    """Give the message of the error that a call must raise, which holds some words, no note."""
    try:
        call(*given, **named)
    except kind as error:
        message = str(error)
    else:
        raise AssertionError(f"{call} must raise {kind.__name__}")
    missing = [word for word in holds if word not in message]
    assert not missing, f"the message must hold {missing}: {message}"
    assert _SECRET not in message, "a message printed the text of a note"
    return message
