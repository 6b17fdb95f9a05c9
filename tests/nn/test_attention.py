"""Attention weights: what every label gives to every position."""

import numpy as np
import torch

from sklearn_icd.nn import attention_weights


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).to(dtype)


def mask_of(lengths, t=None):
    return torch.arange(t or max(lengths)) < torch.tensor(lengths)[:, None]


def test_one_token_gets_all_attention():
    weights = attention_weights(draw(7, 4), draw(3, 5, 4, seed=1), mask_of([5, 1, 0]))
    assert torch.equal(weights[1, :, 0], torch.ones(7, dtype=torch.float64))
    assert not weights[1, :, 1:].any()
    assert not weights[2].any()
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(7, dtype=torch.float64))
