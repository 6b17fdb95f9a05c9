"""HLAN: both levels of attention by hand, its schedule, and that it can learn."""

import numpy as np
import pytest
import torch
from by_hand import (
    TINY,
    TITLED,
    attend,
    beside_a_longer,
    bigru,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import HLANClassifier
from sklearn_icd.nn import _attention

SIZES = {"hidden_size": 3, "sentence_length": 3}


def fit(**parameters):
    return HLANClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_defaults_are_those_of_the_authors_code():
    parameters = HLANClassifier().get_params()
    public = {"embedding_dim": 100, "hidden_size": 100, "lr": 0.01, "batch_size": 32}
    public |= {"sentence_length": 2500 // 100, "dropout": 0.5, "optimizer": "adam"}
    assert {name: parameters[name] for name in public} == public


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, h = 3 and 4 codes.

    There words and units must be as wide, and both directions share their parameters. A gate has
    one bias where torch has two, the second of which is zero in a comparison, and the update gate
    z is one minus torch's: its parameters have the other sign.

    ==================================  ========  ==========================================
    public name                         shape     ours
    ==================================  ========  ==========================================
    Embedding                           (20, 6)   embed.table.weight
    W_r, -W_z, W_h                      (6, 3)    encode_words.ahead.weight_ih_l0 (9, 6)
    U_r, -U_z, U_h                      (3, 3)    encode_words.ahead.weight_hh_l0 (9, 3)
    b_r, -b_z, b_h                      (3,)      encode_words.ahead.bias_ih_l0 (9,)
    W_w_attention_word                  (6, 6)    attend_words.project.linear.weight
    W_b_attention_word                  (6,)      attend_words.project.linear.bias
    ..._informative_word_per_label      (4, 6)    attend_words.vectors.free
    W_r_sentence, ...                   (6, 6)    encode_sentences.ahead.weight_ih_l0 (18, 6)
    W_w_attention_sentence              (12, 6)   attend_sentences.project.linear.weight (6, 12)
    W_b_attention_sentence              (6,)      attend_sentences.project.linear.bias
    ..._informative_sentence_per_label  (4, 6)    attend_sentences.vectors.free
    W_projection                        (12, 4)   score.vectors.free (4, 12)
    b_projection                        (4,)      score.bias
    ==================================  ========  ==========================================
    """
    named = shapes(fit().net_.module_)
    recurrent = {name: named.pop(name) for name in list(named) if "_l0" in name}
    assert recurrent["encode_words.back.weight_ih_l0"] == (9, 6)
    assert recurrent["encode_words.back.weight_hh_l0"] == (9, 3)
    assert recurrent["encode_sentences.back.weight_ih_l0"] == (18, 6)
    assert recurrent["encode_sentences.back.weight_hh_l0"] == (18, 6)
    assert named == {
        "embed.table.weight": (20, 6),
        "attend_words.vectors.free": (4, 6),
        "attend_words.project.linear.weight": (6, 6),
        "attend_words.project.linear.bias": (6,),
        "attend_sentences.vectors.free": (4, 6),
        "attend_sentences.project.linear.weight": (6, 12),
        "attend_sentences.project.linear.bias": (6,),
        "score.vectors.free": (4, 12),
        "score.bias": (4,),
    }


def by_hand(module, words):
    """Give the logits, and the attention over the words."""
    names = ("project.linear.weight", "project.linear.bias", "vectors.free")
    W, b, Q = values(module, *(f"attend_words.{name}" for name in names))
    V, c, P = values(module, *(f"attend_sentences.{name}" for name in names))
    table, weight, bias = values(module, "embed.table.weight", "score.vectors.free", "score.bias")
    found, inside = [], []
    for start in range(0, len(words), 3):
        h = bigru(module, "encode_words", table[words[start : start + 3]], start=1.0)
        keys = np.tanh(h @ W.T + b)
        found.append(attend(Q, keys, h))
        inside.append(softmax(Q @ keys.T, axis=1))
    logits, rows = [], []
    for label in range(4):
        sentences = np.array([sentence[label] for sentence in found])
        g = bigru(module, "encode_sentences", sentences, start=1.0)
        shares = softmax(np.tanh(g @ V.T + c) @ P[label])
        logits.append(weight[label] @ (shares @ g) + bias[label])
        rows.append(np.hstack([shares[s] * of[label] for s, of in enumerate(inside)]))
    return np.array(logits), np.array(rows)


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_both_levels_are_those_of_the_public_formulas(words):
    fitted = fit()
    logits, weights = by_hand(fitted.net_.module_, words)
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], logits, rtol=1e-9)
        np.testing.assert_allclose(fitted.attention(X)[0], weights, rtol=1e-6)


def test_blocks_of_codes_give_the_same_logits_and_gradients(monkeypatch):
    X, Y = notes(6)
    module = fit(dropout=0.0).net_.module_.train()
    ids = torch.from_numpy(X.toarray().astype(np.int64))

    def loss_and_gradients():
        module.zero_grad()
        loss = (module(ids) - torch.from_numpy(Y)).square().sum()
        loss.backward()
        return loss.item(), [parameter.grad.clone() for parameter in module.parameters()]

    expected, gradients = loss_and_gradients()
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", 1)
    loss, in_blocks = loss_and_gradients()
    assert loss == pytest.approx(expected, rel=1e-12)
    for mine, same in zip(in_blocks, gradients, strict=True):
        torch.testing.assert_close(mine, same)


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    for X in (single(0, 0), single(0)):
        np.testing.assert_allclose(
            fitted.decision_function(X)[0], *values(fitted.net_.module_, "score.bias")
        )


def test_the_learning_rate_is_halved_without_progress():
    X, Y = notes()
    parameters = {**TINY, **SIZES, "lr": 1e-4, "max_epochs": 6, "monitor": lambda *_: 0.0}
    fitted = HLANClassifier(**parameters).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    rates = fitted.history_[:, "lr"]
    assert rates[0] == 1e-4
    assert set(rates) <= {1e-4, 5e-5, 2.5e-5, 2e-5}
    assert rates[-1] == 2e-5


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"hidden_size": 16, "embedding_dim": 16, "max_epochs": 10, "dropout": 0.0, "lr": 0.02}
    fitted = HLANClassifier(**{**TINY, **SIZES, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9


def test_codes_are_added_by_their_titles():
    fitted = fit(**TITLED, label_encoder=TitleEncoder(n_components=3))
    X, _ = notes()
    after = fitted.with_codes({"E05": "another fever"}).decision_function(X)
    np.testing.assert_allclose(after[:, :4], fitted.decision_function(X), rtol=1e-12)


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit(dropout=0.0).net_.module_)
