"""Two levels of label-wise attention, against the equations of the HiLAT paper."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from sklearn_icd.nn import LabelQueries, LabelScores, LabelVectors
from sklearn_icd.nn import _attention as blocks
from sklearn_icd.nn._hierarchical import HierarchicalLabelAttention

WIDTH, N_LABELS = 6, 5
LENGTHS = [[5, 2, 0], [1, 0, 0], [3, 5, 4], [0, 0, 0]]


class Table(torch.nn.Module):
    """Stand in for the transformer, and count the segments that it is given."""

    out_features = WIDTH

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(20, WIDTH)
        self.seen = []

    def forward(self, ids):
        segments = ids.flatten(end_dim=-2)
        segments = segments[(segments != 0).any(dim=-1)]
        self.seen.append(len(segments))
        return self.table(segments), segments != 0


def draw_ids(lengths=LENGTHS, width=5):
    lengths = np.array(lengths)
    ids = np.random.RandomState(0).randint(1, 20, size=(*lengths.shape, width))
    return torch.from_numpy(ids * (np.arange(width) < lengths[..., None]))


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def make_network():
    keys = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH, bias=False), torch.nn.Tanh())
    network = HierarchicalLabelAttention(
        encode=Table(),
        attend=LabelQueries(LabelVectors(N_LABELS, WIDTH), project=keys),
        score=LabelScores(LabelVectors(N_LABELS, WIDTH)),
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    return network


def numpy_of(tensor):
    return tensor.detach().numpy()


def paper(network, note):
    """Give the logits (eq. 1-8) and the weights of the tokens (eq. 10) of one note."""
    W, K = numpy_of(network.attend.project[0].weight), numpy_of(network.mix.weight)
    U, v = numpy_of(network.attend.vectors.free).T, numpy_of(network.query)
    beta, b = numpy_of(network.score.vectors.free), numpy_of(network.score.bias)
    table = numpy_of(network.encode.table.weight)
    A, C = [], []
    for segment in numpy_of(note):
        if segment.any():
            H = table[segment[segment != 0]].T
            A.append(softmax(U.T @ np.tanh(W @ H), axis=1))
            C.append(H @ A[-1].T)
    logits, weights = [], []
    for code in range(N_LABELS):
        M = np.stack([c[:, code] for c in C], axis=1)
        o = softmax(v @ np.tanh(K @ M))
        logits.append(beta[code] @ (M @ o) + b[code])
        weights.append(np.concatenate([a[code] * share for a, share in zip(A, o, strict=True)]))
    return np.array(logits), np.array(weights)


def test_equations_1_to_8_and_10():
    network, ids = make_network(), draw_ids()
    logits = numpy_of(network(ids))
    weights = numpy_of(network.attention(ids, torch.arange(N_LABELS)))
    assert weights.shape == (4, N_LABELS, 12)
    for i in range(3):
        expected, gamma = paper(network, ids[i])
        np.testing.assert_allclose(logits[i], expected, rtol=1e-10, atol=1e-12)
        n_tokens = sum(LENGTHS[i])
        np.testing.assert_allclose(weights[i, :, :n_tokens], gamma, rtol=1e-10)
        np.testing.assert_allclose(weights[i].sum(axis=1), 1)
        assert not weights[i, :, n_tokens:].any()


def test_an_empty_note_has_the_biases():
    network, ids = make_network(), draw_ids()
    for notes in (ids, ids[3:]):
        np.testing.assert_array_equal(numpy_of(network(notes))[-1], numpy_of(network.score.bias))
        weights = network.attention(notes, torch.tensor([1]))
        assert not weights[-1].any()
    loss = network(ids[3:]).square().sum()
    loss.backward()  # nothing was read, and the biases learn
    assert network.score.bias.grad.any()


def test_together_or_one_by_one():
    network, ids = make_network(), draw_ids()
    expected = network(ids)
    weights = network.attention(ids, torch.tensor([2, 0]))
    for i in range(4):
        torch.testing.assert_close(network(ids[i : i + 1])[0], expected[i], rtol=0, atol=1e-13)
        alone = network.attention(ids[i : i + 1], torch.tensor([2, 0]))[0]
        torch.testing.assert_close(weights[i, :, : alone.shape[1]], alone, rtol=0, atol=1e-13)
    # The transformer may be given each segment in a call of its own.
    network.encode.forward = lambda ids, read=network.encode.forward: tuple(
        map(torch.cat, zip(*[read(segment[None, None]) for segment in ids.flatten(end_dim=-2)],
                           strict=True))
    )  # fmt: skip
    torch.testing.assert_close(network(ids), expected, rtol=0, atol=1e-13)


def test_padding_changes_nothing_and_costs_nothing():
    network, ids = make_network(), draw_ids()
    padded = torch.nn.functional.pad(ids, (0, 4, 0, 3))
    torch.testing.assert_close(network(padded), network(ids), rtol=0, atol=1e-13)
    assert network.encode.seen == [6, 6]


def test_a_hole_between_segments_is_no_segment():
    network, ids = make_network(), draw_ids()
    holed = torch.zeros(4, 5, 5, dtype=torch.int64)
    holed[:, [0, 2, 4]] = ids
    torch.testing.assert_close(network(holed), network(ids), rtol=0, atol=1e-13)


def test_one_segment_is_plain_attention():
    network, ids = make_network(), draw_ids([[4], [5], [1]])
    torch.testing.assert_close(network(ids), network(ids[:, 0]))
    weights = network.attention(ids[:, 0], torch.arange(N_LABELS))
    hidden, mask = network.encode(ids)
    queries, keys, _ = network.attend(hidden)
    torch.testing.assert_close(weights, blocks.attention_weights(queries, keys, mask))


def test_gradients_in_blocks_of_labels(monkeypatch):
    def gradients(network):
        ids = draw_ids()
        loss = network(ids, torch.ones(4, N_LABELS), lambda logits, y: (logits**2 * y).sum())
        loss.backward()
        return [parameter.grad for parameter in network.parameters()]

    network = make_network()
    expected = gradients(network)
    assert all(gradient.any() for gradient in expected)
    monkeypatch.setattr(blocks, "_BLOCK_ENTRIES", 1)  # a label at a time
    network.zero_grad()
    for gradient, same in zip(gradients(network), expected, strict=True):
        torch.testing.assert_close(gradient, same)
    query = network.query.detach().clone()

    def of_query(value):
        network.query.data = value
        return (network(draw_ids()) ** 2).sum()

    step = 1e-6 * torch.eye(WIDTH).double()
    slopes = [(of_query(query + h) - of_query(query - h)).item() / 2e-6 for h in step]
    index = [name for name, _ in network.named_parameters()].index("query")
    np.testing.assert_allclose(numpy_of(expected[index]), slopes, rtol=1e-5)


def test_some_labels_are_read_like_all():
    network, ids = make_network(), draw_ids()
    every = network.attention(ids, torch.arange(N_LABELS))
    torch.testing.assert_close(network.attention(ids, torch.tensor([4, 1, 4])), every[:, [4, 1, 4]])
