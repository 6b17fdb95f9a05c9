"""Codes that were never trained on, added by their titles."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from sklearn_icd.codes import TitleEncoder, describe_codes
from sklearn_icd.models import FusionClassifier, LDPLAMClassifier

TITLES = {
    "I10": "Essential hypertension",
    "E11.9": "Type 2 diabetes mellitus without complications",
    "J45.909": "Unspecified asthma, uncomplicated",
    "N18.6": "End stage renal disease",
}
NEW = {"I11.9": "Hypertensive heart disease without heart failure"}
TINY = {
    "n_pseudo_labels": 3,
    "embedding_dim": 6,
    "hidden_size": 4,
    "word_vectors": None,
    "max_epochs": 2,
    "validation_fraction": None,
    "random_state": 0,
}
X = sparse.csr_array(np.random.RandomState(0).randint(1, 9, size=(12, 5)))
Y = np.random.RandomState(1).randint(2, size=(12, 4))


def fit(y=None, **parameters):
    y = pd.DataFrame(Y, columns=list(TITLES)) if y is None else y
    return LDPLAMClassifier(**{**TINY, **parameters}).fit(X, y)


def test_old_columns_and_parameters_are_the_same():
    fitted = fit()
    extended = fitted.with_codes(NEW)
    for scores in ("predict_proba", "decision_function", "predict"):
        before, after = (getattr(clf, scores)(X) for clf in (fitted, extended))
        assert np.array_equal(after[:, :4], before)
        assert after.shape == (12, 5)
    mine, theirs = (dict(clf.net_.module_.named_parameters()) for clf in (extended, fitted))
    assert mine.keys() == theirs.keys()
    assert all(mine[name] is theirs[name] for name in theirs)
    assert fitted.net_.module_.attend.label_vectors.shape[0] == 4
    assert not hasattr(fitted, "added_codes_")


def test_a_new_code_gets_the_vector_of_its_title():
    fitted = fit(label_titles=TITLES)
    encoded = fitted.label_encoder_.transform(describe_codes({**TITLES, **NEW}))
    vectors = fitted.with_codes(NEW).net_.module_.attend.label_vectors
    scale = np.linalg.norm(vectors[0]) / np.linalg.norm(encoded[0])
    expected = scale**2 * encoded @ encoded.T  # so few titles are rotated into more dimensions
    np.testing.assert_allclose(vectors @ vectors.T, expected, rtol=1e-4, atol=1e-4)
    # A code trained on under the title of the new one would be read in the same way.
    same = fitted.with_codes({"copy": "x"})
    same.net_.module_.attend.label_vectors[4] = vectors[2]
    np.testing.assert_allclose(same.predict_proba(X)[:, 4], same.predict_proba(X)[:, 2], rtol=1e-5)


def test_codes_can_be_added_again():
    twice = fit().with_codes(NEW).with_codes({"R07.9": "Chest pain, unspecified"})
    assert twice.classes_.tolist() == [*TITLES, "I11.9", "R07.9"]
    assert twice.added_codes_.tolist() == ["I11.9", "R07.9"]
    assert twice.predict_proba(X).shape == (12, 6)
    with pytest.raises(ValueError, match=r"'I11\.9' is among the classes_"):
        twice.with_codes(NEW)


def test_a_scalar_threshold_applies_to_new_codes():
    extended = fit(threshold=0.0).with_codes(NEW)
    assert extended.predict(X)[:, 4].all()
    tuned = fit(threshold="tuned", validation_fraction=0.5).with_codes(NEW)
    expected = tuned.predict_proba(X) >= np.float32(tuned.threshold_)
    assert np.array_equal(tuned.predict(X), expected)


def test_sparse_predictions_stay_sparse():
    y = pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(Y), columns=list(TITLES))
    predicted = fit(y).with_codes(NEW).predict(X)
    assert sparse.issparse(predicted)
    assert predicted.shape == (12, 5)


@pytest.mark.parametrize(
    ("parameters", "titles", "words"),
    [
        ({}, {"I10": "Essential hypertension"}, ["'I10'", "classes_"]),
        ({}, {}, ["titles", "mapping"]),
        ({}, ["I11.9"], ["titles", "mapping"]),
        ({"train_label_vectors": True}, NEW, ["train_label_vectors=False"]),
        ({"threshold": [0.5] * 4}, NEW, ["threshold", "set_params(threshold=0.5)"]),
        ({"y": Y}, NEW, ["label_titles"]),
    ],
    ids=["known", "none", "list", "trained", "thresholds", "untitled"],
)
def test_refused(parameters, titles, words):
    fitted = fit(**parameters)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fitted.with_codes(titles)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_threshold_per_code_can_be_replaced_by_one_for_all():
    fitted = fit(threshold=[0.5] * 4).set_params(threshold=0.5)
    assert fitted.with_codes(NEW).predict(X).shape == (12, 5)


def test_partial_fit_is_refused():
    with pytest.raises(ValueError, match="1 codes were added by with_codes"):
        fit().with_codes(NEW).partial_fit(X, np.zeros((12, 5), dtype=int))


def test_titles_given_are_used_and_further_ones_ignored():
    titles = {**TITLES, "Z00": "Never asked for"}
    given, found = fit(label_titles=titles), fit()
    vectors = [clf.net_.module_.attend.label_vectors for clf in (given, found)]
    assert vectors[0].shape == vectors[1].shape
    other = fit(label_titles={code: f"{title} or not" for code, title in TITLES.items()})
    assert not torch.equal(other.net_.module_.attend.label_vectors, vectors[0])


def test_without_titles_label_vectors_are_trained():
    fitted = fit(Y)
    assert isinstance(fitted.net_.module_.attend.label_vectors, torch.nn.Parameter)
    assert not hasattr(fitted, "label_encoder_")
    assert isinstance(
        fit(train_label_vectors=True).net_.module_.attend.label_vectors, torch.nn.Parameter
    )
    assert not isinstance(fit().net_.module_.attend.label_vectors, torch.nn.Parameter)


def test_a_label_encoder_is_cloned_and_may_be_any_transformer():
    from sklearn.feature_extraction.text import CountVectorizer

    encoder = TitleEncoder(n_components=2, random_state=0)
    fitted = fit(label_encoder=encoder)
    assert fitted.label_encoder_ is not encoder
    assert not hasattr(encoder, "components_")
    assert np.linalg.matrix_rank(fitted.net_.module_.attend.label_vectors) == 2
    counted = fit(label_encoder=CountVectorizer())
    assert counted.with_codes(NEW).predict_proba(X).shape == (12, 5)


def test_an_encoder_without_titles_to_encode_says_so():
    X = sparse.csr_array(np.random.RandomState(0).randint(1, 9, size=(6, 5)))
    Y = np.eye(6, 3, dtype=int)
    classifier = FusionClassifier(
        n_filters=2, n_heads=2, word_vectors=None, max_epochs=1, label_encoder=TitleEncoder()
    )
    with pytest.warns(UserWarning, match=r"no coding system has the 3 codes.*0\. Name the columns"):
        classifier.fit(X, Y)
    with pytest.raises(ValueError, match="label_titles"):
        classifier.with_codes({"I10": "Essential hypertension"})
