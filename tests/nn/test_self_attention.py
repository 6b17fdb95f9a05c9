"""Self-attention head by head: what torch's fused attention computes, with and without dropout."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from sklearn_icd.nn import KeyQueryAttention, _self_attention
from sklearn_icd.nn._self_attention import self_attention

LENGTHS = [11, 7, 0, 1]
HEADS, WIDTH = 2, 4


def way(monkeypatch, fewest):
    """Compute head by head from a number of positions on; blocks of four queries."""
    for name in ("_FEWEST_DROPPED", "_FEWEST_POSITIONS", "_FEWEST_FEATURES"):
        monkeypatch.setattr(_self_attention, name, fewest)
    monkeypatch.setattr(_self_attention, "_BLOCK", 4)


@pytest.fixture
def heads(monkeypatch):
    """Compute head by head however short notes are, and give a list of the heads."""
    way(monkeypatch, 1)
    return made(monkeypatch)


def made(monkeypatch):
    seen = []
    own = _self_attention._Head.__init__

    def init(self, *arguments):
        seen.append(self)
        own(self, *arguments)

    monkeypatch.setattr(_self_attention._Head, "__init__", init)
    return seen


def mask_of(lengths, t=None):
    return torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]


def draw(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def problem(lengths=LENGTHS, t=None, dtype=torch.float64, heads=HEADS, width=WIDTH):
    """Give queries, keys and values as a projection gives them: heads inside, then moved."""
    n, t = len(lengths), t or max(lengths)
    tensors = draw(n, t, 3, heads, width, dtype=dtype).permute(2, 0, 3, 1, 4)
    return [tensor.requires_grad_() for tensor in tensors.detach()]


def textbook(queries, keys, values, mask):
    """Compute what torch does; padding is zero."""
    seen = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
    return (
        scaled_dot_product_attention(queries, keys, values, attn_mask=seen) * mask[:, None, :, None]
    )


def results(attention, tensors, *arguments, dtype=None):
    """Give the output and the three gradients."""
    output = attention(*tensors, *arguments)
    gradient = draw(*output.shape, seed=9, dtype=dtype or output.dtype).to(output.dtype)
    return [output.detach(), *torch.autograd.grad(output, tensors, gradient)]


def error(found, expected):
    return ((found.double() - expected).norm() / expected.norm().clamp_min(1e-3)).item()


# Without dropout -------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("lengths", [LENGTHS, [9, 9], [1], [4, 8]])
def test_it_is_torchs(heads, dtype, most, lengths):
    mask, tensors = mask_of(lengths), problem(lengths, dtype=dtype)
    found = results(self_attention, tensors, mask)
    exact = [x.detach().double().requires_grad_() for x in tensors]
    expected = results(textbook, exact, mask, dtype=dtype)
    for one, same in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert error(one, same) < most
        assert not one.transpose(1, 2)[~mask].any()
    assert len(heads) == 2 * HEADS * sum(length > 0 for length in lengths)


def test_blocks_have_no_more_than_their_queries(heads):
    results(self_attention, problem(), mask_of(LENGTHS))
    rows = [[b.rows.stop - b.rows.start for b in head.blocks()] for head in heads]
    assert rows == ([[4, 4, 3]] * HEADS + [[4, 3]] * HEADS + [[1]] * HEADS) * 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12))
def test_any_lengths(lengths, t):
    lengths = [min(length, t) for length in lengths]
    mask, tensors = mask_of(lengths, t), problem(lengths, t)
    with pytest.MonkeyPatch.context() as patch:
        way(patch, 1)
        found = results(self_attention, tensors, mask)
    for one, same in zip(found, results(textbook, tensors, mask), strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=1e-12)


def test_without_a_mask_all_positions_are_real(heads):
    tensors = problem([5, 5])
    found = results(self_attention, tensors)
    assert heads
    for one, same in zip(found, results(textbook, tensors, mask_of([5, 5])), strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=1e-12)


def test_gradients_are_those_of_finite_differences(heads):
    mask, tensors = mask_of([6, 1, 0]), problem([6, 1, 0])
    assert torch.autograd.gradcheck(lambda *x: self_attention(*x, mask), tensors)
    assert heads


def test_gradients_add_up_over_several_uses(heads):
    mask, (x, _, _) = mask_of(LENGTHS), problem()

    def twice(attention):
        y = attention(x, x, x, mask)
        return torch.autograd.grad((attention(y, x, y, mask) * y).sum(), x)[0]

    torch.testing.assert_close(twice(self_attention), twice(textbook), rtol=0, atol=1e-12)
    assert heads


def test_a_second_derivative_is_refused(heads):
    (x, _, _), mask = problem(), mask_of(LENGTHS)
    output = self_attention(x, x, x, mask)
    (gradient,) = torch.autograd.grad(output.pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("sharpness", [1, 3])
def test_bfloat16_is_as_exact_as_torchs(heads, sharpness):
    lengths = [200, 150]
    mask = mask_of(lengths)
    exact = [x * s for x, s in zip(problem(lengths, width=32), (sharpness, 1, 1), strict=True)]
    # Numbers that bfloat16 holds, so that only what is computed differs.
    exact = [x.detach().bfloat16().double().requires_grad_() for x in exact]
    expected = results(textbook, exact, mask, dtype=torch.bfloat16)
    plain = [x.detach().float().requires_grad_() for x in exact]
    errors = []
    for attention in (self_attention, textbook):
        with torch.autocast("cpu", torch.bfloat16):
            found = results(attention, plain, mask, dtype=torch.bfloat16)
        assert found[0].dtype == torch.bfloat16
        errors.append([error(one, same) for one, same in zip(found, expected, strict=True)])
    assert heads
    # With scores in bfloat16 it would be twice as much.
    assert max(errors[0]) < 1.2 * max(errors[1])
    assert sum(errors[0]) < 1.2 * sum(errors[1])


# Dropout ---------------------------------------------------------------------------------------


def masks_of(monkeypatch):
    """Keep a copy of each mask that is drawn."""
    drawn = []
    own = _self_attention._Block.draw

    def draw(self):
        mask = own(self)
        drawn.append(mask.clone())
        return mask

    monkeypatch.setattr(_self_attention._Block, "draw", draw)
    return drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dropout_is_the_formula_with_the_same_mask(heads, monkeypatch, dtype):
    drawn = masks_of(monkeypatch)
    mask, tensors = mask_of(LENGTHS), problem(dtype=dtype)
    found = results(self_attention, tensors, mask, 0.3)
    half = len(drawn) // 2
    assert all(torch.equal(*pair) for pair in zip(drawn[:half], drawn[half:], strict=True))
    blocks = iter(drawn[:half])

    def formula(queries, keys, values):
        output = torch.zeros_like(values)
        for note, length in enumerate(LENGTHS):
            for head in range(HEADS if length else 0):
                own = note, head, slice(length)
                shares = (queries[own] @ keys[own].T / WIDTH**0.5).softmax(dim=1)
                dropped = torch.cat([next(blocks) for _ in range(0, length, 4)])
                output[own] = (dropped * shares) @ values[own]
        return output

    exact = [x.detach().double().requires_grad_() for x in tensors]
    for one, same in zip(found, results(formula, exact, dtype=dtype), strict=True):
        assert error(one, same) < (1e-6 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_the_share_of_dropout(heads, monkeypatch, share):
    drawn = masks_of(monkeypatch)
    torch.manual_seed(0)
    with torch.no_grad():
        self_attention(*problem([300]), None, share)
    cells = torch.cat([mask.flatten() for mask in drawn])
    deviation = (share * (1 - share) / len(cells)) ** 0.5
    assert len(cells) == HEADS * 300**2
    assert (cells == 0).double().mean().item() == pytest.approx(share, abs=4 * deviation)
    torch.testing.assert_close(
        cells[cells > 0].unique(), torch.tensor([1 / (1 - share)]).double(), rtol=2e-4, atol=0
    )
    for mask in drawn:  # cells beside each other are dropped independently
        both = ((mask[:, 1:] == 0) & (mask[:, :-1] == 0)).double().mean().item()
        assert both == pytest.approx(share**2, abs=0.05)


def test_nothing_and_everything_dropped(heads):
    mask, tensors = mask_of(LENGTHS), problem()
    nothing = results(self_attention, tensors, mask, 1e-9)
    assert heads
    for one, same in zip(nothing, results(textbook, tensors, mask), strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=1e-12)
    assert not results(self_attention, tensors, mask, 1.0)[0].any()


def test_the_seed_decides_what_is_dropped(heads):
    mask, tensors = mask_of(LENGTHS), problem()

    def seeded(seed):
        torch.manual_seed(seed)
        return results(self_attention, tensors, mask, 0.5)

    first, again, other = seeded(0), seeded(0), seeded(1)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    torch.manual_seed(0)
    calls = [self_attention(*tensors, mask, 0.5) for _ in range(2)]
    assert not torch.equal(*calls)
    assert heads


def test_without_dropout_no_random_number_is_drawn(heads):
    before = torch.get_rng_state()
    results(self_attention, problem(), mask_of(LENGTHS))
    assert heads
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_inside_a_checkpoint(heads, use_reentrant):
    mask, tensors = mask_of(LENGTHS), problem()

    def recomputed(*tensors):
        def step(*inner):
            return self_attention(*inner, mask, 0.5) * torch.rand(1)

        return checkpoint(step, *tensors, use_reentrant=use_reentrant)

    def plain(*tensors):
        return self_attention(*tensors, mask, 0.5) * torch.rand(1)

    found = []
    for function in (recomputed, plain):
        torch.manual_seed(0)
        output = function(*tensors)
        torch.rand(3)
        output.backward(draw(*output.shape, seed=9))
        found.append([output.detach(), *(x.grad.clone() for x in tensors)])
        for x in tensors:
            x.grad = None
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    assert heads


# Where torch's fused attention computes --------------------------------------------------------


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_real_positions_behind_padding(heads, dropout):
    mask, tensors = mask_of(LENGTHS).flip(1), problem()
    torch.manual_seed(0)
    found = self_attention(*tensors, mask, dropout)
    torch.manual_seed(0)
    assert torch.equal(found, _self_attention._fused(*tensors, mask, dropout))
    assert found.isfinite().all()
    assert not found.transpose(1, 2)[~mask].any()
    assert not heads


@pytest.mark.parametrize(
    ("t", "width", "dropout", "is_own"),
    [
        (256, 4, 0.1, True),
        (255, 64, 0.1, False),
        (512, 32, 0.0, True),
        (511, 32, 0.0, False),
        (512, 31, 0.0, False),
    ],
)
def test_from_where_on_it_pays(monkeypatch, t, width, dropout, is_own):
    heads = made(monkeypatch)
    tensors = problem([t], heads=1, width=width, dtype=torch.float32)
    self_attention(*tensors, mask_of([t]), dropout)
    assert bool(heads) == is_own


def test_without_gradients_it_is_torchs_call(heads):
    mask, tensors = mask_of(LENGTHS), problem()
    detached = [x.detach() for x in tensors]
    with torch.no_grad():
        assert torch.equal(self_attention(*tensors, mask), textbook(*tensors, mask))
    assert torch.equal(self_attention(*detached, mask), textbook(*detached, mask))
    assert not heads


def test_what_it_does_not_know(heads):
    mask, tensors = mask_of(LENGTHS), problem()
    half = [x.detach().half().requires_grad_() for x in tensors]
    assert torch.equal(self_attention(*half, mask), textbook(*half, mask))
    wide_values = tensors[2].repeat(1, 1, 1, 2)
    found = self_attention(*tensors[:2], wide_values, mask)
    assert torch.equal(found, textbook(*tensors[:2], wide_values, mask))
    gradient = torch.func.grad(lambda x: self_attention(x, *tensors[1:], mask).sum())(tensors[0])
    expected = torch.autograd.grad(textbook(*tensors, mask).sum(), tensors[0])[0]
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)
    assert not heads


def test_a_compiled_function_has_torchs_in_its_graph(heads):
    mask, tensors = mask_of(LENGTHS), problem()
    torch.compiler.reset()
    compiled = torch.compile(self_attention, backend="eager", fullgraph=True)
    assert torch.equal(compiled(*tensors, mask), textbook(*tensors, mask))
    assert not heads


# In its block ----------------------------------------------------------------------------------


def test_key_query_attention_learns_the_same_either_way(monkeypatch):
    mask = mask_of(LENGTHS)
    x = draw(*mask.shape, 8).requires_grad_()
    torch.manual_seed(0)
    block = KeyQueryAttention(8, 2).double()

    def gradients():
        y = block(x, mask)
        inputs = [x, *block.parameters()]
        return [y, *torch.autograd.grad((y * draw(*y.shape, seed=3)).sum(), inputs)]

    expected = gradients()
    way(monkeypatch, 1)
    heads = made(monkeypatch)
    for one, same in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=1e-12)
    assert heads
