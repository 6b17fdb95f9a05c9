"""Lists of codes per note: checked, and each distinct code looked up once."""

from collections.abc import Iterable
from itertools import chain

from sklearn_icd.codes._normalize import check_is_text
from sklearn_icd.utils._notes import is_missing


def check_code_lists(y):
    """Return the codes of each note as lists of str, or say which one is none."""
    if isinstance(y, str | bytes) or not isinstance(y, Iterable):
        raise TypeError(f"y must be a list of lists of codes, got {type(y).__name__}.")
    notes = [_check_note(codes, f"y[{i}]") for i, codes in enumerate(y)]
    if not all(issubclass(kind, str) for kind in set(map(type, chain.from_iterable(notes)))):
        for i, codes in enumerate(notes):
            check_codes(codes, f"y[{i}]")
    return notes


def _check_note(codes, where):
    if is_missing(codes):
        raise ValueError(f"{where} is missing: give [] for a note without codes, or drop it.")
    if isinstance(codes, str | bytes) or not isinstance(codes, Iterable):
        raise TypeError(
            f"{where} must be a list of codes, got {type(codes).__name__}: "
            "the list of a single code is ['401.9']."
        )
    return list(codes)


def check_codes(codes, name):
    """Refuse what is no string: a missing value, or a number."""
    for i, code in enumerate(codes):
        if is_missing(code):
            raise ValueError(f"{name}[{i}] is missing ({code!r}), not a code: drop it.")
        check_is_text(code, f"{name}[{i}]")


def look_up(notes, function):
    """Return a dict from each distinct code to what a function gives for it."""
    found = {}
    for code in dict.fromkeys(chain.from_iterable(notes)):
        try:
            found[code] = function(code)
        except ValueError as error:
            raise ValueError(f"{place_of({code}, notes)}: {error}") from None
    return found


def place_of(wanted, notes):
    """Say where in the lists one of the wanted codes stands first."""
    return next(
        f"y[{i}][{j}]"
        for i, codes in enumerate(notes)
        for j, code in enumerate(codes)
        if code in wanted
    )
