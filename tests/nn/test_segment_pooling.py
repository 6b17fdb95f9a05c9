"""Systems without attention over the whole note: class tokens, CAML's keys, loudest segments."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from tiny_models import hidden_states, tiny_model

from sklearn_icd.nn import (
    LabelAttentionNetwork,
    LabelQueries,
    LabelScores,
    LabelVectors,
    SegmentEncoder,
    TransformerEmbedding,
)
from sklearn_icd.nn._segment_pooling import ClassTokenPooling, MaxOverSegments
from sklearn_icd.utils._pretrained import load_transformer

LENGTHS = [[5, 2, 4], [1, 0, 0], [0, 0, 0], [3, 5, 0]]
N_LABELS = 6


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def draw_ids(lengths=LENGTHS, width=5):
    lengths = np.array(lengths)
    ids = np.random.RandomState(0).randint(2, 40, size=(*lengths.shape, width))
    return torch.from_numpy(ids * (np.arange(width) < lengths[..., None]))


def make_encoder(kind="bert"):
    return SegmentEncoder(load_transformer(tiny_model(kind), parameter="pretrained")).double()


def make_network():
    """CAML's attention: the keys are the hidden states themselves."""
    network = LabelAttentionNetwork(
        embed=TransformerEmbedding(make_encoder()),
        attend=LabelQueries(LabelVectors(N_LABELS, 8, spread=3.0)),
        score=LabelScores(LabelVectors(N_LABELS, 8)),
    ).double()
    torch.nn.init.normal_(network.score.bias)
    return network


def numpy_of(tensor):
    return tensor.detach().numpy()


def of_one_segment(network, H):
    """Give logits and attention of one segment, as CAML has them."""
    U, beta = numpy_of(network.attend.vectors()), numpy_of(network.score.vectors())
    alpha = softmax(U @ H.T, axis=1)
    return ((alpha @ H) * beta).sum(axis=1) + numpy_of(network.score.bias), alpha


@pytest.mark.parametrize(("kind", "last"), [("bert", False), ("roberta", False), ("xlnet", True)])
def test_the_mean_of_the_class_tokens(kind, last):
    pool, ids = ClassTokenPooling(make_encoder(kind), last=last), draw_ids()
    found = numpy_of(pool(ids))
    for vector, note in zip(found, ids, strict=True):
        states = [
            hidden_states(pool.encoder.transformer, s)[-1 if last else 0] for s in note if s.any()
        ]
        expected = np.mean(states, axis=0) if states else np.zeros(8)
        np.testing.assert_allclose(vector, expected, rtol=1e-9, atol=1e-12)


def test_the_largest_logit_of_the_segments():
    network, ids = make_network(), draw_ids()
    loudest = MaxOverSegments(network)
    logits = numpy_of(loudest(ids))
    labels = torch.tensor([3, 0, 5])
    weights = numpy_of(loudest.attention(ids, labels))
    assert weights.shape == (4, 3, 11)
    winners = set()
    for i, note in enumerate(ids):
        real = [hidden_states(network.embed.encoder.transformer, s) for s in note if s.any()]
        if not real:
            np.testing.assert_array_equal(logits[i], numpy_of(network.score.bias))
            assert not weights[i].any()
            continue
        each = [of_one_segment(network, H) for H in real]
        votes = np.array([vote for vote, _ in each])
        np.testing.assert_allclose(logits[i], votes.max(axis=0), rtol=1e-9)
        starts = np.cumsum([0, *map(len, real)])
        for row, label in zip(weights[i], labels, strict=True):
            winner = votes[:, label].argmax()
            winners.add(winner)
            expected = np.zeros(11)
            expected[starts[winner] : starts[winner + 1]] = each[winner][1][label]
            np.testing.assert_allclose(row, expected, rtol=1e-6, atol=1e-12)
    assert len(winners) > 1


def test_segments_of_padding_have_no_say_though_their_logits_were_larger():
    network, ids = make_network(), draw_ids()
    with torch.no_grad():
        network.score.bias += 100
        network.score.vectors.free -= 100 * network.score.vectors.free.sign()
    loudest, pool = MaxOverSegments(network), ClassTokenPooling(make_encoder())
    padded = torch.nn.functional.pad(ids, (0, 3, 0, 2))
    hole = torch.zeros(4, 6, 5, dtype=torch.int64)
    hole[:, 1::2] = ids
    for module in (loudest, pool):
        for same in (padded, hole):
            torch.testing.assert_close(module(same), module(ids), rtol=0, atol=1e-11)
        alone = torch.cat([module(note[None]) for note in ids])
        torch.testing.assert_close(alone, module(ids), rtol=0, atol=1e-11)
    labels = torch.arange(N_LABELS)
    for same in (padded, hole):
        torch.testing.assert_close(
            loudest.attention(same, labels), loudest.attention(ids, labels), rtol=0, atol=1e-11
        )


@pytest.mark.parametrize("make", [lambda: ClassTokenPooling(make_encoder()),
                                  lambda: MaxOverSegments(make_network())])  # fmt: skip
def test_one_segment_and_gradients(make):
    module, ids = make(), draw_ids([[5], [2], [0]])
    torch.testing.assert_close(module(ids), module(ids[:, 0]))
    module(draw_ids()).square().sum().backward()
    gradients = [p.grad for p in module.parameters() if p.requires_grad and p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)
