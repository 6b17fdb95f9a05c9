"""Label attention against the textbook, whichever way it is computed."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.losses import BCE, CellMean, LossAtStep, TruncatedBCE
from sklearn_icd.nn import _attention, _label_attention, _tiles, label_attention
from sklearn_icd.nn import label_attention_loss as attention_loss

LENGTHS = [5, 1, 3]
NAMES = ["queries", "keys", "values", "weight", "bias"]


@pytest.fixture(params=["plain", "blocks", "tiles", "tiles of 3"])
def path(request, monkeypatch):
    """Compute in one of the ways that label attention has."""
    if request.param == "plain":
        return
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", 40)
    monkeypatch.setattr(_label_attention, "_FEWEST_CELLS", 0)
    if request.param == "blocks":
        monkeypatch.setattr(_label_attention, "what_is_exotic", lambda tensors: "a test")
        monkeypatch.setattr(_label_attention, "_say_once", lambda reason: None)
    if request.param == "tiles of 3":
        small_tiles(monkeypatch)


def small_tiles(monkeypatch):
    monkeypatch.setattr(_tiles, "_LABELS", 3)
    monkeypatch.setattr(_tiles, "_CELLS", 1)


@pytest.fixture
def tiles(monkeypatch):
    """Compute in tiles, and count them."""
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", 0)
    monkeypatch.setattr(_label_attention, "_FEWEST_CELLS", 0)
    small_tiles(monkeypatch)
    made = []
    own = _tiles._Tile.__init__

    def init(self, *arguments):
        made.append(arguments)
        own(self, *arguments)

    monkeypatch.setattr(_tiles._Tile, "__init__", init)
    return made


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).to(dtype)


def mask_of(lengths, t=None):
    return torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]


def problem(n_labels=7, a=4, d=6, dtype=torch.float64, lengths=LENGTHS):
    n, t = len(lengths), max(lengths)
    return {
        "queries": draw(n_labels, a, seed=1, dtype=dtype),
        "keys": draw(n, t, a, seed=2, dtype=dtype),
        "values": draw(n, t, d, seed=3, dtype=dtype),
        "mask": mask_of(lengths),
        "weight": draw(n_labels, d, seed=4, dtype=dtype),
        "bias": draw(n_labels, seed=5, dtype=dtype),
    }


def targets(n_labels=7, dtype=torch.float64):
    return (draw(len(LENGTHS), n_labels, seed=6) > 0.5).to(dtype)


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
    output.backward(draw(*output.shape, seed=9).to(output))
    return [output, *(leaf.grad for leaf in leaves)]


def assert_all_close(mine, theirs, rtol=1e-12, atol=1e-13):
    for left, right in zip(mine, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=rtol, atol=atol)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.usefixtures("path")
def test_logits_and_gradients_are_those_of_the_textbook(shared):
    given = problem()
    if shared:
        given["weight"], given["bias"] = given["weight"][:1], given["bias"][:1]
    mask = given.pop("mask")

    def ours(queries, keys, values, weight, bias):
        return label_attention(queries, keys, values, mask, weight, bias)

    def textbook(queries, keys, values, weight, bias):
        return textbook_logits(queries, keys, values, mask, weight, bias)

    assert_all_close(gradients(ours, given.values()), gradients(textbook, given.values()))


@pytest.mark.usefixtures("path")
def test_pooled_vectors_and_gradients_are_those_of_the_textbook():
    given = problem()
    mask = given["mask"]
    tensors = [given[name] for name in ("queries", "keys", "values")]
    ours = gradients(lambda *t: label_attention(*t, mask), tensors)
    assert_all_close(ours, gradients(lambda *t: textbook_pooled(*t, mask), tensors))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("loss", [BCE(), TruncatedBCE(epsilon=0.4)], ids=["bce", "truncated"])
@pytest.mark.usefixtures("path")
def test_the_loss_and_its_gradients_are_those_of_the_logits(loss, shared):
    given = problem()
    if shared:
        given["weight"], given["bias"] = given["weight"][:1], given["bias"][:1]
    mask, y = given.pop("mask"), targets()
    loss = LossAtStep(loss, step=3, steps_per_epoch=3)

    def ours(queries, keys, values, weight, bias):
        return attention_loss(queries, keys, values, mask, weight, bias, y, loss)

    def textbook(queries, keys, values, weight, bias):
        return loss(textbook_logits(queries, keys, values, mask, weight, bias), y)

    assert_all_close(gradients(ours, given.values()), gradients(textbook, given.values()))


@pytest.mark.parametrize("path", ["blocks", "tiles of 3"], indirect=True)
@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.usefixtures("path")
def test_gradients_are_those_of_finite_differences(scored):
    given = problem(n_labels=7, a=2, d=2)
    mask = given.pop("mask")
    inputs = [given[name].requires_grad_() for name in NAMES[: 5 if scored else 3]]

    def function(queries, keys, values, *score):
        return label_attention(queries, keys, values, mask, *score)

    assert torch.autograd.gradcheck(function, inputs)


def test_each_tile_is_visited_once_for_a_loss_over_cells(tiles):
    given = {name: tensor.requires_grad_() for name, tensor in problem().items() if name in NAMES}
    loss = LossAtStep(BCE(), 0, 1)
    mask = mask_of(LENGTHS)
    head = (given["queries"], given["keys"], given["values"], mask, given["weight"], given["bias"])
    attention_loss(*head, targets(), loss).backward()
    assert len(tiles) == 3 * len(LENGTHS)  # three tiles of three, three and one labels


@pytest.mark.parametrize(("cells", "per_note"), [(1, 3), (5 * 4, 2), (5 * 7, 1)])
def test_the_shorter_the_notes_the_more_labels_has_a_tile(tiles, monkeypatch, cells, per_note):
    monkeypatch.setattr(_tiles, "_CELLS", cells)
    label_attention(**problem())
    assert len(tiles) == per_note * len(LENGTHS)


class OtherLoss(BCE):
    """No mean over cells any more."""

    def __call__(self, logits, y, *, step=0, steps_per_epoch=1):
        return (logits.sigmoid() * y).sum().square()


@pytest.mark.usefixtures("path")
def test_a_loss_that_couples_cells_is_called():
    given = problem()
    y = targets()
    head = [given[name] for name in ("queries", "keys", "values", "mask", "weight", "bias")]
    loss = LossAtStep(OtherLoss(), 0, 1)
    expected = OtherLoss()(textbook_logits(*head), y)
    torch.testing.assert_close(attention_loss(*head, y, loss), expected)


class Squares(CellMean):
    """A loss of a user's own."""

    def cells(self, logits, y):
        return (logits - y) ** 2


def test_any_loss_over_cells_is_fused(tiles):
    given = problem()
    y = targets()
    tensors = [given[name] for name in NAMES]

    def ours(queries, keys, values, weight, bias):
        loss = LossAtStep(Squares(), 0, 1)
        return attention_loss(queries, keys, values, given["mask"], weight, bias, y, loss)

    def textbook(queries, keys, values, weight, bias):
        logits = textbook_logits(queries, keys, values, given["mask"], weight, bias)
        return ((logits - y) ** 2).mean()

    assert_all_close(gradients(ours, tensors), gradients(textbook, tensors))
    assert len(tiles) == 3 * len(LENGTHS)


@pytest.mark.usefixtures("path")
def test_what_needs_no_gradient_gets_none():
    given = problem()
    given["queries"].requires_grad_()
    loss = LossAtStep(BCE(), 0, 1)
    mask = given.pop("mask")
    head = (*list(given.values())[:3], mask, given["weight"], given["bias"])
    attention_loss(*head, targets(), loss).backward()
    assert given["queries"].grad is not None
    assert all(given[name].grad is None for name in NAMES[1:])


@pytest.mark.usefixtures("path")
def test_used_twice_in_one_graph():
    given = problem(d=4)
    mask = given["mask"]
    tensors = [given[name] for name in ("queries", "keys", "weight")]

    def twice(attend):
        def function(queries, keys, weight):
            pooled = attend(queries, keys, keys, mask)  # (n, 7, 4)
            return attend(weight, pooled, pooled, torch.ones(3, 7, dtype=torch.bool))

        return function

    ours = gradients(twice(label_attention), tensors)
    assert_all_close(ours, gradients(twice(textbook_pooled), tensors))


@pytest.mark.usefixtures("path")
def test_gradients_accumulate_and_scale():
    given = problem()
    mask, y = given.pop("mask"), targets()
    loss = LossAtStep(BCE(), 0, 1)

    def total(attend):
        def function(queries, keys, values, weight, bias):
            one = attend(queries, keys, values, mask, weight, bias, y, loss)
            two = attend(queries, keys[:2], values[:2], mask[:2], weight, bias, y[:2], loss)
            return 2 * one + 0.5 * two

        return function

    def textbook(queries, keys, values, mask, weight, bias, y, loss):
        return loss(textbook_logits(queries, keys, values, mask, weight, bias), y)

    ours = gradients(total(attention_loss), given.values())
    assert_all_close(ours, gradients(total(textbook), given.values()))


def test_going_back_twice_adds_the_gradients_twice(tiles):
    given = problem()
    given["queries"].requires_grad_()
    loss = attention_loss(**given, y=targets(), loss=LossAtStep(BCE(), 0, 1))
    loss.backward(retain_graph=True)
    once = given["queries"].grad.clone()
    loss.backward()
    torch.testing.assert_close(given["queries"].grad, 2 * once)
    assert tiles


def test_real_positions_may_stand_anywhere(tiles):
    given = problem(dtype=torch.float64)
    order = torch.randperm(max(LENGTHS), generator=torch.Generator().manual_seed(0))
    scattered = {
        **given,
        **{name: given[name][:, order] for name in ("keys", "values", "mask")},
    }
    y, loss = targets(), LossAtStep(BCE(), 0, 1)
    assert not torch.equal(scattered["mask"], given["mask"])
    torch.testing.assert_close(
        attention_loss(**scattered, y=y, loss=loss), attention_loss(**given, y=y, loss=loss)
    )
    results = [
        gradients(
            lambda keys, own=own: attention_loss(**{**own, "keys": keys}, y=y, loss=loss),
            [own["keys"]],
        )[1]
        for own in (scattered, given)
    ]
    torch.testing.assert_close(results[0], results[1][:, order])
    assert tiles


@pytest.mark.usefixtures("path")
def test_no_mask_is_a_mask_of_true():
    given = problem()
    full = torch.ones_like(given["mask"])
    torch.testing.assert_close(
        label_attention(**{**given, "mask": None}), label_attention(**{**given, "mask": full})
    )


@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("path", ["blocks", "tiles of 3"], indirect=True)
@pytest.mark.usefixtures("path")
def test_autograd_keeps_nothing_of_the_size_of_the_attention(scored, monkeypatch):
    n, t, n_labels, d = 2, 64, 512, 4
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", n * t * 128)
    queries, keys = draw(n_labels, d).requires_grad_(), draw(n, t, d, seed=1).requires_grad_()
    score = [draw(n_labels, d, seed=2).requires_grad_()] if scored else []
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        label_attention(queries, keys, keys, mask_of([64, 50]), *score)
    assert max(kept, default=0) <= max(n_labels * d, n * t * d)
    assert sum(kept) < n * n_labels * t


def test_padding_is_never_computed(tiles):
    given = problem(lengths=[5, 0, 2])
    label_attention(**given)
    assert {own.stop - own.start for *_, own in tiles} == {5, 0, 2}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.usefixtures("path")
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
    torch.testing.assert_close(logits[2], given["bias"].to(logits))
    torch.testing.assert_close(
        logits[1].to(dtype),
        given["weight"] @ given["values"][1, 0] + given["bias"],
        rtol=2e-2,
        atol=2e-2,
    )


@pytest.mark.parametrize("path", ["plain", "blocks", "tiles of 3"], indirect=True)
@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    extra=st.integers(0, 3),
    seed=st.integers(0, 99),
)
@pytest.mark.usefixtures("path")
def test_what_stands_behind_a_note_never_enters(lengths, extra, seed):
    t = max(1, *lengths, 1) + extra
    queries, keys, values = draw(5, 2), draw(len(lengths), t, 2), draw(len(lengths), t, 2)
    mask = mask_of(lengths, t)
    other_keys, other_values = keys.clone(), values.clone()
    other_keys[~mask] = draw(int((~mask).sum()), 2, seed=seed) * 100
    other_values[~mask] = draw(int((~mask).sum()), 2, seed=seed) * 100
    weight = draw(5, 2, seed=1)
    expected = label_attention(queries, keys, values, mask, weight)
    assert torch.equal(label_attention(queries, other_keys, other_values, mask, weight), expected)
    for i, length in enumerate(lengths):
        alone = label_attention(queries, keys[[i], :length], values[[i], :length], None, weight)
        torch.testing.assert_close(alone[0], expected[i], rtol=1e-12, atol=1e-12)


def relative_error(tensor, exact):
    return ((tensor.double() - exact).norm() / exact.norm()).item()


def test_bfloat16_is_as_exact_as_autocast_of_the_textbook(tiles):
    given = problem(n_labels=40, a=32, d=32, dtype=torch.float32, lengths=[60, 25, 40])
    mask = given.pop("mask")
    y = (draw(3, 40, seed=7) > 1).float()
    loss = LossAtStep(BCE(), 0, 1)

    def ours(*tensors):
        return attention_loss(*tensors[:3], mask, *tensors[3:], y.to(tensors[0]), loss)

    def textbook(*tensors):
        return loss(textbook_logits(*tensors[:3], mask, *tensors[3:]), y.to(tensors[0]))

    exact = gradients(textbook, [tensor.double() for tensor in given.values()])
    with torch.autocast("cpu", torch.bfloat16):
        mine, theirs = gradients(ours, given.values()), gradients(textbook, given.values())
    assert len(tiles) == 14 * 3
    assert all(tensor.dtype == torch.float32 for tensor in mine)
    assert relative_error(mine[0], exact[0]) < 2e-3
    for own, other, right in zip(mine[1:], theirs[1:], exact[1:], strict=True):
        assert relative_error(own, right) < 1.5 * relative_error(other, right) + 1e-4


def test_float32_stays_float32_exact(tiles):
    given = problem(n_labels=40, a=32, d=32, dtype=torch.float32, lengths=[60, 25, 40])
    exact = textbook_logits(*(t if t.dtype == torch.bool else t.double() for t in given.values()))
    assert relative_error(label_attention(**given), exact) < 1e-6
    assert tiles


def test_the_setting_of_float32_products_is_left_as_it_was(tiles):
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    label_attention(**problem(dtype=torch.float32))
    assert matmul.fp32_precision == before
    broken = problem(dtype=torch.float32)
    broken["weight"] = broken["weight"][:, :-1]
    with pytest.raises(RuntimeError):
        label_attention(**broken)
    assert matmul.fp32_precision == before
    assert tiles


def test_an_exotic_tensor_goes_the_plain_way_and_says_so_once(monkeypatch, tiles):
    monkeypatch.setattr(_label_attention, "_say_once", _label_attention._say_once.__wrapped__)

    class Own(torch.Tensor):
        """A subclass, as torch's own extensions make them."""

    given = problem()
    expected = label_attention(**given)
    tiles.clear()
    given["keys"] = given["keys"].as_subclass(Own)
    with pytest.warns(UserWarning, match="a subclass of Tensor is computed in blocks"):
        logits = label_attention(**given)
    assert not tiles
    torch.testing.assert_close(logits.as_subclass(torch.Tensor), expected)


def test_the_warning_comes_once(tiles):
    _label_attention._say_once.cache_clear()
    given = {name: t.half() if t.is_floating_point() else t for name, t in problem().items()}
    with pytest.warns(UserWarning, match="products in torch.float16"):
        label_attention(**given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label_attention(**given)
    assert not tiles


def test_under_torch_func_the_plain_way_is_taken(monkeypatch, tiles):
    monkeypatch.setattr(_label_attention, "_say_once", lambda reason: None)
    given = problem()

    def logits(queries):
        return label_attention(**{**given, "queries": queries})

    jacobian = torch.func.jacrev(logits)(given["queries"])
    assert jacobian.shape == (3, 7, 7, 4)
    assert not tiles


# torch looks at `.grad` of what the compiled part hands on.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_compiled_around_the_tiles(tiles):
    given = problem()
    expected = gradients(lambda q: label_attention(**{**given, "queries": q}), [given["queries"]])

    @torch.compile(backend="eager")
    def scaled(queries):
        return label_attention(**{**given, "queries": queries * 1.0}) * 1.0

    assert_all_close(gradients(scaled, [given["queries"]]), expected)
    assert tiles
