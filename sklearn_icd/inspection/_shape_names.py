"""Shapes in words: which dimension is notes, words or codes, by what it changes with."""

from math import prod


def name_shape(shapes, inputs, n_codes, *, gives_codes=False):
    """Name the dimensions of a tensor by what they change with.

    Parameters
    ----------
    shapes : sequence of tuple of int
        The shape of the tensor in several runs: in the first, then in one for each dimension of
        the input, in which that dimension alone is another.

    inputs : dict of str to tuple of (int, int)
        For each dimension of the input, its name, its size in the first run and the other one.

    n_codes : int
        Number of logits.

    gives_codes : bool, default=False
        Whether a tensor with two dimensions has a number for each note and code.

    Returns
    -------
    text : str
        Such as ``"notes x (words / 2) x 64"``; a number is the same whatever the notes are.

    Examples
    --------
    >>> from sklearn_icd.inspection._shape_names import name_shape
    >>> inputs = {"notes": (2, 3), "words": (300, 600)}
    >>> name_shape([(2, 301, 64), (3, 301, 64), (2, 601, 64)], inputs, 5)
    'notes x (words + 1) x 64'
    """
    if len({len(shape) for shape in shapes}) > 1:
        return " x ".join(map(str, shapes[0]))
    dimensions = list(zip(*shapes, strict=True))
    named = [_name_size(sizes, inputs, n_codes) for sizes in dimensions]
    # The last dimension of others is a width, which may happen to be the number of codes.
    if named[-1] == "codes" and len(named) > 1 and not (gives_codes and len(named) == 2):
        named[-1] = str(n_codes)
    return " x ".join(named)


def _name_size(sizes, inputs, n_codes):
    """Name one dimension by its sizes in the runs."""
    first, *others = sizes
    changes = [
        (name, before, after, size)
        for (name, (before, after)), size in zip(inputs.items(), others, strict=True)
        if size != first
    ]
    if not changes:
        return "codes" if first == n_codes else str(first)
    names = " · ".join(name for name, *_ in changes)
    whole = prod(before for _, before, _, _ in changes)
    if first == whole:
        return names if len(changes) == 1 else f"({names})"
    _, before, after, size = changes[0]
    if len(changes) == 1 and size - first == after - before:
        return f"({names} {'+' if first > whole else '-'} {abs(first - whole)})"
    if first % whole == 0:
        times = first // whole
        return f"({names} · {'codes' if times == n_codes else times})"
    about = "" if whole % first == 0 else "≈ "
    return f"({about}{names} / {round(whole / first)})"
