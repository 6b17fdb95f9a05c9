"""Losses against the equations of the papers."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.base import clone

from sklearn_icd import losses
from sklearn_icd.losses import BCE


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


@pytest.mark.parametrize("name", losses.__all__)
def test_losses_are_parameter_objects(name):
    loss = getattr(losses, name)()
    assert clone(loss).get_params() == loss.get_params()
    before = dict(vars(loss))
    loss(torch.zeros(2, 3), torch.ones(2, 3), step=5, steps_per_epoch=2)
    assert vars(loss) == before
