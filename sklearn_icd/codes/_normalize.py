"""One spelling for each code, however a file happened to write it."""

import re
from numbers import Number

# The part before the dot, an optional dot, the part after it.
_SHAPES = {
    "icd9cm": re.compile(r"(V[0-9]{2}|E[0-9]{3}|[0-9]{3})\.?([0-9]{0,2})"),
    "icd9proc": re.compile(r"([0-9]{2})\.?([0-9]{0,2})"),
    "icd10cm": re.compile(r"([A-Z][0-9A-Z]{2})\.?([0-9A-Z]{0,4})"),
    # The letters I and O are left out of the system, which tells them from 1 and 0.
    "icd10pcs": re.compile(r"([0-9A-HJ-NP-Z]{3,7})()"),
}

_LONGEST_SHOWN = 20

_WANTED = {
    "icd9cm": "an ICD-9-CM diagnosis, such as '401.9', 'V15.82' or 'E885.9'",
    "icd9proc": "an ICD-9-CM procedure, such as '38.93'",
    "icd10cm": "an ICD-10-CM diagnosis, such as 'I25.10'",
    "icd10pcs": "an ICD-10-PCS procedure of 3 to 7 characters, such as '0016070'",
}


def normalize_code(code, system):
    """
    Write a code the one way its system prints it.

    Blanks around the code go, letters become upper case, and the dot is put where
    the system has it. A code that is already written so comes back unchanged. Only
    the spelling is looked at: whether the code exists, ask a
    :class:`~sklearn_icd.codes.CodeSystem`.

    Parameters
    ----------
    code : str
        One code, with or without its dot.
    system : {"icd9cm", "icd9proc", "icd10cm", "icd10pcs"}
        The coding system: ICD-9-CM diagnoses, ICD-9-CM procedures (volume 3),
        ICD-10-CM diagnoses or ICD-10-PCS procedures, by the names of the OMOP
        vocabularies in lower case.

    Returns
    -------
    str
        The code in upper case and with its dot, if its system has one.

    Raises
    ------
    TypeError
        If `code` is not a string.
    ValueError
        If `code` cannot be a code of the system: it is empty, has a dot in another
        place or has characters that the system does not use.

    Examples
    --------
    >>> from sklearn_icd.codes import normalize_code
    >>> normalize_code(" 4019", "icd9cm")
    '401.9'
    >>> normalize_code("E8859", "icd9cm")
    'E885.9'
    >>> normalize_code("3893", "icd9proc")
    '38.93'
    >>> normalize_code("i2510", "icd10cm")
    'I25.10'
    """
    if system not in _SHAPES:
        raise ValueError(f"system must be one of {sorted(_SHAPES)}, got {system!r}.")
    check_is_text(code, "code")
    match = _SHAPES[system].fullmatch(code.strip().upper())
    if match is None:
        what = f"{show(code)} is not" if code.strip() else "an empty code is not"
        raise ValueError(f"{what} {_WANTED[system]}.")
    head, tail = match.groups()
    return f"{head}.{tail}" if tail else head


def check_is_text(code, name):
    """Refuse what is no string, numbers above all."""
    if not isinstance(code, str):
        shown = f" ({code!r})" if isinstance(code, Number) else ""
        raise TypeError(
            f"{name} must be a str, got {type(code).__name__}{shown}. Numbers lose the zeros of a "
            "code (042 becomes 42, 250.00 becomes 250.0): read the column of codes as text, as in "
            "pandas.read_csv(..., dtype=str)."
        )


def show(code):
    """Quote a code, but no longer text: it may be a note that was passed in place of codes."""
    return repr(code) if len(code) <= _LONGEST_SHOWN else f"a text of {len(code)} characters"
