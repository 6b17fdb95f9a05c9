"""The transformer against torch's own layer, places of words, and padding that never enters."""

import pytest
import torch

from sklearn_icd.nn import SinusoidalPositions, TransformerLayer, TransformerStack

MASK = torch.arange(6) < torch.tensor([6, 3, 1, 0])[:, None]


def vectors():
    torch.manual_seed(0)
    return torch.randn(4, 6, 8, dtype=torch.float64) * MASK[..., None]


def test_a_layer_is_torchs():
    torch.manual_seed(0)
    layer = TransformerLayer(8, 2, 5).double()
    reference = torch.nn.TransformerEncoderLayer(8, 2, 5, dropout=0.0, batch_first=True).double()
    names = {
        "self_attn.in_proj_": "attend.project.",
        "self_attn.out_proj.": "attend.join.",
        "norm1.": "attend.norm.",
        "linear1.": "widen.",
        "linear2.": "narrow.",
        "norm2.": "norm.",
    }
    state = layer.state_dict()
    reference.load_state_dict(
        {
            theirs + kind: state[ours + kind]
            for theirs, ours in names.items()
            for kind in ("weight", "bias")
        }
    )
    x = vectors()
    expected = reference(x[:3], src_key_padding_mask=~MASK[:3])
    torch.testing.assert_close(layer(x, MASK)[:3][MASK[:3]], expected[MASK[:3]])


def test_a_note_is_read_alike_alone_and_in_company():
    torch.manual_seed(0)
    stack = TransformerStack(8, 2, 4, 5, dropout=0.3).double().eval()
    x = vectors()
    hidden, mask = stack(x, MASK)
    assert mask is MASK
    assert hidden.isfinite().all()
    assert not hidden[~MASK].any()
    for i, length in enumerate([6, 3, 1]):
        alone, _ = stack(x[[i], :length], MASK[[i], :length])
        torch.testing.assert_close(alone[0], hidden[i, :length])


@pytest.mark.parametrize("width", [8, 5])
def test_places_are_waves(width):
    y = SinusoidalPositions()(torch.zeros(4, 6, width), MASK)
    assert y.shape == (4, 6, width)
    assert not y[~MASK].any()
    place = torch.tensor(5.0)
    assert y[0, 5, 0] == place.sin()
    torch.testing.assert_close(y[0, 5, 3], (place / 10_000 ** (2 / width)).cos())
    ones = torch.ones(4, 6, width)
    torch.testing.assert_close(
        SinusoidalPositions()(ones, MASK) - y, width**0.5 * ones * MASK[..., None]
    )
