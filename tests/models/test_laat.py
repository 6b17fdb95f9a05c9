"""LAAT: the public computation, frozen word vectors, its schedule, and that it can learn."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import LAATClassifier

TINY = {
    "hidden_size": 4,
    "attention_size": 5,
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 1,
    "validation_fraction": None,
    "random_state": 0,
}
TITLES = {"A01": "typhoid fever", "B02": "zoster", "C03": "tumour of gum", "D04": "tumour of skin"}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def fit(**parameters):
    return LAATClassifier(**{**TINY, "precision": "float64", **parameters}).fit(*notes())


def test_defaults_are_the_papers():
    parameters = LAATClassifier().get_params()
    paper = {
        "hidden_size": 512,
        "attention_size": 512,
        "embedding_dim": 100,
        "dropout": 0.3,
        "word_vectors": "skip-gram",
        "train_word_vectors": False,
        "label_encoder": None,
        "optimizer": "adamw",
        "lr": 1e-3,
        "batch_size": 8,
        "max_epochs": 50,
        "patience": 6,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, u = 4, a = 5 and 4 codes.

    ===============================  ========  ===========================
    public name                      shape     ours
    ===============================  ========  ===========================
    embedding.embeddings.weight      (20, 6)   embed.table.weight
    rnn.weight_ih_l0                 (16, 6)   encode.ahead.weight_ih_l0
    rnn.weight_hh_l0                 (16, 4)   encode.ahead.weight_hh_l0
    rnn.bias_ih_l0, rnn.bias_hh_l0   (16,)     encode.ahead.bias_.._l0
    rnn.*_reverse                    the same  encode.back.*
    attention.first_linears.0        (5, 8)    attend.project.linear.weight
    attention.second_linears.0       (4, 5)    attend.vectors.free
    attention.third_linears.0        (4, 8)    score.vectors.free
    attention.third_linears.0.bias   (4,)      score.bias
    attention.linear, linears        (8, 8)..  none: there they are made, and never used
    ===============================  ========  ===========================

    The first two linear maps have no bias.
    """
    shapes = {k: tuple(v.shape) for k, v in fit().net_.module_.named_parameters()}
    expected = {
        "embed.table.weight": (20, 6),
        "attend.project.linear.weight": (5, 8),
        "attend.vectors.free": (4, 5),
        "score.vectors.free": (4, 8),
        "score.bias": (4,),
    }
    for direction in ("ahead", "back"):
        expected |= {
            f"encode.{direction}.weight_ih_l0": (16, 6),
            f"encode.{direction}.weight_hh_l0": (16, 4),
            f"encode.{direction}.bias_ih_l0": (16,),
            f"encode.{direction}.bias_hh_l0": (16,),
        }
    assert shapes == expected


def lstm_by_hand(x, lstm):
    """Run one direction of an LSTM over (t, e)."""
    w_x, w_h, b_x, b_h = (p.detach().numpy() for p in lstm.parameters())
    h, c, states = np.zeros(w_h.shape[1]), np.zeros(w_h.shape[1]), []
    for step in x:
        i, f, g, o = np.split(w_x @ step + b_x + w_h @ h + b_h, 4)
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


def encoded_by_hand(module, words):
    x = module.embed.table.weight.detach().numpy()[words]
    ahead, back = lstm_by_hand(x, module.encode.ahead), lstm_by_hand(x[::-1], module.encode.back)
    return np.hstack([ahead, back[::-1]])


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_public_formulas(words):
    fitted = fit()
    module = fitted.net_.module_
    H = encoded_by_hand(module, words)
    W, U, weight, bias = (
        p.detach().numpy()
        for p in (
            module.attend.project.linear.weight,
            module.attend.vectors.free,
            *module.score(),
        )
    )
    A = softmax(U @ np.tanh(W @ H.T), axis=1)
    expected = (weight * (A @ H)).sum(axis=1) + bias
    together = sparse.csr_array(np.array([words + [0] * (12 - len(words)), [7] * 12]))
    for X in (sparse.csr_array([words]), together):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)
        np.testing.assert_allclose(fitted.attention(X)[0], A, rtol=1e-5)


def test_word_vectors_stay_where_they_were_given():
    table = np.random.RandomState(0).normal(size=(20, 6)).astype(np.float32)
    for trained in (False, True):
        fitted = fit(word_vectors=table, train_word_vectors=trained, precision="float32")
        found = fitted.net_.module_.embed.table.weight.detach().numpy()
        assert np.array_equal(found[1:], table[1:]) != trained


def test_random_word_vectors_are_trained():
    assert fit().net_.module_.embed.table.weight.requires_grad


def test_nothing_decays():
    (group,) = fit().net_.optimizer_.param_groups
    assert group["weight_decay"] == 0
    sgd = fit(optimizer=torch.optim.SGD).net_
    assert isinstance(sgd.optimizer_, torch.optim.SGD)


def test_the_rate_falls_after_five_epochs_without_progress():
    X, Y = notes()
    parameters = {**TINY, "max_epochs": 9, "patience": None, "monitor": lambda *_: 0.5}
    fitted = LAATClassifier(**parameters).fit(X, Y, X_val=X, y_val=Y)
    np.testing.assert_allclose(fitted.history_[:, "lr"], [0.01] * 7 + [0.009] * 2)
    assert fitted.net_.optimizer_.param_groups[0]["lr"] == 0.01


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"hidden_size": 12, "attention_size": 12, "embedding_dim": 12, "max_epochs": 20}
    fitted = LAATClassifier(**{**TINY, **sizes, "dropout": 0.0, "lr": 0.02}).fit(X, Y)
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9


def test_codes_are_added_by_their_titles():
    titled = {"classes": list(TITLES), "label_titles": TITLES}
    fitted = fit(**titled, label_encoder=TitleEncoder(n_components=3))
    extended = fitted.with_codes({"E05": "another fever"})
    X, _ = notes()
    np.testing.assert_allclose(
        extended.decision_function(X)[:, :4], fitted.decision_function(X), rtol=1e-9
    )
    with pytest.raises(ValueError, match="label_encoder"):
        fit(**titled).with_codes({"E05": "another fever"})
