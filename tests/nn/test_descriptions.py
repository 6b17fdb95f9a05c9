"""Penalties on vectors of labels that stray from their titles."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_icd.losses import BCE
from sklearn_icd.nn import (
    DescriptionPenalty,
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    TokenEmbedding,
)

IDS = torch.tensor([[2, 3, 0], [1, 0, 0], [3, 3, 4], [2, 0, 0]])
Y = torch.tensor([[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]).double()
VECTORS = torch.from_numpy(np.random.RandomState(0).normal(size=(4, 5)))


class Mean(nn.Module):
    """Read a title as the mean of the vectors of its words, and remember how many it read."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(5, 5, padding_idx=0).double()
        self.n_read = []

    def forward(self, ids):
        self.n_read.append(len(ids))
        return self.table(ids).sum(dim=1) / (ids != 0).sum(dim=1, keepdim=True)


def by_hand(vectors, y, read, strength):
    titles = read(IDS).detach().numpy()
    return strength * np.mean(
        [
            sum(((vectors[label] - titles[label]) ** 2).mean() for label in np.flatnonzero(note))
            for note in y.numpy()
        ]
    )


def test_each_note_draws_its_labels():
    read = Mean()
    penalty = DescriptionPenalty(IDS, read, 0.3)(VECTORS, Y)
    assert read.n_read == [2]  # of the two labels that are there
    assert penalty.item() == pytest.approx(by_hand(VECTORS.numpy(), Y, read, 0.3), rel=1e-10)


def test_gradients_reach_vectors_and_titles_of_the_labels_there_are():
    read, vectors = Mean(), VECTORS.clone().requires_grad_()
    DescriptionPenalty(IDS, read, 1.0)(vectors, Y).backward()
    assert [row.any().item() for row in vectors.grad] == [True, False, True, False]
    assert [row.any().item() for row in read.table.weight.grad] == [False, False, True, True, True]


def test_notes_without_labels_cost_nothing():
    vectors = VECTORS.clone().requires_grad_()
    loss = DescriptionPenalty(IDS, Mean(), 1.0)(vectors, torch.zeros(2, 4, dtype=torch.float64))
    assert loss.item() == 0
    loss.backward()
    assert not vectors.grad.any()


@pytest.mark.parametrize("socket", ["penalize_queries", "penalize_weight"])
def test_a_network_adds_it_in_training_only(socket):
    torch.manual_seed(0)
    network = LabelAttentionNetwork(
        embed=TokenEmbedding(7, 5),
        attend=LabelQueries(LabelVectors(4, 5)),
        score=LabelScores(LabelVectors(4, 5)),
    ).double()
    ids = torch.tensor([[2, 5], [3, 0], [6, 6]])
    plain, logits = network(ids, y=Y, loss=BCE()), network(ids)
    penalty = DescriptionPenalty(IDS, Mean(), 2.0)
    setattr(network, socket, penalty)
    vectors = {"penalize_queries": network.attend.vectors(), "penalize_weight": network.score()[0]}
    added = penalty(vectors[socket], Y)
    torch.testing.assert_close(network(ids, y=Y, loss=BCE()), plain + added)
    assert torch.equal(network(ids), logits)
