"""Soft-pooling and key-query attention against numpy; windows that are half padding."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from torch import nn

from sklearn_icd.nn._convolutions import MaskedConvolution, MaskedGroupNorm, ResidualConvolution
from sklearn_icd.nn._pooling import FilterCompression, KeyQueryAttention, SoftPooling

LENGTHS = [5, 1, 4, 0, 7]
WIDTH = 4


def draw(*shape, seed=0):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape))


def notes(lengths=LENGTHS, width=WIDTH, t=None):
    """Give vectors and their mask; what stands in the padding is not zero."""
    mask = torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]
    return draw(len(lengths), mask.shape[1], width), mask


def numpy_of(tensor):
    return tensor.detach().numpy()


def attention(n_heads=2, **parameters):
    torch.manual_seed(0)
    block = KeyQueryAttention(WIDTH, n_heads, **parameters).double()
    block.norm.weight.data, block.norm.bias.data = draw(WIDTH, seed=1), draw(WIDTH, seed=2)
    return block


def compression(window=2, n_blocks=1):
    torch.manual_seed(0)
    d = WIDTH // 2
    blocks = [
        [
            ResidualConvolution(
                [MaskedConvolution(d, d, size, norm=MaskedGroupNorm(1, d))], activation=nn.Tanh()
            )
            for _ in range(n_blocks)
        ]
        for size in (3, 5)
    ]
    pools = [SoftPooling(d, window) for _ in blocks]
    return FilterCompression(pools, blocks, attention()).double()


@pytest.mark.parametrize("window", [1, 2, 3, 7, 20])
def test_equation_2(window):
    x, mask = notes()
    pool = SoftPooling(WIDTH, window).double()
    pooled, windows = pool(x, mask)
    weights = pool.weights(x, mask)
    n_windows = -(-7 // window)
    assert pooled.shape == (5, n_windows, WIDTH)
    assert weights.shape == (5, n_windows, window)
    w, b = numpy_of(pool.score.weight)[0], numpy_of(pool.score.bias)
    for i, length in enumerate(LENGTHS):
        for p in range(n_windows):
            real = x[i, p * window : min(length, (p + 1) * window)].numpy()
            assert windows[i, p].item() == (len(real) > 0)
            beta = softmax(real @ w + b) if len(real) else np.zeros(0)
            np.testing.assert_allclose(pooled[i, p].detach(), beta @ real, atol=1e-12)
            np.testing.assert_allclose(weights[i, p, : len(real)].detach(), beta, atol=1e-12)
            assert not weights[i, p, len(real) :].any()


def test_a_window_of_one_leaves_the_note_as_it_is():
    x, mask = notes()
    pooled, windows = SoftPooling(WIDTH, 1).double()(x, mask)
    torch.testing.assert_close(pooled, x * mask[..., None])
    assert torch.equal(windows, mask)


@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_key_query_attention(n_heads):
    x, mask = notes()
    block = attention(n_heads)
    y = block(x, mask)
    d = WIDTH // n_heads
    w, b = numpy_of(block.project.weight), numpy_of(block.project.bias)
    for i, length in enumerate(LENGTHS):
        assert not y[i, length:].any()
        if length == 0:
            continue
        note = x[i, :length].numpy()
        queries, keys, values = np.split(note @ w.T + b, 3, axis=1)
        found = []
        for head in range(n_heads):
            own = slice(head * d, (head + 1) * d)
            scores = queries[:, own] @ keys[:, own].T / np.sqrt(d)
            found.append(softmax(scores, axis=1) @ values[:, own])
        mixed = np.hstack(found) @ numpy_of(block.join.weight).T + numpy_of(block.join.bias)
        expected = nn.functional.layer_norm(torch.from_numpy(note + mixed), [WIDTH], eps=1e-5)
        expected = expected * block.norm.weight + block.norm.bias
        torch.testing.assert_close(y[i, :length], expected, rtol=0, atol=1e-10)


def test_key_query_attention_is_torchs():
    x, _ = notes()
    block = attention()
    everywhere = torch.ones(5, 7, dtype=torch.bool)
    torch_own = nn.MultiheadAttention(WIDTH, 2, batch_first=True).double()
    torch_own.in_proj_weight.data = block.project.weight.data
    torch_own.in_proj_bias.data = block.project.bias.data
    torch_own.out_proj.load_state_dict(block.join.state_dict())
    expected = block.norm(x + torch_own(x, x, x, need_weights=False)[0])
    torch.testing.assert_close(block(x, everywhere), expected, rtol=0, atol=1e-10)


def test_dropout_is_for_training_only():
    x, mask = notes()
    block = attention(dropout=0.5)
    assert not torch.equal(block(x, mask), block(x, mask))
    block.eval()
    assert torch.equal(block(x, mask), block(x, mask))


@pytest.mark.parametrize("window", [1, 2, 3, 20])
def test_compression_is_its_parts(window):
    x, mask = notes()
    block = compression(window, n_blocks=2)
    vectors, windows = block(x, mask)
    joined = []
    for part, pool, blocks in zip(x.split(2, dim=-1), block.pools, block.blocks, strict=True):
        pooled, _ = pool(part, mask)
        for residual in blocks:
            pooled = residual(pooled, windows)
        joined.append(pooled)
    expected = block.mix(torch.cat(joined, dim=-1), windows)
    torch.testing.assert_close(vectors, expected, rtol=0, atol=0)
    assert not vectors[~windows].any()


@pytest.mark.parametrize("window", [1, 2, 3, 20])
def test_attention_is_spread_over_the_words_of_a_window(window):
    x, mask = notes()
    block = compression(window)
    n_windows = -(-7 // window)
    real = block(x, mask)[1]
    weights = (draw(5, 3, n_windows, seed=3).exp() * real[:, None]).double()
    spread = block.spread(weights, x, mask)
    assert spread.shape == (5, 3, 7)
    parts = x.split(2, dim=-1)
    shares = [numpy_of(pool.weights(y, mask)) for y, pool in zip(parts, block.pools, strict=True)]
    for t in range(7):
        p, inside = divmod(t, window)
        share = np.mean([of_filter[:, p, inside] for of_filter in shares], axis=0)
        expected = weights[:, :, p].numpy() * share[:, None]
        np.testing.assert_allclose(spread[:, :, t].detach(), expected, atol=1e-12)
    torch.testing.assert_close(spread.sum(-1), weights.sum(-1), rtol=0, atol=1e-12)
    assert not (spread * ~mask[:, None]).any()


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_note_is_compressed_alike_alone_in_a_batch_and_padded(window):
    block = compression(window)
    x, mask = notes()
    together, windows = block(x, mask)
    assert together.isfinite().all()
    wider, _ = block(nn.functional.pad(x, (0, 0, 0, 6)), nn.functional.pad(mask, (0, 6)))
    torch.testing.assert_close(wider[:, : together.shape[1]], together, rtol=0, atol=1e-12)
    assert not wider[:, together.shape[1] :].any()
    for i, length in enumerate(LENGTHS):
        if length:
            alone, _ = block(x[[i], :length], mask[[i], :length])
            torch.testing.assert_close(alone[0], together[i, windows[i]], rtol=0, atol=1e-12)


def test_gradients_reach_every_parameter_and_no_padding():
    x, mask = notes()
    block = compression()
    x.requires_grad_()
    vectors, _ = block(x, mask)
    (vectors * draw(*vectors.shape, seed=4)).sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.isfinite().all(), name
        # A number that is added to all scores of a softmax changes nothing.
        cancels = name.endswith("score.bias")
        assert cancels or parameter.grad.any(), name
    assert x.grad.isfinite().all()
    assert not x.grad[~mask].any()


def test_gradients_are_those_of_finite_differences():
    x, mask = notes([3, 0, 1])
    block = compression()
    assert torch.autograd.gradcheck(lambda x: block(x, mask)[0], [x.requires_grad_()])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12))
def test_any_lengths_and_windows(lengths, window):
    x, mask = notes(lengths, t=9)
    pool = SoftPooling(WIDTH, window).double()
    pooled, windows = pool(x, mask)
    assert windows.sum(1).tolist() == [-(-length // window) for length in lengths]
    sums = pool.weights(x, mask).sum(-1)
    torch.testing.assert_close(sums, windows.double(), rtol=0, atol=1e-12)
    assert pooled.isfinite().all()
    assert not pooled[~windows].any()
