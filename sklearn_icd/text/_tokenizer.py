"""Words as numbers: notes become token arrays."""

import re
from itertools import pairwise
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.text._base import Numbering, TextTransformer, count_notes, fit_task, look_up_notes
from sklearn_icd.utils._notes import check_notes
from sklearn_icd.utils._token_array import TokenArray

_TOKEN = re.compile(r"\w+")
_UNKNOWN = 1
_FIRST_WORD = 2
# Splitting at white space is three times as fast as the regular expression, and the same thing
# once everything else that is no part of a token is a space.
_ASCII_TOKENS_ONLY = "".join(c if _TOKEN.match(c) else " " for c in map(chr, range(128)))


class WordTokenizer(TextTransformer):
    r"""Turn notes into a token array: one row of word ids per note.

    Tokens are the longest runs of letters, digits and underscores (``\w+`` of regular
    expressions); whatever is between them is dropped, and case is kept. The token array is sparse:
    ``X[i, j]`` is the id of the j-th token of note i, and the padding after a note is the 0 that
    sparse arrays do not store. Id 1 is the unknown word, known words have ids from 2, those that
    occur in most training notes first and in alphabetical order where they occur in equally many:
    a smaller ``max_vocabulary`` leaves the ids of the words that remain as they were.

    Parameters
    ----------
    min_notes : int, default=3
        Training notes that a word must occur in to be known.
    max_vocabulary : int, default=None
        Known words at most: those in most training notes. By default there is no limit.
    max_length : int, default=None
        Tokens to keep of each note, from its start; the rest is not counted for the vocabulary
        either. By default all are kept.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Id of each known word.
    n_tokens_ : int
        Number of ids: the known words, the unknown word and padding.

    See Also
    --------
    NoteCleaner : Cleans notes.
    TfidfTruncator : Shortens notes to their most important words instead of their first.
    train_skip_gram : Word vectors from a token array.

    Notes
    -----
    The columns of a token array are positions in a note, and their number is that of the longest
    note at hand. They have no names, hence there is no ``get_feature_names_out``.

    Examples
    --------
    >>> from sklearn_icd.text import WordTokenizer
    >>> tokenizer = WordTokenizer(min_notes=2).fit(["mild cough", "cough, fever", "mild fever"])
    >>> tokenizer.vocabulary_
    {'cough': 2, 'fever': 3, 'mild': 4}
    >>> tokenizer.transform(["fever", "no cough or fever"]).toarray()
    array([[3, 0, 0, 0],
           [1, 2, 1, 3]], dtype=int32)
    """

    _parameter_constraints: ClassVar = {
        "min_notes": [Interval(Integral, 1, None, closed="left")],
        "max_vocabulary": [Interval(Integral, 1, None, closed="left"), None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, min_notes=3, max_vocabulary=None, max_length=None):
        self.min_notes = min_notes
        self.max_vocabulary = max_vocabulary
        self.max_length = max_length

    @fit_task
    def fit(self, X, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Training notes.
        y : None
            Ignored.

        Returns
        -------
        self : WordTokenizer
            The fitted step.
        """
        self._learn(self._training_notes(X))
        return self

    @fit_task
    def fit_transform(self, X, y=None):
        """Learn the vocabulary of notes and turn them into a token array.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Training notes.
        y : None
            Ignored.

        Returns
        -------
        X : csr_array of shape (n_notes, n_positions), dtype int32
            Word ids; as many positions as the longest note has tokens, at least one.
        """
        numbers, ends, index = self._learn(self._training_notes(X))
        ids = np.array([self.vocabulary_.get(word, _UNKNOWN) for word in index], np.int32)
        for start, end in pairwise(ends):  # all at once would need memory for 64-bit positions
            numbers[start:end] = ids[numbers[start:end]]
        return _as_csr(numbers, ends)

    def transform(self, X):
        """Turn notes into a token array.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Notes.

        Returns
        -------
        X : csr_array of shape (n_notes, n_positions), dtype int32
            Word ids; as many positions as the longest note has tokens, at least one.
        """
        check_is_fitted(self)
        notes = map(self._tokens, check_notes(X, name="X"))
        return _as_csr(*look_up_notes(_Ids(self.vocabulary_), notes))

    def spans(self, notes):
        """Locate each token in the notes.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Notes, as ``transform`` takes them.

        Returns
        -------
        spans : list of int64 ndarray of shape (n_tokens, 2)
            For each note, the [start, end) of each of its tokens.
        """
        check_is_fitted(self)
        return [
            np.array(
                [token.span() for token in _TOKEN.finditer(note)][: self.max_length], np.int64
            ).reshape(-1, 2)
            for note in check_notes(notes, name="notes")
        ]

    def keyed_vectors(self, vectors):
        """Look up vectors by word.

        Parameters
        ----------
        vectors : ndarray of shape (n_tokens, dim)
            The vector of each id, as `train_skip_gram` gives them.

        Returns
        -------
        keyed_vectors : gensim KeyedVectors
            The vector of each known word. Its ``repr`` shows none of the words.

        Raises
        ------
        ValueError
            If there is not one row per id.
        """
        from gensim.models import KeyedVectors

        check_is_fitted(self)
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != self.n_tokens_:
            raise ValueError(
                f"vectors must have one row for each of the {self.n_tokens_} ids, got shape "
                f"{vectors.shape}."
            )
        keyed_vectors = KeyedVectors(vectors.shape[1])
        keyed_vectors.add_vectors(list(self.vocabulary_), vectors[list(self.vocabulary_.values())])
        return keyed_vectors

    def vectors(self, keyed_vectors):
        """Arrange trained word vectors by id.

        Padding is a row of zeros. The unknown word, and known words that have no vector, are the
        mean of the known words that have one: the best guess where nothing is known.

        Parameters
        ----------
        keyed_vectors : gensim KeyedVectors or mapping of str to array-like of shape (dim,)
            Vector of each word.

        Returns
        -------
        vectors : float32 ndarray of shape (n_tokens, dim)
            The vector of each id.

        Raises
        ------
        ValueError
            If no known word has a vector, or vectors differ in length.
        """
        check_is_fitted(self)
        found = [word for word in self.vocabulary_ if word in keyed_vectors]
        if not found:
            raise ValueError(
                f"keyed_vectors holds none of the {len(self.vocabulary_)} known words: were its "
                "words cleaned and cased like the notes?"
            )
        rows = [np.asarray(keyed_vectors[word], np.float32) for word in found]
        shapes = {row.shape for row in rows}
        if len(shapes) > 1 or rows[0].ndim != 1:
            raise ValueError(
                f"keyed_vectors must hold 1-D vectors of one length, got shapes {sorted(shapes)}."
            )
        rows = np.stack(rows)
        table = np.empty((self.n_tokens_, rows.shape[1]), np.float32)
        table[:] = rows.mean(axis=0)
        table[0] = 0
        table[[self.vocabulary_[word] for word in found]] = rows
        return table

    def _tokens(self, note):
        if note.isascii():
            tokens = note.translate(_ASCII_TOKENS_ONLY).split()
        else:
            tokens = _TOKEN.findall(note)
        return tokens[: self.max_length]

    def _learn(self, notes):
        index = Numbering()
        numbers, ends = look_up_notes(index, map(self._tokens, notes))
        counts = zip(index, count_notes(numbers, ends, len(index)).tolist(), strict=True)
        frequent = [(-count, word) for word, count in counts if count >= self.min_notes]
        if not frequent:
            raise ValueError(
                f"no word occurs in min_notes={self.min_notes} of the {len(notes)} notes: lower "
                "min_notes or give more notes."
            )
        words = [word for _, word in sorted(frequent)[: self.max_vocabulary]]
        self.vocabulary_ = {word: i for i, word in enumerate(words, _FIRST_WORD)}
        self.n_tokens_ = len(words) + _FIRST_WORD
        return numbers, ends, index


class _Ids(dict):
    """A vocabulary in which every other word is the unknown one."""

    def __missing__(self, word):
        return _UNKNOWN


def _as_csr(ids, ends):
    # Offsets of 64 bits would make the columns twice as large.
    offsets = np.array(ends, np.int32 if ends[-1] < 2**31 else np.int64)
    return TokenArray(ids, offsets).to_array()
