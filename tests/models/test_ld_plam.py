"""LD-PLAM: the paper's network, its word vectors, and that it can learn."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.metrics import f1_score

from sklearn_icd.losses import BCE
from sklearn_icd.models import LDPLAMClassifier, _words

TINY = {
    "n_pseudo_labels": 4,
    "embedding_dim": 6,
    "hidden_size": 4,
    "optimizer": "adam",
    "lr": 0.03,
    "batch_size": 8,
    "max_epochs": 2,
    "validation_fraction": None,
    "random_state": 0,
}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def test_defaults_are_the_papers():
    parameters = LDPLAMClassifier().get_params()
    paper = {
        "n_pseudo_labels": 256,
        "n_attention_layers": 1,
        "embedding_dim": 128,
        "hidden_size": 128,
        "dropout": 0.2,
        "word_vectors": "skip-gram",
        "train_label_vectors": False,
        "optimizer": "lamb",
        "lr": 0.005,
        "batch_size": 128,
        "patience": 64,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    X, Y = notes()
    fitted = LDPLAMClassifier(**{**TINY, "n_attention_layers": 2, "word_vectors": None}).fit(X, Y)
    shapes = {k: tuple(v.shape) for k, v in fitted.net_.module_.named_parameters()}
    assert shapes["embed.table.weight"] == (20, 6)
    assert shapes["encode.ahead.weight_hh_l0"] == (16, 4)
    assert shapes["compress.modes.0.weight"] == shapes["compress.modes.1.weight"] == (4, 8)
    assert shapes["compress.projections.0.weight"] == (8, 8)
    assert shapes["attend.label_vectors"] == (4, shapes["compress.projections.1.weight"][0])
    assert shapes["score.linear.weight"] == (1, shapes["attend.label_vectors"][1])


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"n_pseudo_labels": 16, "hidden_size": 16, "embedding_dim": 16, "lr": 0.01}
    learner = LDPLAMClassifier(**{**TINY, **sizes, "max_epochs": 60, "word_vectors": None})
    fitted = learner.set_params(dropout=0.0).fit(X, Y)
    assert f1_score(Y, fitted.predict(X), average="micro") > 0.95
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9
    first = fitted.history_[0, "train_loss"]
    assert fitted.history_[-1, "train_loss"] < first / 3


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "lamb", "sgd", torch.optim.RMSprop])
def test_optimizers(optimizer):
    X, Y = notes()
    parameters = {**TINY, "optimizer": optimizer, "max_epochs": 3, "word_vectors": None}
    losses = LDPLAMClassifier(**parameters).fit(X, Y).history_[:, "train_loss"]
    assert losses[-1] < losses[0]


def test_skip_gram_vectors_come_from_the_training_notes(monkeypatch):
    monkeypatch.setattr(_words, "_WORDS_READ", 1)
    X, Y = notes()
    seen = {}

    class Recorded(LDPLAMClassifier):
        def initial_word_vectors(self, data):
            seen["vectors"] = super().initial_word_vectors(data)
            return seen["vectors"]

    Recorded(**TINY).fit(X, Y)
    assert seen["vectors"].shape == (20, 6)
    trained = seen["vectors"][1:]
    assert trained.any(axis=1).all()
    assert trained.std() == pytest.approx(1, rel=1e-5)
    first = trained.copy()
    Recorded(**TINY).fit(X[:30], Y[:30])
    assert not np.array_equal(seen["vectors"][1:], first)


def test_given_word_vectors_are_where_training_starts():
    X, Y = notes()
    table = np.random.RandomState(0).normal(size=(30, 6))
    untrained = {**TINY, "word_vectors": table, "lr": 1e-12, "optimizer": "sgd"}
    fitted = LDPLAMClassifier(**untrained).fit(X, Y)
    weight = fitted.net_.module_.embed.table.weight.detach().numpy()
    np.testing.assert_allclose(weight[1:], table[1:], rtol=1e-5)
    assert not weight[0].any()
    # Words with a vector of their own have a meaning even if no training note holds them.
    one, other = (sparse.csr_array(np.array([[2, word, 3]])) for word in (25, 26))
    assert not np.array_equal(fitted.predict_proba(one), fitted.predict_proba(other))
    beyond = sparse.csr_array(np.array([[2, 999, 3]]))
    unknown = sparse.csr_array(np.array([[2, 1, 3]]))
    assert np.array_equal(fitted.predict_proba(beyond), fitted.predict_proba(unknown))


def test_a_loss_of_ones_own():
    class Double(BCE):
        def __call__(self, logits, y, *, step=0, steps_per_epoch=1):
            return 2 * super().__call__(logits, y)

    X, Y = notes()
    losses = [
        LDPLAMClassifier(**{**TINY, "loss": loss, "word_vectors": None}).fit(X, Y).history_
        for loss in (None, Double())
    ]
    first = [history[0, "batches", 0, "train_loss"] for history in losses]
    assert first[1] == pytest.approx(2 * first[0])
