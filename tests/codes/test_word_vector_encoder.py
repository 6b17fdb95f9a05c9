"""Titles as the mean of their words' vectors, in the space of the notes' words."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_icd.codes import WordVectorEncoder
from sklearn_icd.text import WordTokenizer, train_skip_gram

VECTORS = {"heart": [1.0, 0.0], "failure": [0.0, 1.0], "acute": [4.0, 2.0]}
NOTES = ["acute heart failure", "acute pain", "pain of the heart", "failure of the heart"]


def test_a_text_is_the_mean_of_its_known_words_whatever_their_case():
    encoder = WordVectorEncoder(VECTORS)
    vectors = encoder.fit_transform(["I50.9: Heart FAILURE, unspecified", "acute", "R52: Pain"])
    np.testing.assert_allclose(vectors, [[0.5, 0.5], [4, 2], [0, 0]])
    assert vectors.dtype == np.float32
    assert encoder.get_feature_names_out().tolist() == ["wordvectorencoder0", "wordvectorencoder1"]


def test_vectors_trained_on_notes_reach_titles():
    tokenizer = WordTokenizer(min_notes=2)
    X = tokenizer.fit_transform(NOTES)
    table = train_skip_gram(X, 4, n_tokens=tokenizer.n_tokens_, random_state=0)
    keyed = tokenizer.keyed_vectors(table)
    [vector] = clone(WordVectorEncoder(keyed)).fit_transform(["I50.9: Heart failure"])
    rows = table[[tokenizer.vocabulary_["heart"], tokenizer.vocabulary_["failure"]]]
    np.testing.assert_allclose(vector, rows.mean(axis=0), rtol=1e-6)
    expected = table.copy()
    expected[1] = table[2:].mean(axis=0)  # the unknown word
    np.testing.assert_allclose(tokenizer.vectors(keyed), expected, rtol=1e-5, atol=1e-7)


def test_printing_shows_no_word_of_the_notes():
    tokenizer = WordTokenizer(min_notes=1)
    X = tokenizer.fit_transform(["secretname coughs"])
    table = train_skip_gram(X, 2, n_tokens=tokenizer.n_tokens_, random_state=0)
    assert "secretname" not in repr(WordVectorEncoder(tokenizer.keyed_vectors(table)))


def test_texts_without_a_known_word_are_an_error():
    with pytest.raises(ValueError, match=r"none of the words of the 2 texts.*lower-cased"):
        WordVectorEncoder(VECTORS).fit(["Dolor", "Fiebre"])


def test_a_table_that_does_not_fit_the_vocabulary_is_an_error():
    tokenizer = WordTokenizer(min_notes=1).fit(["cough and fever"])
    with pytest.raises(ValueError, match=r"each of the 5 ids, got shape \(4, 2\)"):
        tokenizer.keyed_vectors(np.zeros((4, 2)))
