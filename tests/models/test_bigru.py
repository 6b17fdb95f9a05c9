"""BiGRU: the public computation, and that padding is not read."""

import numpy as np
import pytest
from by_hand import (
    TINY,
    beside_a_longer,
    bigru,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from sklearn.metrics import f1_score

from sklearn_icd.models import BiGRUClassifier

SIZES = {"hidden_size": 5}


def fit(**parameters):
    return BiGRUClassifier(**{**TINY, **SIZES, **parameters}).fit(*notes())


def test_defaults_are_the_papers():
    parameters = BiGRUClassifier().get_params()
    paper = {"hidden_size": 512 // 2, "embedding_dim": 100, "lr": 3e-3, "batch_size": 16}
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, 10 units in all and 4 codes.

    ===========================  ========  ==================================
    public name                  shape     ours
    ===========================  ========  ==================================
    embed.weight                 (20, 6)   read.embed.table.weight
    rnn.weight_ih_l0             (15, 6)   read.encode.ahead.weight_ih_l0
    rnn.weight_hh_l0             (15, 5)   read.encode.ahead.weight_hh_l0
    rnn.bias_ih_l0, .bias_hh_l0  (15,)     read.encode.ahead.bias_ih_l0, ...
    rnn.weight_ih_l0_reverse     (15, 6)   read.encode.back.weight_ih_l0, ...
    final.weight                 (4, 10)   score.vectors.free
    final.bias                   (4,)      score.bias
    ===========================  ========  ==================================
    """
    kinds = {"weight_ih_l0": (15, 6), "weight_hh_l0": (15, 5)}
    kinds |= {"bias_ih_l0": (15,), "bias_hh_l0": (15,)}
    assert shapes(fit().net_.module_) == {
        "read.embed.table.weight": (20, 6),
        **{f"read.encode.{way}.{k}": s for way in ("ahead", "back") for k, s in kinds.items()},
        "score.vectors.free": (4, 10),
        "score.bias": (4,),
    }


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_codes_score_the_states_at_both_ends(words):
    fitted = fit()
    module = fitted.net_.module_
    table, scores, offsets = values(
        module, "read.embed.table.weight", "score.vectors.free", "score.bias"
    )
    hidden = bigru(module, "read.encode", table[words])
    expected = scores @ np.hstack([hidden[-1, :5], hidden[0, 5:]]) + offsets
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-10)


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    np.testing.assert_allclose(
        fitted.decision_function(single(0, 0))[0], *values(fitted.net_.module_, "score.bias")
    )


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"hidden_size": 24, "embedding_dim": 16, "max_epochs": 15, "lr": 0.02}
    fitted = BiGRUClassifier(**{**TINY, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.8


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit().net_.module_)
