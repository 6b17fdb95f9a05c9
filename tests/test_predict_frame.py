"""The codes of a table of notes as a long table, of pandas and of Dask."""

import cloudpickle
import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklearn_icd import _predict_frame
from sklearn_icd.datasets import make_notes
from sklearn_icd.pipelines import make_icd_pipeline, predict_frame

MADE = make_notes(n_notes=40, n_codes=4, codes_per_note=2, mean_words=30, random_state=0)
INDEX = pd.Index([f"note {k % 37}" for k in range(40)], name="id")  # three numbers occur twice
NOTES = pd.Series(MADE.data, index=INDEX, name="text")


@pytest.fixture(scope="module")
def pipeline():
    pipeline = make_icd_pipeline(
        "ld-plam",
        classes=MADE.target_names,
        n_pseudo_labels=4,
        embedding_dim=8,
        hidden_size=8,
        word_vectors=None,
        optimizer="adam",
        max_epochs=2,
        threshold="tuned",
        random_state=0,
    )
    return pipeline.fit(MADE.data, MADE.target)


@pytest.fixture(scope="module")
def linear():
    """A pipeline of scikit-learn's own, whose `predict` cuts where nothing tells."""
    linear = make_pipeline(CountVectorizer(), OneVsRestClassifier(LogisticRegression()))
    return linear.fit(MADE.data, MADE.target.toarray()[:, :3])


def listed_one_by_one(pipeline, notes, is_listed, top_k=None):
    """Give the same rows by the shortest loop."""
    rows = []
    for note, probabilities in zip(notes.index, pipeline.predict_proba(notes), strict=True):
        ranked = sorted(zip(-probabilities, pipeline.classes_, strict=True))
        codes = [(note, code, -p) for p, code in ranked if is_listed(code, -p)]
        rows += codes[:top_k]
    return rows


def check(found, expected):
    assert list(found.columns) == ["code", "probability"]
    assert found.index.name == "id"
    assert found["probability"].dtype == np.float32
    assert list(zip(found.index, found["code"], strict=True)) == [row[:2] for row in expected]
    np.testing.assert_allclose(found["probability"], [row[2] for row in expected], rtol=1e-5)


@pytest.mark.parametrize("top_k", [None, 1, 3, 10])
@pytest.mark.parametrize("threshold", [0, 0.5, 1.1])
def test_the_codes_above_the_threshold_are_listed_most_probable_first(pipeline, threshold, top_k):
    expected = listed_one_by_one(pipeline, NOTES, lambda code, p: p >= threshold, top_k)
    check(predict_frame(pipeline, NOTES, threshold=threshold, top_k=top_k), expected)


def test_each_code_may_have_a_threshold_of_its_own(pipeline):
    thresholds = dict(zip(pipeline.classes_, [0.0, 1.1, 0.5, 0.0], strict=True))
    expected = listed_one_by_one(pipeline, NOTES, lambda code, p: p >= thresholds[code], 1)
    found = predict_frame(pipeline, NOTES, threshold=list(thresholds.values()), top_k=1)
    check(found, expected)


def assigned(pipeline, notes):
    rows, columns = pipeline.predict(notes).nonzero()
    return sorted(zip(notes.index[rows], np.asarray(pipeline.classes_)[columns], strict=True))


@pytest.mark.parametrize("name", ["pipeline", "linear"])
def test_by_default_the_codes_are_those_that_predict_assigns(name, request):
    fitted = request.getfixturevalue(name)
    found = predict_frame(fitted, NOTES)
    assert len(found)
    assert sorted(zip(found.index, found["code"], strict=True)) == assigned(fitted, NOTES)


def test_a_classifier_tells_its_threshold_and_predicts_once(pipeline, monkeypatch):
    monkeypatch.setattr(type(pipeline), "predict", None)
    pipeline.set_params(clf__threshold=0.3)
    try:
        found = predict_frame(pipeline, NOTES)
    finally:
        pipeline.set_params(clf__threshold="tuned")
    check(found, listed_one_by_one(pipeline, NOTES, lambda code, p: p >= 0.3))


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_dask_gives_the_same_table(pipeline, threshold):
    frame = NOTES.reset_index(drop=True).to_frame()
    frame["kept"] = (frame.index < 14) | (frame.index >= 28)
    expected = predict_frame(pipeline, frame["text"][frame["kept"]], threshold=threshold)
    table = dd.from_pandas(frame, npartitions=3)
    table = table[table["kept"]]  # of the second partition nothing
    found = predict_frame(pipeline, table["text"], threshold=threshold)
    assert (found.npartitions, found.divisions) == (table.npartitions, table.divisions)
    with dask.config.set(scheduler="synchronous"):
        partitions = [part.compute() for part in found.partitions]
    assert not len(partitions[1])
    for part in [found._meta, *partitions]:
        assert list(part.dtypes) == list(expected.dtypes)
    pd.testing.assert_frame_equal(pd.concat(partitions), expected, rtol=1e-4)


def test_nothing_is_read_before_it_is_wanted(pipeline, monkeypatch):
    monkeypatch.setattr(type(pipeline), "predict_proba", None)
    predict_frame(pipeline, dd.from_pandas(NOTES.reset_index(drop=True), npartitions=2))


def test_memory_is_that_of_some_notes_at_a_time(pipeline, monkeypatch):
    sizes, predict_proba = [], type(pipeline).predict_proba

    def watched(self, notes):
        sizes.append(len(notes))
        return predict_proba(self, notes)

    expected = predict_frame(pipeline, NOTES)
    monkeypatch.setattr(_predict_frame, "NOTES_AT_ONCE", 16)
    monkeypatch.setattr(type(pipeline), "predict_proba", watched)
    found = predict_frame(pipeline, NOTES)
    assert sizes == [16, 16, 8]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)


def test_the_pipeline_stands_in_the_graph_once(pipeline):
    table = dd.from_pandas(NOTES.reset_index(drop=True), npartitions=20)
    graph = predict_frame(pipeline, table).optimize().__dask_graph__()
    tasks = [len(cloudpickle.dumps(task)) for task in dict(graph).values()]
    size = len(cloudpickle.dumps(pipeline))
    assert sum(task >= size for task in tasks) == 1


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"top_k": 0}, ValueError, "top_k must be a positive number"),
        ({"notes": MADE.data}, TypeError, "got list: pandas.Series"),
    ],
)
def test_errors_say_what_is_wanted(pipeline, wrong, error, message):
    with pytest.raises(error, match=message):
        predict_frame(**{"pipeline": pipeline, "notes": NOTES, **wrong})


def test_a_classifier_of_single_classes_is_refused():
    single = make_pipeline(CountVectorizer(), LogisticRegression())
    single.fit(MADE.data, MADE.target.toarray()[:, 0])
    with pytest.raises(ValueError, match=r"predict of Pipeline gave shape \(40,\), but \(40, 2\)"):
        predict_frame(single, NOTES)
