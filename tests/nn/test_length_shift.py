"""Logits that rise with the length of a note."""

import numpy as np
import torch
from scipy.special import expit

from sklearn_icd.losses import BCE
from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    LengthShift,
    TokenEmbedding,
)

LENGTHS = np.array([4, 1, 0])
MASK = torch.arange(4) < torch.from_numpy(LENGTHS)[:, None]


def make():
    torch.manual_seed(0)
    shift = LengthShift(3, unit=2.5).double()
    torch.nn.init.normal_(shift.slope)
    torch.nn.init.normal_(shift.offset)
    return shift


def test_it_is_a_sigmoid_of_the_length():
    shift = make()
    slope, offset = shift.slope.detach().numpy(), shift.offset.detach().numpy()
    expected = expit(LENGTHS[:, None] / 2.5 * slope + offset)
    np.testing.assert_allclose(shift(MASK).detach(), expected, rtol=1e-12)


def test_at_the_start_length_does_not_count():
    assert torch.equal(LengthShift(3, unit=2.5)(MASK), torch.full((3, 3), 0.5))


def test_added_labels_share_the_mean():
    shift = make()
    before = shift(MASK)
    shift.append_codes(torch.zeros(1, 7))
    shift.append_codes(torch.zeros(1, 7))
    after = shift(MASK)
    assert torch.equal(after[:, :3], before)
    length = MASK.sum(dim=1).double() / 2.5
    expected = (length * shift.slope.mean() + shift.offset.mean()).sigmoid()
    torch.testing.assert_close(after[:, 3:], expected[:, None].expand(-1, 2))


def test_a_network_adds_it_to_its_logits_and_learns_from_it():
    torch.manual_seed(0)
    network = LabelAttentionNetwork(
        embed=TokenEmbedding(7, 5),
        attend=LabelQueries(LabelVectors(3, 5)),
        score=LabelScores(LabelVectors(3, 5)),
    ).double()
    ids = torch.tensor([[2, 5, 3, 2], [3, 0, 0, 0], [0, 0, 0, 0]])
    plain = network(ids)
    network.shift = make()
    torch.testing.assert_close(network(ids), plain + network.shift(MASK))
    y = torch.ones(3, 3, dtype=torch.float64)
    loss = network(ids, y=y, loss=BCE())
    torch.testing.assert_close(loss, BCE()(network(ids), y))
    loss.backward()
    assert network.shift.slope.grad.all()
