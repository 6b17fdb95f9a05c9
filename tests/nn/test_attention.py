"""Attention against the equations of the paper, written again in a few lines of numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from sklearn_icd.nn import PseudoLabelAttention, attention_weights, label_attention

LENGTHS = [5, 1, 3]


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).to(dtype)


def mask_of(lengths, t=None):
    return torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]


def problem(n_labels=7, a=4, d=6, dtype=torch.float64):
    n, t = len(LENGTHS), max(LENGTHS)
    return {
        "queries": draw(n_labels, a, seed=1, dtype=dtype),
        "keys": draw(n, t, a, seed=2, dtype=dtype),
        "values": draw(n, t, d, seed=3, dtype=dtype),
        "mask": mask_of(LENGTHS),
        "weight": draw(n_labels, d, seed=4, dtype=dtype),
        "bias": draw(n_labels, seed=5, dtype=dtype),
    }


def textbook_weights(queries, keys, mask):
    scores = torch.einsum("la,nta->nlt", queries, keys)
    return scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)


def textbook_pooled(queries, keys, values, mask):
    return torch.einsum("nlt,ntd->nld", textbook_weights(queries, keys, mask), values)


def textbook_logits(queries, keys, values, mask, weight, bias):
    pooled = textbook_pooled(queries, keys, values, mask)
    return (pooled * weight).sum(-1) + bias


def gradients(function, tensors):
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    output = function(*leaves)
    output.backward(draw(*output.shape, seed=9))
    return [output, *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize("block_size", [None, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("shared", [False, True])
def test_logits_and_gradients_are_those_of_the_textbook(block_size, shared):
    given = problem()
    if shared:
        given["weight"], given["bias"] = given["weight"][:1], given["bias"][:1]
    mask = given.pop("mask")

    def ours(queries, keys, values, weight, bias):
        return label_attention(queries, keys, values, mask, weight, bias, block_size=block_size)

    def textbook(queries, keys, values, weight, bias):
        return textbook_logits(queries, keys, values, mask, weight, bias)

    for mine, theirs in zip(
        gradients(ours, given.values()), gradients(textbook, given.values()), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("block_size", [None, 2])
def test_pooled_vectors_and_gradients_are_those_of_the_textbook(block_size):
    given = problem()
    mask = given["mask"]
    tensors = [given[name] for name in ("queries", "keys", "values")]
    ours = gradients(lambda *t: label_attention(*t, mask, block_size=block_size), tensors)
    textbook = gradients(lambda *t: textbook_pooled(*t, mask), tensors)
    for mine, theirs in zip(ours, textbook, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("scored", [True, False])
def test_gradients_are_those_of_finite_differences(scored):
    given = problem(n_labels=3, a=2, d=2)
    mask = given.pop("mask")
    names = list(given) if scored else ["queries", "keys", "values"]
    inputs = [given[name].requires_grad_() for name in names]

    def function(queries, keys, values, *score):
        return label_attention(queries, keys, values, mask, *score, block_size=2)

    assert torch.autograd.gradcheck(function, inputs)


def test_no_mask_is_a_mask_of_true():
    given = problem()
    full = torch.ones_like(given["mask"])
    torch.testing.assert_close(
        label_attention(**{**given, "mask": None}), label_attention(**{**given, "mask": full})
    )


@pytest.mark.parametrize("scored", [True, False])
def test_autograd_keeps_nothing_of_the_size_of_the_attention(scored):
    n, t, n_labels, d = 2, 64, 512, 4
    queries, keys = draw(n_labels, d).requires_grad_(), draw(n, t, d, seed=1).requires_grad_()
    score = [draw(n_labels, d, seed=2).requires_grad_()] if scored else []
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        label_attention(queries, keys, keys, mask_of([64, 50]), *score, block_size=128)
    assert max(kept, default=0) <= max(n_labels * d, n * t * d)
    assert sum(kept) < n * n_labels * t


def test_prediction_holds_one_block_at_a_time(monkeypatch):
    shapes = []
    own = torch.Tensor.softmax

    def softmax(scores, *args, **kwargs):
        shapes.append(tuple(scores.shape))
        return own(scores, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "softmax", softmax)
    with torch.no_grad():
        label_attention(**problem(n_labels=7), block_size=3)
    assert [shape[1] for shape in shapes] == [3, 3, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_empty_notes_and_huge_scores_give_no_nan(dtype, scale):
    given = problem(dtype=dtype)
    given["mask"] = mask_of([5, 1, 0])
    given["queries"] = (given["queries"] * scale).requires_grad_()
    given["keys"] = given["keys"].requires_grad_()
    logits = label_attention(**given)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert given["queries"].grad.isfinite().all()
    assert given["keys"].grad.isfinite().all()
    torch.testing.assert_close(logits[2], given["bias"])
    torch.testing.assert_close(
        logits[1], given["weight"] @ given["values"][1, 0] + given["bias"], rtol=2e-2, atol=2e-2
    )


def test_one_token_gets_all_attention():
    given = problem()
    weights = attention_weights(given["queries"], given["keys"], mask_of([5, 1, 0]))
    assert torch.equal(weights[1, :, 0], torch.ones(7, dtype=torch.float64))
    assert not weights[1, :, 1:].any()
    assert not weights[2].any()
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(7, dtype=torch.float64))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 99))
def test_what_stands_behind_a_note_never_enters(lengths, extra, seed):
    t = max(1, *lengths, 1) + extra
    queries, keys, values = draw(3, 2), draw(len(lengths), t, 2), draw(len(lengths), t, 2)
    mask = mask_of(lengths, t)
    other_keys, other_values = keys.clone(), values.clone()
    other_keys[~mask] = draw(int((~mask).sum()), 2, seed=seed) * 100
    other_values[~mask] = draw(int((~mask).sum()), 2, seed=seed) * 100
    weight = draw(3, 2, seed=1)
    expected = label_attention(queries, keys, values, mask, weight)
    assert torch.equal(label_attention(queries, other_keys, other_values, mask, weight), expected)
    for i, length in enumerate(lengths):
        alone = label_attention(queries, keys[[i], :length], values[[i], :length], None, weight)
        torch.testing.assert_close(alone[0], expected[i], rtol=1e-12, atol=1e-12)


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
