"""Prediction for many notes: the k best codes, and scores written batch by batch."""

import gc
import weakref

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklearn_icd import _predict_topk
from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.datasets import make_notes
from sklearn_icd.metrics import precision_at_k
from sklearn_icd.pipelines import predict_frame, predict_topk
from sklearn_icd.text import WordTokenizer
from sklearn_icd.utils._hyperparameters import hyperparameters
from sklearn_icd.utils._top_k import best_columns

MADE = make_notes(n_notes=40, n_codes=6, codes_per_note=2, mean_words=30, random_state=0)
Y = MADE.target.toarray()


@hyperparameters
class SumClassifier(MultiLabelClassifier):
    """One vector of logits per word, added up."""

    def build_module(self, data):
        return torch.nn.EmbeddingBag(data.n_tokens, data.n_outputs, mode="sum", padding_idx=0)


def fitted(y=Y, **parameters):
    parameters = {"max_epochs": 2, "batch_size": 7, "random_state": 0, **parameters}
    tokenizer = WordTokenizer(min_notes=1)
    return make_pipeline(tokenizer, SumClassifier(**parameters)).fit(MADE.data, y)


@pytest.fixture(scope="module")
def pipeline():
    return fitted(sparse.csr_array(Y), classes=list("fedcba"))


@pytest.fixture(scope="module")
def tokens(pipeline):
    return pipeline[0].transform(MADE.data)


# The k best ----------------------------------------------------------------------------------

some_scores = st.lists(st.integers(-3, 3), min_size=1, max_size=40)


@settings(deadline=None, max_examples=200)
@given(some_scores, st.integers(1, 8), st.data())
def test_best_columns_are_those_of_a_stable_sort(values, n_columns, data):
    k = data.draw(st.integers(1, n_columns))
    scores = np.resize(np.float32(values), (5, n_columns))
    columns, best = best_columns(scores, k)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(columns, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, expected, axis=1))


@pytest.mark.parametrize("k", [1, 3, 6])
def test_the_classifier_and_the_pipeline_find_the_k_best(pipeline, tokens, k, monkeypatch):
    monkeypatch.setattr(_predict_topk, "NOTES_AT_ONCE", 16)
    probabilities = pipeline.predict_proba(MADE.data)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    for found in (pipeline[-1].predict_topk(tokens, k), predict_topk(pipeline, MADE.data, k)):
        assert isinstance(found, sparse.csr_array)
        assert (found.shape, found.dtype, found.nnz) == (Y.shape, np.float32, 40 * k)
        np.testing.assert_array_equal(found.indices.reshape(-1, k), order)
        np.testing.assert_allclose(
            found.data.reshape(-1, k), np.take_along_axis(probabilities, order, axis=1), rtol=1e-6
        )
        assert precision_at_k(Y, found, k) == pytest.approx(precision_at_k(Y, probabilities, k))


@pytest.mark.parametrize(
    "notes",
    [MADE.data, np.array(MADE.data, dtype=object), pd.Series(MADE.data), pl.Series(MADE.data)],
    ids=["list", "array", "pandas", "polars"],
)
def test_notes_of_any_kind(pipeline, notes, monkeypatch):
    monkeypatch.setattr(_predict_topk, "NOTES_AT_ONCE", 16)
    expected = pipeline[-1].predict_topk(pipeline[0].transform(MADE.data), 2)
    np.testing.assert_allclose(
        predict_topk(pipeline, notes, 2).toarray(), expected.toarray(), rtol=1e-6
    )


def test_of_equal_probabilities_the_first_codes_are_taken(pipeline):
    nothing = [""] * 3  # logits of 0
    for found in (
        pipeline[-1].predict_topk(pipeline[0].transform(nothing), 4),
        predict_topk(pipeline, nothing, 4),
    ):
        assert found.indices.tolist() == [0, 1, 2, 3] * 3
    listed = predict_frame(pipeline, pd.Series(nothing), threshold=0, top_k=4)
    assert listed["code"].tolist() == list("fedc") * 3


def test_a_pipeline_of_scikit_learn():
    linear = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    linear.fit(MADE.data, Y)
    expected = linear.predict_proba(MADE.data).max(axis=1)
    np.testing.assert_array_equal(predict_topk(linear, MADE.data, 1).data, expected)


def test_classes_of_a_one_dimensional_y():
    for n_classes in (2, 3):
        classes = np.array(list("pqr"))[np.arange(40) % n_classes]
        pipeline = fitted(classes)
        probabilities = pipeline.predict_proba(MADE.data)
        found = predict_topk(pipeline, MADE.data, 2)
        best = pipeline[-1].predict_topk(pipeline[0].transform(MADE.data), 2)
        assert best.shape == found.shape == (40, n_classes)
        np.testing.assert_array_equal(best.indices, found.indices)
        np.testing.assert_array_equal(best.indices[::2], probabilities.argmax(axis=1))


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (7, ValueError, "k must be from 1 to the 6 codes there are, got 7"),
        (0, ValueError, "got 0"),
        (2.0, TypeError, "k must be an integer, got 2.0 of type float"),
        (True, TypeError, "type bool"),
    ],
)
def test_a_k_that_no_note_can_have(pipeline, tokens, k, error, message):
    with pytest.raises(error, match=message):
        pipeline[-1].predict_topk(tokens, k)
    with pytest.raises(error, match=message):
        predict_topk(pipeline, MADE.data, k)


def test_the_k_best_of_a_classifier_that_was_not_fitted(tokens):
    with pytest.raises(NotFittedError):
        SumClassifier().predict_topk(tokens, 2)
    with pytest.raises(NotFittedError):
        predict_topk(make_pipeline(WordTokenizer(), SumClassifier()), MADE.data, 2)


def test_a_classifier_of_single_classes_of_scikit_learn_is_refused():
    linear = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    linear.fit(MADE.data, Y)
    linear.predict_proba = lambda notes: np.zeros(len(notes))
    with pytest.raises(ValueError, match=r"gave shape \(40,\), but \(40, 6\) is wanted"):
        predict_topk(linear, MADE.data, 2)


# Batch by batch ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_scores_are_written_to_an_array_on_disk(pipeline, tokens, method, dtype, tmp_path):
    out = np.lib.format.open_memmap(tmp_path / "scores.npy", "w+", dtype, Y.shape)
    expected = getattr(pipeline[-1], method)(tokens)
    assert getattr(pipeline[-1], method)(tokens, out=out) is out
    out.flush()
    on_disk = np.load(tmp_path / "scores.npy")
    assert on_disk.dtype == dtype
    np.testing.assert_array_equal(on_disk, expected.astype(dtype))


def test_a_pipeline_writes_probabilities_to_an_array(pipeline):
    out = np.empty(Y.shape, np.float32)
    assert pipeline.predict_proba(MADE.data, out=out) is out
    np.testing.assert_array_equal(out, pipeline.predict_proba(MADE.data))


def test_scores_of_two_classes_are_written(tokens):
    classifier = fitted(Y[:, 0])[-1]
    out = np.empty(40, np.float32)
    classifier.decision_function(tokens, out=out)
    np.testing.assert_array_equal(out, classifier.decision_function(tokens))
    out = np.empty((40, 2), np.float32)
    classifier.predict_proba(tokens, out=out)
    np.testing.assert_array_equal(out, classifier.predict_proba(tokens))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (
            np.empty((40, 5), np.float32),
            r"shape \(40, 6\), got an array of float32 of shape \(40, 5",
        ),
        (np.empty((40, 1)), r"\(40, 1\)"),
        (np.empty((40, 6), int), "int64"),
        ([[0.0] * 6] * 40, r"got something of shape \(40, 6\): numpy.lib.format.open_memmap"),
    ],
)
def test_an_array_that_scores_cannot_be_written_to(pipeline, tokens, out, message):
    for method in (pipeline[-1].predict_proba, pipeline[-1].decision_function):
        with pytest.raises(ValueError, match=message):
            method(tokens, out=out)


def test_sparse_predictions_are_the_dense_ones(pipeline, tokens):
    dense = fitted(classes=list("fedcba"))[-1].predict(tokens)
    found = pipeline[-1].predict(tokens)
    assert isinstance(found, sparse.csr_array)
    np.testing.assert_array_equal(found.toarray(), dense)


@pytest.mark.parametrize("call", ["predict", "predict_topk", "decision_function", "predict_proba"])
def test_scores_of_all_codes_are_there_for_few_batches_at_a_time(pipeline, tokens, call, tmp_path):
    classifier, alive, most = pipeline[-1], [], []
    score_batches = classifier.net_.score_batches

    def watched(given):
        for rows, logits in score_batches(given):
            alive.append(weakref.ref(logits))
            yield rows, logits
            del logits
            gc.collect()
            most.append(sum(reference() is not None for reference in alive))

    shape = np.lib.format.open_memmap(tmp_path / "scores.npy", "w+", "float32", Y.shape)
    given = {"predict_topk": {"k": 2}, "predict": {}}.get(call, {"out": shape})
    classifier.net_.score_batches = watched
    try:
        getattr(classifier, call)(tokens, **given)
    finally:
        del classifier.net_.score_batches
    assert len(alive) == 6
    assert max(most) <= 1


def test_the_net_gives_its_scores_batch_by_batch(pipeline, tokens):
    net = pipeline[-1].net_
    batches = list(net.score_batches(tokens))
    assert [len(rows) for rows, _ in batches] == [7] * 5 + [5]
    expected = net.decision_function(tokens)
    for rows, logits in batches:
        np.testing.assert_array_equal(logits, expected[rows])
    lengths = np.diff(tokens.indptr)[np.concatenate([rows for rows, _ in batches])]
    assert (np.diff(lengths) >= 0).all()


def test_a_bound_on_tokens_reaches_the_net():
    free, bounded = (
        fitted(precision="float64", optimizer="sgd", lr=0.1, max_batch_tokens=bound)
        for bound in (None, 50)
    )
    np.testing.assert_allclose(
        bounded.decision_function(MADE.data), free.decision_function(MADE.data), rtol=1e-9
    )
    assert bounded[-1].net_.max_batch_tokens == 50
    with pytest.raises(ValueError, match="'max_batch_tokens' parameter of SumClassifier"):
        fitted(max_batch_tokens=0)
