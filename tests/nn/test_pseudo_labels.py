"""Pseudo labels against the equations of the paper, written again in a few lines of numpy."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from sklearn_icd.nn import PseudoLabelAttention

LENGTHS = [5, 1, 3]


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape))


def mask_of(lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def paper_layers(attention, x):
    """Compute eq. 2-6 for one note without padding: the last u, and alpha of each layer."""
    a = u = x
    alphas = []
    for mode, h in zip(attention.modes, attention.projections, strict=True):
        w, b = mode.weight.detach().numpy(), mode.bias.detach().numpy()
        alpha = softmax(a @ w.T + b, axis=0).T  # (m, l): eq. 3, eq. 6
        a = alpha @ u  # eq. 2, eq. 4
        u = np.maximum(a @ h.weight.detach().numpy().T + h.bias.detach().numpy(), 0)  # eq. 5
        alphas.append(alpha)
    return u, alphas


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_equations_2_to_6(n_layers):
    torch.manual_seed(0)
    attention = PseudoLabelAttention(4, 3, n_labels=5, n_layers=n_layers).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_()
    hidden, mask = draw(len(LENGTHS), max(LENGTHS), 4), mask_of(LENGTHS)
    vectors, rest = attention(hidden, mask)
    assert rest is None
    weights = attention.spread(torch.eye(5).double(), hidden, mask)
    for i, length in enumerate(LENGTHS):
        u, alphas = paper_layers(attention, hidden[i, :length].numpy())
        np.testing.assert_allclose(vectors[i].detach(), u, rtol=1e-10, atol=1e-12)
        product = alphas[0]
        for alpha in alphas[1:]:
            product = alpha @ product
        np.testing.assert_allclose(weights[i, :, :length].detach(), product, rtol=1e-10)
        assert not weights[i, :, length:].any()


def test_widths_of_the_layers():
    attention = PseudoLabelAttention(6, 4, n_labels=3, n_layers=3)
    shapes = [tuple(projection.weight.shape) for projection in attention.projections]
    assert shapes == [(6, 6), (6, 6), (4, 6)]
    assert [tuple(mode.weight.shape) for mode in attention.modes] == [(3, 6)] * 3
    assert attention(torch.zeros(2, 5, 6), mask_of([5, 2]))[0].shape == (2, 3, 4)
