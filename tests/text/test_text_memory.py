"""Text steps hold numbers, not words: their memory is a small multiple of the text."""

import tracemalloc

import numpy as np
import pytest

from sklearn_icd.text import TfidfTruncator, WordTokenizer


@pytest.fixture(scope="module")
def notes():
    """Notes of 500 words, 200 of them different."""
    words = np.array([f"word{k}" for k in range(1000, 1200)])
    rng = np.random.RandomState(0)
    return [" ".join(rng.choice(words, 500)) for _ in range(200)]


def peak_memory(call):
    tracemalloc.start()
    result = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, result


def test_token_array_is_made_in_its_own_memory(notes):
    peak, X = peak_memory(lambda: WordTokenizer().fit_transform(notes))
    assert peak < 1.25 * (X.data.nbytes + X.indices.nbytes)
    tokenizer = WordTokenizer().fit(notes[:10])
    peak, X = peak_memory(lambda: tokenizer.transform(notes))
    assert peak < 1.25 * (X.data.nbytes + X.indices.nbytes)


def test_truncation_needs_less_than_the_text(notes):
    size = sum(map(len, notes))
    peak, short = peak_memory(lambda: TfidfTruncator(max_words=100).fit_transform(notes))
    assert peak < 0.7 * size + sum(map(len, short))
