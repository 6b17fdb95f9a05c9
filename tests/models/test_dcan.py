"""DCAN: its public computation by hand, its loss and settings, and that it can learn."""

import numpy as np
import pytest
import torch
from by_hand import (
    TINY,
    attend,
    beside_a_longer,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import expit
from sklearn.metrics import f1_score

from sklearn_icd.losses import BCE
from sklearn_icd.models import DCANClassifier
from sklearn_icd.pipelines import make_icd_pipeline

SIZES = {"n_filters": 5, "n_blocks": 2, "projection_size": 3}


def fit(**parameters):
    return DCANClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_steps_and_settings_of_the_public_code():
    pipeline = make_icd_pipeline("dcan")
    assert list(pipeline.named_steps) == ["clean", "tokenize", "clf"]
    parameters = pipeline.get_params()
    public = {
        "tokenize__max_length": 2500,
        "clf__embedding_dim": 100,
        "clf__n_filters": 600,
        "clf__kernel_size": 2,
        "clf__n_blocks": 3,
        "clf__projection_size": 300,
        "clf__dropout": 0.2,
        "clf__label_smoothing": 0.1,
        "clf__optimizer": "adam",
        "clf__lr": 1e-4,
        "clf__batch_size": 16,
        "clf__max_epochs": 150,
        "clf__patience": 10,
    }
    assert {name: parameters[name] for name in public} == public


def test_shapes_of_the_parameters():
    """Compare with the public code, for 20 words, e = 6, d = 5, k = 2, 3 projected, 4 codes.

    The block i has the layers j of 0 and 1; of the first block j = 0 and the shortcut see words.

    ========================================  ===================  ==============================
    public name                               shape                ours
    ========================================  ===================  ==============================
    word_embedding_layer.embed.weight         (20, 6)              embed.table.weight
    temporal_blocks.i. ... .j.conv.weight_v   (5, 6, 2), (5, 5, 2) encode...i.layers.j.direction
    temporal_blocks.i. ... .j.conv.weight_g   (5, 1, 1)            encode...i.layers.j.length
    temporal_blocks.i. ... .j.conv.bias       (5,)                 encode...i.layers.j.bias
    temporal_blocks.0.downsample.weight       (5, 6, 1)            encode...0.shortcut.convolution
    linear_layer.weight                       (3, 5)               encode...2.convolution (3, 5, 1)
    linear_layer.bias                         (3,)                 encode...2.convolution.bias
    label_wise_attn.U.weight                  (4, 3)               attend.vectors.free
    label_wise_attn.U.bias                    (4,)                 none: the softmax cancels it
    output_layer.final.weight                 (4, 3)               score.vectors.free
    output_layer.final.bias                   (4,)                 score.bias
    ========================================  ===================  ==============================
    """
    stack = "encode.branches.0"
    expected = {
        "embed.table.weight": (20, 6),
        f"{stack}.0.shortcut.convolution.weight": (5, 6, 1),
        f"{stack}.0.shortcut.convolution.bias": (5,),
        f"{stack}.2.convolution.weight": (3, 5, 1),
        f"{stack}.2.convolution.bias": (3,),
        "attend.vectors.free": (4, 3),
        "score.vectors.free": (4, 3),
        "score.bias": (4,),
    }
    for i, j in np.ndindex(2, 2):
        layer = f"{stack}.{i}.layers.{j}"
        expected |= {
            f"{layer}.direction": (5, 5 if i or j else 6, 2),
            f"{layer}.length": (5, 1, 1),
            f"{layer}.bias": (5,),
        }
    assert shapes(fit().net_.module_) == expected


def look_back(module, layer, x, dilation):
    """Convolve as the public code does: pad on both sides, and cut off what looks ahead."""
    names = (f"{layer}.{name}" for name in ("direction", "length", "bias"))
    direction, length, bias = values(module, *names)
    weight = direction / np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True)) * length
    around = np.pad(x, ((dilation, 0), (0, 0)))
    now, before = around[dilation:], around[: len(x)]
    return np.maximum(before @ weight[:, :, 0].T + now @ weight[:, :, 1].T + bias, 0)


def positions_by_hand(module, words):
    stack = "encode.branches.0"
    (table,) = values(module, "embed.table.weight")
    x = table[words]
    for i in range(2):
        y = x
        for j in range(2):
            y = look_back(module, f"{stack}.{i}.layers.{j}", y, dilation=2**i)
        if i == 0:
            weight, bias = values(
                module, *(f"{stack}.0.shortcut.convolution.{name}" for name in ("weight", "bias"))
            )
            x = x @ weight[:, :, 0].T + bias
        x = np.maximum(x + y, 0)
    weight, bias = values(module, *(f"{stack}.2.convolution.{name}" for name in ("weight", "bias")))
    return np.maximum(x @ weight[:, :, 0].T + bias, 0)


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_public_formulas(words):
    fitted = fit()
    H = positions_by_hand(fitted.net_.module_, words)
    U, weight, bias = values(
        fitted.net_.module_, "attend.vectors.free", "score.vectors.free", "score.bias"
    )
    expected = (weight * attend(U, H, H)).sum(axis=1) + bias
    np.testing.assert_allclose(fitted.decision_function(single(*words))[0], expected, rtol=1e-10)
    together = beside_a_longer(*words)
    np.testing.assert_allclose(fitted.decision_function(together)[0], expected, rtol=1e-10)


def test_no_word_is_read_by_those_before_it():
    module = fit().net_.module_.eval()
    module.get_parameter("encode.branches.0.2.convolution.bias").data += 5  # nothing is cut off
    encoded = [
        module.encode(*module.embed(torch.tensor([words])))[0][0]
        for words in ([2, 5, 3, 4, 2, 9], [2, 5, 3, 4, 8, 7])
    ]
    assert torch.equal(encoded[0][:4], encoded[1][:4])
    assert not torch.equal(encoded[0][4], encoded[1][4])


def test_a_share_of_the_targets_is_spread_over_all_codes():
    loss = fit(label_smoothing=0.2).training_loss()
    logits, y = torch.tensor([[2.0, -1.0, 0.5, -3.0]]), torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    p, smoothed = expit(logits.numpy()), y.numpy() * 0.8 + 0.2 / 4
    expected = -(smoothed * np.log(p) + (1 - smoothed) * np.log(1 - p))
    np.testing.assert_allclose(loss.cells(logits, y), expected, rtol=1e-6)
    plain = BCE()
    assert fit(loss=plain).training_loss() is plain


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"n_filters": 16, "embedding_dim": 16, "projection_size": 16, "max_epochs": 12}
    settings = {**TINY, **sizes, "dropout": 0.0, "lr": 0.01, "precision": "float32"}
    fitted = DCANClassifier(**settings).fit(*notes(150))
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.85


def test_gradients_reach_every_parameter():
    module = fit().net_.module_
    module.score.bias.data += 3
    assert unreached_parameters(module) == set()
