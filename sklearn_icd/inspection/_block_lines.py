"""What a block of a network is made of, a line for each block inside it, with its sizes."""

import inspect
from typing import NamedTuple

# What torch's own layers call the widths that they take and give, and their other sizes.
_WIDTHS = [
    ("in_features", "out_features"),
    ("in_channels", "out_channels"),
    ("input_size", "hidden_size"),
    ("num_embeddings", "embedding_dim"),
]
_OTHER_SIZES = {
    "kernel_size": "kernel",
    "normalized_shape": "",
    "num_features": "",
    "num_heads": "heads",
    "p": "p",
}
_NO_SIZE = {"seed"}


def block_lines(module):
    """Say what a block is, and what the blocks inside it are.

    Parameters
    ----------
    module : torch.nn.Module
        The block.

    Returns
    -------
    lines : list of str
        The class and the sizes of the block, then of those inside it, indented by two spaces a
        level. Neighbours that are built alike share a line: ``"3 x Linear 8 -> 4"``.
    """
    return list(_lines([module], 1, 0))


def own_sizes(module):
    """Give the sizes that a block has of its own, without those of the blocks inside it.

    Parameters
    ----------
    module : torch.nn.Module
        The block.

    Returns
    -------
    sizes : list of tuple of (str, str)
        What each is called, empty where it needs no name, and how large it is.
    """
    sizes = [
        ("", f"{getattr(module, first)} → {getattr(module, last)}")
        for first, last in _WIDTHS
        if hasattr(module, first) and hasattr(module, last)
    ]
    for attribute, name in _OTHER_SIZES.items():
        if attribute in vars(module):
            sizes.append((name, _written(getattr(module, attribute))))
    return sizes or [*_kept_numbers(module), *_own_tensors(module), *_width_of_pretrained(module)]


def written_sizes(sizes):
    """Write sizes into one line.

    Parameters
    ----------
    sizes : list of tuple of (str, str)
        Names and values, as `own_sizes` gives them.

    Returns
    -------
    text : str
        Such as ``"64 -> 32, kernel 3"``.
    """
    return ", ".join(f"{name} {value}".strip() for name, value in sizes)


def _lines(alike, count, level):
    """Give the lines of blocks that are built alike, of which each parent has so many."""
    times = f"{count} x " if count > 1 else ""
    if _is_list(alike[0]) and level > 0:
        yield "  " * level + f"{times}in turn:"
    else:
        text = f"{times}{type(alike[0]).__name__} {written_sizes(_joined_sizes(alike))}"
        yield "  " * level + text.rstrip()
    for same in _neighbours(list(zip(*(_parts(module) for module in alike), strict=True))):
        members = [part.module for position in same for part in position]
        yield from _lines(members, len(same), level + 1)


def _joined_sizes(alike):
    names = [name for name, _ in own_sizes(alike[0])]
    values = zip(*([value for _, value in own_sizes(module)] for module in alike), strict=True)
    different = [list(dict.fromkeys(of_one)) for of_one in values]
    between = [" / " if " " in values[0] else "/" for values in different]
    return [(n, by.join(v)) for n, v, by in zip(names, different, between, strict=True)]


def _neighbours(positions):
    """Put neighbours together that are alike, or are built alike and stand in one list."""
    groups = []
    for position in positions:
        if groups and _belong_together(groups[-1][-1], position):
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def _belong_together(before, after):
    pairs = list(zip(before, after, strict=True))
    if _build(before[0].module) != _build(after[0].module):
        return False
    return before[0].place == after[0].place or all(
        block_lines(one.module) == block_lines(other.module) for one, other in pairs
    )


def _build(module):
    """Give how a block is built, but for its sizes."""
    names = [name for name, _ in own_sizes(module)]
    return type(module), tuple(names), tuple(_build(part.module) for part in _parts(module))


class _Part(NamedTuple):
    """A block inside another, and which attribute of that holds it."""

    place: str
    module: object


def _parts(module):
    """Give the blocks directly inside a block; lists of blocks are opened."""
    if _is_pretrained(module):
        return [_Part("layers", layer) for layer in _layers(module)]
    parts = []
    for name, child in module.named_children():
        inside = [part.module for part in _parts(child)] if _is_list(child) else [child]
        if _is_list(module) and len(inside) > 1:
            inside = [child]
        parts += [_Part("" if _is_list(module) else name, block) for block in inside]
    return [part for part in parts if has_effect(part.module)]


def _layers(pretrained):
    """Give the outermost lists of layers of a pretrained model."""
    from torch import nn

    lists = [module for module in pretrained.modules() if isinstance(module, nn.ModuleList)]
    inside = {id(m) for outer in lists for m in outer.modules() if m is not outer}
    return [layer for outer in lists if id(outer) not in inside for layer in outer]


def has_effect(module):
    """Tell whether a block can change what goes through it.

    Parameters
    ----------
    module : torch.nn.Module
        The block.

    Returns
    -------
    has_effect : bool
        False for the identity, and for dropout of nothing.
    """
    from torch import nn

    return not isinstance(module, nn.Identity) and getattr(module, "p", 1) != 0


def _is_list(module):
    from torch import nn

    return isinstance(module, nn.Sequential | nn.ModuleList)


def _is_pretrained(module):
    return type(module).__module__.startswith("transformers.")


def _width_of_pretrained(module):
    if not _is_pretrained(module) or not hasattr(module, "config"):
        return []
    return [("width", str(getattr(module.config, "hidden_size", "?")))]


def _kept_numbers(module):
    """Give the whole numbers that a block was made with and has kept."""
    asked = inspect.signature(type(module).__init__).parameters
    return [
        (name, str(value))
        for name, value in vars(module).items()
        if name in asked and type(value) is int and name not in _NO_SIZE
    ]


def _own_tensors(module):
    """Give the sizes of the tables of a block; weights and biases of norms go without saying."""
    tensors = dict(module.named_parameters(recurse=False))
    tensors |= {k: v for k, v in module.named_buffers(recurse=False) if v.ndim > 1}
    return [
        (name, " x ".join(map(str, tensor.shape)))
        for name, tensor in tensors.items()
        if tensor.ndim > 1 or name not in ("weight", "bias")
    ]


def _written(value):
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    return f"{value:g}"
