"""Segments for transformers: notes become arrays of a pretrained tokenizer's ids."""

import re
from copy import deepcopy
from numbers import Integral
from os import PathLike
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.text._base import TextTransformer, fit_task
from sklearn_icd.text._segment_layout import SegmentLayout
from sklearn_icd.utils._notes import check_notes
from sklearn_icd.utils._pretrained import load_tokenizer

# Runs of letters, digits and underscores, as WordTokenizer's, and runs of other characters.
_WORD = re.compile(r"\w+|[^\w\s]+")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# Bounds the memory of what the tokenizer returns, some hundred bytes a token.
_NOTES_AT_ONCE = 256


class SegmentTokenizer(TextTransformer):
    r"""Turn notes into segments of the tokens that a pretrained transformer reads.

    A transformer reads some hundred tokens at once, and notes are longer: they are cut into
    segments. ``X[i, s, j]`` is the j-th token of segment s of note i: its id in the tokenizer plus
    1, so that 0 is padding. The tokens of a segment stand first, padding follows.

    Parameters
    ----------
    pretrained : str, path-like or tokenizer
        A folder, which is read without network; the name of a model on the Hugging Face hub, which
        is downloaded if it is not in the local cache; or a loaded fast tokenizer, of transformers
        or of tokenizers, which is left as it is.
    segment_length : int, default=128
        Tokens of a segment, its special tokens included.
    max_length : int or None, default=3072
        Tokens that a note keeps, from its start: those in all of its segments, with the special
        tokens and those that neighbours share. None: all.
    special_tokens : {"note", "segment"}, default="note"
        Where the special tokens stand that the tokenizer puts around a text, such as ``[CLS]`` and
        ``[SEP]``: once around the note that is kept, or around each segment.
    stride : int, default=0
        Text tokens at the end of a segment that the next one starts with again.

    Attributes
    ----------
    tokenizer_ : tokenizers.Tokenizer
        The tokenizer, with neither truncation nor padding.
    n_tokens_ : int
        Number of ids: those of the tokenizer, and padding.

    See Also
    --------
    WordTokenizer : Turns notes into arrays of word ids.

    Notes
    -----
    The tokenizer is loaded in ``fit``, and neither looked for nor loaded again afterwards; notes
    teach it nothing. What it takes for a special token when that stands in a note, such as a
    literal ``[MASK]``, remains one.

    Tokenizing runs in parallel threads unless the environment variable ``TOKENIZERS_PARALLELISM``
    is "false".

    Half characters (lone surrogates), which are no text, are read as U+FFFD.

    Examples
    --------
    A PLM-ICD note is cut into segments of 128 tokens, a HiLAT note into 10 segments of 512, each
    with special tokens of its own:

    >>> from sklearn_icd.text import SegmentTokenizer
    >>> tokenizer = SegmentTokenizer("models/roberta-base")
    >>> tokenizer = SegmentTokenizer("models/xlnet", 512, 5120, special_tokens="segment")

    Any fast tokenizer will do, also one that was just trained:

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> vocabulary = {"[UNK]": 0, "no": 1, "cough": 2, "or": 3, "fever": 4}
    >>> words = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> SegmentTokenizer(words, segment_length=3).fit_transform(["no cough or fever", "fever"])
    array([[[2, 3, 4],
            [5, 0, 0]],
           [[5, 0, 0],
            [0, 0, 0]]], dtype=int32)
    """

    _parameter_constraints: ClassVar = {
        "pretrained": [str, PathLike, HasMethods("get_vocab")],
        "segment_length": [Interval(Integral, 1, None, closed="left")],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "special_tokens": [StrOptions({"note", "segment"})],
        "stride": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, pretrained, segment_length=128, max_length=3072, special_tokens="note", stride=0
    ):
        self.pretrained = pretrained
        self.segment_length = segment_length
        self.max_length = max_length
        self.special_tokens = special_tokens
        self.stride = stride

    @fit_task
    def fit(self, X, y=None):
        """Load the tokenizer.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Notes, of which nothing is learned.
        y : None
            Ignored.

        Returns
        -------
        self : SegmentTokenizer
            The fitted step.

        Raises
        ------
        OSError
            If the tokenizer cannot be loaded.
        TypeError
            If it is not a fast one.
        ValueError
            If a segment or a note has no room for text.
        """
        self._training_notes(X)
        tokenizer = _load(self.pretrained)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._check_room(tokenizer)
        self.tokenizer_ = tokenizer
        self.n_tokens_ = max(tokenizer.get_vocab().values(), default=-1) + 2
        return self

    def transform(self, X):
        """Turn notes into segments.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Notes.

        Returns
        -------
        X : int32 ndarray of shape (n_notes, n_segments, segment_length)
            Shifted ids; as many segments as the longest note has, at least one.
        """
        check_is_fitted(self)
        special, layout = self._layout(self.tokenizer_)
        keep = self._keep(layout)
        encode = self.tokenizer_.encode_batch_fast  # leaves the offsets out
        rows = [
            np.array(encoding.ids, np.int32)[keep]
            for encoding in _in_batches(encode, check_notes(X, name="X"))
        ]
        n_segments = len(layout(max(map(len, rows)))) if rows else 1
        X = np.zeros((len(rows), n_segments, self.segment_length), np.int32)
        for note in reversed(X):
            ids = rows.pop()  # their memory is as large as the result
            places = layout(len(ids))
            note[: len(places)] = np.concatenate([ids + 1, special + 1, [0]])[places]
        return X

    def spans(self, notes):
        """Locate each token in the notes.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Notes, as ``transform`` takes them.

        Returns
        -------
        spans : list of int64 ndarray of shape (n_tokens, 2)
            For each note, the [start, end) of each of its tokens, segment by segment, without
            padding and without the white space around a token. That of a special token is empty,
            and so is that of a token that is white space alone, which lies at its end.
        """
        return [spans for _, spans, _ in self._located(notes)]

    def words(self, notes):
        r"""Tell which tokens belong to the same word of a note.

        Words are what a reader would mark, whatever the tokenizer takes for one: the longest runs
        of letters, digits and underscores, as in ``WordTokenizer``, and between these the longest
        runs of other characters that are no white space. A token belongs to the word in which its
        span starts.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Notes, as ``transform`` takes them.

        Returns
        -------
        words : list of int64 ndarray of shape (n_tokens,)
            For each note, the number of the word that each of its tokens belongs to, in the order
            of ``spans``. Words that have a token are numbered from 0 as they are read. Special
            tokens, and white space at the end of a note, have -1.
        """
        return [_word_numbers(*located) for located in self._located(notes)]

    def _located(self, notes):
        """Give each note with the spans of its tokens, and whether a token is text."""
        check_is_fitted(self)
        _, layout = self._layout(self.tokenizer_)
        keep = self._keep(layout)
        notes = check_notes(notes, name="notes")
        encodings = _in_batches(self.tokenizer_.encode_batch, notes)
        for note, encoding in zip(notes, encodings, strict=True):
            offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)[keep]
            spans = _without_blanks(note, offsets)
            places = layout(len(spans))
            tokens = places[places < len(spans) + layout.n_special]  # segment by segment
            yield note, _with_special(spans, tokens, layout.n_before), tokens < len(spans)

    def _layout(self, tokenizer):
        before, after = _special_ids(tokenizer)
        each = self.special_tokens == "segment"
        layout = SegmentLayout(self.segment_length, self.stride, len(before), len(after), each)
        return np.concatenate([before, after]), layout

    def _keep(self, layout):
        return slice(None if self.max_length is None else layout.most_text(self.max_length))

    def _check_room(self, tokenizer):
        _, layout = self._layout(tokenizer)
        if layout.width < 1:
            raise ValueError(
                f"segment_length={self.segment_length} leaves no room for text: this tokenizer "
                f"puts {layout.n_special} special tokens around each segment. Raise "
                "segment_length, or set special_tokens='note'."
            )
        if self.stride >= layout.width:
            raise ValueError(
                f"stride={self.stride} must be smaller than the {layout.width} tokens that a "
                f"segment of segment_length={self.segment_length} holds of a note: lower stride."
            )
        if self.max_length is not None and layout.most_text(self.max_length) < 1:
            raise ValueError(
                f"max_length={self.max_length} leaves no room for text beside the "
                f"{layout.n_special} special tokens of this tokenizer: raise max_length."
            )


def _load(pretrained):
    if isinstance(pretrained, str | PathLike):
        return _rust_tokenizer(load_tokenizer(pretrained, parameter="pretrained"))
    return deepcopy(_rust_tokenizer(pretrained))


def _rust_tokenizer(tokenizer):
    from tokenizers import Tokenizer

    found = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(found, Tokenizer):
        raise TypeError(
            f"pretrained gives a {type(tokenizer).__name__}, which is no fast tokenizer: it cannot "
            "tell where in a note its tokens lie. Give a model that has a tokenizer.json, or a "
            "loaded fast tokenizer (its is_fast is True)."
        )
    return found


def _special_ids(tokenizer):
    """Give the ids that a tokenizer puts before and after a text."""
    from tokenizers import Tokenizer, models

    # A text of one token, whatever the tokenizer's own vocabulary.
    text = Tokenizer(models.WordLevel({"a": 0}, "a")).encode("a")
    framed = tokenizer.post_process(text, None, True)
    place = framed.special_tokens_mask.index(0)
    ids = np.array(framed.ids, np.int32)
    return ids[:place], ids[place + 1 :]


def _in_batches(encode, notes):
    for first in range(0, len(notes), _NOTES_AT_ONCE):
        batch = [
            note if note.isascii() else _HALF_CHARACTER.sub("\ufffd", note)
            for note in notes[first : first + _NOTES_AT_ONCE]
        ]
        yield from encode(batch, add_special_tokens=False)


def _without_blanks(note, spans):
    """Take the white space off both ends of spans; one of white space alone ends where it did."""
    letters = np.flatnonzero([not letter.isspace() for letter in note])
    starts, ends = spans.T
    first, after = np.searchsorted(letters, starts), np.searchsorted(letters, ends)
    has_letter = first < after
    trimmed = np.stack([ends, ends], axis=1)
    trimmed[has_letter, 0] = letters[first[has_letter]]
    trimmed[has_letter, 1] = letters[after[has_letter] - 1] + 1
    return trimmed


def _with_special(spans, tokens, n_before):
    """Arrange spans by token; special tokens lie at the text token that they stand beside."""
    is_text = tokens < len(spans)
    arranged = np.zeros((len(tokens), 2), np.int64)
    arranged[is_text] = spans[tokens[is_text]]
    if len(spans):
        text = np.flatnonzero(is_text)
        before = np.flatnonzero(~is_text & (tokens < len(spans) + n_before))
        after = np.flatnonzero(tokens >= len(spans) + n_before)
        arranged[before] = arranged[text[np.searchsorted(text, before)], :1]
        arranged[after] = arranged[text[np.searchsorted(text, after) - 1], 1:]
    return arranged


def _word_numbers(note, spans, is_text):
    bounds = np.array([word.span() for word in _WORD.finditer(note)], np.int64).reshape(-1, 2)
    # Before the first word and behind each there is none.
    starts, ends = np.concatenate([[[-1, -1]], bounds]).T
    word = np.searchsorted(starts, spans[:, 0], side="right") - 1
    inside = is_text & (spans[:, 0] < ends[word])
    numbers = np.full(len(spans), -1, np.int64)
    numbers[inside] = np.unique(word[inside], return_inverse=True)[1]
    return numbers
