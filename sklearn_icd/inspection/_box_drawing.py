"""Boxes of text drawn on axes, with letters as large as there is room for."""

from sklearn_icd.inspection._boxes import GAP, JOINT, MARGIN, PAD, PALE, Line, Page, part_height

_WIDEST_ROW, _ROWS_TO_TRY = 650, range(150, 1500, 50)
_SHADE = 0.12


def draw_boxes(ax, title, boxes, *, resize=False):
    """Draw boxes on axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        What to draw on.

    title : list of Line
        Stands above the boxes.

    boxes : list of Box
        From left to right.

    resize : bool, default=False
        Whether to make the figure as large as the boxes.

    Returns
    -------
    frames : list of matplotlib.patches.Rectangle
        One per box.
    """
    if resize:
        page, scale = Page(title, boxes, _WIDEST_ROW), 1.0
        ax.figure.set_size_inches(page.width / 72, page.height / 72)
        ax.set_position((0, 0, 1, 1))
    else:
        point = ax.figure.dpi / 72
        pages = [Page(title, boxes, row) for row in _ROWS_TO_TRY]
        scales = [
            min(ax.bbox.width / page.width, ax.bbox.height / page.height) / point for page in pages
        ]
        scale, page = max(zip(scales, pages, strict=True), key=lambda pair: pair[0])
    ax.set(xlim=(0, page.width), ylim=(page.height, 0), aspect="equal", anchor="NW")
    ax.set_axis_off()
    pen = _Pen(ax, scale)
    pen.write(page.title, MARGIN, MARGIN)
    return [pen.draw(*place) for place in page.places]


class _Pen:
    """Draw on axes that have their units in points, times a scale."""

    def __init__(self, ax, scale):
        self.ax = ax
        self.scale = scale

    def draw(self, box, x, y):
        """Draw a box with its left upper corner there, and give its frame."""
        head, _, foot = map(part_height, box.parts)
        if box.joint:
            joint = Line(box.joint, color=PALE, size=JOINT)
            self._write(joint, x - GAP / 2, y + head / 2, ha="center")
        if box.frame:
            self._fill(box, x, y, head, 1 if box.frame == "-" else _SHADE)
            self._fill(box, x, y + box.height - foot, foot, _SHADE)
        part_y = y
        for part in box.parts:
            self.write(part, x + box.pad, part_y)
            part_y += part_height(part)
        return self._rectangle(
            x, y, box.width, box.height, fill=False, edgecolor=box.color,
            linewidth=self.scale, linestyle=box.frame or "none",
        )  # fmt: skip

    def write(self, lines, x, y):
        """Write lines that stand together."""
        y += PAD / 2
        for line in lines:
            self._write(line, x + line.indent, y + line.height / 2)
            y += line.height

    def _write(self, line, x, y, **style):
        self.ax.text(
            x, y, line.text, size=self.scale * line.size, color=line.color, weight=line.weight,
            va="center_baseline", parse_math=False, **style,
        )  # fmt: skip

    def _fill(self, box, x, y, height, alpha):
        self._rectangle(x, y, box.width, height, color=box.color, alpha=alpha, linewidth=0)

    def _rectangle(self, x, y, width, height, **style):
        from matplotlib.patches import Rectangle

        return self.ax.add_patch(Rectangle((x, y), width, height, **style))
