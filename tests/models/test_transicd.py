"""TransICD: the transformer and the attention of the paper, its margins, and that it can learn."""

import numpy as np
import pytest
import torch
from by_hand import (
    TINY,
    TITLED,
    attend,
    beside_a_longer,
    layer_norm,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import expit, softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.losses import LossAtStep
from sklearn_icd.models import TransICDClassifier
from sklearn_icd.nn import _attention

SIZES = {"n_layers": 2, "n_heads": 2, "feedforward_size": 7, "attention_size": 5}


def fit(**parameters):
    return TransICDClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_defaults_are_the_papers():
    parameters = TransICDClassifier().get_params()
    paper = {
        "n_layers": 2,
        "n_heads": 8,
        "feedforward_size": 4 * 128,
        "attention_size": 2 * 128,
        "embedding_dim": 128,
        "margin": 3.0,
        "dropout": 0.1,
        "train_word_vectors": False,
        "optimizer": "adamw",
        "lr": 1e-3,
        "batch_size": 8,
        "max_epochs": 30,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6 and 4 codes.

    =================================  ============  ===================================
    public name                        shape         ours, in network
    =================================  ============  ===================================
    embedder.weight                    (20, 6)       embed.table.weight
    encoder.layers.0.self_attn.in_     (18, 6)       encode.layers.0.attend.project.weight
    proj_weight, .in_proj_bias         (18,)         encode.layers.0.attend.project.bias
    .self_attn.out_proj.weight, .bias  (6, 6), (6,)  encode.layers.0.attend.join
    .norm1.weight, .bias               (6,)          encode.layers.0.attend.norm
    .linear1.weight, .bias             (7, 6), (7,)  encode.layers.0.widen
    .linear2.weight, .bias             (6, 7), (6,)  encode.layers.0.narrow
    .norm2.weight, .bias               (6,)          encode.layers.0.norm
    attn.l1.weight, .bias              (5, 6), (5,)  attend.project.linear
    attn.l2.weight                     (4, 5)        attend.vectors.free
    attn.l2.bias                       (4,)          none: it cancels in the softmax
    fcs.l.weight, .bias, of each code  (1, 6), (1,)  score.vectors.free (4, 6), score.bias (4,)
    =================================  ============  ===================================
    """
    linear = {"attend.project": (18, 6), "attend.join": (6, 6), "widen": (7, 6), "narrow": (6, 7)}
    layer = {f"{k}.weight": s for k, s in linear.items()}
    layer |= {f"{k}.bias": s[:1] for k, s in linear.items()}
    layer |= {f"{k}.{p}": (6,) for k in ("attend.norm", "norm") for p in ("weight", "bias")}
    expected = {
        "embed.table.weight": (20, 6),
        **{f"encode.layers.{i}.{k}": s for i in range(2) for k, s in layer.items()},
        "attend.vectors.free": (4, 5),
        "attend.project.linear.weight": (5, 6),
        "attend.project.linear.bias": (5,),
        "score.vectors.free": (4, 6),
        "score.bias": (4,),
    }
    assert shapes(fit().net_.module_) == {f"network.{k}": s for k, s in expected.items()}


def transformer_by_hand(module, words):
    x = np.sqrt(6) * module.get_parameter("network.embed.table.weight").detach().numpy()[words]
    for place, column in np.ndindex(x.shape):
        angle = place / 10_000 ** (2 * (column // 2) / 6)
        x[place, column] += np.cos(angle) if column % 2 else np.sin(angle)
    for i in range(2):
        named = {
            name.removeprefix(f"network.encode.layers.{i}."): value.detach().numpy()
            for name, value in module.named_parameters()
        }
        mixed = x @ named["attend.project.weight"].T + named["attend.project.bias"]
        found = [
            softmax(q @ k.T / np.sqrt(3), axis=1) @ v
            for q, k, v in (
                [part[:, h : h + 3] for part in np.split(mixed, 3, axis=1)] for h in (0, 3)
            )
        ]
        joined = np.hstack(found) @ named["attend.join.weight"].T + named["attend.join.bias"]
        x = layer_norm(x + joined, named["attend.norm.weight"], named["attend.norm.bias"])
        wide = np.maximum(x @ named["widen.weight"].T + named["widen.bias"], 0)
        change = wide @ named["narrow.weight"].T + named["narrow.bias"]
        x = layer_norm(x + change, named["norm.weight"], named["norm.bias"])
    return x


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_logits_are_those_of_the_paper(words):
    fitted = fit()
    module = fitted.net_.module_
    H = transformer_by_hand(module, words)
    W, b, U, weight, bias = values(
        module,
        "network.attend.project.linear.weight",
        "network.attend.project.linear.bias",
        "network.attend.vectors.free",
        "network.score.vectors.free",
        "network.score.bias",
    )
    keys = np.tanh(H @ W.T + b)
    expected = (weight * attend(U, keys, H)).sum(axis=1) + bias
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)
        np.testing.assert_allclose(fitted.attention(X)[0], softmax(U @ keys.T, axis=1), rtol=1e-6)


def test_words_know_their_own_place():
    fitted = fit()
    logits = fitted.decision_function(single(2, 3, 5))
    assert not np.allclose(logits, fitted.decision_function(single(5, 3, 2)))


def test_rare_codes_are_predicted_by_a_wide_margin():
    X, Y = notes()
    Y[:, 1], Y[:, 2] = 0, 0
    Y[0, 2] = 1
    fitted = TransICDClassifier(**{**TINY, **SIZES, "margin": 2.0, "dropout": 0.0}).fit(X, Y)
    module, loss = fitted.net_.module_, fitted.training_loss()
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    margins = 2.0 / np.maximum(Y.sum(axis=0), 1) ** 0.25
    assert margins[1] == margins[2] == 2.0
    p = expit(fitted.decision_function(X) - Y * margins)
    expected = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean()
    assert module(ids, y=y, loss=loss).item() == pytest.approx(expected, rel=1e-5)


def test_margins_are_the_same_where_attention_is_computed_in_tiles(monkeypatch):
    X, Y = notes(8)
    fitted = fit(dropout=0.0)
    module, loss = fitted.net_.module_.train(), LossAtStep(fitted.training_loss(), 0, 1)
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()

    def loss_and_gradients():
        module.zero_grad()
        value = module(ids, y=y, loss=loss)
        value.backward()
        return value.item(), [p.grad.clone() for p in module.parameters() if p.requires_grad]

    expected, gradients = loss_and_gradients()
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", 1)
    value, in_tiles = loss_and_gradients()
    assert value == pytest.approx(expected, rel=1e-10)
    for mine, same in zip(in_tiles, gradients, strict=True):
        torch.testing.assert_close(mine, same)


def test_given_vectors_stay_unless_they_are_to_be_trained():
    table = np.random.RandomState(0).normal(size=(20, 6))
    name = "network.embed.table.weight"
    for moves in (False, True):
        fitted = fit(word_vectors=table, train_word_vectors=moves)
        [after] = values(fitted.net_.module_, name)
        assert np.allclose(after[1:], table[1:]) != moves


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    np.testing.assert_allclose(
        fitted.decision_function(single(0, 0))[0],
        *values(fitted.net_.module_, "network.score.bias"),
    )


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"embedding_dim": 16, "feedforward_size": 32, "attention_size": 16, "dropout": 0.0}
    more = {"max_epochs": 20, "lr": 0.005, "margin": 1.0}
    fitted = TransICDClassifier(**{**TINY, **SIZES, **sizes, **more}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="n_heads=4 does not divide embedding_dim=6"):
        fit(n_heads=4)


def test_codes_are_added_by_their_titles():
    fitted = fit(**TITLED, label_encoder=TitleEncoder(n_components=3))
    X, _ = notes()
    after = fitted.with_codes({"E05": "another fever"}).decision_function(X)
    np.testing.assert_array_equal(after[:, :4], fitted.decision_function(X))


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit().net_.module_)
