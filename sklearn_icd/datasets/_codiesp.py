"""CodiEsp: Spanish clinical cases with ICD-10 codes, evidence spans and an English translation."""

import os

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._corpus import (
    Note,
    by_note,
    chosen_splits,
    corpus_bunch,
    known_titles,
    needed_splits,
    read_rows,
    read_texts,
    spelling,
)
from sklearn_icd.datasets._fetch import fetch_archive
from sklearn_icd.datasets._home import corpus_folder, home_path

# This address could not be tried where this was written.
URL = "https://zenodo.org/records/3837305/files/codiesp.zip"
# As Zenodo gives it, quoted by two independent public readers of the corpus.
CHECKSUM = "md5:0642277ab2e7234f7053316b57c5e28c"
CODED = ("train", "dev", "test")
SPLITS = (*CODED, "background")
TASKS = {"diagnosis": ("D", "DIAGNOSTICO"), "procedure": ("P", "PROCEDIMIENTO")}
SYSTEMS = {"diagnosis": "icd10cm", "procedure": "icd10pcs"}
FOLDERS = {"en": "text_files_en", "es": "text_files"}
WHERE_FROM = (
    "fetch_codiesp() downloads CodiEsp, which is Zenodo record 3837305 "
    "(https://zenodo.org/records/3837305, CC BY 4.0). By hand: download the archive and put its "
    f"folders {', '.join(SPLITS)} into the folder 'codiesp' of the data home."
)
DESCR = """\
CodiEsp, version 4 (CLEF eHealth 2020)
======================================

Clinical case reports in Spanish, 500 to train, 250 to develop on and 250 to test, coded by hand
with ICD-10-CM diagnoses (about 11 a note) and ICD-10-PCS procedures (some notes have none, and
some codes are only the beginning of a full PCS code). 2,751 more, the background notes, have no
codes. The English notes are a machine translation of the Spanish ones; the evidence spans point
into the Spanish text, and a span may have several pieces.

Terms: CC BY 4.0. Source: Zenodo record 3837305, https://zenodo.org/records/3837305.

Miranda-Escalada, A., Gonzalez-Agirre, A., Armengol-Estapé, J. and Krallinger, M. (2020).
Overview of automatic clinical coding: annotations, guidelines, and solutions for non-English
clinical cases at CodiEsp track of CLEF eHealth 2020. CLEF (Working Notes).
"""
_PARAMETERS = {
    "subset": [StrOptions({"all", *SPLITS})],
    "task": [StrOptions(set(TASKS))],
    "language": [StrOptions(set(FOLDERS))],
    "data_home": [str, os.PathLike, None],
    "return_X_y": ["boolean"],
}


@validate_params(_PARAMETERS, prefer_skip_nested_validation=True)
def load_codiesp(
    *, subset="all", task="diagnosis", language="en", data_home=None, return_X_y=False
):
    """Load CodiEsp from the data home.

    Parameters
    ----------
    subset : {"all", "train", "dev", "test", "background"}, default="all"
        The notes to load: 500 to train, 250 to develop on, 250 to test, or 2,751 without codes.
        "all" are the notes with codes: train, dev and, where the data home has them, test.

    task : {"diagnosis", "procedure"}, default="diagnosis"
        The codes to load: ICD-10-CM diagnoses (the track CodiEsp-D) or ICD-10-PCS procedures
        (CodiEsp-P).

    language : {"en", "es"}, default="en"
        The notes as written, in Spanish, or their machine translation into English.

    data_home : str or path-like, default=None
        The folder with the subfolder `codiesp`, as of :func:`data_home`.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The notes, in the order of their ids, train before dev before test.
        target : csr_array of shape (n_notes, n_codes), dtype int64, or None
            1 where the note has the code. A note without any code keeps its row, empty. None for
            the background notes, which were not coded.
        target_names : ndarray of shape (n_codes,)
            The codes of train and dev together, sorted; where test notes are loaded, theirs too.
            The columns of "train" and "dev" are the same, whether the data home has the test
            notes or not. To train and to test on the same columns, load "all" and use `splits`.
        ids : ndarray of shape (n_notes,)
            The corpus' names of the notes.
        subject_ids : None
            The corpus does not say which notes are of one patient.
        splits : :class:`~sklearn.utils.Bunch`
            From the name of each split that was loaded to its rows, an int64 array.
        titles : dict of str to str
            From each code to its title; the few codes that :class:`~sklearn_icd.codes.CodeSystem`
            does not know are missing.
        spans : structured ndarray, or None
            The evidence, one row for each piece of a mention of a code: `note`, the row of the
            note, `mention`, a number that the pieces of one mention share, `code`, and `start`
            and `end`, in characters of the note. None for the English and the background notes,
            which have no evidence.
        DESCR : str
            The corpus, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a file of the corpus is missing; the message says which and where to get it.

    See Also
    --------
    fetch_codiesp : Download the corpus if it is not there.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_codiesp
    >>> X, y = load_codiesp(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> y.shape  # doctest: +SKIP
    (500, 2194)
    """
    home = corpus_folder(data_home, "codiesp", WHERE_FROM)
    chosen = chosen_splits(subset, {split: home / split for split in CODED})
    codes = {
        split: _read_codes(home, split, task)
        for split in CODED
        if split in chosen or split != "test"
    }
    names = sorted({code for pairs in codes.values() for _, code in pairs})
    splits = {split: _read_notes(home, split, task, language, codes.get(split)) for split in chosen}
    bunch = corpus_bunch(splits, names, DESCR)
    if return_X_y:
        return bunch.data, bunch.target
    bunch.titles = known_titles(names, SYSTEMS[task])
    return bunch


@validate_params(
    _PARAMETERS | {"download_if_missing": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_codiesp(
    *,
    subset="all",
    task="diagnosis",
    language="en",
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
):
    """Load CodiEsp, and download it first if it is not there.

    The archive of the whole corpus comes from Zenodo and is unpacked into the subfolder
    `codiesp` of the data home. What is there already stays.

    Parameters
    ----------
    subset : {"all", "train", "dev", "test", "background"}, default="all"
        The notes to load, as of :func:`load_codiesp`.

    task : {"diagnosis", "procedure"}, default="diagnosis"
        The codes to load, as of :func:`load_codiesp`.

    language : {"en", "es"}, default="en"
        The language of the notes, as of :func:`load_codiesp`.

    data_home : str or path-like, default=None
        The folder to download into, as of :func:`data_home`. It is made if need be.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an error.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        The notes and their codes, as of :func:`load_codiesp`.

    Raises
    ------
    ConnectionError
        If the download fails; the message says how to get the corpus by hand.

    See Also
    --------
    load_codiesp : Load the corpus without looking at the network.

    Examples
    --------
    >>> from sklearn_icd.datasets import fetch_codiesp
    >>> corpus = fetch_codiesp()  # doctest: +SKIP
    >>> corpus.splits.test.shape  # doctest: +SKIP
    (250,)
    """
    folder = home_path(data_home) / "codiesp"
    needed = needed_splits(subset, CODED)
    if download_if_missing and not all((folder / split).exists() for split in needed):
        fetch_archive(URL, folder, SPLITS, CHECKSUM)
    return load_codiesp(
        subset=subset, task=task, language=language, data_home=data_home, return_X_y=return_X_y
    )


def _read_notes(home, split, task, language, codes):
    texts = read_texts(home / split / FOLDERS[language], WHERE_FROM)
    if codes is None:
        return [Note(name, text, None) for name, text in texts.items()]
    coded = by_note(codes, texts, WHERE_FROM)
    mentions = [None] * len(texts)
    if language == "es":
        mentions = by_note(_read_mentions(home, split, task), texts, WHERE_FROM)
    return list(map(Note, texts.keys(), texts.values(), coded, mentions))


def _read_codes(home, split, task):
    """Return (name, code) pairs."""
    letter, _ = TASKS[task]
    rows = read_rows(home / split / f"{split}{letter}.tsv", WHERE_FROM)
    return [(name, spelling(code, SYSTEMS[task])) for name, code in rows]


def _read_mentions(home, split, task):
    """Return (name, (code, pieces)) pairs."""
    _, label = TASKS[task]
    return [
        (name, (spelling(code, SYSTEMS[task]), _pieces(positions)))
        for name, kind, code, _, positions in read_rows(home / split / f"{split}X.tsv", WHERE_FROM)
        if kind == label
    ]


def _pieces(positions):
    """Read "540 583;955 964" as [(540, 583), (955, 964)]; four pieces of version 4 are empty."""
    pairs = (tuple(map(int, piece.split())) for piece in positions.split(";"))
    return [(start, end) for start, end in pairs if start < end]
