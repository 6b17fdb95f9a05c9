"""CNN: the public computation, and that there is no attention."""

import numpy as np
import pytest
from by_hand import (
    TINY,
    beside_a_longer,
    convolve,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from sklearn.metrics import f1_score

from sklearn_icd.models import TextCNNClassifier

SIZES = {"n_filters": 5}


def fit(**parameters):
    return TextCNNClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_defaults_are_the_papers():
    parameters = TextCNNClassifier().get_params()
    paper = {
        "n_filters": 500,
        "kernel_size": 4,
        "embedding_dim": 100,
        "dropout": 0.2,
        "optimizer": "adam",
        "lr": 3e-3,
        "batch_size": 16,
        "patience": 10,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, d = 5, k = 4 and 4 codes.

    ============  =========  ==============================
    public name   shape      ours
    ============  =========  ==============================
    embed.weight  (20, 6)    read.embed.table.weight
    conv.weight   (5, 6, 4)  read.encode.convolution.weight
    conv.bias     (5,)       read.encode.convolution.bias
    fc.weight     (4, 5)     score.vectors.free
    fc.bias       (4,)       score.bias
    ============  =========  ==============================
    """
    assert shapes(fit().net_.module_) == {
        "read.embed.table.weight": (20, 6),
        "read.encode.convolution.weight": (5, 6, 4),
        "read.encode.convolution.bias": (5,),
        "score.vectors.free": (4, 5),
        "score.bias": (4,),
    }


@pytest.mark.parametrize("kernel_size", [4, 3])
@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_public_formulas(words, kernel_size):
    fitted = fit(kernel_size=kernel_size)
    table, weight, bias, scores, offsets = values(
        fitted.net_.module_,
        "read.embed.table.weight",
        "read.encode.convolution.weight",
        "read.encode.convolution.bias",
        "score.vectors.free",
        "score.bias",
    )
    n_windows = max(1, len(words) - kernel_size + 1)
    seen = np.tanh(convolve(table[words], weight, bias, left=0)[:n_windows])
    expected = scores @ seen.max(axis=0) + offsets
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-10)


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    np.testing.assert_allclose(
        fitted.decision_function(single(0, 0))[0], *values(fitted.net_.module_, "score.bias")
    )


def test_it_has_no_attention_and_says_why():
    fitted = fit()
    assert not hasattr(fitted, "attention")
    with pytest.raises(AttributeError, match=r"TextCNNClassifier has no attention: it keeps the l"):
        fitted.attention(single(2))


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"n_filters": 32, "embedding_dim": 16, "max_epochs": 10, "dropout": 0.0}
    fitted = TextCNNClassifier(**{**TINY, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit().net_.module_)
