"""Where the tokens of a note stand in its segments."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SegmentLayout:
    """Lay the tokens of a text and the special tokens around them out in segments.

    Parameters
    ----------
    segment_length : int
        Tokens of a segment, special tokens included.
    stride : int
        Tokens that neighbouring segments share.
    n_before, n_after : int
        Special tokens before and after a text.
    each : bool
        Whether each segment has special tokens of its own, instead of the note.
    """

    segment_length: int
    stride: int
    n_before: int
    n_after: int
    each: bool

    @property
    def n_special(self):
        """Number of special tokens around a text."""
        return self.n_before + self.n_after

    @property
    def width(self):
        """Tokens of a segment without special tokens of its own."""
        return self.segment_length - self.each * self.n_special

    def most_text(self, max_length):
        """Count the text tokens, from the start of a note, whose segments hold max_length tokens.

        Parameters
        ----------
        max_length : int
            Tokens in all segments of a note, special and shared tokens included.

        Returns
        -------
        n_text : int
            The number of text tokens; below 1 if there is room for none.
        """
        n_full, rest = divmod(max_length, self.segment_length)
        shared = self.stride if n_full else 0
        new = rest - shared - self.each * self.n_special
        in_segments = n_full * (self.width - self.stride) + shared + max(new, 0)
        return in_segments if self.each else in_segments - self.n_special

    def __call__(self, n_text):
        """Lay out a note.

        Parameters
        ----------
        n_text : int
            Number of its text tokens.

        Returns
        -------
        places : ndarray of int of shape (n_segments, segment_length)
            What stands where: numbers below n_text are text tokens, the `n_special` numbers from
            there on are special tokens, and ``n_text + n_special`` is padding.
        """
        text = np.arange(n_text)
        special = np.arange(n_text, n_text + self.n_special)
        padding = n_text + self.n_special
        before, after = np.split(special, [self.n_before])
        if not self.each:
            return self._cut(np.concatenate([before, text, after]), padding)
        segments = self._cut(text, padding)
        framed = np.empty((len(segments), self.segment_length), int)
        framed[:, : self.n_before] = before
        framed[:, self.n_before : self.n_before + self.width] = segments
        framed[:, self.n_before + self.width :] = after
        # Only the last segment can have padding, which must stand behind its special tokens.
        last = framed[-1]
        framed[-1] = last[np.argsort(last == padding, kind="stable")]
        return framed

    def _cut(self, tokens, padding):
        starts = np.arange(0, max(len(tokens) - self.stride, 1), self.width - self.stride)
        places = starts[:, None] + np.arange(self.width)  # (n_segments, width)
        return np.append(tokens, padding)[np.minimum(places, len(tokens))]
