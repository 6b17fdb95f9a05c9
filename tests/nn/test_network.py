"""The whole network against the paper's equations, and what its parts promise."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from sklearn_icd.losses import BCE
from sklearn_icd.nn import (
    BiLSTM,
    LabelAttentionNetwork,
    PseudoLabelAttention,
    SharedScore,
    SimilarityQueries,
    TokenEmbedding,
)

IDS = torch.tensor([[2, 5, 3, 4], [6, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def make_network(n_layers=1, compress=True, seed=0):
    torch.manual_seed(seed)
    width = 5 if compress else 6
    network = LabelAttentionNetwork(
        embed=TokenEmbedding(7, 4, dropout=0.5),
        encode=BiLSTM(4, 3),
        compress=PseudoLabelAttention(6, 5, n_labels=3, n_layers=n_layers) if compress else None,
        attend=SimilarityQueries(torch.randn(8, width)),
        score=SharedScore(width),
    ).double()
    network.embed.table.weight.data[1:].normal_()
    return network.eval()


def numpy_of(tensor):
    return tensor.detach().numpy()


def paper_betas(u, v):
    return softmax(v @ u.T, axis=1)  # (n, m): eq. 9


@pytest.mark.parametrize("n_layers", [1, 2])
def test_equations_8_and_9(n_layers):
    network = make_network(n_layers)
    logits = network(IDS)
    hidden, mask = network.encode(*network.embed(IDS))
    vectors = numpy_of(network.compress(hidden, mask)[0])
    v = numpy_of(network.attend.label_vectors)
    f_weight, f_bias = map(numpy_of, (network.score.linear.weight, network.score.linear.bias))
    for i, u in enumerate(vectors):
        expected = (paper_betas(u, v) @ u) @ f_weight[0] + f_bias
        np.testing.assert_allclose(logits[i].detach(), expected, rtol=1e-10)


def test_equation_1_is_averaged_over_the_codes():
    network = make_network()
    y = torch.from_numpy(np.random.RandomState(0).randint(2, size=(4, 8))).double()
    loss = network(IDS, y=y, loss=lambda logits, y: BCE()(logits, y)).item()
    p, y = expit(numpy_of(network(IDS))), y.numpy()
    sums = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)
    assert loss == pytest.approx(sums.mean() / 8, rel=1e-10)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_attention_of_a_code_is_the_product_of_the_layers(n_layers):
    network = make_network(n_layers)
    labels = torch.tensor([6, 0, 6])
    gamma = numpy_of(network.attention(IDS, labels))
    hidden, mask = network.encode(*network.embed(IDS))
    vectors = numpy_of(network.compress(hidden, mask)[0])
    alphas = numpy_of(network.compress.spread(torch.eye(3)[None].double(), hidden, mask))
    v = numpy_of(network.attend.label_vectors)[labels.numpy()]
    for i, u in enumerate(vectors):
        np.testing.assert_allclose(gamma[i], paper_betas(u, v) @ alphas[i], rtol=1e-10)
    np.testing.assert_allclose(gamma.sum(-1), [[1] * 3] * 3 + [[0] * 3], rtol=1e-10)
    assert not gamma[np.broadcast_to((IDS == 0)[:, None], gamma.shape)].any()


def test_without_compression_codes_look_at_the_tokens():
    network = make_network(compress=False)
    hidden = numpy_of(network.encode(*network.embed(IDS))[0])[0]
    v = numpy_of(network.attend.label_vectors)
    attention = softmax(v @ hidden.T, axis=1)
    np.testing.assert_allclose(
        network.attention(IDS, torch.arange(8))[0].detach(), attention, rtol=1e-10
    )
    score = network.score.linear
    expected = attention @ hidden @ numpy_of(score.weight)[0] + numpy_of(score.bias)
    np.testing.assert_allclose(network(IDS)[0].detach(), expected, rtol=1e-10)
    torch.testing.assert_close(network(IDS[[1], :2])[0], network(IDS)[1], rtol=1e-10, atol=1e-12)


def test_a_note_is_read_alike_alone_and_padded():
    network = make_network(n_layers=2)
    expected = network(IDS)
    wider = torch.nn.functional.pad(IDS, (0, 3))
    torch.testing.assert_close(network(wider), expected, rtol=1e-12, atol=1e-12)
    for i in range(3):
        alone = network(IDS[[i]][:, IDS[i] != 0])
        torch.testing.assert_close(alone[0], expected[i], rtol=1e-12, atol=1e-12)


def test_appended_labels_stand_behind_and_change_no_other():
    network = make_network()
    before = network(IDS)
    network.attend.append_codes(torch.randn(2, 5))
    after = network(IDS)
    assert after.shape == (4, 10)
    assert torch.equal(after[:, :8], before)
    trained = SimilarityQueries(torch.randn(8, 5), trainable=True)
    with pytest.raises(ValueError, match="train_label_vectors"):
        trained.append_codes(torch.randn(2, 5))


def test_narrow_label_vectors_keep_their_angles_and_size_in_more_dimensions():
    narrow, new = torch.randn(4, 3), torch.randn(2, 3)
    queries = SimilarityQueries(narrow, least_width=48)
    queries.append_codes(new)
    assert queries.width == 48
    both = torch.cat([narrow, new])
    widened = queries.label_vectors
    torch.testing.assert_close(widened @ widened.T, both @ both.T * 48 / 3, rtol=1e-5, atol=1e-4)
    wide = torch.randn(4, 48)
    assert torch.equal(SimilarityQueries(wide, least_width=48).label_vectors, wide)


def test_frozen_label_vectors_are_no_parameter_but_are_saved():
    frozen = SimilarityQueries(torch.ones(2, 3))
    assert list(frozen.parameters()) == []
    assert "label_vectors" in frozen.state_dict()
    assert len(list(SimilarityQueries(torch.ones(2, 3), trainable=True).parameters())) == 1


def test_embedding_keeps_padding_at_zero_while_it_learns():
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    embedding = TokenEmbedding(4, 3, vectors=vectors)
    assert torch.equal(embedding.table.weight[1:], torch.from_numpy(vectors[1:]))
    assert not embedding.table.weight[0].any()
    optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
    (embedding(torch.tensor([[1, 2, 0, 0]]))[0] ** 2).sum().backward()
    optimizer.step()
    assert not embedding.table.weight[0].any()
    assert not torch.equal(embedding.table.weight[1], torch.from_numpy(vectors[1]))


def test_embedding_drops_components_in_training_only():
    embedding = TokenEmbedding(4, 1000, dropout=0.2)
    ids = torch.tensor([[2]])
    dropped = (embedding(ids)[0] == 0).double().mean().item()
    assert dropped == pytest.approx(0.2, abs=0.05)
    assert not (embedding.eval()(ids)[0] == 0).any()


def test_frozen_vectors_stay():
    embedding = TokenEmbedding(4, 3, trainable=False)
    assert not embedding.table.weight.requires_grad
    assert TokenEmbedding(4, 3).table.weight.requires_grad
