"""EffectiveCAN: its blocks and the sum of its layers by hand, its loss, and that it can learn."""

import numpy as np
import pytest
from by_hand import (
    TINY,
    TITLED,
    attend,
    beside_a_longer,
    convolve,
    group_norm,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import expit, softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.losses import BCE
from sklearn_icd.models import EffectiveCANClassifier

SIZES = {"n_filters": 4, "n_blocks": 2, "kernel_size": 3, "reduction": 2}


def fit(**parameters):
    return EffectiveCANClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_shapes_of_the_parameters():
    """There is no public code; convolutions have the bias of their normalisation alone."""
    expected = {
        "embed.table.weight": (20, 6),
        "encode.bias": (4,),
        "attend.vectors.free": (4, 4),
        "score.vectors.free": (4, 4),
        "score.bias": (4,),
    }
    for i, width in enumerate((6, 4)):
        layer = f"encode.layers.{i}"
        expected |= {
            f"encode.projections.{i}.weight": (4, 4),
            f"{layer}.layers.0.convolution.weight": (4, width, 3),
            f"{layer}.layers.1.squeeze.weight": (2, 4),
            f"{layer}.layers.1.squeeze.bias": (2,),
            f"{layer}.layers.1.excite.weight": (4, 2),
            f"{layer}.layers.1.excite.bias": (4,),
            f"{layer}.shortcut.convolution.weight": (4, width, 1),
        }
        for part in ("layers.0", "shortcut"):
            expected |= {f"{layer}.{part}.norm.{name}": (4,) for name in ("weight", "bias")}
    assert shapes(fit().net_.module_) == expected


def block_by_hand(module, i, x):
    block = f"encode.layers.{i}."
    look, gamma, beta, beside, beside_gamma, beside_beta, S, s, E, e = values(
        module,
        *(
            block + name
            for name in (
                "layers.0.convolution.weight",
                "layers.0.norm.weight",
                "layers.0.norm.bias",
                "shortcut.convolution.weight",
                "shortcut.norm.weight",
                "shortcut.norm.bias",
                "layers.1.squeeze.weight",
                "layers.1.squeeze.bias",
                "layers.1.excite.weight",
                "layers.1.excite.bias",
            )
        ),
    )
    y = np.maximum(group_norm(convolve(x, look, 0, left=1), gamma, beta), 0)
    y = y * expit(E @ np.maximum(S @ y.mean(axis=0) + s, 0) + e)
    shortcut = group_norm(convolve(x, beside, 0, left=0), beside_gamma, beside_beta)
    return np.maximum(y + shortcut, 0)


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_codes_attend_to_the_sum_of_all_layers(words):
    fitted = fit()
    module = fitted.net_.module_
    table, first, second, b, U, weight, bias = values(
        module,
        "embed.table.weight",
        "encode.projections.0.weight",
        "encode.projections.1.weight",
        "encode.bias",
        "attend.vectors.free",
        "score.vectors.free",
        "score.bias",
    )
    x = block_by_hand(module, 0, table[words])
    H = b + x @ first.T + block_by_hand(module, 1, x) @ second.T
    expected = (weight * attend(U, H, H)).sum(axis=1) + bias
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)
        np.testing.assert_allclose(fitted.attention(X)[0], softmax(U @ H.T, axis=1), rtol=1e-6)


def test_focal_loss_and_cross_entropy_come_together():
    loss = EffectiveCANClassifier().training_loss()
    assert repr(loss) == "FocalLoss(bce_share=0.5)"
    assert isinstance(EffectiveCANClassifier(loss=BCE()).training_loss(), BCE)


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"n_filters": 16, "embedding_dim": 16, "max_epochs": 15, "dropout": 0.0}
    fitted = EffectiveCANClassifier(**{**TINY, **SIZES, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9


def test_codes_are_added_by_their_titles():
    fitted = fit(**TITLED, label_encoder=TitleEncoder(n_components=3))
    X, _ = notes()
    after = fitted.with_codes({"E05": "another fever"}).decision_function(X)
    np.testing.assert_array_equal(after[:, :4], fitted.decision_function(X))


def test_gradients_reach_every_parameter():
    # What is added to all positions alike moves no attention, but it moves what is pooled.
    assert not unreached_parameters(fit().net_.module_)
