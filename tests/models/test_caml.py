"""CAML: the public computation, attention on words, titles, and that it can learn."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import CAMLClassifier

TINY = {
    "n_filters": 5,
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
    return CAMLClassifier(**{**TINY, "precision": "float64", **parameters}).fit(*notes())


def single(*words):
    return sparse.csr_array([list(words)])


def test_defaults_are_the_papers():
    parameters = CAMLClassifier().get_params()
    paper = {
        "n_filters": 50,
        "kernel_size": 10,
        "embedding_dim": 100,
        "dropout": 0.2,
        "word_vectors": "skip-gram",
        "label_encoder": None,
        "optimizer": "adam",
        "lr": 1e-4,
        "batch_size": 16,
        "max_epochs": 200,
        "patience": 10,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, d = 5, k = 10 and 4 codes.

    ============  ==========  ===================================================
    public name   shape       ours
    ============  ==========  ===================================================
    embed.weight  (20, 6)     embed.table.weight
    conv.weight   (5, 6, 10)  compress.views.0.weight
    conv.bias     (5,)        compress.views.0.bias
    U.weight      (4, 5)      attend.vectors.free
    U.bias        (4,)        none: there it is made, and never used
    final.weight  (4, 5)      score.vectors.free
    final.bias    (4,)        score.bias
    ============  ==========  ===================================================
    """
    shapes = {k: tuple(v.shape) for k, v in fit().net_.module_.named_parameters()}
    assert shapes == {
        "embed.table.weight": (20, 6),
        "compress.views.0.weight": (5, 6, 10),
        "compress.views.0.bias": (5,),
        "attend.vectors.free": (4, 5),
        "score.vectors.free": (4, 5),
        "score.bias": (4,),
    }


def positions_by_hand(module, words):
    """Convolve as the public code does, with k // 2 zeros on both sides, and squash."""
    table, weight, bias = (
        module.get_parameter(name).detach().numpy()
        for name in ("embed.table.weight", "compress.views.0.weight", "compress.views.0.bias")
    )
    k = weight.shape[2]
    around = np.pad(table[words], ((k // 2, k // 2), (0, 0)))
    windows = np.array([around[j : j + k] for j in range(len(around) - k + 1)])  # (t', k, e)
    return np.tanh(np.einsum("oek,tke->to", weight, windows) + bias)


@pytest.mark.parametrize("kernel_size", [10, 3])
@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_public_formulas(words, kernel_size):
    fitted = fit(kernel_size=kernel_size)
    module = fitted.net_.module_
    H = positions_by_hand(module, words)
    assert len(H) == len(words) + (kernel_size == 10)
    U, weight, bias = (
        module.get_parameter(name).detach().numpy()
        for name in ("attend.vectors.free", "score.vectors.free", "score.bias")
    )
    alpha = softmax(U @ H.T, axis=1)
    expected = (weight * (alpha @ H)).sum(axis=1) + bias
    np.testing.assert_allclose(fitted.decision_function(single(*words))[0], expected, rtol=1e-10)
    # Beside a longer note, the gap behind the last word is still this note's.
    together = sparse.csr_array(np.array([words + [0] * (12 - len(words)), [7] * 12]))
    np.testing.assert_allclose(fitted.decision_function(together)[0], expected, rtol=1e-10)


def test_words_share_the_weight_of_the_gap_between_them():
    fitted, words = fit(), [2, 5, 3, 4]
    module = fitted.net_.module_
    U = module.get_parameter("attend.vectors.free").detach().numpy()
    gaps = softmax(U @ positions_by_hand(module, words).T, axis=1)  # (4, 5)
    expected = (gaps[:, :-1] + gaps[:, 1:]) / 2
    expected[:, 0] += gaps[:, 0] / 2
    expected[:, -1] += gaps[:, -1] / 2
    padded = sparse.csr_array(np.array([[*words, 0, 0], [1, 1, 1, 1, 1, 1]]))
    for X in (single(*words), padded):
        np.testing.assert_allclose(fitted.attention(X)[0], expected, rtol=1e-6)


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    bias = fitted.net_.module_.score.bias.detach().numpy()
    np.testing.assert_allclose(fitted.decision_function(single(0, 0))[0], bias)


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"n_filters": 16, "embedding_dim": 16, "kernel_size": 2, "max_epochs": 10}
    fitted = CAMLClassifier(**{**TINY, **sizes, "dropout": 0.0, "lr": 0.02}).fit(X, Y)
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9
    # Codes look where their word stands.
    hits = [
        held_out[[i], :].toarray()[0][weights[code].argmax()] == code + 2
        for i, weights in enumerate(fitted.attention(held_out))
        for code in np.flatnonzero(y[i])
    ]
    assert np.mean(hits) > 0.6


def test_codes_are_added_by_their_titles():
    titled = {"classes": list(TITLES), "label_titles": TITLES}
    fitted = fit(**titled, label_encoder=TitleEncoder(n_components=3))
    extended = fitted.with_codes({"E05": "another fever"})
    X, _ = notes()
    before, after = fitted.decision_function(X), extended.decision_function(X)
    assert after.shape == (60, 5)
    np.testing.assert_allclose(after[:, :4], before, rtol=1e-9)
    assert [row.shape for row in extended.attention(X[:1], ["E05", "A01"])] == [(2, 9)]
    with pytest.raises(ValueError, match="label_encoder"):
        fit(**titled).with_codes({"E05": "another fever"})


def test_gradients_reach_every_parameter():
    X, Y = notes()
    module = fit().net_.module_.train()
    module.zero_grad()
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    module(ids, y=y, loss=lambda logits, y: (logits - y).square().sum()).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
