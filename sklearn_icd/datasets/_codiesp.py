"""CodiEsp: Spanish clinical cases with ICD-10 codes, evidence spans and an English translation."""

import os

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.codes import normalize_code
from sklearn_icd.datasets._home import corpus_folder, required
from sklearn_icd.datasets._indicator import indicator

SPLITS = ("train", "dev")
TASKS = {"diagnosis": ("D", "DIAGNOSTICO"), "procedure": ("P", "PROCEDIMIENTO")}
SYSTEMS = {"diagnosis": "icd10cm", "procedure": "icd10pcs"}
FOLDERS = {"en": "text_files_en", "es": "text_files"}
WHERE_FROM = (
    "CodiEsp is Zenodo record 3837305 (https://zenodo.org/records/3837305, CC BY 4.0): download "
    "the archive and put its folders 'train' and 'dev' into the folder 'codiesp' of the data home."
)
DESCR = """\
CodiEsp, version 4 (CLEF eHealth 2020), train and dev notes
===========================================================

Clinical case reports in Spanish, 500 to train and 250 to develop on, coded by hand with ICD-10-CM
diagnoses (about 11 a note) and ICD-10-PCS procedures (some notes have none, and some codes are
only the beginning of a full PCS code). The English notes are a machine translation of the Spanish
ones; the evidence spans point into the Spanish text, and a span may have several pieces.

Terms: CC BY 4.0. Source: Zenodo record 3837305, https://zenodo.org/records/3837305.

Miranda-Escalada, A., Gonzalez-Agirre, A., Armengol-Estapé, J. and Krallinger, M. (2020).
Overview of automatic clinical coding: annotations, guidelines, and solutions for non-English
clinical cases at CodiEsp track of CLEF eHealth 2020. CLEF (Working Notes).
"""


@validate_params(
    {
        "subset": [StrOptions({"all", *SPLITS})],
        "task": [StrOptions(set(TASKS))],
        "language": [StrOptions(set(FOLDERS))],
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_codiesp(
    *, subset="all", task="diagnosis", language="en", data_home=None, return_X_y=False
):
    """Load the train and dev notes of CodiEsp from the data home.

    Parameters
    ----------
    subset : {"all", "train", "dev"}, default="all"
        The notes to load: 500 to train, 250 to develop on, or both.

    task : {"diagnosis", "procedure"}, default="diagnosis"
        The codes to load: ICD-10-CM diagnoses (the track CodiEsp-D) or ICD-10-PCS procedures
        (CodiEsp-P).

    language : {"en", "es"}, default="en"
        The notes as written, in Spanish, or their machine translation into English.

    data_home : str or path-like, default=None
        The folder with the subfolder `codiesp`. None reads the environment variable
        ``SKLEARN_ICD_DATA``.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The notes, in the order of their ids, train before dev.
        target : csr_array of shape (n_notes, n_codes), dtype int64
            1 where the note has the code. A note without any code keeps its row, empty.
        target_names : ndarray of shape (n_codes,)
            The codes of train and dev together, sorted: the columns are the same for each
            `subset`.
        ids : ndarray of shape (n_notes,)
            The corpus' names of the notes.
        splits : ndarray of shape (n_notes,)
            "train" or "dev" for each note.
        spans : list of list of (code, pieces), or None
            For each note its evidence, one entry for each mention of a code; `pieces` is a list
            of `(start, end)` character positions in the note, in the annotators' order. None
            for the English notes, which have no evidence.
        DESCR : str
            The corpus, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a file of the corpus is missing; the message says which and where to get it.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_codiesp
    >>> X, y = load_codiesp(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> y.shape  # doctest: +SKIP
    (500, 2194)
    """
    home = corpus_folder(data_home, "codiesp", WHERE_FROM)
    codes = {split: _read_codes(home, split, task) for split in SPLITS}
    names = sorted({code for split in SPLITS for _, code in codes[split]})

    data, ids, splits, coded, spans = [], [], [], [], []
    for split in SPLITS if subset == "all" else (subset,):
        notes = _read_notes(home, split, language)
        data += notes.values()
        ids += notes
        splits += [split] * len(notes)
        coded += _by_note(codes[split], notes)
        if language == "es":
            spans += _by_note(_read_spans(home, split, task), notes)

    target = indicator(coded, names)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=np.array(names),
        ids=np.array(ids),
        splits=np.array(splits),
        spans=spans if language == "es" else None,
        DESCR=DESCR,
    )


def _read_notes(home, split, language):
    """Return {id: note}; line ends stay as they are, because the spans count characters."""
    folder = required(home / split / FOLDERS[language], WHERE_FROM)
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no .txt file. {WHERE_FROM}")
    return {file.stem: file.read_bytes().decode("utf-8") for file in files}


def _read_rows(path):
    lines = required(path, WHERE_FROM).read_text("utf-8").split("\n")
    return [line.split("\t") for line in lines if line]


def _read_codes(home, split, task):
    """Return (id, code) pairs."""
    letter, _ = TASKS[task]
    rows = _read_rows(home / split / f"{split}{letter}.tsv")
    return [(note, normalize_code(code, SYSTEMS[task])) for note, code in rows]


def _read_spans(home, split, task):
    """Return (id, (code, pieces)) pairs."""
    _, label = TASKS[task]
    return [
        (note, (normalize_code(code, SYSTEMS[task]), _pieces(positions)))
        for note, kind, code, _, positions in _read_rows(home / split / f"{split}X.tsv")
        if kind == label
    ]


def _pieces(positions):
    """Read "540 583;955 964" as [(540, 583), (955, 964)]; four pieces of version 4 are empty."""
    pairs = (tuple(map(int, piece.split())) for piece in positions.split(";"))
    return [(start, end) for start, end in pairs if start < end]


def _by_note(pairs, notes):
    """Return for each note the list of its values."""
    values = {note: [] for note in notes}
    for note, value in pairs:
        values[note].append(value)
    return list(values.values())
