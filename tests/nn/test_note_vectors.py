"""Vectors of whole notes: what is pooled, and that padding is not."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from sklearn_icd.nn import (
    AttentivePooling,
    BiGRU,
    BiLSTM,
    ForwardLSTM,
    JoinedReaders,
    LabelScores,
    LabelVectors,
    LastState,
    LastStates,
    MaxPooling,
    NoteVectorNetwork,
    PooledEncoder,
    TokenEmbedding,
)

LENGTHS = (5, 2, 1, 0)
MASK = torch.arange(6) < torch.tensor(LENGTHS)[:, None]
POOLS = {
    "max": MaxPooling,
    "last": LastState,
    "both ends": LastStates,
    "attention": lambda: AttentivePooling(4, 3),
}


def vectors(seed=0):
    torch.manual_seed(seed)
    return torch.randn(4, 6, 4, dtype=torch.float64)


@pytest.mark.parametrize("name", POOLS)
def test_what_stands_in_the_padding_is_not_looked_at(name):
    torch.manual_seed(0)
    pool, x = POOLS[name]().double(), vectors()
    pooled = pool(x, MASK)
    assert pooled.shape == (4, 4)
    torch.testing.assert_close(pool(torch.where(MASK[..., None], x, 99.0), MASK), pooled)
    assert not pooled[3].any()
    for i, length in enumerate(LENGTHS[:3]):
        alone = pool(x[[i], :length], MASK[[i], :length])
        torch.testing.assert_close(alone[0], pooled[i])


def test_the_largest_value_may_be_negative():
    x = -vectors().abs() - 1
    torch.testing.assert_close(MaxPooling()(x, MASK)[0], x[0, :5].amax(dim=0))


def test_last_states_are_those_at_either_end():
    x = vectors()
    torch.testing.assert_close(LastState()(x, MASK)[:3], x[[0, 1, 2], [4, 1, 0]])
    expected = torch.cat([x[[0, 1, 2], [4, 1, 0], :2], x[:3, 0, 2:]], dim=1)
    torch.testing.assert_close(LastStates()(x, MASK)[:3], expected)


def test_attention_weighs_the_positions():
    torch.manual_seed(0)
    pool, x = AttentivePooling(4, 3).double(), vectors()
    W, b, q = (p.detach().numpy() for p in (pool.project.weight, pool.project.bias, pool.query))
    note = x[0, :5].numpy()
    expected = softmax(np.tanh(note @ W.T + b) @ q) @ note
    np.testing.assert_allclose(pool(x, MASK)[0].detach(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("encoder", "reference"),
    [
        (BiGRU(4, 3, layer_norm=False), torch.nn.GRU),
        (BiLSTM(4, 3, layer_norm=False), torch.nn.LSTM),
    ],
)
def test_both_directions_are_torchs(encoder, reference):
    encoder, x = encoder.double(), vectors()
    reference = reference(4, 3, batch_first=True, bidirectional=True).double()
    state = dict(encoder.ahead.state_dict())
    state |= {f"{name}_reverse": value for name, value in encoder.back.state_dict().items()}
    reference.load_state_dict(state)
    hidden, _ = encoder(x, MASK)
    for i, length in enumerate(LENGTHS[:3]):
        torch.testing.assert_close(hidden[i, :length], reference(x[[i], :length])[0][0])
    assert not hidden[~MASK].any()


def test_units_may_start_elsewhere():
    encoder, x = BiGRU(4, 3, layer_norm=False, first_state=0.5).double(), vectors()
    hidden, _ = encoder(x, MASK)
    start = torch.full((1, 1, 3), 0.5, dtype=torch.float64)
    for i, length in enumerate(LENGTHS[:3]):
        note = x[[i], :length]
        ahead, back = encoder.ahead(note, start)[0], encoder.back(note.flip(1), start)[0].flip(1)
        torch.testing.assert_close(hidden[i, :length], torch.cat([ahead, back], dim=-1)[0])


def test_reading_ahead_is_torchs():
    encoder, x = ForwardLSTM(4, 3).double(), vectors()
    hidden, mask = encoder(x, MASK)
    assert mask is MASK
    torch.testing.assert_close(hidden[0, :5], encoder.ahead(x[[0], :5])[0][0])
    assert not hidden[~MASK].any()


def test_all_codes_score_what_the_readers_found():
    torch.manual_seed(0)
    readers = [
        PooledEncoder(embed=TokenEmbedding(9, 4), encode=encoder, pool=LastState())
        for encoder in (ForwardLSTM(4, 3), ForwardLSTM(4, 2))
    ]
    score = LabelScores(LabelVectors(7, 5), base_rates=np.linspace(0.1, 0.7, 7))
    network = NoteVectorNetwork(read=JoinedReaders(readers), score=score, dropout=0.5).eval()
    ids = torch.tensor([[2, 5, 3], [4, 0, 0], [0, 0, 0]])
    weight, bias = score()
    joined = torch.cat([reader(ids) for reader in readers], dim=1)
    torch.testing.assert_close(network(ids), joined @ weight.T + bias)
    torch.testing.assert_close(network(ids)[2].sigmoid(), torch.linspace(0.1, 0.7, 7))
