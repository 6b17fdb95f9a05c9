"""Groups of labels first, then the labels in their light."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from torch import nn

from sklearn_icd.losses import BCE, TruncatedBCE
from sklearn_icd.nn import (
    BiLSTM,
    LabelQueries,
    LabelScores,
    LabelVectors,
    TanhKeys,
    TokenEmbedding,
    TwoLevelNetwork,
)

IDS = torch.tensor([[2, 5, 3, 4], [6, 2, 0, 0], [1, 0, 0, 0]])
GROUP_OF = torch.tensor([1, 0, 1, 2, 0])
Y = torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 1, 0]]).double()


def head(n_labels, width):
    attend = LabelQueries(LabelVectors(n_labels, 4), project=TanhKeys(6, 4))
    score = LabelScores(LabelVectors(n_labels, width))
    nn.init.normal_(score.bias)
    return attend, score


def make():
    torch.manual_seed(0)
    attend_groups, score_groups = head(3, 6)
    attend, score = head(5, 6 + 2)
    return TwoLevelNetwork(
        embed=TokenEmbedding(7, 4),
        encode=BiLSTM(4, 3, layer_norm=False),
        attend=attend,
        score=score,
        attend_groups=attend_groups,
        score_groups=score_groups,
        project=nn.Linear(3, 2, bias=False),
        group_of=GROUP_OF,
    ).double()


def numpy_of(*tensors):
    return [tensor.detach().numpy() for tensor in tensors]


def pooled_by_hand(H, attend):
    U, W = numpy_of(attend.vectors(), attend.project.linear.weight)
    return softmax(U @ np.tanh(W @ H.T), axis=1) @ H


def by_hand(network, ids):
    """Give the logits of groups and labels as the public code computes them."""
    ids = ids[ids != 0][None]
    (H,) = numpy_of(network.encode(*network.embed(ids))[0][0])
    weight, bias = numpy_of(*network.score_groups())
    groups = (weight * pooled_by_hand(H, network.attend_groups)).sum(axis=1) + bias
    (P,) = numpy_of(network.project.weight)
    hint = expit(P @ expit(groups))
    found = pooled_by_hand(H, network.attend)
    weight, bias = numpy_of(*network.score())
    found = np.hstack([found, np.tile(hint, (len(found), 1))])
    return groups, (weight * found).sum(axis=1) + bias


def test_logits_are_those_of_the_public_formulas():
    network = make()
    logits = network(IDS)
    for ids, row in zip(IDS, logits, strict=True):
        np.testing.assert_allclose(row.detach(), by_hand(network, ids)[1], rtol=1e-10)


def test_the_loss_is_the_mean_over_groups_and_labels():
    network = make()
    groups, labels = (
        torch.from_numpy(np.array(rows))
        for rows in zip(*(by_hand(network, ids) for ids in IDS), strict=True)
    )
    of_groups = torch.tensor([[0, 1, 0], [0, 0, 0], [1, 0, 1]]).double()
    cells = BCE().cells(torch.cat([groups, labels], 1), torch.cat([of_groups, Y], 1))
    torch.testing.assert_close(network(IDS, y=Y, loss=BCE()), cells.mean())


@pytest.mark.parametrize("loss", [BCE(), TruncatedBCE(epsilon=0.4)])
def test_gradients_reach_every_parameter(loss):
    network = make()
    network(IDS, y=Y, loss=lambda logits, y: loss(logits, y, step=9)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_note_is_read_alike_alone_and_padded():
    network = make()
    expected = network(IDS)
    torch.testing.assert_close(network(nn.functional.pad(IDS, (0, 3))), expected)
    for i in range(3):
        torch.testing.assert_close(network(IDS[[i]][:, IDS[i] != 0])[0], expected[i])


def test_attention_is_that_of_the_labels():
    network = make()
    weights = network.attention(IDS, torch.tensor([4, 0]))
    queries, keys, _ = network.attend(network.encode(*network.embed(IDS))[0])
    expected = softmax(numpy_of(queries[[4, 0]] @ keys[0].T)[0], axis=1)
    np.testing.assert_allclose(weights[0].detach(), expected, rtol=1e-10)
    assert not weights[2, :, 1:].any()
