"""The encoder against torch's own, and padding that never enters."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_icd.nn import BiLSTM


def make(layer_norm, seed=0):
    torch.manual_seed(seed)
    encoder = BiLSTM(3, 4, layer_norm=layer_norm).double()
    reference = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True).double()
    state = dict(encoder.ahead.state_dict())
    state |= {f"{name}_reverse": value for name, value in encoder.back.state_dict().items()}
    reference.load_state_dict(state)
    return encoder, reference


@pytest.mark.parametrize("layer_norm", [True, False])
@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(0, 3))
def test_equals_a_packed_bidirectional_lstm(layer_norm, lengths, extra):
    encoder, reference = make(layer_norm)
    t = max(lengths) + extra
    x = torch.randn(len(lengths), t, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(t) < torch.tensor(lengths)[:, None]
    hidden, same_mask = encoder(x, mask)
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(reference(packed)[0], batch_first=True, total_length=t)[0]
    expected = encoder.norm(expected) * mask[..., None]
    torch.testing.assert_close(hidden, expected, rtol=1e-10, atol=1e-12)
    assert same_mask is mask
    weight = torch.randn_like(hidden)
    mine = torch.autograd.grad((hidden * weight).sum(), x, retain_graph=True)[0]
    theirs = torch.autograd.grad((expected * weight).sum(), x)[0]
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("lengths", [[4, 1, 0], [6, 6, 6]])
def test_padding_never_enters_nor_comes_out(lengths):
    encoder, _ = make(layer_norm=True)
    torch.nn.init.ones_(encoder.norm.bias)  # which would show where there is padding
    mask = torch.arange(6) < torch.tensor(lengths)[:, None]
    x = torch.randn(3, 6, 3, dtype=torch.float64)
    garbage = torch.where(mask[..., None], x, 1e6)
    hidden, _ = encoder(x, mask)
    assert torch.equal(encoder(garbage, mask)[0], hidden)
    assert not hidden[~mask].any()
    assert encoder.out_features == hidden.shape[-1] == 8
