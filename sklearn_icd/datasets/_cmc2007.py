"""CMC 2007: short English radiology reports with ICD-9-CM codes."""

import os
from xml.etree import ElementTree

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._home import corpus_folder, required
from sklearn_icd.datasets._indicator import indicator

FILES = {"train": "2007ChallengeTrainData.xml", "test": "2007ChallengeTestDataNoCodes.xml"}
WHERE_FROM = (
    "It belongs to the Computational Medicine Center's 2007 Medical NLP Challenge (Cincinnati "
    "Children's Hospital): get the challenge's files from its organisers and put "
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


@validate_params(
    {
        "subset": [StrOptions(set(FILES))],
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_cmc2007(*, subset="train", data_home=None, return_X_y=False):
    """Load the radiology reports of the CMC 2007 challenge from the data home.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The 978 notes with codes, or the 976 that were published without.

    data_home : str or path-like, default=None
        The folder with the subfolder `cmc2007`. None reads the environment variable
        ``SKLEARN_ICD_DATA``.

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
        splits : ndarray of shape (n_notes,)
            "train" or "test" for each note.
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
    train = _read_documents(home / FILES["train"])
    coded = [_majority_codes(document) for document in train]
    names = sorted({code for codes in coded for code in codes})

    documents = train if subset == "train" else _read_documents(home / FILES[subset])
    data = [_note(document) for document in documents]
    target = indicator(coded, names) if subset == "train" else None
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=np.array(names),
        ids=np.array([document.get("id") for document in documents]),
        splits=np.full(len(documents), subset),
        spans=None,
        DESCR=DESCR,
    )


def _read_documents(path):
    return ElementTree.parse(required(path, WHERE_FROM)).getroot().findall("doc")


def _majority_codes(document):
    return [code.text for code in document.iterfind("codes/code[@origin='CMC_MAJORITY']")]


def _note(document):
    """Return the history and the impression, one a line."""
    return "\n".join(text.text.strip() for text in document.iterfind("texts/text"))
