"""Attention of labels over positions: the one place where masks meet softmax."""

import torch
from torch.utils.checkpoint import checkpoint

# Entries of the (n, labels, t) attention that one block may hold: 16 MB in float32, of which a
# handful are alive at once.
_BLOCK_ENTRIES = 2**22


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


def fits_a_block(n_labels, entries):
    """Tell whether all labels fit one block of `in_label_blocks`.

    Parameters
    ----------
    n_labels : int
        Number L of labels.

    entries : int
        Entries of the largest tensor that one label needs on the way.

    Returns
    -------
    fits : bool
        Whether that of all labels has at most 16 MB in float32.
    """
    return n_labels * entries <= _BLOCK_ENTRIES


def in_label_blocks(function, per_label, shared, *, entries):
    """Call a function on blocks of labels that are computed again in backward.

    Nothing that the function makes on its way survives the block, so its large tensors have the
    size of a block. Where all labels fit one block, nothing is computed twice.

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
        Entries of the largest tensor that one label needs on the way; a block has as many labels
        as fit 16 MB in float32.

    Returns
    -------
    output : tensor of shape (n, L, ...)
        The blocks' outputs, joined.
    """
    if fits_a_block(len(per_label[0]), entries):
        return function(*per_label, *shared)
    block_size = max(1, _BLOCK_ENTRIES // entries)
    pieces = []
    for start in range(0, len(per_label[0]), block_size):
        own = [tensor[start : start + block_size] for tensor in per_label]
        pieces.append(_recomputed(function, *own, *shared))
    return torch.cat(pieces, dim=1)


def _recomputed(function, *tensors):
    if torch.is_grad_enabled() and not torch._C._are_functorch_transforms_active():
        return checkpoint(function, *tensors, use_reentrant=False, preserve_rng_state=False)
    return function(*tensors)
