"""Attention of labels over positions: the one place where masks meet softmax."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

# Entries of the (n, labels, t) attention that one block may hold: 16 MB in float32, of which a
# handful are alive at once.
_BLOCK_ENTRIES = 2**22

# Standard deviation of the attention logits that modes start with, over layer-normalised
# positions; torch's own start gives 0.6, and modes that pool nearly the same mean of the note.
_MODE_SPREAD = 1.5


def attention_weights(queries, keys, mask=None):
    """Compute the share of attention that each label gives to each position.

    ``softmax_t(q_l . k_t)`` over the real positions; a note without any gets zeros.

    Parameters
    ----------
    queries : tensor of shape (L, a)
        One query per label.

    keys : tensor of shape (n, t, a)
        One key per position.

    mask : tensor of bool of shape (n, t), default=None
        Real positions. None: all are.

    Returns
    -------
    weights : tensor of shape (n, L, t)
        Non-negative, summing to 1 over the real positions.
    """
    scores = queries @ keys.transpose(1, 2)  # (n, L, t)
    return masked_softmax(scores, None if mask is None else mask[:, None, :])


def masked_softmax(scores, mask=None):
    """Compute the softmax over the real ones of the last dimension.

    Parameters
    ----------
    scores : tensor of shape (..., t)
        Any finite numbers.

    mask : tensor of bool that broadcasts to `scores`, default=None
        The real ones. None: all are.

    Returns
    -------
    weights : tensor of shape (..., t)
        Summing to 1 over the real ones; zeros where there is none.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(dim=-1) * mask


def label_attention(queries, keys, values, mask=None, weight=None, bias=None, *, block_size=None):
    """Attend with each label, and score what it saw.

    ``logit_l = sum_t softmax_t(q_l . k_t) (w_l . v_t) + b_l``, computed in blocks of labels that
    are computed again in backward, so that nothing of shape (n, L, t) is kept.

    Parameters
    ----------
    queries : tensor of shape (L, a)
        One query per label.

    keys : tensor of shape (n, t, a)
        One key per position.

    values : tensor of shape (n, t, d)
        What is pooled at each position.

    mask : tensor of bool of shape (n, t), default=None
        Real positions. None: all are.

    weight : tensor of shape (L, d) or (1, d), default=None
        How each label, or all alike, scores the pooled vector.

    bias : tensor of shape (L,) or (1,), default=None
        Added to the logits.

    block_size : int, default=None
        Labels per block. None: as many as fit 16 MB of attention in float32.

    Returns
    -------
    output : tensor of shape (n, L), or (n, L, d) without `weight`
        The logits, or the pooled vectors.
    """
    n, t, _ = keys.shape
    scores_alike = weight is None or weight.shape[0] == 1
    shared = (keys, values, mask, weight) if scores_alike else (keys, values, mask)
    output = in_label_blocks(
        _attend_alike if scores_alike else _attend,
        (queries,) if scores_alike else (queries, weight),
        shared,
        entries=n * t,
        block_size=block_size,
    )
    return output if bias is None else output + bias


def in_label_blocks(function, per_label, shared, *, entries, block_size=None):
    """Call a function on blocks of labels that are computed again in backward.

    Nothing that the function makes on its way survives the block, so its large tensors have the
    size of a block.

    Parameters
    ----------
    function : callable
        Takes the rows of a block of each tensor in `per_label`, then those in `shared`; gives a
        tensor with the labels in its second dimension. It draws no random numbers.

    per_label : sequence of tensor of shape (L, ...)
        One row per label.

    shared : sequence of tensor or None
        What all labels use.

    entries : int
        Entries of the largest tensor that one label needs on the way.

    block_size : int, default=None
        Labels per block. None: as many as fit 16 MB in float32.

    Returns
    -------
    output : tensor of shape (n, L, ...)
        The blocks' outputs, joined.
    """
    block_size = block_size or max(1, _BLOCK_ENTRIES // max(1, entries))
    pieces = []
    for start in range(0, len(per_label[0]), block_size):
        own = [tensor[start : start + block_size] for tensor in per_label]
        pieces.append(_recomputed(function, *own, *shared))
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)


def _recomputed(function, *tensors):
    if torch.is_grad_enabled():
        return checkpoint(function, *tensors, use_reentrant=False, preserve_rng_state=False)
    return function(*tensors)


def _attend_alike(queries, keys, values, mask, weight):
    return _attend(queries, weight, keys, values, mask)


def _attend(queries, weight, keys, values, mask):
    attention = attention_weights(queries, keys, mask)  # (n, l, t)
    if weight is None:
        return attention @ values  # (n, l, d)
    return (attention * (weight @ values.transpose(1, 2))).sum(dim=-1)  # (n, l)


class PseudoLabelAttention(nn.Module):
    """Compress a note into the vectors of a few pseudo labels.

    Each of K layers pools the positions that it gets with m attention modes and passes the
    result through a ReLU layer:
    ``a^k = softmax(a^(k-1) w^(k-1)) u^(k-1)`` and ``u^k = relu(a^k H^k + c^k)``,
    where ``a^0 = u^0`` are the encoded tokens.

    Parameters
    ----------
    in_features : int
        Width of the encoded tokens.

    out_features : int
        Width of the last layer's vectors.

    n_labels : int
        Number m of pseudo labels.

    n_layers : int, default=1
        Number K of layers.

    Notes
    -----
    The biases of the attention modes cancel in the softmax. They are kept for the shapes of
    checkpoints and stay out of the computation.
    """

    def __init__(self, in_features, out_features, *, n_labels, n_layers=1):
        super().__init__()
        widths = [in_features] * n_layers + [out_features]
        self.modes = nn.ModuleList(nn.Linear(in_features, n_labels) for _ in range(n_layers))
        self.projections = nn.ModuleList(map(nn.Linear, widths[:-1], widths[1:]))
        for mode in self.modes:
            nn.init.normal_(mode.weight, std=_MODE_SPREAD / in_features**0.5)

    def forward(self, hidden, mask):
        """Compress encoded notes.

        Parameters
        ----------
        hidden : tensor of shape (n, t, in_features)
            Encoded tokens.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        vectors : tensor of shape (n, m, out_features)
            One vector per pseudo label.

        mask : None
            All of them are real.
        """
        pooled, vectors = hidden, hidden
        for mode, projection in zip(self.modes, self.projections, strict=True):
            pooled = label_attention(mode.weight, pooled, vectors, mask)  # (n, m, in_features)
            vectors, mask = projection(pooled).relu(), None
        return vectors, mask

    def spread(self, weights, hidden, mask):
        """Bring attention over the pseudo labels back onto the tokens.

        Parameters
        ----------
        weights : tensor of shape (n, k, m)
            Attention over the pseudo labels.

        hidden : tensor of shape (n, t, in_features)
            The encoded tokens that they were made from.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            The product with the attention of all layers.
        """
        total, pooled, vectors = None, hidden, hidden
        for mode, projection in zip(self.modes, self.projections, strict=True):
            own = attention_weights(mode.weight, pooled, mask)
            total = own if total is None else own @ total  # (n, m, t)
            pooled = own @ vectors
            vectors, mask = projection(pooled).relu(), None
        return weights @ total
