"""In training, the tokens of a pretrained transformer look at each other by our self-attention."""

from functools import cache

import torch

from sklearn_icd.nn._self_attention import head_by_head, pays

_FUSED = "sdpa"  # what transformers calls torch's fused attention


class _Name(str):
    """Name a way to attend inside this process; copies and pickles have the one it replaced."""

    __slots__ = ()

    def __reduce__(self):
        return str, (_FUSED,)


_OWN = _Name("sklearn_icd")


def use_self_attention(transformer):
    """Let a transformer that attends by torch's fused attention do so by ours, where it pays.

    It pays in training on the CPU with dropout of attention, which torch's fused attention has no
    kernel for there, and for segments that are long enough. Everything else is computed by the same
    call as before. What the transformer saves does not name our attention.

    Parameters
    ----------
    transformer : transformers.PreTrainedModel
        Changed in place, unless its architecture attends in another way: tokens that see only
        those before them, or layers that transformers cannot switch.
    """
    if transformer.config._attn_implementation == _FUSED and _can_be_switched(transformer):
        _register()
        transformer.set_attn_implementation(_OWN)


def _can_be_switched(transformer):
    return (
        transformer._can_set_attn_implementation()
        and not transformer.config.sub_configs
        and any(_sees_both_ways(module) for module in transformer.modules())
    )


def _sees_both_ways(module):
    return getattr(module, "is_causal", True) is False


@cache
def _register():
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_OWN, _attend)
    AttentionMaskInterface.register(_OWN, AttentionMaskInterface()[_FUSED])


def _attend(module, query, key, value, attention_mask, dropout=0.0, **options):
    from transformers import AttentionInterface

    output = None
    is_own = dropout and pays(query, key, value, dropout)
    if is_own and _is_plain(module, query, attention_mask, **options):
        mask = None if attention_mask is None else attention_mask[:, 0, 0]
        output = head_by_head(query, key, value, mask, dropout)
    if output is None:
        fused = AttentionInterface()[_FUSED]
        return fused(module, query, key, value, attention_mask, dropout=dropout, **options)
    return output.transpose(1, 2).contiguous(), None


def _is_plain(module, query, mask, scaling=None, **options):
    """Tell whether each token sees all real ones, scaled as usual, and nothing else is asked."""
    return (
        _sees_both_ways(module)
        and scaling in (None, query.shape[-1] ** -0.5)
        and not any(option is not None and option is not False for option in options.values())
        and (mask is None or _is_of_padding(mask))
    )


def _is_of_padding(mask):
    """Tell whether all tokens of a segment see the same ones."""
    return (
        mask.dtype == torch.bool
        and mask.dim() == 4
        and mask.shape[1] == 1
        and bool((mask == mask[:, :, :1]).all())
    )
