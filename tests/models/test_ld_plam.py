"""LD-PLAM: the paper's network, its word vectors, and that it can learn."""

import numpy as np
import pytest
import torch
from by_hand import attend, beside_a_longer, bilstm, layer_norm, shapes, single, values
from scipy import sparse
from scipy.special import softmax
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
    """Compare with the public code, for a vocabulary of 20, e = 6, u = 4, m = 4, K = 2 and 4 codes.

    ==================================  ========  ===================================
    public name                         shape     ours
    ==================================  ========  ===================================
    embedding.embedding.weight          (20, 6)   embed.table.weight
    biLSTM.biLSTM.weight_ih_l0          (16, 6)   encode.ahead.weight_ih_l0
    biLSTM.biLSTM.weight_hh_l0          (16, 4)   encode.ahead.weight_hh_l0
    biLSTM.biLSTM.bias_ih_l0, .bias_hh  (16,)     encode.ahead.bias_ih_l0, .bias_hh_l0
    biLSTM.biLSTM.*_reverse             the same  encode.back.*
    LNandDP.layerNorm.weight, .bias     (8,)      encode.norm.weight, .bias
    icdAttn.attns.k.weight, .bias       (4, 8)    compress.modes.k.weight, .bias (4,)
    icdAttn.hdns.0.weight, .bias        (8, 8)    compress.projections.0
    icdAttn.hdns.1.weight, .bias        (128, 8)  compress.projections.1
    icdAttn.bns.k                       (8,)      none: the paper has no normalisation here
    icdAttn.labDescVec                  (4, 128)  attend.label_vectors
    fcLinear.out.weight, .bias          (1, 128)  score.linear.weight, .bias (1,)
    ==================================  ========  ===================================

    At prediction, the authors' batch normalisation is a factor and a summand per feature, which
    the map before it can hold.
    """
    X, Y = notes()
    fitted = LDPLAMClassifier(**{**TINY, "n_attention_layers": 2, "word_vectors": None}).fit(X, Y)
    expected = {
        "embed.table.weight": (20, 6),
        "encode.norm.weight": (8,),
        "encode.norm.bias": (8,),
        "compress.projections.0.weight": (8, 8),
        "compress.projections.0.bias": (8,),
        "compress.projections.1.weight": (128, 8),
        "compress.projections.1.bias": (128,),
        "attend.label_vectors": (4, 128),
        "score.linear.weight": (1, 128),
        "score.linear.bias": (1,),
    }
    for k in range(2):
        expected |= {f"compress.modes.{k}.weight": (4, 8), f"compress.modes.{k}.bias": (4,)}
    lstm = {"weight_ih_l0": (16, 6), "weight_hh_l0": (16, 4)}
    lstm |= {"bias_ih_l0": (16,), "bias_hh_l0": (16,)}
    expected |= {f"encode.{way}.{k}": s for way in ("ahead", "back") for k, s in lstm.items()}
    assert shapes(fitted.net_.module_) == expected


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_logits_are_those_of_the_paper(words, n_layers):
    X, Y = notes()
    settings = {"n_attention_layers": n_layers, "word_vectors": None, "precision": "float64"}
    fitted = LDPLAMClassifier(**{**TINY, **settings}).fit(X, Y)
    module = fitted.net_.module_
    torch.manual_seed(0)
    for parameter in module.parameters():  # no part so small that its absence would pass
        parameter.data.normal_()
    table, gamma, beta, labels, w, b = values(
        module,
        "embed.table.weight",
        "encode.norm.weight",
        "encode.norm.bias",
        "attend.label_vectors",
        "score.linear.weight",
        "score.linear.bias",
    )
    a = u = layer_norm(bilstm(module, "encode", table[words]), gamma, beta)
    for k in range(n_layers):
        mode, offset, W, c = values(
            module,
            *(
                f"compress.{p}.{k}.{q}"
                for p in ("modes", "projections")
                for q in ("weight", "bias")
            ),
        )
        a = softmax(a @ mode.T + offset, axis=0).T @ u
        u = np.maximum(a @ W.T + c, 0)
    expected = attend(labels, u, u) @ w[0] + b
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)


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


@pytest.mark.parametrize(
    "optimizer", ["adam", "adamw", "radam", "lamb", "sgd", torch.optim.RMSprop]
)
def test_optimizers(optimizer):
    X, Y = notes()
    parameters = {**TINY, "optimizer": optimizer, "max_epochs": 3, "word_vectors": None}
    losses = LDPLAMClassifier(**parameters).fit(X, Y).history_[:, "train_loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("seed", range(8))
def test_a_handful_of_titled_codes_never_tie(seed):
    X, Y = notes()
    titles = {"A": "acute pain", "B": "chronic pain", "C": "fracture of arm", "D": "other"}
    named = {"classes": list(titles), "label_titles": titles, "word_vectors": None}
    learner = LDPLAMClassifier(**{**TINY, **named, "random_state": seed})
    scores = learner.fit(X, Y).decision_function(X)
    assert (np.ptp(scores, axis=1) > 1e-5).all()


def test_codes_start_at_the_mean_base_rate():
    X, Y = notes()
    Y[:, 1:] = 0
    start = {**TINY, "lr": 1e-12, "optimizer": "sgd", "word_vectors": None}
    bias = LDPLAMClassifier(**start).fit(X, Y).net_.module_.score.linear.bias
    assert bias.sigmoid().item() == pytest.approx((Y.sum() + 2) / (61 * 4), rel=1e-5)


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
