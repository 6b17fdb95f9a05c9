"""DeepLabeler: what is scored by hand, and what its paragraph vectors promise."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from by_hand import TINY, beside_a_longer, convolve, notes, shapes, single, values
from sklearn.metrics import f1_score

from sklearn_icd.models import DeepLabelerClassifier
from sklearn_icd.models._document_vectors import DocumentVectors
from sklearn_icd.utils._token_array import TokenArray

SIZES = {"n_filters": 3, "kernel_sizes": (3, 4), "document_dim": 5, "document_size": 2}


def fit(**parameters):
    settings = {**TINY, **SIZES, "document_epochs": 2, **parameters}
    return DeepLabelerClassifier(**settings).fit(*notes())


def test_shapes_of_the_parameters():
    """Compare with an independent implementation, for e = 6, 3 maps, vectors of 5 and 4 codes.

    ============  ============  ===========================================
    public name   shape         ours
    ============  ============  ===========================================
    cnn1, cnn2    (3, 1, k, k)  read.readers.0.encode.filters.i.convolution
    fc1           (2, 5)        read.readers.1.1
    fc2           (4, 8)        score.vectors.free, score.bias
    ============  ============  ===========================================

    There is no code of the authors'. The windows of that implementation see k components of k
    words, ours all components of k words.
    """
    assert shapes(fit().net_.module_) == {
        "read.readers.0.embed.table.weight": (20, 6),
        "read.readers.0.encode.filters.0.convolution.weight": (3, 6, 3),
        "read.readers.0.encode.filters.0.convolution.bias": (3,),
        "read.readers.0.encode.filters.1.convolution.weight": (3, 6, 4),
        "read.readers.0.encode.filters.1.convolution.bias": (3,),
        "read.readers.1.1.weight": (2, 5),
        "read.readers.1.1.bias": (2,),
        "score.vectors.free": (4, 8),
        "score.bias": (4,),
    }


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_codes_score_the_largest_values_and_the_paragraph_vector(words):
    fitted = fit()
    module = fitted.net_.module_
    table, W, b, weight, bias = values(
        module,
        "read.readers.0.embed.table.weight",
        "read.readers.1.1.weight",
        "read.readers.1.1.bias",
        "score.vectors.free",
        "score.bias",
    )
    maps = [
        convolve(
            table[words],
            *values(
                module,
                f"read.readers.0.encode.filters.{i}.convolution.weight",
                f"read.readers.0.encode.filters.{i}.convolution.bias",
            ),
            left=left,
        )
        for i, left in enumerate((1, 1))
    ]
    found = np.maximum(np.hstack(maps), 0).max(axis=0)
    [document] = module.read.readers[1][0](torch.tensor([words])).numpy()
    assert document.shape == (5,)
    expected = weight @ np.hstack([found, np.maximum(W @ document + b, 0)]) + bias
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)


def test_it_has_no_attention_and_says_why():
    with pytest.raises(AttributeError, match="DeepLabelerClassifier has no attention: it keeps"):
        fit().attention(single(2))


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"n_filters": 24, "embedding_dim": 16, "max_epochs": 15, "dropout": 0.0}
    fitted = DeepLabelerClassifier(**{**TINY, **SIZES, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.8


# Paragraph vectors ---------------------------------------------------------------------------


def two_subjects(n=40):
    """Make notes of thirty words that are all below ten, or all from ten on."""
    random_state = np.random.RandomState(0)
    rows = [random_state.randint(2 + 8 * (i % 2), 10 + 8 * (i % 2), size=30) for i in range(n)]
    return TokenArray(np.concatenate(rows), np.arange(0, 30 * n + 1, 30)), np.array(rows)


def make_vectors(**settings):
    tokens, _ = two_subjects()
    return DocumentVectors(tokens, 8, **{"epochs": 10, "seed": 0, **settings})


def test_notes_on_the_same_subject_have_like_vectors():
    _, rows = two_subjects()
    vectors = make_vectors()(torch.from_numpy(rows)).numpy()
    assert vectors.mean() == pytest.approx(0, abs=1e-3)
    assert vectors.std(axis=0).mean() == pytest.approx(1, rel=1e-3)
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ vectors.T / np.outer(lengths, lengths)
    same = np.equal.outer(np.arange(40) % 2, np.arange(40) % 2)
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


def test_a_vector_depends_on_its_note_alone():
    _, rows = two_subjects()
    read = make_vectors()
    together = read(torch.from_numpy(rows))
    padded = torch.nn.functional.pad(torch.from_numpy(rows[[3]]), (0, 4))
    assert torch.equal(read(padded)[0], together[3])
    assert torch.equal(make_vectors()(torch.from_numpy(rows)), together)
    assert not torch.equal(make_vectors(seed=1)(torch.from_numpy(rows)), together)
    assert not read(torch.zeros(1, 3, dtype=torch.int64)).any()


def test_vectors_are_the_same_in_another_process(tmp_path):
    (tmp_path / "vectors.pickle").write_bytes(pickle.dumps(make_vectors()))
    code = (
        "import pickle, sys, torch\n"
        "read = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(read(torch.tensor([[2, 3, 4]])).tolist())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "vectors.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(make_vectors()(torch.tensor([[2, 3, 4]])).tolist())


def test_no_vector_of_a_training_note_is_kept():
    read = make_vectors()
    assert len(read.model.dv) == 0
    larger = DocumentVectors(*two_subjects(400)[:1], 8, epochs=2, seed=0)
    assert len(pickle.dumps(larger)) < len(pickle.dumps(read)) + 1000


def test_vectors_are_made_once_in_a_training(monkeypatch):
    calls, infer = [], DocumentVectors._infer

    def counted(self, note):
        calls.append(note.tobytes())
        return infer(self, note)

    monkeypatch.setattr(DocumentVectors, "_infer", counted)
    X, Y = notes(20)
    settings = {**TINY, **SIZES, "document_epochs": 1, "max_epochs": 3}
    fitted = DeepLabelerClassifier(**settings).fit(X, Y, X_val=X[:5], y_val=Y[:5])
    assert len(calls) == 2 * len(set(calls)) == 40  # once for the scale of all
    assert fitted.net_.module_.read.readers[1][0].remembered is None
    fitted.predict(X[:2])
    assert len(calls) == 42


def test_notes_without_any_word_are_taken():
    X, Y = notes(4)
    fitted = DeepLabelerClassifier(**{**TINY, **SIZES}).fit(0 * X, Y)
    assert fitted.predict(X).shape == (4, 4)
