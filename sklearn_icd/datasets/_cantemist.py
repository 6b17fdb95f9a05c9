"""CANTEMIST: Spanish oncological cases with ICD-O-3 morphology codes and their mentions."""

import os
import re

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._corpus import (
    Note,
    by_note,
    chosen_splits,
    corpus_bunch,
    needed_splits,
    read_rows,
    read_texts,
)
from sklearn_icd.datasets._fetch import fetch_archive
from sklearn_icd.datasets._home import corpus_folder, home_path, required

# This address could not be tried where this was written, and no checksum of it was found.
URL = "https://zenodo.org/records/3978041/files/cantemist.zip"
FOLDERS = {"train": "train-set", "dev1": "dev-set1", "dev2": "dev-set2", "test": "test-set"}
WHERE_FROM = (
    "fetch_cantemist() downloads CANTEMIST, which is Zenodo record 3978041 "
    "(https://zenodo.org/records/3978041, CC BY 4.0). By hand: download the archive and put its "
    f"folders {', '.join(FOLDERS.values())} into the folder 'cantemist' of the data home."
)
DESCR = """\
CANTEMIST (IberLEF 2020)
========================

Oncological case reports in Spanish: 501 to train, two sets of 250 to develop on and 300 to test.
Each mention of a tumour morphology is marked and coded by hand with the Spanish edition of
ICD-O-3.1 (eCIE-O): four digits, a slash, the behaviour and sometimes a grade, as in "8140/3" or
"8140/31". A few notes have no code. The codes are kept as the corpus writes them.

Terms: CC BY 4.0. Source: Zenodo record 3978041, https://zenodo.org/records/3978041.

Miranda-Escalada, A., Farré, E. and Krallinger, M. (2020). Named entity recognition, concept
normalization and clinical coding: overview of the Cantemist track for cancer text mining in
Spanish, corpus, guidelines, methods and results. IberLEF (CEUR Workshop Proceedings), 303-323.
"""
_PARAMETERS = {
    "subset": [StrOptions({"all", *FOLDERS})],
    "data_home": [str, os.PathLike, None],
    "return_X_y": ["boolean"],
}
# T1<tab>MORFOLOGIA_NEOPLASIA 12 30;40 48<tab>text, and #1<tab>AnnotatorNotes T1<tab>8140/3
_MENTION = re.compile(r"^(T\d+)\t\S+ ([\d ;]+)\t", re.MULTILINE)
_CODE = re.compile(r"^#\d+\tAnnotatorNotes (T\d+)\t(.+)$", re.MULTILINE)


@validate_params(_PARAMETERS, prefer_skip_nested_validation=True)
def load_cantemist(*, subset="all", data_home=None, return_X_y=False):
    """Load CANTEMIST from the data home.

    Parameters
    ----------
    subset : {"all", "train", "dev1", "dev2", "test"}, default="all"
        The notes to load: 501 to train, one of two sets of 250 to develop on, or 300 to test.
        "all" are all but the test notes where the data home does not have those.

    data_home : str or path-like, default=None
        The folder with the subfolder `cantemist`, as of :func:`data_home`.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The notes, in the order of their ids, split after split.
        target : csr_array of shape (n_notes, n_codes), dtype int64
            1 where the note has the code. A note without any code keeps its row, empty.
        target_names : ndarray of shape (n_codes,)
            The ICD-O-3 morphology codes of train, dev1 and dev2 together, sorted; where test
            notes are loaded, theirs too. The columns of the others are the same, whether the
            data home has the test notes or not. To train and to test on the same columns, load
            "all" and use `splits`.
        ids : ndarray of shape (n_notes,)
            The corpus' names of the notes.
        subject_ids : None
            The corpus does not say which notes are of one patient.
        splits : :class:`~sklearn.utils.Bunch`
            From the name of each split that was loaded to its rows, an int64 array.
        titles : dict of str to str
            Empty: the corpus has no titles of its codes.
        spans : structured ndarray
            One row for each piece of a mention of a code: `note`, the row of the note, `mention`,
            a number that the pieces of one mention share, `code`, and `start` and `end`, in
            characters of the note. From the files of the track CANTEMIST-NORM.
        DESCR : str
            The corpus, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a file of the corpus is missing; the message says which and where to get it.

    See Also
    --------
    fetch_cantemist : Download the corpus if it is not there.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_cantemist
    >>> X, y = load_cantemist(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> len(X)  # doctest: +SKIP
    501
    """
    home = corpus_folder(data_home, "cantemist", WHERE_FROM)
    paths = {split: home / folder for split, folder in FOLDERS.items()}
    chosen = chosen_splits(subset, paths)
    codes = {
        split: _read_codes(path, split)
        for split, path in paths.items()
        if split in chosen or split != "test"
    }
    names = sorted({code for pairs in codes.values() for _, code in pairs})
    splits = {split: _read_notes(paths[split], codes[split]) for split in chosen}
    bunch = corpus_bunch(splits, names, DESCR)
    if return_X_y:
        return bunch.data, bunch.target
    bunch.titles = {}
    return bunch


@validate_params(
    _PARAMETERS | {"download_if_missing": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_cantemist(*, subset="all", data_home=None, download_if_missing=True, return_X_y=False):
    """Load CANTEMIST, and download it first if it is not there.

    The archive of the whole corpus comes from Zenodo and is unpacked into the subfolder
    `cantemist` of the data home. What is there already stays. No checksum of the archive is
    known: that of the first download is recorded beside it, and later ones must have it.

    Parameters
    ----------
    subset : {"all", "train", "dev1", "dev2", "test"}, default="all"
        The notes to load, as of :func:`load_cantemist`.

    data_home : str or path-like, default=None
        The folder to download into, as of :func:`data_home`. It is made if need be.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an error.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        The notes and their codes, as of :func:`load_cantemist`.

    Raises
    ------
    ConnectionError
        If the download fails; the message says how to get the corpus by hand.

    Warns
    -----
    UserWarning
        When the checksum of the first download is recorded.

    See Also
    --------
    load_cantemist : Load the corpus without looking at the network.

    Examples
    --------
    >>> from sklearn_icd.datasets import fetch_cantemist
    >>> corpus = fetch_cantemist()  # doctest: +SKIP
    >>> corpus.splits.dev1.shape  # doctest: +SKIP
    (250,)
    """
    folder = home_path(data_home) / "cantemist"
    needed = needed_splits(subset, FOLDERS)
    if download_if_missing and not all((folder / FOLDERS[split]).exists() for split in needed):
        fetch_archive(URL, folder, FOLDERS.values())
    return load_cantemist(subset=subset, data_home=data_home, return_X_y=return_X_y)


def _read_notes(folder, codes):
    """Read the notes of a split; where the coding track has no texts, those of its mentions."""
    texts = folder / "cantemist-coding" / "txt"
    if not texts.exists():
        texts = folder / "cantemist-norm"
    texts = read_texts(texts, WHERE_FROM)
    coded = by_note(codes, texts, WHERE_FROM)
    return [
        Note(name, text, some, _read_mentions(folder / "cantemist-norm" / f"{name}.ann"))
        for (name, text), some in zip(texts.items(), coded, strict=True)
    ]


def _read_codes(folder, split):
    """Return (name, code) pairs; the table has a heading."""
    rows = read_rows(folder / "cantemist-coding" / f"{split}-coding.tsv", WHERE_FROM)
    return [(name, code.strip()) for name, code in rows if (name, code) != ("file", "code")]


def _read_mentions(path):
    """Return (code, pieces) pairs from a file of brat."""
    annotations = required(path, WHERE_FROM).read_text("utf-8")
    codes = dict(_CODE.findall(annotations))
    mentions = _MENTION.findall(annotations)
    if uncoded := [number for number, _ in mentions if number not in codes]:
        raise ValueError(f"{path} gives no code for {', '.join(uncoded)}. {WHERE_FROM}")
    return [
        (codes[number].strip(), [tuple(map(int, piece.split())) for piece in places.split(";")])
        for number, places in mentions
    ]
