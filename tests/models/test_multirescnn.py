"""MultiResCNN: the public computation, its normalisation, titles, and that it can learn."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import MultiResCNNClassifier

TINY = {
    "n_filters": 4,
    "kernel_sizes": (1, 3),
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
    return MultiResCNNClassifier(**{**TINY, "precision": "float64", **parameters}).fit(*notes())


def test_defaults_are_the_papers():
    parameters = MultiResCNNClassifier().get_params()
    paper = {
        "n_filters": 50,
        "kernel_sizes": (3, 5, 9, 15, 19, 25),
        "n_residual_blocks": 1,
        "embedding_dim": 100,
        "dropout": 0.2,
        "word_vectors": "skip-gram",
        "label_encoder": None,
        "optimizer": "adam",
        "lr": 1e-4,
        "batch_size": 16,
        "max_epochs": 500,
        "patience": 10,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, d = 4, k = 1 and 3, 4 codes.

    =====================================  =========  ==========================================
    public name                            shape      ours
    =====================================  =========  ==========================================
    word_rep.embed.weight                  (20, 6)    embed.table.weight
    conv.channel-3.baseconv.weight         (6, 6, 3)  encode.branches.1.0.convolution.weight
    conv.channel-3.baseconv.bias           (6,)       encode.branches.1.0.convolution.bias
    conv.channel-3.resconv-0.left.0        (4, 6, 3)  encode.branches.1.1.layers.0.convolution
    conv.channel-3.resconv-0.left.1        (4,)       encode.branches.1.1.layers.0.norm
    conv.channel-3.resconv-0.left.3        (4, 4, 3)  encode.branches.1.1.layers.1.convolution
    conv.channel-3.resconv-0.left.4        (4,)       encode.branches.1.1.layers.1.norm
    conv.channel-3.resconv-0.shortcut.0    (4, 6, 1)  encode.branches.1.1.shortcut.convolution
    conv.channel-3.resconv-0.shortcut.1    (4,)       encode.branches.1.1.shortcut.norm
    output_layer.U.weight                  (4, 8)     attend.vectors.free
    output_layer.U.bias                    (4,)       none: there it is made, and never used
    output_layer.final.weight              (4, 8)     score.vectors.free
    output_layer.final.bias                (4,)       score.bias
    =====================================  =========  ==========================================

    The convolutions inside a residual block have no bias; normalisation has weight and bias.
    """
    shapes = {k: tuple(v.shape) for k, v in fit().net_.module_.named_parameters()}
    expected = {
        "embed.table.weight": (20, 6),
        "attend.vectors.free": (4, 8),
        "score.vectors.free": (4, 8),
        "score.bias": (4,),
    }
    for i, k in enumerate((1, 3)):
        branch = f"encode.branches.{i}"
        expected |= {
            f"{branch}.0.convolution.weight": (6, 6, k),
            f"{branch}.0.convolution.bias": (6,),
            f"{branch}.1.layers.0.convolution.weight": (4, 6, k),
            f"{branch}.1.layers.1.convolution.weight": (4, 4, k),
            f"{branch}.1.shortcut.convolution.weight": (4, 6, 1),
        }
        for part in ("layers.0", "layers.1", "shortcut"):
            expected |= {f"{branch}.1.{part}.norm.{name}": (4,) for name in ("weight", "bias")}
    assert shapes == expected


def conv_by_hand(x, convolution):
    return torch.conv1d(
        x, convolution.weight, convolution.bias, padding=convolution.kernel_size[0] // 2
    )


def norm_by_hand(x, norm):
    return torch.batch_norm(
        x,
        norm.weight,
        norm.bias,
        norm.running_mean,
        norm.running_var,
        training=False,
        momentum=0.1,
        eps=1e-5,
        cudnn_enabled=False,
    )


@torch.no_grad()
def logits_by_hand(module, words):
    """Compute as the public code does, for one note (1, e, t) without padding."""
    x, found = module.embed.table.weight[words].T[None], []
    for first, *blocks in module.encode.branches:
        y = conv_by_hand(x, first.convolution).tanh()
        for block in blocks:
            left, right = block.layers
            inner = norm_by_hand(conv_by_hand(y, left.convolution), left.norm).tanh()
            inner = norm_by_hand(conv_by_hand(inner, right.convolution), right.norm)
            short = block.shortcut
            y = (inner + norm_by_hand(conv_by_hand(y, short.convolution), short.norm)).tanh()
        found.append(y)
    H = torch.cat(found, dim=1)[0].T.numpy()  # (t, filters * d)
    U, weight, bias = (p.numpy() for p in (module.attend.vectors.free, *module.score()))
    return (weight * (softmax(U @ H.T, axis=1) @ H)).sum(axis=1) + bias


@pytest.mark.parametrize("n_residual_blocks", [1, 2])
@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_public_formulas(words, n_residual_blocks):
    fitted = fit(n_residual_blocks=n_residual_blocks, kernel_sizes=(1, 3, 5))
    expected = logits_by_hand(fitted.net_.module_, words)
    alone = fitted.decision_function(sparse.csr_array([words]))[0]
    np.testing.assert_allclose(alone, expected, rtol=1e-9)
    together = sparse.csr_array(np.array([words + [0] * (12 - len(words)), [7] * 12]))
    np.testing.assert_allclose(fitted.decision_function(together)[0], expected, rtol=1e-9)


def test_padding_changes_nothing_in_training_either():
    X, Y = notes()
    fitted = fit(dropout=0.0)
    module = fitted.net_.module_.train()
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    ids[::2, 4:] = 0
    wider = torch.nn.functional.pad(ids, (0, 5))
    losses = [module(some, y=y, loss=lambda a, y: (a - y).square().mean()) for some in (ids, wider)]
    torch.testing.assert_close(*losses, rtol=1e-12, atol=0)


def test_dropout_falls_on_words_and_on_residual_blocks():
    module = fit(dropout=0.3).net_.module_
    shares = [part.p for part in module.modules() if isinstance(part, torch.nn.Dropout)]
    assert shares == [0.3] * 3


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"n_filters": 8, "embedding_dim": 12, "max_epochs": 8, "dropout": 0.0}
    fitted = MultiResCNNClassifier(**{**TINY, **sizes}).fit(X, Y)
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9
    for row in fitted.attention(held_out[:3]):
        np.testing.assert_allclose(row.sum(axis=1), 1, rtol=1e-5)


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


def test_gradients_reach_every_parameter():
    X, Y = notes()
    module = fit().net_.module_.train()
    module.zero_grad()
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    module(ids, y=y, loss=lambda logits, y: (logits - y).square().sum()).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("sizes", [(), (3, 0), (3, 2.5)])
def test_wrong_kernel_sizes_are_named(sizes):
    with pytest.raises(ValueError, match="kernel_sizes must hold at least one positive integer"):
        fit(kernel_sizes=sizes)
