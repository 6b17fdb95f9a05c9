"""The words that codes looked at most, counted over notes."""

from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sklearn_icd import make_icd_pipeline
from sklearn_icd.inspection import _critical_words, critical_words, explain
from sklearn_icd.text import WordTokenizer

NOTES = ["Fever fever cough", "COUGH no fever", "", "cough Cough rash", "rash fever", "no"]
Y = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]])
# Each code prefers words by these weights.
LIKES = {
    "A": {"fever": 3, "cough": 4, "rash": 1, "no": 1},
    "B": {"fever": 1, "cough": 2, "rash": 4, "no": 1},
    "C": {"fever": 1, "cough": 1, "rash": 1, "no": 1},
}


class Reader(ClassifierMixin, BaseEstimator):
    """Look at words as written above, and assign the codes of Y."""

    def fit(self, X, y):
        self.classes_ = np.array(list(LIKES))
        self.multilabel_ = True
        self.asked_ = []
        return self

    def predict(self, X):
        return sparse.csr_array(np.tile(Y[3], (X.shape[0], 1)))

    def attention(self, X, codes):
        assert X.shape[0] == 0 or max(np.diff(X.indptr)) > 0
        self.asked_.append((X.shape[0], list(codes)))
        weights = []
        for i in range(X.shape[0]):
            likes = np.array([[self.likes[code][word] for word in X[[i]].data] for code in codes])
            weights.append((likes / likes.sum(axis=1, keepdims=True)).astype(np.float32))
        return weights


@pytest.fixture
def reader():
    tokenizer = WordTokenizer(min_notes=1)
    clean = make_icd_pipeline("ld-plam")["clean"]
    fitted = Pipeline([("clean", clean), ("tokenize", tokenizer), ("clf", Reader())]).fit(NOTES, Y)
    ids = tokenizer.vocabulary_
    fitted[-1].likes = {
        code: {ids[word]: like for word, like in likes.items()} for code, likes in LIKES.items()
    }
    return fitted


# Critical for A: the first cough of 3 tokens, cough, none, cough, no. For B: cough, none, rash.
BY_HAND = {"A": [("cough", 3), ("no", 1)], "B": [("rash", 1), ("cough", 1)], "C": []}


def test_words_are_counted_as_by_hand(reader):
    assert critical_words(reader, NOTES, y=Y) == BY_HAND
    assert critical_words(reader, NOTES, y=sparse.csr_array(Y)) == BY_HAND
    assert critical_words(reader, np.array(NOTES), ["B"], y=Y.tolist()) == {"B": BY_HAND["B"]}


def test_without_y_the_notes_that_predict_assigns_the_code(reader):
    # The stand-in assigns A to all. "no" alone gets all of the attention, fever 3/4 of it: of
    # equally frequent words the one with the higher weights comes first.
    assert critical_words(reader, NOTES) == {
        "A": [("cough", 3), ("no", 1), ("fever", 1)],
        "B": [],
        "C": [],
    }


def test_top_and_min_notes(reader):
    assert critical_words(reader, NOTES, top=1, y=Y)["A"] == [("cough", 3)]
    assert critical_words(reader, NOTES, top=None, min_notes=2, y=Y)["A"] == [("cough", 3)]
    assert critical_words(reader, NOTES, min_notes=4, y=Y) == {"A": [], "B": [], "C": []}


def test_batches_do_not_matter_and_stay_small(reader, monkeypatch):
    monkeypatch.setattr(_critical_words, "_NOTES_AT_ONCE", 4)
    monkeypatch.setattr(_critical_words, "_ATTENTIONS_AT_ONCE", 2)
    assert critical_words(reader, NOTES, y=Y) == BY_HAND
    assert max(n for n, _ in reader[-1].asked_) <= 2
    assert sum(n for n, _ in reader[-1].asked_) == 5  # the empty note is not asked about


def test_only_codes_that_notes_have_are_asked_about(reader):
    critical_words(reader, NOTES, ["C", "B"], y=Y)
    assert reader[-1].asked_ == [(2, ["B"])]


@pytest.mark.parametrize("system", ["pipeline", "segment_pipeline"])
@pytest.mark.parametrize("given", [True, False])
def test_as_explanations_have_it(request, made, system, given):
    pipeline = request.getfixturevalue(system)
    y = made.target if given else None
    has = (made.target if given else pipeline.predict(made.data)).toarray()
    expected = {code: Counter() for code in made.target_names}
    for note, codes in zip(made.data, has, strict=True):
        for explanation in explain(pipeline, note, made.target_names[codes == 1]):
            start, end = explanation.spans[0]
            expected[explanation.code][note[start:end].casefold()] += 1
    found = critical_words(pipeline, made.data, y=y, top=None)
    assert {code: dict(words) for code, words in found.items()} == expected
    assert sum(map(len, expected.values())) > 5


def test_one_class_per_note(made):
    labels = np.where(made.target.toarray()[:, 0] == 1, "yes", "no")
    fitted = make_icd_pipeline("ld-plam", size="small", max_epochs=1, random_state=0)
    fitted.fit(made.data, labels)
    words = critical_words(fitted, made.data, y=labels, top=None)
    assert list(words) == ["no", "yes"]
    assert sum(count for _, count in words["yes"]) == (labels == "yes").sum()


def test_no_notes(reader):
    assert critical_words(reader, []) == {"A": [], "B": [], "C": []}
    assert critical_words(reader, NOTES, []) == {}


def test_bad_input_is_named_and_not_printed(reader):
    with pytest.raises(ValueError, match="codes holds 'X', which is not among the 3 classes_"):
        critical_words(reader, NOTES, ["X"])
    with pytest.raises(TypeError, match="codes must be a list of codes, got the str 'A'"):
        critical_words(reader, NOTES, "A")
    with pytest.raises(ValueError, match="notes holds 6 notes and y has 2 rows"):
        critical_words(reader, NOTES, y=Y[:2])
    with pytest.raises(ValueError, match=r"notes\[1\] is missing") as error:
        critical_words(reader, ["zaphod", None])
    assert "zaphod" not in str(error.value)
    with pytest.raises(ValueError, match="'top' parameter"):
        critical_words(reader, NOTES, top=0)
    with pytest.raises(TypeError, match="Blind, has no method attention"):
        critical_words(Pipeline([*reader.steps[:-1], ("clf", Blind())]).fit(NOTES, Y), NOTES)
    with pytest.raises(NotFittedError):
        critical_words(make_icd_pipeline("ld-plam"), NOTES)


class Blind(Reader):
    """Has no attention."""

    @property
    def attention(self):
        raise AttributeError
