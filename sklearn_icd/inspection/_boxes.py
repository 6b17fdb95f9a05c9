"""Boxes of text from left to right, each as large as its text, in as many rows as are needed."""

import re
import textwrap
from dataclasses import dataclass, field, replace
from functools import lru_cache

# All in points, as the sizes of letters are.
LETTERS, TITLE, HEAD, JOINT = 8.5, 11, 9, 15
PAD, GAP, MARGIN = 6, 24, 6
_INDENT, _WIDEST_LINE, _STEP = 9, 190, 10
DARK, PALE = "#222222", "#6a6a6a"
_LINE_HEIGHT = 1.35  # of letters of size 1


@dataclass(frozen=True)
class Line:
    """Hold a line of text.

    Parameters
    ----------
    text : str
        What it says.

    level : int, default=0
        How far to the right it starts.

    color : str, default=DARK
        Of the letters.

    weight : {"normal", "bold"}, default="normal"
        Of the letters.

    size : float, default=LETTERS
        Of the letters.
    """

    text: str
    level: int = 0
    color: str = DARK
    weight: str = "normal"
    size: float = LETTERS

    @property
    def indent(self):
        """Points to the left of it."""
        return self.level * _INDENT

    @property
    def width(self):
        """Points that it needs, with its indent."""
        return self.indent + _text_width(self.text, self.size, self.weight)

    @property
    def height(self):
        """Points that it needs, with the space to the next."""
        return _LINE_HEIGHT * self.size

    def wrapped(self, width):
        """Break it into lines that are hardly wider than asked for.

        Parameters
        ----------
        width : float
            In points.

        Returns
        -------
        lines : list of Line
            All but the first start further to the right if the line has a level above 0.
        """
        letters = max(1, int(len(self.text) * (width - self.indent) / (self.width - self.indent)))
        texts = textwrap.wrap(
            self.text, letters, break_long_words=False, break_on_hyphens=False
        )  # fmt: skip
        further = self.level + (self.level > 0)
        lines = [replace(self, text=text, level=further) for text in texts]
        return [replace(lines[0], level=self.level), *lines[1:]]


def broken_after_commas(line):
    """Break a line of a box where it is too wide, but nowhere else than after a comma.

    Parameters
    ----------
    line : Line
        What the box says.

    Returns
    -------
    lines : list of Line
        What it becomes.
    """
    bound = replace(line, text=re.sub(r"(?<!,) ", "\N{NO-BREAK SPACE}", line.text))
    parts = bound.wrapped(_WIDEST_LINE)
    return [replace(part, text=part.text.replace("\N{NO-BREAK SPACE}", " ")) for part in parts]


@dataclass(frozen=True)
class Box:
    """Hold the text of a box, and what stands before it.

    Parameters
    ----------
    head : str
        Its title.

    color : str
        Of the head and the frame.

    body, foot : list of Line, default=[]
        What stands in it.

    joint : str, default=""
        What stands between the box before and this one.

    frame : {"-", "--", ""}, default="-"
        Style of the frame. "": there is none.
    """

    head: str
    color: str
    body: list = field(default_factory=list)
    foot: list = field(default_factory=list)
    joint: str = ""
    frame: str = "-"

    @property
    def title(self):
        """The head as a line."""
        color = "white" if self.frame == "-" else self.color
        return Line(self.head, color=color, weight="bold", size=HEAD)

    @property
    def parts(self):
        """The lines of head, body and foot."""
        return [self.title], self.body, self.foot

    @property
    def pad(self):
        """Points between frame and text."""
        return PAD if self.frame else 0

    @property
    def width(self):
        """Points that it needs."""
        return 2 * self.pad + max(line.width for part in self.parts for line in part)

    @property
    def height(self):
        """Points that it needs."""
        return sum(part_height(part) for part in self.parts)


def part_height(lines):
    """Give the height of lines that stand together, none without lines.

    Parameters
    ----------
    lines : list of Line
        What stands there.

    Returns
    -------
    height : float
        Points, with some space above and below.
    """
    return PAD + sum(line.height for line in lines) if lines else 0


class Page:
    """Say where boxes stand: in as few rows as may be, which are about as wide as each other.

    Parameters
    ----------
    title : list of Line
        Stands above the boxes.

    boxes : list of Box
        From left to right.

    widest : float
        Points that a row may have, unless a box is wider.

    Attributes
    ----------
    title : list of Line
        Wrapped to the width of the page.

    places : list of tuple of (Box, float, float)
        Each box and its left upper corner.

    width, height : float
        Of the whole.
    """

    def __init__(self, title, boxes, widest):
        n_rows = len(_rows(boxes, widest))
        while widest > _STEP and len(_rows(boxes, widest - _STEP)) == n_rows:
            widest -= _STEP
        rows = _rows(boxes, widest)
        inside = max(map(_row_width, rows))
        self.title = [part for line in title for part in line.wrapped(inside)]
        self.places = []
        y = MARGIN + part_height(self.title) + PAD
        for row in rows:
            x = MARGIN
            for box in row:
                x += GAP if box.joint else PAD if x > MARGIN else 0
                self.places.append((box, x, y))
                x += box.width
            y += max(box.height for box in row) + 2 * PAD
        self.width, self.height = inside + 2 * MARGIN, y - 2 * PAD + MARGIN


def _rows(boxes, widest):
    rows = [[]]
    for box in boxes:
        if rows[-1] and _row_width([*rows[-1], box]) > widest:
            rows.append([])
        rows[-1].append(box)
    return rows


def _row_width(row):
    gaps = [GAP if box.joint else PAD for box in row]
    return sum(gaps) + sum(box.width for box in row) - (0 if row[0].joint else PAD)


@lru_cache(4096)
def _text_width(text, size, weight):
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    # Letters on a screen are up to a twentieth wider than their outlines.
    return 1.05 * text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
