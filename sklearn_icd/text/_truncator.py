"""Shortening of long notes: the least important words by TF-IDF go first."""

import re
from itertools import pairwise
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.text._base import (
    WORD,
    Memo,
    Numbering,
    TextToText,
    count_notes,
    fit_task,
    joined_spans,
    look_up,
    look_up_notes,
)
from sklearn_icd.utils._notes import check_notes

# From the first to the last letter or digit.
_KEY = re.compile(r"[^\W_](?:.*[^\W_])?")


class TfidfTruncator(TextToText):
    r"""Shorten long notes to their most important words by TF-IDF.

    A word is text between white space. Punctuation around it does not count for its importance:
    ``pain``, ``pain,`` and ``(pain)`` are the same, ``Pain`` is another unless the case was removed
    before. A note of at most ``max_words`` words stays as it is; of a longer one exactly
    ``max_words`` words remain, in their order, joined by single spaces.

    Parameters
    ----------
    max_words : int, default=2500
        Words that a note may keep.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Number of each word of the training notes, without the punctuation around it.
    idf_ : ndarray of shape (n_words,)
        Smoothed inverse document frequency of each word of ``vocabulary_``.
    n_notes_ : int
        Number of training notes.

    See Also
    --------
    NoteCleaner : Cleans notes, the step before.
    WordTokenizer : Turns notes into arrays of word ids, the step after.

    Notes
    -----
    The importance of a word in a note is

    .. math:: \mathrm{tf} \cdot \left(\ln\frac{1 + n}{1 + \mathrm{df}} + 1\right)

    with tf the times that the word occurs in the note and df the number of the n training notes
    that contain it; df = 0 for a word never met. All occurrences of a word have the same
    importance. Of equally important words, the later occurrence goes first.

    References
    ----------
    Wu, Zeng, Yu, Li and Li, "A Pseudo Label-wise Attention Network for Automatic ICD Coding",
    section "EMRs preprocessing".

    Examples
    --------
    >>> from sklearn_icd.text import TfidfTruncator
    >>> notes = ["the cough and the fever", "the knee", "the rash and itch"]
    >>> TfidfTruncator(max_words=3).fit(notes).transform(["fever and cough and the rash"])
    ['fever and and']
    """

    _parameter_constraints: ClassVar = {"max_words": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, max_words=2500):
        self.max_words = max_words

    @fit_task
    def fit(self, X, y=None):
        """Learn in how many notes each word occurs.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Training notes.
        y : None
            Ignored.

        Returns
        -------
        self : TfidfTruncator
            The fitted step.
        """
        self._learn(self._training_notes(X))
        return self

    @fit_task
    def fit_transform(self, X, y=None):
        """Learn from notes and shorten them.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Training notes.
        y : None
            Ignored.

        Returns
        -------
        notes : list of str of length n_notes
            The notes, none longer than ``max_words`` words.
        """
        notes = self._training_notes(X)
        numbers, ends = self._learn(notes)
        return [
            " ".join(self._keep(note.split(), numbers[start:end]))
            if end - start > self.max_words
            else note
            for note, (start, end) in zip(notes, pairwise(ends), strict=True)
        ]

    def transform(self, X):
        """Shorten notes.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Notes.

        Returns
        -------
        notes : list of str of length n_notes
            The notes, none longer than ``max_words`` words.
        """
        check_is_fitted(self)
        table = _key_numbers(Numbering(self.vocabulary_))
        return [self._shorten(note, table) for note in check_notes(X, name="X")]

    def spans(self, notes):
        """Locate each character of the shortened notes in the notes.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Notes, as ``transform`` takes them.

        Returns
        -------
        spans : list of int64 ndarray of shape (n_characters, 2)
            For each note, the [start, end) that each character of its shortened text comes from. A
            joining space covers all between its two words.
        """
        check_is_fitted(self)
        table = _key_numbers(Numbering(self.vocabulary_))
        return [self._note_spans(note, table) for note in check_notes(notes, name="notes")]

    def _learn(self, notes):
        index = Numbering()
        numbers, ends = look_up_notes(_key_numbers(index), map(str.split, notes))
        self.vocabulary_ = dict(index)
        self.n_notes_ = len(notes)
        self.idf_ = self._smoothed_idf(count_notes(numbers, ends, len(index)))
        return numbers, ends

    def _smoothed_idf(self, df):
        return np.log((1 + self.n_notes_) / (1 + df)) + 1

    def _shorten(self, note, table):
        words = note.split()
        if len(words) <= self.max_words:
            return note
        return " ".join(self._keep(words, look_up(table, words)))

    def _note_spans(self, note, table):
        words = list(WORD.finditer(note))
        if len(words) <= self.max_words:
            begin = np.arange(len(note))
            return np.stack([begin, begin + 1], axis=1)
        return joined_spans(self._keep(words, look_up(table, [word[0] for word in words])))

    def _keep(self, words, numbers):
        distinct, position, tf = np.unique(numbers, return_inverse=True, return_counts=True)
        idf = np.full(len(distinct), self._smoothed_idf(0))
        is_known = distinct < len(self.idf_)
        idf[is_known] = self.idf_[distinct[is_known]]
        importance = (tf * idf)[position]
        kept = np.argsort(-importance, kind="stable")[: self.max_words]
        return [words[i] for i in np.sort(kept)]


def _key_numbers(index):
    """Return the table from a word to the number that the index gives to its key."""
    return Memo(lambda word: index[_key(word)])


def _key(word):
    key = _KEY.search(word)
    return key[0] if key else word
