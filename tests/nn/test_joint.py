"""JLAN's network against the paper's equations, and what it promises."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from torch import nn

from sklearn_icd.losses import BCE
from sklearn_icd.nn import BiLSTM, LabelScores, LabelVectors, TokenEmbedding, _attention
from sklearn_icd.nn._convolutions import MaskedConvolution, ResidualConvolution
from sklearn_icd.nn._joint import (
    JointAttention,
    JointAttentionNetwork,
    ResidualEncoder,
    SumPooledScore,
)

IDS = torch.tensor([[2, 5, 3, 4], [6, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
L, K, A, E = 8, 3, 5, 4


def make_network(own=False, seed=0):
    torch.manual_seed(seed)
    titles = torch.randn(L, 6)
    network = JointAttentionNetwork(
        embed=TokenEmbedding(7, E),
        encode=ResidualEncoder(
            [
                ResidualConvolution(
                    [MaskedConvolution(E, E, 3, activation=nn.ReLU())], activation=nn.ReLU()
                )
                for _ in range(2)
            ],
            BiLSTM(E, K, layer_norm=False),
        ),
        attend=JointAttention(
            LabelVectors(L, A, titles=titles if own else None),
            LabelVectors(L, K, titles=titles),
        ),
        score=SumPooledScore(4 * K, 9),
        score_own=LabelScores(LabelVectors(L, 4 * K, titles=titles)) if own else None,
    ).double()
    for parameter in network.parameters():  # no part so small that its absence would pass
        parameter.data.normal_()
    network.embed.table.weight.data[0] = 0
    return network


def numpy_of(tensor):
    return tensor.detach().numpy()


def paper_encoding(network, words):
    """Equations 1 and 2 with a window of three, for the vectors of one note."""
    for block in network.encode.blocks:
        convolution = block.layers[0].convolution
        weight, bias = numpy_of(convolution.weight), numpy_of(convolution.bias)
        padded = np.pad(words, ((1, 1), (0, 0)))
        found = [
            sum(weight[:, :, i] @ padded[j + i] for i in range(3)) + bias for j in range(len(words))
        ]
        words = np.maximum(np.maximum(found, 0) + words, 0)
    hidden, _ = network.encode.encode(
        torch.from_numpy(words)[None], torch.ones(1, len(words), dtype=bool)
    )
    return numpy_of(hidden[0])


def paper_reading(network, H):
    """Equations 6 to 13 for one note: alpha, beta, their attention, and the joint vectors."""
    attend = network.attend
    U, C = numpy_of(attend.questions()), numpy_of(attend.descriptions())
    W = numpy_of(attend.keys.weight)
    w3, w4 = numpy_of(attend.self_gate.weight)[0], numpy_of(attend.description_gate.weight)[0]
    F, B = H[:, :K], H[:, K:]
    own = softmax(U @ np.tanh(W @ H.T), axis=1)  # (L, t)
    ahead, back = softmax(C @ F.T, axis=1), softmax(C @ B.T, axis=1)
    S, D = own @ H, np.hstack([ahead @ F, back @ B])
    a, b = expit(S @ w3), expit(D @ w4)
    alpha, beta = (a / (a + b))[:, None], (b / (a + b))[:, None]
    attention = alpha * own + beta * (ahead + back) / 2
    return alpha, beta, attention, np.hstack([alpha * S, beta * D])


def paper_logits(network, V):
    """Equation 16: two layers, and the sum over the second one's outputs."""
    first, second = network.score.first, network.score.second
    inner = np.maximum(V @ numpy_of(first.weight).T + numpy_of(first.bias), 0)
    outer = inner @ numpy_of(second.weight).T + numpy_of(second.bias)  # (L, k)
    return outer.sum(axis=1)


@pytest.mark.parametrize("own", [False, True])
def test_the_papers_equations(own):
    network = make_network(own)
    logits = numpy_of(network(IDS))
    assert logits.shape == (4, L)
    table = numpy_of(network.embed.table.weight)
    for i in range(3):
        note = numpy_of(IDS[i][IDS[i] != 0])
        H = paper_encoding(network, table[note])
        alpha, beta, _, V = paper_reading(network, H)
        np.testing.assert_allclose(alpha + beta, 1)
        assert np.ptp(alpha) > 1e-3 or len(note) == 1
        expected = paper_logits(network, V)
        if own:
            weight, bias = map(numpy_of, network.score_own())
            expected += (V * weight).sum(axis=1) + bias
        np.testing.assert_allclose(logits[i], expected, rtol=1e-9)


def test_attention_weighs_both_ways_to_read():
    network = make_network()
    labels = torch.tensor([6, 0, 6])
    weights = numpy_of(network.attention(IDS, labels))
    table = numpy_of(network.embed.table.weight)
    for i in range(3):
        note = numpy_of(IDS[i][IDS[i] != 0])
        _, _, expected, _ = paper_reading(network, paper_encoding(network, table[note]))
        np.testing.assert_allclose(weights[i][:, : len(note)], expected[labels.numpy()], rtol=1e-9)
    np.testing.assert_allclose(weights.sum(-1), [[1] * 3] * 3 + [[0] * 3], rtol=1e-10)
    assert not weights[np.broadcast_to(numpy_of(IDS == 0)[:, None], weights.shape)].any()


def test_a_note_is_read_alike_alone_and_padded():
    network = make_network(own=True)
    expected = network(IDS)
    wider = nn.functional.pad(IDS, (0, 3))
    torch.testing.assert_close(network(wider), expected, rtol=1e-12, atol=1e-12)
    for i in range(3):
        alone = network(IDS[[i]][:, IDS[i] != 0])
        torch.testing.assert_close(alone[0], expected[i], rtol=1e-12, atol=1e-12)


def test_an_empty_note_finds_nothing():
    network = make_network()
    nothing = numpy_of(network(IDS))[3]
    np.testing.assert_allclose(nothing, paper_logits(network, np.zeros((L, 4 * K))), rtol=1e-12)


@pytest.mark.parametrize("own", [False, True])
def test_blocks_of_codes_equal_one_block(monkeypatch, own):
    def outcome():
        network = make_network(own)
        logits = network(IDS)
        logits.square().sum().backward()
        return [logits, *(parameter.grad for parameter in network.parameters())]

    whole = outcome()
    monkeypatch.setattr(_attention, "_BLOCK_ENTRIES", 3 * len(IDS) * 4 * K)
    calls = []
    monkeypatch.setattr(
        _attention, "_recomputed", lambda function, *tensors: calls.append(1) or function(*tensors)
    )
    for one, other in zip(outcome(), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert len(calls) == 3  # blocks of three codes of eight


@pytest.mark.parametrize("own", [False, True])
def test_gradients_reach_all_parameters(own):
    network = make_network(own)
    y = (torch.arange(4 * L).reshape(4, L) % 3 == 0).double()
    network(IDS, y=y, loss=BCE()).backward()
    unmoved = {name for name, p in network.named_parameters() if not p.grad.abs().sum() > 0}
    assert unmoved == set()


def test_the_gradient_is_that_of_finite_differences():
    network = make_network(own=True)
    parameters = list(network.parameters())[1:]

    def logits(*values):
        names = [name for name, _ in network.named_parameters()][1:]
        return torch.func.functional_call(
            network, dict(zip(names, values, strict=True)), (IDS[:2],)
        )

    assert torch.autograd.gradcheck(logits, parameters, fast_mode=True)


def test_the_loss_is_that_of_the_logits():
    network = make_network()
    y = torch.ones(4, L).double()
    assert network(IDS, y=y, loss=BCE()).item() == BCE()(network(IDS), y).item()


def test_appended_codes_stand_behind_and_change_no_other():
    network = make_network(own=True)
    before = network(IDS)
    titles = torch.randn(2, 6).double()
    for block in network.modules():
        if hasattr(block, "append_codes"):
            block.append_codes(titles)
    after = network(IDS)
    assert after.shape == (4, L + 2)
    torch.testing.assert_close(after[:, :L], before, rtol=1e-12, atol=1e-12)
    assert network.attention(IDS, torch.tensor([L + 1])).shape == (4, 1, 4)
