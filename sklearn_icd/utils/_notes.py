"""Validation of raw notes, the input of every text step."""

from collections.abc import Sequence
from numbers import Real

_WANTED = "a list, array or series of str"


def check_notes(notes, *, name="notes"):
    """Return notes as a list of str, or say which one is not text.

    Parameters
    ----------
    notes : list, tuple, ndarray, pandas or polars Series of str, of length n
        Raw notes; empty ones are allowed.
    name : str, default="notes"
        What error messages call the notes.

    Returns
    -------
    notes : list of str
        The same notes in a new list.

    Raises
    ------
    TypeError
        If the notes are no sequence or one of them is not text. The message names its position,
        never its content.
    ValueError
        If a note is missing (None, NaN) or the notes have another number of dimensions than one.

    Examples
    --------
    >>> check_notes(("chest pain", ""))
    ['chest pain', '']
    """
    kind = type(notes).__name__
    if isinstance(notes, str | bytes):
        raise TypeError(f"{name} must be {_WANTED}, got a single {kind}: put it in a list.")
    shape = getattr(notes, "shape", None)
    if shape is None and not isinstance(notes, Sequence):
        raise TypeError(f"{name} must be {_WANTED}, got {kind}.")
    if shape is not None and len(shape) != 1:
        raise ValueError(
            f"{name} must be one-dimensional, {_WANTED}, got {kind} of shape {tuple(shape)}: "
            "select the one column that holds the text."
        )
    texts = notes.tolist() if hasattr(notes, "tolist") else list(notes)
    kinds = set(map(type, texts))
    if kinds <= {str}:
        return texts
    if all(issubclass(kind, str) for kind in kinds):
        return list(map(str, texts))
    position = next(i for i, text in enumerate(texts) if not isinstance(text, str))
    raise _not_text(texts[position], f"{name}[{position}]")


def is_missing(value):
    """Tell whether a value is what a table holds in place of one: None, NaN, NA or NaT."""
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, Real) and value != value)
    )


def _not_text(value, where):
    kind = type(value).__name__
    if is_missing(value):
        return ValueError(f"{where} is missing: give '' for an empty note, or drop the row.")
    hint = ": decode it first, as in note.decode('utf-8')" if isinstance(value, bytes) else ""
    return TypeError(f"{where} must be a str, got {kind}{hint}.")
