"""MVC-LDA and MVC-RLDA: their network by hand, the length of a note, titles, errors."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.losses import BCE
from sklearn_icd.models import MVCLDAClassifier, MVCRLDAClassifier

TITLES = {"A01": "typhoid fever", "B02": "zoster", "C03": "tumour of gum", "D04": "tumour of skin"}
TINY = {
    "n_filters": 5,
    "kernel_sizes": (2, 4),
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 1,
    "validation_fraction": None,
    "random_state": 0,
    "precision": "float64",
}
TITLED = {**TINY, "classes": list(TITLES), "label_titles": TITLES}


def notes(n=60, seed=0):
    """Make notes of 4 to 9 words, 6.5 on average."""
    random_state = np.random.RandomState(seed)
    X = random_state.randint(1, 20, size=(n, 9))
    for k, row in enumerate(X):
        row[4 + k % 6 :] = 0
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X])
    return sparse.csr_array(X), Y.astype(int)


def fit(**parameters):
    return MVCLDAClassifier(**{**TINY, **parameters}).fit(*notes())


@pytest.mark.parametrize("system", [MVCLDAClassifier, MVCRLDAClassifier])
def test_defaults(system):
    parameters = system().get_params()
    wanted = {
        "n_filters": 50,
        "kernel_sizes": (6, 8, 10, 12),
        "embedding_dim": 100,
        "dropout": 0.2,
        "optimizer": "adam",
        "lr": 1e-4,
        "batch_size": 16,
    }
    assert {name: parameters[name] for name in wanted} == wanted
    assert parameters.get("description_penalty", 0.01) == 0.01


def test_shapes_of_the_parameters():
    """There is no public code; of each code a query, a weight vector, a bias, slope and offset."""
    shapes = {k: tuple(v.shape) for k, v in fit().net_.module_.named_parameters()}
    assert shapes == {
        "embed.table.weight": (20, 6),
        "compress.views.0.weight": (5, 6, 2),
        "compress.views.0.bias": (5,),
        "compress.views.1.weight": (5, 6, 4),
        "compress.views.1.bias": (5,),
        "attend.vectors.free": (4, 5),
        "score.vectors.free": (4, 5),
        "score.bias": (4,),
        "shift.slope": (4,),
        "shift.offset": (4,),
    }


def gaps_by_hand(module, words):
    """Convolve with each view, and keep the largest value of each map at each gap."""
    table, views = module.embed.table.weight.detach().numpy(), []
    for view in module.compress.views:
        weight, bias = (p.detach().numpy() for p in view.parameters())
        k = weight.shape[2]
        around = np.pad(table[words], ((k // 2, k // 2), (0, 0)))
        windows = np.array([around[j : j + k] for j in range(len(words) + 1)])
        views.append(np.einsum("oek,tke->to", weight, windows) + bias)
    return np.tanh(np.max(views, axis=0))


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_formulas(words):
    fitted = fit()
    module = fitted.net_.module_
    with torch.no_grad():
        module.shift.slope.normal_()
        module.shift.offset.normal_()
    H = gaps_by_hand(module, words)
    U, weight, bias, slope, offset = (
        p.detach().numpy()
        for p in (
            module.attend.vectors.free,
            *module.score(),
            module.shift.slope,
            module.shift.offset,
        )
    )
    logits = (weight * (softmax(U @ H.T, axis=1) @ H)).sum(axis=1) + bias
    logits += expit(slope * len(words) / 6.5 + offset)
    together = sparse.csr_array(np.array([words + [0] * (12 - len(words)), [7] * 12]))
    for X in (sparse.csr_array([words]), together):
        np.testing.assert_allclose(fitted.decision_function(X)[0], logits, rtol=1e-9)
        weights = fitted.attention(X)[0]
        assert weights.shape == (4, len(words))
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_codes_of_long_notes_are_learned_from_the_length_alone():
    X = sparse.csr_array(np.tril(np.full((40, 40), 1)))
    y = (np.arange(40) >= 20).astype(int)[:, None]
    parameters = {**TINY, "lr": 0.3, "max_epochs": 40, "dropout": 0.0}
    fitted = MVCLDAClassifier(**parameters).fit(X, np.hstack([y, 1 - y]))
    slope = fitted.net_.module_.shift.slope.detach().numpy()
    assert slope[0] > 0 > slope[1]


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(200)
    sizes = {"n_filters": 16, "embedding_dim": 16, "max_epochs": 10, "dropout": 0.0, "lr": 0.02}
    fitted = MVCLDAClassifier(**{**TINY, **sizes}).fit(X, Y)
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9


def test_the_penalty_is_on_the_attention():
    fitted = MVCRLDAClassifier(**TITLED, description_penalty=0.7).fit(*notes())
    module = fitted.net_.module_.eval()
    X, Y = notes(8, seed=1)
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    away = (
        module.attend.vectors() - module.penalize_queries.read(module.penalize_queries.ids)
    ).square()
    penalty = 0.7 * (y @ away.mean(dim=1)).mean()
    expected = BCE()(module(ids), y) + penalty
    torch.testing.assert_close(module(ids, y=y, loss=BCE()), expected)
    assert [tuple(v.weight.shape) for v in module.penalize_queries.read[0].encode.views] == [
        (5, 6, 2),
        (5, 6, 4),
    ]


@pytest.mark.parametrize("system", [MVCLDAClassifier, MVCRLDAClassifier])
def test_codes_are_added_by_their_titles(system):
    X, Y = notes()
    fitted = system(**TITLED, label_encoder=TitleEncoder(n_components=3)).fit(X, Y)
    extended = fitted.with_codes({"E05": "another fever"})
    np.testing.assert_allclose(
        extended.decision_function(X)[:, :4], fitted.decision_function(X), rtol=1e-9
    )
    with pytest.raises(ValueError, match="label_encoder"):
        system(**TITLED).fit(X, Y).with_codes({"E05": "another fever"})


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((), "at least one"), ((3, 0), "positive"), ((3, 4), "even and odd")],
)
def test_wrong_kernel_sizes_are_named(sizes, message):
    with pytest.raises(ValueError, match=f"kernel_sizes.*{message}"):
        fit(kernel_sizes=sizes)


def test_odd_windows_have_a_middle_word():
    fitted = fit(kernel_sizes=(3, 5))
    assert fitted.attention(sparse.csr_array([[2, 5, 3]]))[0].shape == (4, 3)
