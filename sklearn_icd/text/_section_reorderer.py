"""Sections of a note, and moving the telling ones to its start."""

import re
from typing import ClassVar

import numpy as np

from sklearn_icd.text._base import TextToText, fit_task
from sklearn_icd.utils._notes import check_notes

_MARKS = " \t\r\f\v\u00a0=-*#_"
_RULE = re.compile(r"([=\-_*~])\1{3,}")
_MARKED = re.compile(r"([=*-])\1+[^=*-].*\1\1")
# A heading of a section of its own; in a moved section it only divides the diagnoses.
_DIVIDES = re.compile(
    r"(?:primary|principal|secondary|acute|chronic)(?:\s.*\bdiagnos[ie]s)?", re.IGNORECASE
)
_MOST_WORDS = 6
_LONG_WORD = 5


class SectionReorderer(TextToText):
    r"""Move whole sections of notes to their start.

    A model that reads only so many tokens of a note misses its end, where discharge summaries say
    most about the diagnoses [1]_. A section is its heading with all that follows up to the next
    heading. Those not named in `first` keep their order, and a note without any of these remains as
    it is. No character is added or lost.

    Parameters
    ----------
    first : list or tuple of str
        Headings of the sections that go to the start, in this order, by default "discharge
        diagnosis", "discharge disposition" and "discharge condition"; sections with the same
        heading stay in the order of the note. Case and the number of blanks do not count, and the
        plural (diagnosis, diagnoses; condition, conditions) is found as well.

    See Also
    --------
    NoteCleaner : Cleans notes; it removes what marks a heading, so it comes after this step.

    Notes
    -----
    A line is the heading of a section in `first` if it starts with its name and a colon, or if it
    holds nothing but its name and stands apart. Blanks and marks (``= - * # _``) around the name do
    not count.

    A line is another heading, at which a moved section ends, if it

    - has a rule under it, such as ``----`` or ``====``, or marks around it, as in
      ``== Hospital Course ==``; or
    - stands apart, has a colon after six words at most, and either nothing after the colon or, as
      in ``Major Surgical or Invasive Procedure: none``, capitals at the start of all its words of
      five letters or more.

    A line stands apart at the start of the note and after an empty line or a rule. Thus lines such
    as ``Mental Status: clear`` right under ``Discharge Condition:`` belong to its section. So does
    what divides diagnoses, apart or not: ``Secondary:`` or ``PRIMARY DIAGNOSES:``.

    References
    ----------
    .. [1] L. Liu, O. Perez-Concha, A. Nguyen, V. Bennett and L. Jorm, "Hierarchical label-wise
       attention transformer model for explainable ICD coding", Journal of Biomedical Informatics,
       2022.

    Examples
    --------
    >>> from sklearn_icd.text import SectionReorderer
    >>> note = '''Service: MEDICINE
    ...
    ... Discharge Disposition:
    ... Home
    ...
    ... Discharge Diagnoses:
    ... Primary: CHF
    ...
    ... Followup:
    ... none'''
    >>> print(SectionReorderer().transform([note])[0])
    Discharge Diagnoses:
    Primary: CHF
    <BLANKLINE>
    Discharge Disposition:
    Home
    <BLANKLINE>
    Service: MEDICINE
    <BLANKLINE>
    Followup:
    none
    """

    _parameter_constraints: ClassVar = {"first": [list, tuple]}

    def __init__(
        self, first=("discharge diagnosis", "discharge disposition", "discharge condition")
    ):
        self.first = first

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
        self : SectionReorderer
            The step itself.
        """
        self._training_notes(X)
        self._names()
        return self

    def transform(self, X):
        """Reorder notes.

        Parameters
        ----------
        X : list, array or series of str of length n_notes
            Raw notes.

        Returns
        -------
        notes : list of str of length n_notes
            The notes with some of their sections moved to the start.
        """
        names = self._names()
        return [_reorder(note, names) for note in check_notes(X, name="X")]

    def spans(self, notes):
        """Locate each character of the reordered notes in the notes.

        Parameters
        ----------
        notes : list, array or series of str of length n_notes
            Raw notes, as ``transform`` takes them.

        Returns
        -------
        spans : list of int64 ndarray of shape (n_characters, 2)
            For each note, the [start, end) of each character of the reordered note.
        """
        names = self._names()
        return [_spans(note, names) for note in check_notes(notes, name="notes")]

    def _names(self):
        """Return the pattern of all headings in `first`, the i-th as its (i+1)-th group."""
        for i, name in enumerate(self.first):
            if not isinstance(name, str) or not name.strip(_MARKS + ":"):
                raise ValueError(
                    f"first[{i}] must be the heading of a section, such as 'discharge diagnosis', "
                    f"got {name!r}."
                )
        patterns = [f"({_heading_pattern(name)})" for name in self.first]
        return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)


def _heading_pattern(name):
    *words, last = name.strip(_MARKS + ":").split()
    if re.search("s[ie]s$", last, re.IGNORECASE):  # diagnosis, diagnoses
        last = re.escape(last[:-3]) + r"s[ie]s(?:\(es\))?"
    else:
        last = re.escape(last) + r"(?:s|\(s\))?"
    return r"[^\S\n]+".join([*map(re.escape, words), last])


def _reorder(note, names):
    if not names.search(note):
        return note
    lines = note.split("\n")
    # Lines, not sections, are joined: the last section of a note has no line break of its own.
    return "\n".join([lines[i] for i in _line_order(lines, names)])


def _spans(note, names):
    lines = note.split("\n")
    lengths = np.array([len(line) + 1 for line in lines])  # each with the line break after it
    starts = np.cumsum(lengths) - lengths
    order = np.array(_line_order(lines, names))
    starts, lengths = starts[order], lengths[order]
    first = np.cumsum(lengths) - lengths
    begin = np.arange(len(note) + 1) + np.repeat(starts - first, lengths)
    # The line that comes last gives its line break to the line that was last and had none.
    begin[begin == len(note)] = begin[-1]
    return np.stack([begin[:-1], begin[:-1] + 1], axis=1)


def _line_order(lines, names):
    """Return the positions of lines, those of the sections to move first."""
    rest = names.groups  # comes after all that move
    rank, ranks = rest, []
    for i in range(len(lines)):
        named = _named_heading(lines, i, names)
        if named is not None:
            rank = named
        elif rank < rest and _ends_section(lines, i):
            rank = rest
        ranks.append(rank)
    return sorted(range(len(lines)), key=ranks.__getitem__)


def _named_heading(lines, i, names):
    """Return which of the named headings a line is, None if it is none."""
    name, colon, _ = lines[i].partition(":")
    found = names.fullmatch(name.strip(_MARKS))
    if found and (colon or _stands_apart(lines, i) or _is_marked(lines, i)):
        return found.lastindex - 1
    return None


def _ends_section(lines, i):
    name, colon, text = lines[i].partition(":")
    heading = name.strip(_MARKS)
    words = heading.split()
    if not heading[:1].isalpha() or len(words) > _MOST_WORDS or _DIVIDES.fullmatch(heading):
        return False
    if _is_marked(lines, i):
        return True
    if not colon or not _stands_apart(lines, i):
        return False
    is_listed = not name.lstrip()[0].isalpha()
    is_time = heading[-1].isdigit()
    return not (is_listed or is_time) and (not text.strip() or _is_title(words))


def _is_title(words):
    return words[0][0].isupper() and not any(
        len(word) >= _LONG_WORD and word[0].islower() for word in words
    )


def _is_marked(lines, i):
    below = lines[i + 1] if i + 1 < len(lines) else ""
    return bool(_RULE.fullmatch(below.strip()) or _MARKED.fullmatch(lines[i].strip()))


def _stands_apart(lines, i):
    above = lines[i - 1].strip() if i else ""
    return not above or bool(_RULE.fullmatch(above))
