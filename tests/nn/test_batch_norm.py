"""Batch normalisation that counts real positions only, against torch's."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_icd.nn import MaskedBatchNorm

LENGTHS = [5, 1, 3, 0, 12]


def padded(lengths=LENGTHS, width=4):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    x = np.random.RandomState(0).normal(3, 2, size=(*mask.shape, width))
    return torch.from_numpy(x), mask  # not zero in the padding


def make(width=4):
    torch.manual_seed(0)
    norm, reference = MaskedBatchNorm(width).double(), nn.BatchNorm1d(width).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    reference.load_state_dict(norm.state_dict())
    return norm, reference


def test_statistics_are_those_of_the_real_positions():
    (x, mask), (norm, reference) = padded(), make()
    for _ in range(2):
        y = norm(x, mask)
        torch.testing.assert_close(y[mask], reference(x[mask]))
    assert not y[~mask].any()
    for name, buffer in reference.named_buffers():
        torch.testing.assert_close(norm.get_buffer(name), buffer)
    assert norm.num_batches_tracked == 2
    norm.eval()
    reference.eval()
    torch.testing.assert_close(norm(x, mask)[mask], reference(x[mask]))


def test_padding_changes_neither_output_nor_running_statistics():
    (x, mask), (norm, _), (other, _) = padded(), make(), make()
    y = norm(x, mask)
    wider = other(nn.functional.pad(x, (0, 0, 0, 7), value=1e6), nn.functional.pad(mask, (0, 7)))
    torch.testing.assert_close(wider[:, :12], y, rtol=0, atol=1e-12)
    assert not wider[:, 12:].any()
    torch.testing.assert_close(other.running_var, norm.running_var)


def test_without_training_other_notes_change_nothing():
    (x, mask), (norm, _) = padded(), make()
    norm(x, mask)
    norm.eval()
    together = norm(x, mask)
    for i, length in enumerate(LENGTHS):
        alone = norm(x[[i], : max(1, length)], mask[[i], : max(1, length)])
        torch.testing.assert_close(alone[0, :length], together[i, :length])


@pytest.mark.parametrize("lengths", [[1], [0, 0], [1, 0]])
def test_too_few_positions_for_a_variance(lengths):
    norm, reference = make()
    mask = torch.arange(2) < torch.tensor(lengths)[:, None]
    x = torch.randn(len(lengths), 2, 4, dtype=torch.float64)
    y = norm(x, mask)
    reference.eval()
    torch.testing.assert_close(y[mask], reference(x[mask]))
    assert not y[~mask].any()
    assert torch.equal(norm.running_mean, torch.zeros(4, dtype=torch.float64))
    y.sum().backward()
    assert norm.bias.grad.isfinite().all()


def test_settings_are_torchs():
    norm = MaskedBatchNorm(4, eps=0.5, momentum=0.25)
    assert (norm.eps, norm.momentum) == (0.5, 0.25)


def test_gradients_are_those_of_finite_differences():
    (x, mask), (norm, _) = padded([3, 1, 0]), make()
    assert torch.autograd.gradcheck(lambda x: norm(x, mask), [x.requires_grad_()])
