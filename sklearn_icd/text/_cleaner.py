"""Cleaning of notes: brackets, rules, numbers and case."""

import re
from typing import ClassVar

import numpy as np

from sklearn_icd.text._base import Memo, TextToText, fit_task, joined_spans
from sklearn_icd.utils._notes import check_notes

# A bracket that was never closed must not swallow the note up to the next one.
_DEIDENTIFICATION = r"\[\*\*(?:(?!\[\*\*).)*?\*\*\]"
_RULES = r"==+|--+|__+"


class NoteCleaner(TextToText):
    r"""Clean notes: keep the words that say something, in lower case.

    What is removed separates the words beside it. The words that remain are joined by single
    spaces, so that line breaks are lost.

    Parameters
    ----------
    lowercase : bool, default=True
        Whether to put the text in lower case. The patterns below see it as it was.
    remove_deidentification : bool, default=True
        Whether to remove de-identification brackets, such as ``[**Known lastname 123**]``, with
        all they hold. They may span lines.
    remove_rules : bool, default=True
        Whether to remove rules: runs of two or more of ``=``, ``-`` or ``_``. The de-identification
        mark ``___`` of MIMIC-IV is one.
    require_letter : bool, default=True
        Whether to remove words without a letter, such as ``120/80``, ``1.`` or ``-``. ``3mg`` has
        a letter and stays.
    remove_numbers : bool, default=False
        Whether to remove words that are numbers (`str.isnumeric`), such as ``120`` or ``½``, where
        words without a letter are not removed anyway.
    token_pattern : str, default=r"\S+"
        Regular expression of a word. The default takes what stands between white space;
        ``r"\w+"`` takes runs of letters, digits and underscores, so that ``he's`` becomes
        ``he s``. What is in no word is lost.
    delete_pattern : str, default=None
        Regular expression of what is taken out before all else, and leaves no gap: ``"-"`` makes
        ``x-ray`` one word, ``xray``.

    See Also
    --------
    TfidfTruncator : Shortens long notes.
    WordTokenizer : Turns notes into arrays of word ids.
    make_note_cleaner : Makes the cleaner that recreates the text of a publication.

    Examples
    --------
    >>> from sklearn_icd.text import NoteCleaner
    >>> NoteCleaner().transform(["== PLAN ==\n1. Dr [**Name 5**]: Aspirin 81mg, BP 120/80"])
    ['plan dr aspirin 81mg, bp']
    """

    _parameter_constraints: ClassVar = {
        "lowercase": ["boolean"],
        "remove_deidentification": ["boolean"],
        "remove_rules": ["boolean"],
        "require_letter": ["boolean"],
        "remove_numbers": ["boolean"],
        "token_pattern": [str],
        "delete_pattern": [str, None],
    }

    def __init__(
        self,
        lowercase=True,
        remove_deidentification=True,
        remove_rules=True,
        require_letter=True,
        remove_numbers=False,
        token_pattern=r"\S+",
        delete_pattern=None,
    ):
        self.lowercase = lowercase
        self.remove_deidentification = remove_deidentification
        self.remove_rules = remove_rules
        self.require_letter = require_letter
        self.remove_numbers = remove_numbers
        self.token_pattern = token_pattern
        self.delete_pattern = delete_pattern

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @fit_task
    def fit(self, X, y=None):
        """Check the notes and the patterns; there is nothing to learn.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Raw notes.
        y : None
            Ignored.

        Returns
        -------
        self : NoteCleaner
            The step itself.
        """
        self._training_notes(X)
        self._patterns()
        return self

    def transform(self, X):
        """Clean notes.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Raw notes.

        Returns
        -------
        notes : list of str of length n_notes
            The cleaned notes.
        """
        deleted, removed, token = self._patterns()
        is_kept = Memo(self._is_kept).__getitem__
        recase = str.lower if self.lowercase else str
        return [
            recase(
                " ".join(filter(is_kept, token.findall(_blank(_delete(note, deleted), removed))))
            )
            for note in check_notes(X, name="X")
        ]

    def spans(self, notes):
        """Locate each character of the cleaned notes in the notes.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Raw notes, as ``transform`` takes them.

        Returns
        -------
        spans : list of int64 ndarray of shape (n_characters, 2)
            For each note, the [start, end) that each character of its cleaned text comes from. A
            joining space covers all between its two words.
        """
        patterns = self._patterns()
        return [self._note_spans(note, *patterns) for note in check_notes(notes, name="notes")]

    def _note_spans(self, note, deleted, removed, token):
        text = _blank(_delete(note, deleted), removed)
        words = [word for word in token.finditer(text) if self._is_kept(word[0])]
        spans = joined_spans(words, _left(note, deleted))
        if not self.lowercase:
            return spans
        text = " ".join(word[0] for word in words)
        if len(text.lower()) == len(text):
            return spans
        # Some letters are longer in lower case: a capital I with a dot becomes two characters.
        return np.repeat(spans, [len(letter.lower()) for letter in text], axis=0)

    def _patterns(self):
        """Return the patterns of what is deleted, what is removed, if any, and what is a word."""
        deleted = self.delete_pattern and _compile(self.delete_pattern, "delete_pattern")
        removed = [_DEIDENTIFICATION] * self.remove_deidentification + [_RULES] * self.remove_rules
        token = _compile(self.token_pattern, "token_pattern")
        if token.groups:
            raise ValueError(
                f"token_pattern={self.token_pattern!r} has a capturing group, and would give words "
                "without what is around it: write (?:...) instead of (...)."
            )
        return deleted, removed and re.compile("|".join(removed), re.DOTALL), token

    def _is_kept(self, word):
        if not word or (self.remove_numbers and word.isnumeric()):
            return False
        return not self.require_letter or any(map(str.isalpha, word))


def _compile(pattern, name):
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{name}={pattern!r} is not a regular expression: {error}.") from error


def _delete(note, pattern):
    return pattern.sub("", note) if pattern else note


def _left(note, pattern):
    """Return the positions of the characters that deleting leaves, None if all."""
    if not pattern:
        return None
    is_left = np.ones(len(note), dtype=bool)
    for match in pattern.finditer(note):
        is_left[match.start() : match.end()] = False
    return np.flatnonzero(is_left)


def _blank(text, pattern):
    """Put spaces in the place of what a pattern finds, which leaves all offsets."""
    return pattern.sub(_spaces, text) if pattern else text


def _spaces(match):
    return " " * len(match[0])
