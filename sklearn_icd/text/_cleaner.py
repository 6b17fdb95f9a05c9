"""Cleaning of notes: brackets, rules, numbers and case."""

import re
from functools import partial
from typing import ClassVar

import numpy as np

from sklearn_icd.text._base import WORD, Memo, TextToText, fit_task, joined_spans
from sklearn_icd.utils._notes import check_notes

# A bracket that was never closed must not swallow the note up to the next one.
_DEIDENTIFICATION = r"\[\*\*(?:(?!\[\*\*).)*?\*\*\]"
_RULES = r"==+|--+|__+"


class NoteCleaner(TextToText):
    """Clean notes: keep the words that say something, in lower case.

    What is removed separates the words beside it. The words that remain are joined by single
    spaces, so that line breaks are lost.

    Parameters
    ----------
    lowercase : bool, default=True
        Whether to put the text in lower case.
    remove_deidentification : bool, default=True
        Whether to remove de-identification brackets, such as ``[**Known lastname 123**]``, with
        all they hold. They may span lines.
    remove_rules : bool, default=True
        Whether to remove rules: runs of two or more of ``=``, ``-`` or ``_``. The de-identification
        mark ``___`` of MIMIC-IV is one.
    require_letter : bool, default=True
        Whether to remove words (text between white space) without a letter, such as ``120/80``,
        ``1.`` or ``-``. ``3mg`` has a letter and stays.

    See Also
    --------
    TfidfTruncator : Shortens long notes.
    WordTokenizer : Turns notes into arrays of word ids.

    Examples
    --------
    >>> from sklearn_icd.text import NoteCleaner
    >>> NoteCleaner().transform(["== PLAN ==\\n1. Dr [**Name 5**]: Aspirin 81mg, BP 120/80"])
    ['plan dr aspirin 81mg, bp']
    """

    _parameter_constraints: ClassVar = {
        "lowercase": ["boolean"],
        "remove_deidentification": ["boolean"],
        "remove_rules": ["boolean"],
        "require_letter": ["boolean"],
    }

    def __init__(
        self, lowercase=True, remove_deidentification=True, remove_rules=True, require_letter=True
    ):
        self.lowercase = lowercase
        self.remove_deidentification = remove_deidentification
        self.remove_rules = remove_rules
        self.require_letter = require_letter

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @fit_task
    def fit(self, X, y=None):
        """Check the notes; there is nothing to learn.

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
        blank_out, is_kept = self._rules()
        recase = str.lower if self.lowercase else str
        return [
            recase(" ".join(filter(is_kept, blank_out(note).split())))
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
        blank_out, is_kept = self._rules()
        return [
            self._note_spans(note, blank_out, is_kept) for note in check_notes(notes, name="notes")
        ]

    def _note_spans(self, note, blank_out, is_kept):
        words = [word for word in WORD.finditer(blank_out(note)) if is_kept(word[0])]
        spans = joined_spans(words)
        if not self.lowercase:
            return spans
        text = " ".join(word[0] for word in words)
        if len(text.lower()) == len(text):
            return spans
        # Some letters are longer in lower case: a capital I with a dot becomes two characters.
        return np.repeat(spans, [len(letter.lower()) for letter in text], axis=0)

    def _rules(self):
        """Return what blanks out pieces of a note, leaving all offsets, and what keeps a word."""
        pieces = [_DEIDENTIFICATION] * self.remove_deidentification + [_RULES] * self.remove_rules
        pattern = re.compile("|".join(pieces), re.DOTALL)
        blank_out = partial(pattern.sub, _spaces) if pieces else str
        is_kept = Memo(_has_letter).__getitem__ if self.require_letter else bool
        return blank_out, is_kept


def _spaces(match):
    return " " * len(match[0])


def _has_letter(word):
    return any(map(str.isalpha, word))
