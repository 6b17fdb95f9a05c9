"""Skip-gram word vectors."""

import logging
import os
import subprocess
import sys
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import cpu_count
from scipy.sparse import csr_array

from sklearn_icd.text import WordTokenizer, train_skip_gram


@pytest.fixture(name="X")
def two_kinds_of_notes():
    """Two kinds of notes with their own words, ids 2 to 6 and 7 to 11."""
    rng = np.random.RandomState(0)
    kind = np.repeat([2, 7], 100)[:, None]
    return csr_array((kind + rng.randint(5, size=(200, 30))).astype(np.int32))


def cosine(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_words_of_one_context_are_near(X):
    similar = cosine(train_skip_gram(X, 16, epochs=20, sample=0, random_state=0)[2:])
    within = min(similar[:5, :5].min(), similar[5:, 5:].min())
    assert within > similar[:5, 5:].max() + 0.2


def test_table(X):
    vectors = train_skip_gram(X, 8, n_tokens=20, random_state=0)
    assert vectors.shape == (20, 8)
    assert vectors.dtype == np.float32
    assert not vectors[0].any()
    mean = vectors[2:12].mean(axis=0)
    np.testing.assert_allclose(vectors[[1, *range(12, 20)]], np.tile(mean, (9, 1)), rtol=1e-5)
    assert train_skip_gram(X, 8, random_state=0).shape == (12, 8)


def test_unknown_word_is_trained_when_it_occurs(X):
    X = X.toarray()
    X[X == 5] = 1
    vectors = train_skip_gram(X, 8, epochs=20, sample=0, random_state=0)
    assert cosine(vectors[1:])[0, 1] > cosine(vectors[1:])[0, 7]


def test_dense_equals_sparse(X):
    padded = np.pad(X.toarray(), [(0, 0), (0, 5)])
    expected = train_skip_gram(X, 8, random_state=0)
    np.testing.assert_array_equal(train_skip_gram(padded, 8, random_state=0), expected)


def test_stored_zeros_and_unsorted_rows(X):
    expected = train_skip_gram(X, 8, random_state=0)
    odd = X.copy()
    odd.indices, odd.data = odd.indices[::-1].copy(), odd.data[::-1].copy()
    odd = csr_array((odd.data, odd.indices, odd.indptr), shape=X.shape)[::-1]
    np.testing.assert_array_equal(train_skip_gram(odd, 8, random_state=0), expected)
    dense = np.pad(X.toarray(), [(0, 0), (0, 1)])
    shape = dense.shape
    stored = csr_array(
        (dense.ravel(), np.tile(np.arange(shape[1]), shape[0]), np.arange(shape[0] + 1) * shape[1])
    )
    assert stored.nnz > X.nnz
    np.testing.assert_array_equal(train_skip_gram(stored, 8, random_state=0), expected)
    assert stored.nnz > X.nnz, "the input was changed"


def test_same_seed_same_vectors(X):
    first = train_skip_gram(X, 8, random_state=3)
    np.testing.assert_array_equal(train_skip_gram(X, 8, random_state=3), first)
    assert not np.array_equal(train_skip_gram(X, 8, random_state=4), first)
    generator = np.random.RandomState(3)
    np.testing.assert_array_equal(train_skip_gram(X, 8, random_state=generator), first)
    assert not np.array_equal(train_skip_gram(X, 8, random_state=generator), first)


def test_same_vectors_in_every_process():
    code = (
        "import numpy as np; from sklearn_icd.text import train_skip_gram;"
        "X = np.random.RandomState(0).randint(1, 50, size=(20, 100));"
        "print(train_skip_gram(X, 4, random_state=0).tobytes().hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


class NoTraining:
    """Read what gensim would train on, and remember how many threads it would have."""

    workers = None

    def __init__(self, *, vector_size, workers, **parameters):
        NoTraining.workers = workers
        self.wv = SimpleNamespace(vectors=np.ones((1, vector_size)), index_to_key=[1])

    def build_vocab_from_freq(self, counts):
        pass

    def train(self, notes, **parameters):
        for _ in notes:
            pass


@pytest.mark.parametrize(
    ("given", "threads"),
    [
        ({"random_state": 0}, 1),
        ({}, cpu_count()),
        ({"n_jobs": -1, "random_state": 0}, cpu_count()),
        ({"n_jobs": 3}, 3),
    ],
)
def test_threads(X, given, threads, monkeypatch):
    monkeypatch.setattr("gensim.models.Word2Vec", NoTraining)
    train_skip_gram(X, 4, **given)
    assert NoTraining.workers == threads


def test_threads_learn_together(X):
    similar = cosine(train_skip_gram(X, 16, epochs=20, sample=0, n_jobs=2)[2:])
    assert similar[:5, :5].min() > similar[:5, 5:].max()


def test_the_notes_are_not_copied(monkeypatch):
    monkeypatch.setattr("gensim.models.Word2Vec", NoTraining)
    X = csr_array(np.random.RandomState(0).randint(1, 50, size=(500, 1000), dtype=np.int32))
    tracemalloc.start()
    train_skip_gram(X, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.data.nbytes / 2


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generator_is_left_alone(X, random_state):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()  # noqa: NPY002
    train_skip_gram(X, 4, epochs=1, random_state=random_state)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[1], after[1])


def test_note_longer_than_gensim_reads():
    whole = np.random.RandomState(0).randint(2, 7, size=(1, 25_000))
    cut = whole[:, :10_000]
    read_whole = train_skip_gram(whole, 8, random_state=0)
    in_pieces = [whole[:, start : start + 10_000] for start in (0, 10_000, 20_000)]
    in_pieces[-1] = np.pad(in_pieces[-1], [(0, 0), (0, 5_000)])
    np.testing.assert_array_equal(
        read_whole, train_skip_gram(np.concatenate(in_pieces), 8, random_state=0)
    )
    assert not np.array_equal(read_whole, train_skip_gram(cut, 8, random_state=0))


def test_nothing_is_logged_or_printed(X, caplog, capsys):
    level = logging.getLogger("gensim").level
    with caplog.at_level(logging.WARNING):
        train_skip_gram(X, 4, epochs=2, random_state=0)
        train_skip_gram(np.array([[2]]), 4, random_state=0)
    assert not caplog.records
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("gensim").level == level


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["some note"], r"X must be a 2-D array of integer token ids.*1 dimension\(s\) of str"),
        (np.ones((2, 2)), "2 dimension.* of float64"),
        (np.zeros((2, 2), int), "X holds no token"),
        (np.array([[3, -1]]), "X must hold token ids from 0, got -1"),
        (np.array([[3, 9]]), "X holds the id 9, but n_tokens=5"),
    ],
)
def test_bad_tokens(X, message):
    with pytest.raises(ValueError, match=message) as error:
        train_skip_gram(X, 4, n_tokens=5)
    assert "some note" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dim", 0),
        ("window", 0),
        ("epochs", 0),
        ("negative", 0),
        ("sample", -1),
        ("n_tokens", 1),
        ("n_jobs", 0),
    ],
)
def test_bad_parameter(X, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of train_skip_gram"):
        train_skip_gram(X, **{"dim": 4, name: value})


def test_fits_what_the_tokenizer_gives():
    tokenizer = WordTokenizer(min_notes=1)
    X = tokenizer.fit_transform(["cough and fever", "", "chills"])
    assert train_skip_gram(X, 4, n_tokens=tokenizer.n_tokens_).shape == (tokenizer.n_tokens_, 4)
