"""Attend with each label, and score what it saw, in the memory of one tile."""

import warnings
from functools import cache

import torch

from sklearn_icd.nn._attention import attention_weights, fits_a_block, in_label_blocks
from sklearn_icd.nn._products import has_fast_products
from sklearn_icd.nn._tiles import TiledLogits, TiledLoss, TiledVectors, Tokens
from sklearn_icd.nn._triton import TritonLogits, kernels_fit

# From how many cells on (labels times positions) tiles pay on the CPU where float32 products are
# fast, as they are in tiles only; other products gain less.
_FEWEST_CELLS = 2**19
_DTYPES = {torch.bfloat16, torch.float32, torch.float64}


def label_attention(queries, keys, values, mask=None, weight=None, bias=None):
    """Attend with each label, and score what it saw.

    ``logit_l = sum_t softmax_t(q_l . k_t) (w_l . v_t) + b_l``. Where the attention of all labels
    would not fit a small block, it is computed tile by tile, over the real positions alone, and
    once more in backward, so that nothing of shape (n, L, t) is kept.

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

    Returns
    -------
    output : tensor of shape (n, L), or (n, L, d) without `weight`
        The logits, or the pooled vectors.

    See Also
    --------
    label_attention_loss : Computes the loss of the logits at the same time.
    """
    if not _is_tiled(queries, keys, values, weight):
        output = _in_blocks(queries, keys, values, mask, weight)
    elif weight is None:
        output = _tiled(TiledVectors, (queries, keys, values), mask)
    else:
        values, weight = _scored_by_label(values, weight, len(queries))
        output = _logits(queries, keys, values, weight, mask)
    return output if bias is None else output + bias


def label_attention_loss(queries, keys, values, mask, weight, bias, y, loss):
    """Attend with each label, score what it saw, and compute the loss of the logits.

    Where the loss is a mean over cells, the gradients of a tile follow as soon as its logits are
    known: each tile is visited once, and backward has nothing left to do. Kernels on a GPU, which
    never see the whole row of a label, compute each tile twice instead.

    Parameters
    ----------
    queries : tensor of shape (L, a)
        One query per label.

    keys : tensor of shape (n, t, a)
        One key per position.

    values : tensor of shape (n, t, d)
        What is pooled at each position.

    mask : tensor of bool of shape (n, t), or None
        Real positions. None: all are.

    weight : tensor of shape (L, d) or (1, d)
        How each label, or all alike, scores the pooled vector.

    bias : tensor of shape (L,) or (1,)
        Added to the logits.

    y : tensor of shape (n, L)
        Targets.

    loss : callable
        Takes logits and targets. If it has an attribute `cells` that is not None, it is the mean
        of ``cells(logits, y)``, of positive cells only those that ``counts(logits of the positive
        cells)`` gives 1, if it has `counts`.

    Returns
    -------
    loss : tensor of shape ()
        The loss of the batch.
    """
    cells = getattr(loss, "cells", None)
    is_fused = cells is not None and torch.is_grad_enabled()
    if not is_fused or not _is_tiled(queries, keys, values, weight):
        return loss(label_attention(queries, keys, values, mask, weight, bias), y)
    values, weight = _scored_by_label(values, weight, len(queries))
    if kernels_fit(queries, values, _dtype_of_products(queries, keys)):
        return loss(_logits(queries, keys, values, weight, mask) + bias, y)
    bias = bias.expand(len(queries))
    counts = getattr(loss, "counts", None)
    return _tiled(TiledLoss, (queries, keys, values, weight, bias, y, cells, counts), mask)


def _scored_by_label(values, weight, n_labels):
    """Where one weight serves all labels, score the values with it first."""
    if weight.shape[0] == 1:
        return values @ weight.T, weight.new_ones(n_labels, 1)
    return values, weight


def _is_tiled(queries, keys, *others):
    if _is_plain_faster(len(queries), keys):
        return False
    reason = what_is_exotic([tensor for tensor in (queries, keys, *others) if tensor is not None])
    if reason:
        _say_once(reason)
    return not reason


def _is_plain_faster(n_labels, keys):
    n, t, _ = keys.shape
    if keys.device.type != "cpu":
        return fits_a_block(n_labels, n * t)
    gains_most = has_fast_products("cpu", product_dtype(keys))
    return n_labels * n * t < (_FEWEST_CELLS if gains_most else 2 * _FEWEST_CELLS)


def what_is_exotic(tensors):
    """Say of some tensors what our own functions of autograd do not know; None if they do."""
    if not all(type(tensor) in (torch.Tensor, torch.nn.Parameter) for tensor in tensors):
        return "a subclass of Tensor"
    if {tensor.device.type for tensor in tensors} - {"cpu", "cuda"}:
        return f"the device {tensors[0].device.type!r}"
    if {product_dtype(tensor) for tensor in tensors} - _DTYPES:
        return f"products in {product_dtype(tensors[0])}"
    if torch._C._are_functorch_transforms_active():
        return "torch.func"
    return None


@cache
def _say_once(reason):
    warnings.warn(
        f"Label attention with {reason} is computed in blocks by autograd: exact, but slower and "
        "with more memory than the tiles that it uses for float32, float64 and bfloat16 tensors "
        "on the CPU and on CUDA.",
        stacklevel=5,
    )


def product_dtype(tensor):
    """Give the type that products of a tensor are computed in, under autocast or not."""
    device = tensor.device.type
    is_cast = torch.is_autocast_enabled(device) and tensor.dtype != torch.float64
    return torch.get_autocast_dtype(device) if is_cast else tensor.dtype


def _dtype_of_products(queries, keys):
    return torch.promote_types(product_dtype(queries), product_dtype(keys))


def _logits(queries, keys, values, weight, mask):
    fit = kernels_fit(queries, values, _dtype_of_products(queries, keys))
    return _tiled(TritonLogits if fit else TiledLogits, (queries, keys, values, weight), mask)


@torch.compiler.disable
def _tiled(function, tensors, mask):
    queries, keys = tensors[:2]
    dtype = _dtype_of_products(queries, keys)
    return function.apply(*tensors, Tokens(mask, keys.shape[:2]), dtype)


def _in_blocks(queries, keys, values, mask, weight):
    n, t, _ = keys.shape
    if weight is None or weight.shape[0] == 1:
        return in_label_blocks(
            _attend_alike, (queries,), (keys, values, mask, weight), entries=n * t
        )
    return in_label_blocks(_attend, (queries, weight), (keys, values, mask), entries=n * t)


def _attend_alike(queries, keys, values, mask, weight):
    return _attend(queries, weight, keys, values, mask)


def _attend(queries, weight, keys, values, mask):
    pooled = attention_weights(queries, keys, mask) @ values  # (n, l, d)
    return pooled if weight is None else (pooled * weight).sum(dim=-1)
