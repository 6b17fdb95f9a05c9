"""Windows over and inside notes against loops in numpy, attention back on words, padding."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.nn import ValidConvolution, WindowConvolution

LENGTHS = [5, 1, 3, 0, 12]
SIZES = {"even": [10], "odd": [3], "several": [2, 4, 8], "several odd": [1, 5]}


def padded(lengths=LENGTHS, width=4, t=None, seed=0):
    """Give vectors and their mask, zeros behind the end of a note."""
    mask = torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]
    x = torch.from_numpy(np.random.RandomState(seed).normal(size=(*mask.shape, width)))
    return x * mask[..., None], mask


def make(name="even"):
    torch.manual_seed(0)
    return WindowConvolution(4, 3, SIZES[name]).double()


def view_by_hand(note, view):
    """Convolve one note (t, e): k // 2 zeros before it and behind it."""
    weight, bias = (p.detach().numpy() for p in (view.weight, view.bias))
    k = weight.shape[2]
    around = np.pad(note, ((k // 2, k // 2), (0, 0)))
    return np.array(
        [
            np.einsum("oek,ke->o", weight, around[j : j + k]) + bias
            for j in range(len(around) - k + 1)
        ]
    )


def by_hand(note, block):
    return np.tanh(np.max([view_by_hand(note, view) for view in block.views], axis=0))


@pytest.mark.parametrize("name", SIZES)
def test_each_position_sees_its_windows(name):
    x, mask = padded()
    block = make(name)
    seen, real = block(x, mask)
    extra = SIZES[name][0] % 2 == 0
    assert seen.shape == (5, 12 + extra, 3)
    assert real.sum(dim=1).tolist() == [n + extra if n else 0 for n in LENGTHS]
    for i, length in enumerate(LENGTHS):
        if length:
            expected = by_hand(x[i, :length].numpy(), block)
            assert len(expected) == length + extra
            np.testing.assert_allclose(seen[i, real[i]].detach(), expected, atol=1e-12)
    assert not seen[~real].any()


@pytest.mark.parametrize("name", SIZES)
def test_a_note_is_read_alike_alone_in_a_batch_and_padded(name):
    x, mask = padded()
    block = make(name)
    together, real = block(x, mask)
    wider, more = block(
        torch.nn.functional.pad(x, (0, 0, 0, 7)), torch.nn.functional.pad(mask, (0, 7))
    )
    torch.testing.assert_close(wider[more], together[real], rtol=0, atol=1e-12)
    for i, length in enumerate(LENGTHS):
        if length:
            alone, all_real = block(x[[i], :length], mask[[i], :length])
            assert all_real.all()
            torch.testing.assert_close(alone[0], together[i, real[i]], rtol=0, atol=1e-12)


def test_half_the_weight_of_a_gap_goes_to_either_side():
    block = make()
    x, mask = padded([3, 1, 0], t=4)
    weights = torch.zeros(3, 1, 5, dtype=torch.float64)
    weights[0, 0, :4] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    weights[1, 0, :2] = torch.tensor([0.7, 0.3])
    words = block.spread(weights, x, mask)[:, 0]
    expected = [[0.1 + 0.1, 0.1 + 0.15, 0.15 + 0.4, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(words, expected, atol=1e-15)


def test_weights_of_words_stay_where_windows_have_a_middle():
    weights = torch.rand(5, 2, 12)
    assert torch.equal(make("odd").spread(weights, *padded()), weights)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12))
def test_attention_keeps_its_sum_on_real_words(lengths, kernel_size):
    torch.manual_seed(0)
    block = WindowConvolution(4, 3, [kernel_size]).double()
    x, mask = padded(lengths, t=9)
    _, real = block(x, mask)
    weights = torch.rand(len(lengths), 2, real.shape[1], dtype=torch.float64) * real[:, None]
    words = block.spread(weights, x, mask)
    assert words.shape == (len(lengths), 2, 9)
    assert not words[~mask[:, None].expand_as(words)].any()
    torch.testing.assert_close(words.sum(-1), weights.sum(-1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SIZES)
def test_gradients_are_those_of_finite_differences(name):
    block = make(name)
    x, mask = padded([4, 1])
    assert torch.autograd.gradcheck(
        lambda x: block(x * mask[..., None], mask)[0], [x.requires_grad_()]
    )


# Windows inside the note ---------------------------------------------------------------------


@pytest.mark.parametrize("kernel_size", [1, 3, 4, 13])
def test_each_window_inside_the_note_is_seen(kernel_size):
    torch.manual_seed(0)
    block = ValidConvolution(4, 3, kernel_size).double()
    weight, bias = (p.detach().numpy() for p in block.parameters())
    x, mask = padded()
    seen, real = block(x, mask)
    assert seen.shape == (5, max(1, 12 - kernel_size + 1), 3)
    assert not seen[~real].any()
    for i, length in enumerate(LENGTHS):
        filled = np.zeros((max(length, kernel_size), 4))
        filled[:length] = x[i, :length]
        windows = np.lib.stride_tricks.sliding_window_view(filled, kernel_size, axis=0)
        expected = np.tanh(np.einsum("oek,tek->to", weight, windows) + bias)
        np.testing.assert_allclose(
            seen[i, real[i]].detach(), expected[: None if length else 0], atol=1e-12
        )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12))
def test_windows_inside_are_the_same_alone_and_padded(lengths, kernel_size):
    torch.manual_seed(0)
    block = ValidConvolution(4, 3, kernel_size).double()
    x, mask = padded(lengths, t=9)
    together, real = block(x, mask)
    for i, length in enumerate(lengths):
        if length:
            alone, all_real = block(x[[i], :length], mask[[i], :length])
            assert all_real.all()
            torch.testing.assert_close(alone[0], together[i, real[i]], rtol=0, atol=1e-12)
        else:
            assert not real[i].any()
