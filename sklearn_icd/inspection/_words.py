"""The words that a classifier saw, where its tokenizer cuts words into pieces."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from sklearn_icd.inspection._token_spans import follow_tokens, text_steps


@dataclass(frozen=True, eq=False)
class Words:
    """Hold the words of a note that a classifier saw.

    Parameters
    ----------
    spans : int64 ndarray of shape (n_words, 2)
        The [start, end) of each word in the raw note.
    pieces : csr_array of shape (n_tokens, n_words) or None
        1 where a token is a piece of a word; special tokens are of none. None: each token is a
        word.
    """

    spans: np.ndarray
    pieces: csr_array | None = None

    def weights(self, attention):
        """Add up the attention to the pieces of each word, as shares of that to all words.

        Parameters
        ----------
        attention : float32 ndarray of shape (k, n_tokens)
            What a classifier's ``attention`` gave for the note.

        Returns
        -------
        weights : float32 ndarray of shape (k, n_words)
            Each row sums to 1, unless the note has no words.
        """
        if self.pieces is None:
            return attention
        sums = attention @ self.pieces
        totals = sums.sum(axis=1, keepdims=True)
        return np.divide(sums, totals, out=sums, where=totals > 0)


def read_words(pipeline, notes):
    """Find the words that the classifier of a pipeline saw.

    The last text step tells by a method ``words(notes)`` which of its tokens are pieces of the
    same word, as `SegmentTokenizer` does. Without it, each token is a word.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; text steps, then a classifier.
    notes : list of str of length n_notes
        Raw notes, few enough to hold the spans of all their characters.

    Returns
    -------
    words : list of Words
        One for each note.
    """
    steps = text_steps(pipeline)
    spans, read = follow_tokens(steps, notes)
    if not steps or not hasattr(steps[-1], "words"):
        return [Words(places) for places in spans]
    return list(map(_join_pieces, spans, steps[-1].words(read)))


def _join_pieces(spans, numbers):
    """Join tokens with the same number to a word; a number below 0 says that there is none."""
    tokens = np.flatnonzero(numbers >= 0)
    numbers = numbers[tokens]
    n_words = numbers.max(initial=-1) + 1
    starts = np.full(n_words, np.iinfo(np.int64).max)
    ends = np.zeros(n_words, np.int64)
    np.minimum.at(starts, numbers, spans[tokens, 0])
    np.maximum.at(ends, numbers, spans[tokens, 1])
    ones = np.ones(len(tokens), np.float32)
    pieces = csr_array((ones, (tokens, numbers)), shape=(len(spans), n_words))
    return Words(np.stack([starts, ends], axis=1), pieces)
