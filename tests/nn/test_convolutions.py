"""Convolutions against loops in numpy, and that padding never enters."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sklearn_icd.nn._convolutions import (
    MaskedConvolution,
    MaskedGroupNorm,
    MultiFilterConvolution,
    ParallelBranches,
    ResidualConvolution,
)

LENGTHS = [5, 1, 3, 0, 12]


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape))


def padded(lengths=LENGTHS, width=4, t=None):
    """Give vectors and their mask, zeros behind the end of a note."""
    mask = torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]
    return draw(len(lengths), mask.shape[1], width) * mask[..., None], mask


def normed(width, n_groups=1):
    norm = MaskedGroupNorm(n_groups, width)
    for k, parameter in enumerate(norm.parameters()):
        parameter.data = draw(width, seed=k + 1)
    return norm


def residual(width=4, out=6, kernel_size=3):
    return ResidualConvolution(
        [
            MaskedConvolution(width, out, kernel_size, norm=normed(out), activation=nn.Tanh()),
            MaskedConvolution(out, out, kernel_size, norm=normed(out)),
        ],
        shortcut=MaskedConvolution(width, out, 1, norm=normed(out)),
        activation=nn.Tanh(),
    )


BLOCKS = {
    "convolution": lambda: MaskedConvolution(4, 6, 3),
    "even": lambda: MaskedConvolution(4, 6, 4, activation=nn.Tanh()),
    "norm": lambda: normed(4, n_groups=2),
    "residual": residual,
    "identity": lambda: ResidualConvolution(
        [MaskedConvolution(4, 4, 9, activation=nn.ReLU())], activation=nn.ReLU()
    ),
    "filters": lambda: Filters(),
    "branches": lambda: Branches(),
}


class Filters(MultiFilterConvolution):
    def __init__(self):
        super().__init__(4, 3, (2, 3, 25), activation=nn.Tanh())

    def forward(self, x, mask):
        maps, same = super().forward(x, mask)
        assert same is mask
        return maps


class Branches(ParallelBranches):
    def __init__(self):
        first = [MaskedConvolution(4, 5, 3, activation=nn.Tanh()), MaskedConvolution(5, 2, 2)]
        super().__init__([first, [MaskedConvolution(4, 3, 5)]])

    def forward(self, x, mask):
        joined, same = super().forward(x, mask)
        assert same is mask
        return joined


def make(name, seed=0):
    torch.manual_seed(seed)
    return BLOCKS[name]().double()


def by_hand(note, convolution):
    """Convolve one note (t, e) by hand: nothing stands before and behind it."""
    weight = convolution.weight.detach().numpy()  # (out, e, k)
    t, k = len(note), weight.shape[2]
    y = np.zeros((t, len(weight)))
    for j in range(t):
        for i in range(k):
            if 0 <= j + i - (k - 1) // 2 < t:
                y[j] += weight[:, :, i] @ note[j + i - (k - 1) // 2]
    return y if convolution.bias is None else y + convolution.bias.detach().numpy()


def norm_by_hand(y, norm):
    """Normalise one note (t, d) by hand."""
    groups = y.reshape(len(y), norm.n_groups, -1)
    mean, variance = (f(groups, axis=(0, 2), keepdims=True) for f in (np.mean, np.var))
    y = ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(y.shape)
    return y * norm.weight.detach().numpy() + norm.bias.detach().numpy()


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 9, 25])
def test_convolution_of_each_window(kernel_size):
    x, mask = padded()
    block = MaskedConvolution(4, 6, kernel_size, activation=nn.Tanh()).double()
    y = block(x, mask)
    assert y.shape == (5, 12, 6)
    for i, length in enumerate(LENGTHS):
        expected = np.tanh(by_hand(x[i, :length].numpy(), block.convolution))
        np.testing.assert_allclose(y[i, :length].detach(), expected, atol=1e-12)
        assert not y[i, length:].any()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kernel_size", [4, 5])
def test_convolution_is_torchs(kernel_size):
    x, _ = padded()
    everywhere = torch.ones(5, 12, dtype=torch.bool)
    block = MaskedConvolution(4, 6, kernel_size).double()
    reference = nn.Conv1d(4, 6, kernel_size, padding="same").double()
    reference.load_state_dict(block.convolution.state_dict())
    torch.testing.assert_close(
        block(x, everywhere), reference(x.transpose(1, 2)).transpose(1, 2), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_norm_of_real_positions(n_groups):
    x, mask = padded()
    norm = normed(4, n_groups)
    y = norm(x + 3, mask)  # not zero in the padding
    for i, length in enumerate(LENGTHS):
        if length:
            expected = norm_by_hand(x[i, :length].numpy() + 3, norm)
            np.testing.assert_allclose(y[i, :length].detach(), expected, atol=1e-10)
        assert not y[i, length:].any()


@pytest.mark.parametrize("n_groups", [1, 2])
def test_norm_without_padding_is_torchs(n_groups):
    x, _ = padded([7, 7])
    norm, reference = normed(4, n_groups), nn.GroupNorm(n_groups, 4).double()
    reference.load_state_dict(norm.state_dict())
    expected = reference(x.transpose(1, 2)).transpose(1, 2)
    everywhere = torch.ones(2, 7, dtype=torch.bool)
    torch.testing.assert_close(norm(x, everywhere), expected, rtol=1e-9, atol=1e-10)


def test_norm_far_from_zero_keeps_its_digits():
    x, mask = padded([12, 7])
    norm = MaskedGroupNorm(1, 4)
    shifted = (x + 1000 * mask[..., None]).float()
    torch.testing.assert_close(norm(shifted, mask), norm(x.float(), mask), atol=1e-3, rtol=0)


def test_maps_of_all_filters_stand_side_by_side():
    x, mask = padded()
    block = make("filters")
    maps = block(x, mask)
    assert maps.shape == (5, 12, 9)
    note = x[4].numpy()
    expected = [np.tanh(by_hand(note, single.convolution)) for single in block.filters]
    np.testing.assert_allclose(maps[4].detach(), np.hstack(expected), atol=1e-12)


def test_branches_stand_side_by_side():
    x, mask = padded()
    block = make("branches")
    (first, second), (only,) = block.branches
    note = x[0, :5].numpy()
    expected = [
        by_hand(np.tanh(by_hand(note, first.convolution)), second.convolution),
        by_hand(note, only.convolution),
    ]
    np.testing.assert_allclose(block(x, mask)[0, :5].detach(), np.hstack(expected), atol=1e-12)


def test_residual_block_of_multirescnn():
    x, mask = padded()
    block = make("residual")
    first, second = block.layers
    for i, length in enumerate(LENGTHS):
        if length == 0:
            continue
        note = x[i, :length].numpy()
        inner = np.tanh(norm_by_hand(by_hand(note, first.convolution), first.norm))
        inner = norm_by_hand(by_hand(inner, second.convolution), second.norm)
        shortcut = norm_by_hand(by_hand(note, block.shortcut.convolution), block.shortcut.norm)
        y = block(x, mask)[i, :length].detach()
        np.testing.assert_allclose(y, np.tanh(inner + shortcut), atol=1e-9)


def test_residual_block_of_jlan():
    x, mask = padded()
    block = make("identity")
    note = x[0, :5].numpy()
    inner = np.maximum(by_hand(note, block.layers[0].convolution), 0)
    y = block(x, mask)[0, :5].detach()
    np.testing.assert_allclose(y, np.maximum(inner + note, 0), atol=1e-12)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_note_is_read_alike_alone_in_a_batch_and_padded(name):
    block = make(name)
    x, mask = padded()
    together = block(x, mask)
    assert together.isfinite().all()
    assert not together[~mask].any()
    wider = block(nn.functional.pad(x, (0, 0, 0, 7)), nn.functional.pad(mask, (0, 7)))
    torch.testing.assert_close(wider[:, :12], together, rtol=0, atol=1e-12)
    assert not wider[:, 12:].any()
    for i, length in enumerate(LENGTHS):
        if length:
            alone = block(x[[i], :length], mask[[i], :length])
            torch.testing.assert_close(alone[0], together[i, :length], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_reach_every_parameter(name):
    block = make(name)
    x, mask = padded()
    x.requires_grad_()
    (block(x, mask) * draw(1, 12, 1, seed=5)).sum().backward()
    for parameter_name, parameter in block.named_parameters():
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name
    assert x.grad.isfinite().all()
    assert not x.grad[3].any()


@pytest.mark.parametrize("name", ["even", "norm", "residual"])
def test_gradients_are_those_of_finite_differences(name):
    block = make(name)
    x, mask = padded([4, 1])
    assert torch.autograd.gradcheck(
        lambda x: block(x * mask[..., None], mask), [x.requires_grad_()]
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12))
def test_any_lengths_and_kernels(lengths, kernel_size):
    x, mask = padded(lengths, t=9)
    block = residual(kernel_size=kernel_size).double()
    y = block(x, mask)
    assert y.shape == (len(lengths), 9, 6)
    assert y.isfinite().all()
    assert not y[~mask].any()
