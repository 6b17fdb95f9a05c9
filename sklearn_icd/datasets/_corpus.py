"""What the readers of corpora share: notes in splits, and the bunch that they are given as."""

from itertools import chain
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_icd.codes import CodeSystem, normalize_code
from sklearn_icd.datasets._home import required
from sklearn_icd.datasets._spans import span_table
from sklearn_icd.utils._indicator import indicator


class Note(NamedTuple):
    """Hold one note, with None for what the corpus does not say.

    Mentions are pairs of a code and its pieces, a list of (start, end).
    """

    name: str
    text: str
    codes: list | None
    mentions: list | None = None


def corpus_bunch(splits, names, descr):
    """Return the bunch of a corpus, but for the titles of its codes.

    Parameters
    ----------
    splits : dict of str to list of Note
        The notes of each split.

    names : list of str
        The codes, sorted.

    descr : str
        The corpus, its source and its terms.
    """
    notes = list(chain.from_iterable(splits.values()))
    ends = np.cumsum([len(some) for some in splits.values()])
    rows = np.split(np.arange(len(notes)), ends[:-1])
    return Bunch(
        data=[note.text for note in notes],
        target=_target(notes, names),
        target_names=np.array(names, dtype=str),
        ids=np.array([note.name for note in notes]),
        subject_ids=None,
        splits=Bunch(**dict(zip(splits, rows, strict=True))),
        spans=_spans(notes),
        DESCR=descr,
    )


def _target(notes, names):
    if any(note.codes is None for note in notes):
        return None
    return indicator([note.codes for note in notes], names)


def _spans(notes):
    if any(note.mentions is None for note in notes):
        return None
    return span_table(
        (row, code, pieces) for row, note in enumerate(notes) for code, pieces in note.mentions
    )


def chosen_splits(subset, paths):
    """Return the splits that a subset means, from the paths of all those that have codes.

    "all" leaves out the test notes where the data home does not have them.
    """
    if subset != "all":
        return [subset]
    return [split for split, path in paths.items() if split != "test" or path.exists()]


def needed_splits(subset, splits):
    """Return the splits that a subset takes its notes and its columns from, of those with codes."""
    return [*splits] if subset == "all" else [*({*splits} - {"test"}), subset]


def known_titles(names, system):
    """Return the titles of the codes that a coding system knows."""
    code_system = CodeSystem(system)
    return {code: code_system.title(code) for code in names if code in code_system}


def spelling(code, system):
    """Return the normal spelling of a code, or the code in upper case if it is misshapen."""
    try:
        return normalize_code(code, system)
    except ValueError:
        return code.strip().upper()


def read_texts(folder, where_from):
    """Return {name: text}; line ends stay as they are, because spans count characters."""
    files = sorted(required(folder, where_from).glob("*.txt"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no .txt file. {where_from}")
    return {file.stem: file.read_bytes().decode("utf-8") for file in files}


def read_rows(path, where_from):
    """Return the lines of a table, cut at its tabs."""
    lines = required(path, where_from).read_text("utf-8").split("\n")
    return [line.split("\t") for line in lines if line]


def by_note(pairs, texts, where_from):
    """Return for each note the list of its values, from (name, value) pairs."""
    values = {name: [] for name in texts}
    for name, value in pairs:
        if name not in values:
            raise FileNotFoundError(
                f"The corpus has codes for a note {name!r}, but no text. {where_from}"
            )
        values[name].append(value)
    return list(values.values())
