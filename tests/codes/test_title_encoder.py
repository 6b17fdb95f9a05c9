"""Vectors of titles from their words and letters."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils import get_tags

from sklearn_icd.codes import CodeSystem, TitleEncoder, describe_codes


@pytest.fixture(scope="module")
def texts():
    code_system = CodeSystem("icd9cm")
    return describe_codes(code_system.titles(code_system.codes[:600]))


def test_describe_codes_keeps_the_order():
    assert describe_codes({"B": "two", "A": "one"}) == ["B: two", "A: one"]


def test_vectors_have_length_one_and_the_asked_width(texts):
    vectors = TitleEncoder(32, random_state=0).fit_transform(texts)
    assert vectors.shape == (600, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_at_full_width_vectors_have_the_cosines_of_the_weighted_counts():
    texts = ["E11.9: type 2 diabetes", "E10.9: type 1 diabetes", "I10: hypertension", "x"]
    vectors = TitleEncoder(random_state=0).fit_transform(texts)
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]").fit_transform(texts)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit_transform(texts)
    expected = (words @ words.T + pieces @ pieces.T).toarray() / 2
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-6)


def test_like_titles_are_nearest():
    texts = ["I10: hypertension", "N00: acute nephritis", "S72: fracture of femur"]
    encoder = TitleEncoder(random_state=0).fit(texts)
    new = encoder.transform(["N03: chronic nephritic syndrome", "S82: fractured femoral neck"])
    np.testing.assert_array_equal((new @ encoder.transform(texts).T).argmax(axis=1), [1, 2])


@pytest.mark.parametrize(
    ("texts", "width"),
    [
        (["I10: hypertension"], 1),
        (["a: b", "c: d"], 2),
        (["same title"] * 5, 1),
        (["a", "b", "a", "b"], 2),
        (["A00: "], 1),
        ([":", "I10: hypertension"], 2),
        (["", "I10: hypertension", " \n"], 1),
    ],
)
def test_width_is_what_the_texts_allow(texts, width):
    encoder = TitleEncoder(random_state=0)
    vectors = encoder.fit_transform(texts)
    assert vectors.shape == (len(texts), width)
    assert len(encoder.get_feature_names_out()) == width
    lengths = [float(bool(text.strip())) for text in texts]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), lengths, rtol=1e-5)


def test_texts_without_any_known_term_give_zeros():
    encoder = TitleEncoder(random_state=0).fit(["abc", "abd"])
    np.testing.assert_array_equal(encoder.transform(["", "ξψ"]), np.zeros((2, 2), np.float32))


def test_the_same_for_the_same_seed(texts):
    first = TitleEncoder(16, random_state=7).fit_transform(texts)
    np.testing.assert_array_equal(first, TitleEncoder(16, random_state=7).fit_transform(texts))
    assert not np.array_equal(first, TitleEncoder(16, random_state=8).fit_transform(texts))


@given(texts=st.lists(st.text(max_size=12), min_size=1, max_size=6), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_any_texts(texts, seed):
    encoder = TitleEncoder(4, random_state=seed)
    if not "".join(texts).strip():
        with pytest.raises(ValueError, match="blank"):
            encoder.fit(texts)
        return
    vectors = encoder.fit_transform(texts)
    assert 1 <= vectors.shape[1] <= min(4, len(texts))
    assert np.isfinite(vectors).all()
    one_by_one = np.concatenate([encoder.transform([text]) for text in texts])
    np.testing.assert_allclose(vectors, one_by_one, atol=1e-5)


@pytest.mark.parametrize("container", [list, tuple, np.array, pd.Series, pl.Series])
def test_containers(container, texts):
    expected = TitleEncoder(8, random_state=0).fit_transform(texts)
    np.testing.assert_array_equal(
        TitleEncoder(8, random_state=0).fit_transform(container(texts)), expected
    )


def test_pandas_output(texts):
    encoder = TitleEncoder(3, random_state=0).set_output(transform="pandas")
    assert list(encoder.fit_transform(texts)) == ["titleencoder0", "titleencoder1", "titleencoder2"]


def test_clone_and_pickle(texts):
    encoder = TitleEncoder(8, random_state=0).fit(texts)
    assert not hasattr(clone(encoder), "components_")
    assert clone(encoder).get_params() == {"n_components": 8, "random_state": 0}
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform(texts), encoder.transform(texts))


def test_tags():
    tags = get_tags(TitleEncoder())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit


def test_not_fitted():
    with pytest.raises(NotFittedError):
        TitleEncoder().transform(["a"])


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ([], ValueError, "no text"),
        (["", "  "], ValueError, "blank"),
        (["a", None], (TypeError, ValueError), "1"),
        ("a", TypeError, "single str"),
        ([["a"]], (TypeError, ValueError), "X"),
    ],
)
def test_bad_texts(texts, error, message):
    with pytest.raises(error, match=message):
        TitleEncoder().fit(texts)


@pytest.mark.parametrize(
    "parameters", [{"n_components": 0}, {"n_components": 1.5}, {"random_state": "a"}]
)
def test_bad_parameters(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        TitleEncoder(**parameters).fit(["a"])
