"""The network of a classifier as a picture: a box for what is plugged into each socket."""

from dataclasses import replace

from sklearn.utils.validation import check_is_fitted

from sklearn_icd.inspection._block_lines import own_sizes, written_sizes
from sklearn_icd.inspection._box_drawing import draw_boxes
from sklearn_icd.inspection._boxes import PALE, TITLE, Box, Line, broken_after_commas
from sklearn_icd.inspection._drawing import name_of, set_axes
from sklearn_icd.inspection._sockets import open_network, read_sockets

_ARROW = "→"
_JOINTS = {"reads": _ARROW, "adds": "+", "idle": ""}
_COLORS = {
    "embed": "#3b6ea5",
    "encode": "#2a8076",
    "read": "#2a8076",
    "compress": "#a8701c",
    "attend": "#b0413e",
    "score": "#6b4c9a",
}
_OTHER = "#5f6b76"


class NetworkDisplay:
    """
    Draw the blocks of a classifier's network from left to right.

    Make it with `from_estimator`. Each box is a socket of the network: the block in it with the
    blocks inside, their sizes, and at the foot the shape of what comes out, which two made notes
    tell. An arrow leads to a block that reads what the ones before it made; a plus sign to one
    that adds parameters, such as a weight for each code. What prediction does not call, and serves
    training alone, has a dashed frame.

    Parameters
    ----------
    sockets : list of Socket
        What is plugged in, in the order in which a note goes through the network.
    reads : str
        The shape of the token ids.
    gives : str
        The shape of the logits.
    network : str, default=None
        What the network is, in small letters above the picture.
    name : str, default=None
        What stands above that: the first line in bold letters, others in small ones.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.
    boxes_ : list of matplotlib.patches.Patch
        The frames, in the order of `sockets`.

    See Also
    --------
    sklearn_icd.nn : The blocks.

    Notes
    -----
    A dimension is named by what it changes with, when the made notes are more or longer; one that
    does not change is the codes if there are as many. A block that sees some codes at a time, as
    there is no room for all, shows the shape of the first of them.

    Examples
    --------
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.inspection import NetworkDisplay
    >>> from sklearn_icd.models import CAMLClassifier
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=20, n_codes=3, random_state=0)
    >>> X = WordTokenizer(max_length=50).fit_transform(made.data)
    >>> clf = CAMLClassifier(word_vectors=None, max_epochs=1, random_state=0).fit(X, made.target)
    >>> display = NetworkDisplay.from_estimator(clf)
    >>> [socket.name for socket in display.sockets]
    ['embed', 'compress', 'attend', 'score']
    >>> display.sockets[1].gives
    ['notes x (words + 1) x 50']
    """

    def __init__(self, sockets, reads, gives, *, network=None, name=None):
        self.sockets = sockets
        self.reads = reads
        self.gives = gives
        self.network = network
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None):
        """
        Look into the network of a fitted classifier, and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of this package or `MultiLabelNet`, or a Pipeline that ends in one.
        name : str, default=None
            What stands above the picture, the first line in bold letters. None: the name of the
            class of the classifier.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes, in a figure as large as the picture.

        Returns
        -------
        display : NetworkDisplay
            What was drawn.

        Raises
        ------
        TypeError
            If the classifier has no network.
        """
        check_is_fitted(estimator)
        classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
        module = getattr(getattr(classifier, "net_", classifier), "module_", None)
        if module is None:
            raise TypeError(
                f"{type(classifier).__name__} has no network to draw: a classifier of "
                "sklearn_icd.models that learns one, a MultiLabelNet, or a Pipeline that ends in "
                "one is needed."
            )
        module = getattr(module, "_orig_mod", module)  # a compiled one calls no hooks
        segments = getattr(classifier, "reads_segments", False)
        display = cls(
            *read_sockets(module, segments=segments),
            network=_describe(open_network(module)),
            name=name_of(classifier, name),
        )
        return display.plot(ax)

    def plot(self, ax=None):
        """
        Draw the boxes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes, in a figure as large as the picture. The size of the
            letters is that which the axes have room for.

        Returns
        -------
        self : NetworkDisplay
            The display.
        """
        is_new = ax is None
        ax = set_axes(self, ax)
        ends = [
            Box(what, _OTHER, foot=[Line(shape)], frame="")
            for what, shape in (("token ids", self.reads), ("logits", self.gives))
        ]
        called = [_box(socket) for socket in self.sockets if socket.role != "idle"]
        others = [_box(socket) for socket in self.sockets if socket.role == "idle"]
        boxes = [ends[0], *called, replace(ends[1], joint=_ARROW), *others]
        frames = draw_boxes(ax, self._title(), boxes, resize=is_new)
        self.boxes_ = [f for f, box in zip(frames, boxes, strict=True) if box.frame]
        return self

    def _title(self):
        name, *more = (self.name or "").split("\n")
        lines = [Line(name, weight="bold", size=TITLE), *map(Line, more)]
        return [line for line in [*lines, Line(self.network or "", color=PALE)] if line.text]


def _box(socket):
    """Write what is in a socket into a box."""
    color = _COLORS.get(socket.name.split("_")[0], _OTHER)
    lines = [Line(part.lstrip(), (len(part) - len(part.lstrip())) // 2) for part in socket.parts]
    body = [replace(lines[0], weight="bold"), Line(_count(socket), color=PALE), *lines[1:]]
    foot = ["not in prediction"] if socket.role == "idle" else socket.gives
    return Box(
        socket.name,
        color,
        [part for line in body for part in broken_after_commas(line)],
        [Line(text, color=color) for text in foot],
        joint=_JOINTS[socket.role],
        frame="--" if socket.role == "idle" else "-",
    )


def _count(socket):
    """Write how many parameters a block has."""
    if not socket.n_parameters:
        return "no parameters"
    trained = ""
    if socket.n_trained < socket.n_parameters:
        trained = f", {socket.n_trained:,} trained" if socket.n_trained else ", frozen"
    return f"{socket.n_parameters:,} parameters{trained}"


def _describe(network):
    """Give the class of a network, its number of parameters and sizes of its own."""
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    sizes = written_sizes([("", f"{n_parameters:,} parameters"), *own_sizes(network)])
    return f"{type(network).__name__}: {sizes}"
