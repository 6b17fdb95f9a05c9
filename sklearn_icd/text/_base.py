"""What all text steps have in common."""

import re
from functools import wraps
from itertools import chain, pairwise

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.utils._notes import check_notes

WORD = re.compile(r"\S+")


class Memo(dict):
    """A dict that computes what it misses, once.

    ``map(memo.__getitem__, words)`` then runs at the speed of a dict.
    """

    def __init__(self, function):
        self._function = function

    def __missing__(self, key):
        value = self[key] = self._function(key)
        return value


class Numbering(dict):
    """A dict that gives each new key the next number."""

    def __missing__(self, key):
        number = self[key] = len(self)
        return number


def look_up(table, words):
    """Return the numbers of words in a table as an int32 array."""
    return np.fromiter(map(table.__getitem__, words), np.int32, len(words))


def look_up_notes(table, notes):
    """Look up the words of all notes, of which one at a time is in memory.

    Parameters
    ----------
    table : mapping of str to int
        The number of each word.
    notes : iterable of list of str
        The words of each note.

    Returns
    -------
    numbers : int32 ndarray of shape (n_all_words,)
        Those of the words of all notes, one note after the other.
    ends : list of int of length n_notes + 1
        Note ``i`` is ``numbers[ends[i]:ends[i + 1]]``.
    """
    ends = [0]

    def counted():
        for words in notes:
            ends.append(ends[-1] + len(words))
            yield words

    words = chain.from_iterable(counted())
    return np.fromiter(map(table.__getitem__, words), np.int32), ends


def count_notes(numbers, ends, n_words):
    """Count in how many notes each word occurs.

    Parameters
    ----------
    numbers : int32 ndarray of shape (n_all_words,)
        Those of the words of all notes, below ``n_words``.
    ends : list of int of length n_notes + 1
        Where each note ends in `numbers`.
    n_words : int
        Words there are.

    Returns
    -------
    counts : ndarray of shape (n_words,)
        Notes that contain the word.
    """
    counts = np.zeros(n_words, np.int64)
    place = np.empty(n_words, np.int32)
    for start, end in pairwise(ends):
        note = numbers[start:end]
        # Each word keeps one of its places in the note, where it is counted.
        places = np.arange(end - start, dtype=np.int32)
        place[note] = places
        counts[note[place[note] == places]] += 1
    return counts


def joined_spans(words, origins=None):
    """Return the span of each character of words that are joined by single spaces.

    A space stands for the whole gap between its two words.

    Parameters
    ----------
    words : list of re.Match
        Words as they lie in a text.
    origins : int64 ndarray of shape (n_text_characters,), default=None
        Where each character of the text lies in the note. None: the text is the note.

    Returns
    -------
    spans : int64 ndarray of shape (n_characters, 2)
        Start and end in the note of each character of the joined words.
    """
    starts, ends = np.array([word.span() for word in words], np.int64).reshape(-1, 2).T
    lengths = ends - starts + 1  # each word with the space after it
    first = np.cumsum(lengths) - lengths
    begin = (np.arange(lengths.sum()) + np.repeat(starts - first, lengths))[:-1]
    begin = begin if origins is None else origins[begin]
    spans = np.stack([begin, begin + 1], axis=1)
    gaps = first[1:] - 1
    spans[gaps, 0] = spans[gaps - 1, 1]
    spans[gaps, 1] = spans[gaps + 1, 0]
    return spans


def fit_task(fit):
    """Make fitting a task of scikit-learn's callbacks, and validate the parameters first."""

    @with_callbacks
    @wraps(fit)
    def fit_as_task(self, X, y=None):
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        fitted = fit(self, X, y)
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return fitted

    return _fit_context(prefer_skip_nested_validation=True)(fit_as_task)


class TextTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """A step whose input is raw notes."""

    def __init_subclass__(cls, **kwargs):
        # Neither notes nor tokens are columns, so scikit-learn must not wrap them in a data frame.
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def set_output(self, *, transform=None):
        """Accept the default output only.

        Notes and tokens are no columns of a data frame. The global setting ``transform_output`` of
        scikit-learn leaves them alone.

        Parameters
        ----------
        transform : {"default", None}, default=None
            The container of the output.

        Returns
        -------
        self : object
            The step itself.

        Raises
        ------
        ValueError
            If another container is asked for.
        """
        if transform not in (None, "default"):
            raise ValueError(
                f"transform={transform!r} is not possible: the output of {type(self).__name__} "
                "has no columns to put in a data frame; use transform='default'."
            )
        return self

    def _get_fitted_attr_html(self, doc_link=""):
        # A notebook that shows a fitted step would otherwise show some words of its notes.
        attributes = super()._get_fitted_attr_html(doc_link)
        for shown in attributes.values():
            if isinstance(shown["value"], dict):
                shown["value"] = len(shown["value"])
        return attributes

    def _training_notes(self, X):
        notes = check_notes(X, name="X")
        if not notes:
            raise ValueError(f"X holds no note: {type(self).__name__}.fit needs at least one.")
        return notes


class TextToText(TextTransformer):
    """A step that gives notes back."""

    def get_feature_names_out(self, input_features=None):
        """Return the name of the output, so that pipelines can name what comes after it.

        Parameters
        ----------
        input_features : array-like of str of length 1, default=None
            Name of the input.

        Returns
        -------
        names : ndarray of str objects of shape (1,)
            The name of the input, ``"note"`` if it has none.
        """
        check_is_fitted(self)
        names = np.asarray(["note"] if input_features is None else input_features, dtype=object)
        if names.shape != (1,):
            raise ValueError(f"input_features must hold one name, got {names.size}.")
        return names
