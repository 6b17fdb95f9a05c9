"""Notes from a file of one's own; no message has a word of what is in it."""

from importlib.util import find_spec
from typing import NamedTuple

SUFFIXES = (".csv", ".csv.gz", ".parquet")
SPLITS = ("train", "dev", "test")
_WANTED = (
    "A file of notes has the columns text and codes ('I10;E11.9', or lists) and, where there "
    "are such, subject_id (the patient) and split (train, dev or test)."
)


class NotesOfFile(NamedTuple):
    """Hold the columns of a file, None for those that it has not."""

    texts: list
    codes: list
    patients: list | None
    splits: list | None


def read_file(path):
    """Read notes and their codes.

    Parameters
    ----------
    path : pathlib.Path
        A file with one row for each note.

    Returns
    -------
    notes : NotesOfFile
        An empty cell is an empty text, or no code.
    """
    table = _read_table(path)
    if missing := [name for name in ("text", "codes") if name not in table.columns]:
        raise ValueError(f"{path} has no column {' and no column '.join(missing)}. {_WANTED}")
    texts, codes = _texts(table, path), _codes(table, path)
    if not any(text.strip() for text in texts):
        raise ValueError(f"{path} has no note with text in it. {_WANTED}")
    if not any(codes):
        raise ValueError(f"{path} has no note with a code: its column codes is empty. {_WANTED}")
    patients = _filled(table, path, "subject_id")
    splits = _filled(table, path, "split")
    for row, split in enumerate(splits or [], start=1):
        if split not in SPLITS:
            raise ValueError(f"{path}, note {row}: split is none of {', '.join(SPLITS)}.")
    return NotesOfFile(texts, codes, patients, splits)


def _read_table(path):
    if find_spec("polars") is None:
        raise ImportError(f"Reading {path} needs polars: pip install 'sklearn-icd[data]'.")
    import polars as pl
    from polars.exceptions import PolarsError

    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: --data names a file, or a corpus.")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        # All is text, so that a patient 007 keeps the zeros.
        return pl.read_csv(path, infer_schema=False, glob=False)
    except (PolarsError, UnicodeDecodeError):
        raise ValueError(
            f"{path} cannot be read as a table in UTF-8 with a line of names: a row has too many "
            "cells, or a quotation mark is missing."
        ) from None


def _texts(table, path):
    texts = ["" if text is None else text for text in table["text"].to_list()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{path}: the column text holds {table.schema['text']}, not text.")
    return texts


def _codes(table, path):
    """Give the list of codes of each note; an empty cell is an empty list."""
    cells = [[] if cell is None else cell for cell in table["codes"].to_list()]
    rows = [cell.split(";") if isinstance(cell, str) else cell for cell in cells]
    if not all(isinstance(row, list) and all(isinstance(c, str) for c in row) for row in rows):
        raise ValueError(
            f"{path}: the column codes holds {table.schema['codes']}, not text or lists of text."
        )
    return [[code.strip() for code in row if code.strip()] for row in rows]


def _filled(table, path, name):
    """Give a column that a file may lack, but that has no gaps where it is there."""
    if name not in table.columns:
        return None
    cells = [None if cell is None else str(cell).strip() for cell in table[name].to_list()]
    for row, cell in enumerate(cells, start=1):
        if not cell:
            raise ValueError(f"{path}, note {row}: {name} is empty. {_WANTED}")
    return cells
