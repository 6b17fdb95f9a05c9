"""LEAM: the authors' computation for MIMIC, codes that start from titles, and its dropout."""

import numpy as np
import pytest
import torch
from by_hand import (
    TINY,
    TITLED,
    attend,
    beside_a_longer,
    convolve,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import LEAMClassifier


def fit(**parameters):
    return LEAMClassifier(**{**TINY, "kernel_size": 4, **parameters}).fit(*notes())


def test_defaults_are_those_of_the_authors_code():
    parameters = LEAMClassifier().get_params()
    public = {"embedding_dim": 300, "kernel_size": 10, "dropout": 0.5, "lr": 1e-3, "batch_size": 10}
    assert {name: parameters[name] for name in public} == public


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, k = 4 and 4 codes.

    ==========================  =========  =============================================
    public name                 shape      ours
    ==========================  =========  =============================================
    embed/W                     (20, 6)    embed.table.weight
    Conv/weights                (4, 6, 6)  encode.filters.0.convolution.weight (6, 6, 4)
    Conv/biases                 (6,)       encode.filters.0.convolution.bias
    class_embembed/W_class      (4, 6)     attend.attend.vectors.free
    classify_0dis/weights, ...  (6, 1)     score.vectors.free (4, 6)
    classify_0dis/biases, ...   (1,)       score.bias (4,)
    ==========================  =========  =============================================

    The axes of the convolution are those of TensorFlow, whose "same" padding puts one zero before
    the note and two behind it.
    """
    assert shapes(fit().net_.module_) == {
        "embed.table.weight": (20, 6),
        "encode.filters.0.convolution.weight": (6, 6, 4),
        "encode.filters.0.convolution.bias": (6,),
        "attend.attend.vectors.free": (4, 6),
        "score.vectors.free": (4, 6),
        "score.bias": (4,),
    }


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_logits_are_those_of_the_public_formulas(words):
    fitted = fit()
    table, W, b, C, weight, bias = values(
        fitted.net_.module_,
        "embed.table.weight",
        "encode.filters.0.convolution.weight",
        "encode.filters.0.convolution.bias",
        "attend.attend.vectors.free",
        "score.vectors.free",
        "score.bias",
    )
    H = np.maximum(convolve(table[words], W, b, left=1), 0)
    expected = (weight * attend(C, H, H)).sum(axis=1) + bias
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-10)
        np.testing.assert_allclose(fitted.attention(X)[0], softmax(C @ H.T, axis=1), rtol=1e-6)


def test_codes_start_from_their_titles():
    alike = {"B02.0": "zoster with encephalitis", "B02.1": "zoster with meningitis"}
    alike |= {"M54.5": "low back pain", "I10": "hypertension"}
    fitted = fit(classes=list(alike), label_titles=alike, lr=1e-9, embedding_dim=64)
    vectors = fitted.net_.module_.attend.attend.vectors().detach().numpy()
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    assert apart[0, 1] < apart[0, 2:].min()
    with pytest.raises(ValueError, match="label_encoder"):
        fitted.with_codes({"E05": "another fever"})


def test_codes_are_added_by_their_titles():
    fitted = fit(**TITLED, label_encoder=TitleEncoder(n_components=3))
    X, _ = notes()
    after = fitted.with_codes({"E05": "another fever"}).decision_function(X)
    np.testing.assert_array_equal(after[:, :4], fitted.decision_function(X))


def test_what_is_dropped_is_the_same_for_all_positions_and_never_of_the_keys():
    attend = fit(dropout=0.5).net_.module_.attend.train()
    hidden = torch.ones(3, 4, 6, dtype=torch.double)
    queries, keys, dropped = attend(hidden)
    assert queries.shape == (4, 6)
    torch.testing.assert_close(keys, hidden)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    torch.testing.assert_close(attend.eval()(hidden)[2], hidden)


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"embedding_dim": 16, "max_epochs": 10, "dropout": 0.0}
    fitted = LEAMClassifier(**{**TINY, "kernel_size": 2, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.9


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit(dropout=0.0).net_.module_)
