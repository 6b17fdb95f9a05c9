"""Losses against the equations of the papers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone

from sklearn_icd import losses
from sklearn_icd.losses import BCE, FocalLoss, LDAMLoss, TruncatedBCE


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_binary_cross_entropy_is_equation_1_averaged(dtype):
    random_state = np.random.RandomState(0)
    logits, y = random_state.normal(size=(5, 7)), random_state.randint(2, size=(5, 7))
    p = expit(logits)
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / (5 * 7)
    loss = BCE()(torch.tensor(logits, dtype=dtype), torch.tensor(y, dtype=dtype))
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_huge_logits_have_a_loss_and_a_slope():
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = BCE()(logits, torch.tensor([[0.0, 1.0]]), step=3, steps_per_epoch=2)
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad.tolist() == [[0.5, -0.5]]


@pytest.mark.parametrize("name", sorted({*losses.__all__} - {"CellMean", "LossAtStep"}))
def test_losses_are_parameter_objects(name):
    loss = getattr(losses, name)()
    assert clone(loss).get_params() == loss.get_params()
    before = dict(vars(loss))
    loss(torch.zeros(2, 3), torch.ones(2, 3), step=5, steps_per_epoch=2)
    assert vars(loss) == before


def batch(n=6, n_codes=9, seed=0, rate=0.4):
    random_state = np.random.RandomState(seed)
    y = (random_state.uniform(size=(n, n_codes)) < rate).astype(float)
    return torch.from_numpy(random_state.normal(size=(n, n_codes))), torch.from_numpy(y)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.0])
def test_focal_loss_discounts_what_is_predicted_already(gamma):
    logits, y = batch()
    p = expit(np.where(y == 1, logits, -logits))  # of what is true
    expected = (-((1 - p) ** gamma) * np.log(p)).mean()
    assert FocalLoss(gamma=gamma)(logits, y).item() == pytest.approx(expected, rel=1e-10)
    half = FocalLoss(gamma=gamma, bce_share=0.5)(logits, y).item()
    assert half == pytest.approx((expected + BCE()(logits, y).item()) / 2, rel=1e-10)
    assert FocalLoss(gamma=0.0)(logits, y).item() == pytest.approx(BCE()(logits, y).item())


def test_focal_loss_has_a_slope_where_a_cell_is_certain():
    logits = torch.tensor([[200.0, -200.0, 200.0]], requires_grad=True)
    FocalLoss()(logits, torch.tensor([[1.0, 0.0, 0.0]])).backward()
    assert logits.grad[0, :2].tolist() == [0.0, 0.0]
    assert logits.grad[0, 2].item() == pytest.approx(1 / 3)


def test_positive_cells_must_be_predicted_by_a_margin():
    logits, y = batch()
    weights = torch.linspace(0.1, 1, 9, dtype=torch.float64)
    p, Y = expit((logits - 3 * y * weights).numpy()), y.numpy()
    expected = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean()
    assert LDAMLoss(margin=3.0)(logits, y * weights).item() == pytest.approx(expected)
    assert LDAMLoss(margin=0.0)(logits, y * weights).item() == pytest.approx(
        BCE()(logits, y).item()
    )


def dropped_cells(loss, logits, y, **when):
    """Cells whose logit moves nothing."""
    logits = logits.clone().requires_grad_()
    loss(logits, y, **when).backward()
    return set(map(tuple, (logits.grad == 0).nonzero().tolist()))


def paper_cells(logits, y, share):
    positives = [(i, j) for i, row in enumerate(y.tolist()) for j, has in enumerate(row) if has]
    costs = {cell: -np.log(expit(logits[cell].item())) for cell in positives}
    hardest = sorted(positives, key=lambda cell: -costs[cell])
    return set(hardest[: int(np.floor(share * len(positives)))])


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000),
    epsilon=st.floats(0, 0.99),
    gamma=st.none() | st.floats(0, 0.1),
    step=st.integers(0, 30),
)
def test_the_positives_with_the_largest_loss_count_zero(seed, epsilon, gamma, step):
    logits, y = batch(seed=seed)
    share = min((epsilon / 10 if gamma is None else gamma) * step, epsilon)
    loss, when = TruncatedBCE(epsilon=epsilon, gamma=gamma), {"step": step, "steps_per_epoch": 10}
    assert loss.schedule(step, 10)["drop_rate"] == pytest.approx(share)
    expected = paper_cells(logits, y, loss.schedule(step, 10)["drop_rate"])
    assert dropped_cells(loss, logits, y, **when) == expected
    p, y_ = expit(logits.numpy()), y.numpy()
    costs = -(y_ * np.log(p) + (1 - y_) * np.log(1 - p))
    for cell in expected:
        costs[cell] = 0
    assert loss(logits, y, **when).item() == pytest.approx(costs.mean(), rel=1e-10)


def test_the_share_grows_to_the_cap():
    loss = TruncatedBCE(epsilon=0.3)
    rates = [loss.schedule(step, 4)["drop_rate"] for step in (0, 1, 2, 4, 5, 100)]
    assert rates == pytest.approx([0, 0.075, 0.15, 0.3, 0.3, 0.3])
    slow = TruncatedBCE(epsilon=0.3, gamma=0.01)
    assert [slow.schedule(step, 4)["drop_rate"] for step in (0, 4, 29, 31)] == pytest.approx(
        [0, 0.04, 0.29, 0.3]
    )
    assert TruncatedBCE(epsilon=0.3, gamma=0).schedule(1000, 4) == {"drop_rate": 0}


def test_after_one_epoch_the_cap_is_reached_exactly():
    y = torch.ones(1, 20)
    for n_steps in range(1, 200):
        cells = dropped_cells(
            TruncatedBCE(), torch.zeros(1, 20), y, step=n_steps, steps_per_epoch=n_steps
        )
        assert len(cells) == 3


@pytest.mark.parametrize(
    ("n_positives", "n_dropped"), [(0, 0), (1, 0), (3, 0), (4, 1), (7, 1), (8, 2)]
)
def test_the_number_is_rounded_down(n_positives, n_dropped):
    logits, _ = batch()
    y = torch.zeros_like(logits)
    y.view(-1)[:n_positives] = 1
    loss = TruncatedBCE(epsilon=0.25)
    assert len(dropped_cells(loss, logits, y, step=1)) == n_dropped


def test_nothing_is_left_out_before_the_first_step_or_with_epsilon_0():
    logits, y = batch()
    plain = BCE()(logits, y)
    assert torch.equal(TruncatedBCE(epsilon=0.9)(logits, y, step=0, steps_per_epoch=5), plain)
    assert torch.equal(TruncatedBCE(epsilon=0)(logits, y, step=9, steps_per_epoch=5), plain)
    without = torch.zeros_like(y)
    loss = TruncatedBCE(epsilon=0.9)(logits, without, step=9, steps_per_epoch=5)
    assert torch.equal(loss, BCE()(logits, without))


def test_of_equal_positives_the_first_is_left_out():
    loss, y = TruncatedBCE(epsilon=0.5), torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    assert dropped_cells(loss, torch.zeros(2, 3), y, step=1) == {(0, 1), (0, 2)}


def test_huge_logits_of_wrong_labels_cost_nothing():
    logits = torch.tensor([[-1e30, 2.0]], requires_grad=True)
    loss = TruncatedBCE(epsilon=0.5)(logits, torch.ones(1, 2), step=1)
    loss.backward()
    assert loss.item() == pytest.approx(np.log1p(np.exp(-2)) / 2, rel=1e-5)
    assert logits.grad[0, 0] == 0


@pytest.mark.parametrize("wrong", [{"epsilon": 1.0}, {"epsilon": -0.1}, {"gamma": -1.0}])
def test_wrong_parameters_are_named(wrong):
    logits, y = batch()
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter of TruncatedBCE"):
        TruncatedBCE(**wrong)(logits, y)


def test_parameters_can_be_set_from_outside():
    loss = TruncatedBCE(epsilon=0.2, gamma=0.001)
    assert clone(loss).get_params() == {"epsilon": 0.2, "gamma": 0.001}
    assert loss.set_params(epsilon=0.1).schedule(1000, 1) == {"drop_rate": 0.1}
    assert repr(loss) == "TruncatedBCE(epsilon=0.1, gamma=0.001)"
