"""CMC 2007: short English radiology reports with ICD-9-CM codes."""

import os
from xml.etree import ElementTree

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._corpus import Note, corpus_bunch, known_titles
from sklearn_icd.datasets._home import corpus_folder, home_path, required

FILES = {"train": "2007ChallengeTrainData.xml", "test": "2007ChallengeTestDataNoCodes.xml"}
WHERE_FROM = (
    "It belongs to the Computational Medicine Center's 2007 Medical NLP Challenge (Cincinnati "
    "Children's Hospital), whose catalogue (computationalmedicine.org/catalog) is no longer on the "
    "web: ask the challenge's organisers for the files, or someone who took part, and put "
    f"{' and '.join(FILES.values())} into the folder 'cmc2007' of the data home."
)
DESCR = """\
Computational Medicine Center, 2007 Medical NLP Challenge
=========================================================

Radiology reports of a children's hospital, in English: the clinical history and the impression,
about 22 words together. Three companies coded each report with ICD-9-CM; the target is what the
majority gave, 45 codes in all and 1.25 a note. The 978 train notes have codes. The 976 test notes
were published without: their target is None.

Terms: handed out freely by its organisers; whether that covers commercial use is unclear.

Pestian, J. P., Brew, C., Matykiewicz, P., Hovermale, D. J., Johnson, N., Cohen, K. B. and Duch, W.
(2007). A shared task involving multi-label classification of clinical free text. BioNLP workshop
at ACL, 97-104.
"""


_PARAMETERS = {
    "subset": [StrOptions(set(FILES))],
    "data_home": [str, os.PathLike, None],
    "return_X_y": ["boolean"],
}


@validate_params(_PARAMETERS, prefer_skip_nested_validation=True)
def load_cmc2007(*, subset="train", data_home=None, return_X_y=False):
    """Load the radiology reports of the CMC 2007 challenge from the data home.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The 978 notes with codes, or the 976 that were published without.

    data_home : str or path-like, default=None
        The folder with the subfolder `cmc2007`, as of :func:`data_home`.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The notes: the clinical history, a line end, the impression.
        target : csr_array of shape (n_notes, 45), dtype int64, or None
            1 where the majority of the annotators gave the code. None for the test notes, whose
            codes were not published.
        target_names : ndarray of shape (45,)
            The ICD-9-CM codes of the train notes, sorted, for either `subset`.
        ids : ndarray of shape (n_notes,)
            The corpus' numbers of the notes, as strings.
        subject_ids : None
            The corpus does not say which notes are of one patient.
        splits : :class:`~sklearn.utils.Bunch`
            From the name of the split that was loaded to its rows, an int64 array.
        titles : dict of str to str
            From each code to its title.
        spans : None
            The corpus has no evidence spans.
        DESCR : str
            The corpus, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a file of the corpus is missing; the message says which and where to get it.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_cmc2007
    >>> X, y = load_cmc2007(return_X_y=True)  # doctest: +SKIP
    >>> y.shape  # doctest: +SKIP
    (978, 45)
    """
    home = corpus_folder(data_home, "cmc2007", WHERE_FROM)
    train = _read_notes(home / FILES["train"], with_codes=True)
    names = sorted({code for note in train for code in note.codes})
    notes = train if subset == "train" else _read_notes(home / FILES[subset], with_codes=False)
    bunch = corpus_bunch({subset: notes}, names, DESCR)
    if return_X_y:
        return bunch.data, bunch.target
    bunch.titles = known_titles(names, "icd9cm")
    return bunch


@validate_params(
    _PARAMETERS | {"download_if_missing": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_cmc2007(*, subset="train", data_home=None, download_if_missing=True, return_X_y=False):
    """Load the radiology reports of the CMC 2007 challenge, which cannot be downloaded.

    No public address has the files by leave of their owners: the organisers' catalogue, where
    they were free to download, is gone, and what is left are copies whose terms nobody states.
    So this is :func:`load_cmc2007` under the name that the other corpora have, with an error that
    says so where the files are not in the data home.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The notes to load, as of :func:`load_cmc2007`.

    data_home : str or path-like, default=None
        The folder with the subfolder `cmc2007`, as of :func:`data_home`.

    download_if_missing : bool, default=True
        Without effect on what is loaded, as there is nothing to download. If True, the error
        about missing files says why.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        The notes and their codes, as of :func:`load_cmc2007`.

    Raises
    ------
    FileNotFoundError
        If the files are missing; the message says which, and where to ask for them.

    See Also
    --------
    load_cmc2007 : Load the same notes.

    Examples
    --------
    >>> from sklearn_icd.datasets import fetch_cmc2007
    >>> X, y = fetch_cmc2007(return_X_y=True)  # doctest: +SKIP
    >>> y.shape  # doctest: +SKIP
    (978, 45)
    """
    folder = home_path(data_home) / "cmc2007"
    missing = [name for name in {FILES["train"], FILES[subset]} if not (folder / name).exists()]
    if download_if_missing and missing:
        raise FileNotFoundError(
            f"{folder / missing[0]} is missing, and CMC 2007 cannot be downloaded: no public "
            f"address has it by leave of its owners. {WHERE_FROM}"
        )
    return load_cmc2007(subset=subset, data_home=data_home, return_X_y=return_X_y)


def _read_notes(path, with_codes):
    documents = ElementTree.parse(required(path, WHERE_FROM)).getroot().findall("doc")
    return [
        Note(document.get("id"), _text(document), _majority_codes(document) if with_codes else None)
        for document in documents
    ]


def _majority_codes(document):
    return [code.text for code in document.iterfind("codes/code[@origin='CMC_MAJORITY']")]


def _text(document):
    """Return the history and the impression, one a line."""
    return "\n".join(text.text.strip() for text in document.iterfind("texts/text"))
