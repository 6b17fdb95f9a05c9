"""The notes of a comparison: from a reader of the package, made, or from a file."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import numpy as np
from scipy import sparse

from sklearn_icd._compare._file import SUFFIXES, read_file
from sklearn_icd.codes import find_code_system
from sklearn_icd.datasets import (
    load_cantemist,
    load_cmc2007,
    load_codiesp,
    load_mimic3,
    load_mimic4,
    load_pubmed_mesh,
    make_notes,
)
from sklearn_icd.utils._indicator import indicator

READERS = {
    "cantemist": load_cantemist,
    "cmc2007": load_cmc2007,
    "codiesp-en": partial(load_codiesp, language="en"),
    "codiesp-es": partial(load_codiesp, language="es"),
    "pubmed-mesh": load_pubmed_mesh,
}
MIMIC = {
    "mimic3-50": partial(load_mimic3, benchmark="50"),
    "mimic3-clean": partial(load_mimic3, benchmark="clean"),
    "mimic3-full": partial(load_mimic3, benchmark="full"),
    "mimic4-icd10": partial(load_mimic4, benchmark="icd10"),
    "mimic4-icd9": partial(load_mimic4, benchmark="icd9"),
}
_SAME_SPLIT = {"val": "dev", "dev1": "dev", "dev2": "dev"}  # what some corpora call it


@dataclass(frozen=True, repr=False)  # the usual repr would show the notes
class Corpus:
    """Hold notes with their codes.

    Parameters
    ----------
    name : str
        What the notes are.

    notes : list of str of length n
        Their text.

    target : csr_array of shape (n, n_codes)
        1 where a note has a code.

    codes : ndarray of str of shape (n_codes,)
        Names of the columns.

    titles : dict of str to str, default={}
        Titles of the codes, as far as they are known.

    patients : ndarray of shape (n,), default=None
        The patient of each note.

    splits : dict of str to ndarray, default={}
        The rows of "train", "dev" and "test".
    """

    name: str
    notes: list
    target: sparse.csr_array
    codes: np.ndarray
    titles: dict = field(default_factory=dict)
    patients: np.ndarray | None = None
    splits: dict = field(default_factory=dict)

    def take(self, rows):
        """Give the text and the codes of some notes."""
        return [self.notes[row] for row in rows], self.target[rows]

    def patients_of(self, rows):
        """Give the patients of some notes, None where they are not known."""
        return None if self.patients is None else self.patients[rows]

    def cut(self, n_notes, n_codes):
        """Draw some of the notes, and keep the codes that are most frequent in training."""
        order = np.random.RandomState(0).permutation(len(self.notes))
        rows = np.sort(order[:n_notes])
        splits = {
            name: np.flatnonzero(np.isin(rows, members)) for name, members in self.splits.items()
        }
        train = rows[splits["train"]] if "train" in splits else rows
        counts = self.target[train].sum(axis=0)
        columns = np.sort(np.argsort(-counts, kind="stable")[:n_codes])
        return Corpus(
            self.name,
            [self.notes[row] for row in rows],
            self.target[rows][:, columns],
            self.codes[columns],
            self.titles,
            self.patients_of(rows),
            splits,
        )

    @cached_property
    def digest(self):
        """A number that other notes, codes, titles or patients would change."""
        found = hashlib.sha256()
        titles = [self.titles.get(code, "") for code in self.codes.tolist()]
        for text in chain(self.notes, self.codes.tolist(), titles):
            found.update(f"{len(text)} ".encode() + text.encode("utf-8", "surrogatepass"))
        for array in (self.target.indptr, self.target.indices):
            found.update(array.astype(np.int64).tobytes())
        if self.patients is not None:
            found.update("\n".join(map(str, self.patients.tolist())).encode())
        return found.hexdigest()

    def remarks(self):
        """Say what of the notes is unusual, and stays as it is."""
        n_empty = sum(not note.strip() for note in self.notes)
        n_uncoded = int((np.diff(self.target.indptr) == 0).sum())
        n_unused = int((self.target.sum(axis=0) == 0).sum())
        n_untitled = sum(not self.titles.get(code) for code in self.codes.tolist())
        counted = {
            f"{n_empty:,} of {len(self.notes):,} notes are empty": n_empty,
            f"{n_uncoded:,} of {len(self.notes):,} notes have no code": n_uncoded,
            f"{n_unused:,} of {len(self.codes):,} codes are those of no note": n_unused,
            f"{n_untitled:,} of {len(self.codes):,} codes have no known title": n_untitled,
        }
        return [f"{sentence}." for sentence, number in counted.items() if number]


def read_corpus(data, *, data_home=None, root=None, n_notes=None, n_codes=None):
    """Read or make the notes of a comparison.

    Parameters
    ----------
    data : str
        "made", the name of a corpus, or a file.

    data_home, root : str, default=None
        The folder of the corpora, and that of MIMIC's files.

    n_notes, n_codes : int, default=None
        How many to make, or to keep.

    Returns
    -------
    corpus : Corpus
        The notes; those without codes of their own, which some corpora have, are not among them.
    """
    if data == "made":
        corpus = _of_bunch("made notes", make_notes(n_notes or 1000, n_codes or 50, random_state=0))
    elif data in READERS:
        corpus = _of_bunch(data, READERS[data](data_home=data_home))
    elif data in MIMIC:
        if root is None:
            raise ValueError(f"{data} is made from the files of PhysioNet: --root says where.")
        corpus = _of_bunch(data, MIMIC[data](root, data_home=data_home))
    elif data.endswith(SUFFIXES):
        corpus = _of_file(Path(data))
    else:
        known = ", ".join(["made", *READERS, *MIMIC])
        raise ValueError(
            f"there are no notes called {data!r}: there is {known}, or a file, which ends in "
            f"{' or '.join(SUFFIXES)}."
        )
    return corpus.cut(n_notes, n_codes)


def _of_bunch(name, bunch):
    splits = {}
    for split, rows in bunch.splits.items():
        split = _SAME_SPLIT.get(split, split)
        splits[split] = np.append(splits.get(split, np.empty(0, dtype=np.int64)), rows)
    codes, titles = np.asarray(bunch.target_names, dtype=str), bunch.titles
    return Corpus(name, bunch.data, bunch.target, codes, titles, bunch.subject_ids, splits)


def _of_file(path):
    found = read_file(path)
    codes = sorted(set(chain.from_iterable(found.codes)))
    system = find_code_system(codes)
    return Corpus(
        path.name,
        found.texts,
        indicator(found.codes, codes),
        np.array(codes, dtype=str),
        {} if system is None else system.titles(codes),
        None if found.patients is None else np.array(found.patients),
        {
            split: np.flatnonzero(np.array(found.splits) == split)
            for split in dict.fromkeys(found.splits or [])
        },
    )
