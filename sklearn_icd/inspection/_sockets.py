"""The sockets of a fitted network, in the order in which a note goes through them."""

from dataclasses import dataclass
from functools import partial

from sklearn_icd.inspection._block_lines import block_lines
from sklearn_icd.inspection._probe import probe
from sklearn_icd.inspection._shape_names import name_shape

# Two made notes, and what each dimension is changed to, one at a time.
_WORDS = {"notes": (2, 3), "words": (150, 300)}
_SEGMENTS = {"notes": (2, 3), "segments": (3, 6), "tokens": (16, 32)}
# What blocks in these sockets give, by the contract of `LabelAttentionNetwork`.
_GIVEN = {"attend": ("queries", "keys", "values"), "score": ("weights", "biases")}
_OF_CODES = {"score", "shift"}  # a number for each note and code, if it takes notes


@dataclass(frozen=True)
class Socket:
    """
    Hold what is plugged into one socket of a network.

    Parameters
    ----------
    name : str
        What the network calls it: embed, encode, compress, attend, score ...
    parts : list of str
        The block in it, then the blocks inside that, each with its sizes, two spaces further to
        the right a level.
    n_parameters : int
        Numbers in the parameters of the block.
    n_trained : int
        Those of them that training moves.
    gives : list of str
        The shapes of what comes out of it.
    role : {"reads", "adds", "idle"}
        Whether it reads what became of the notes, adds parameters such as a weight for each code
        without reading anything, or is not called by prediction, as what serves training alone.
    """

    name: str
    parts: list
    n_parameters: int
    n_trained: int
    gives: list
    role: str


def read_sockets(module, *, segments=False):
    """Send two made notes through a network, and tell what they meet.

    Parameters
    ----------
    module : torch.nn.Module
        Token ids (n, t), or those of segments (n, s, l), to logits (n, L).
    segments : bool, default=False
        Whether it reads segments.

    Returns
    -------
    sockets : list of Socket
        In the order in which notes reach them; last those that prediction does not call.
    reads : str
        The shape of what goes in.
    gives : str
        The shape of what comes out.
    """
    inputs = _SEGMENTS if segments else _WORDS
    blocks = _blocks(open_network(module))
    first = [before for before, _ in inputs.values()]
    others = [[*first[:i], after, *first[i + 1 :]] for i, (_, after) in enumerate(inputs.values())]
    runs = [probe(module, blocks, shape) for shape in (first, *others)]
    in_words = partial(name_shape, inputs=inputs, n_codes=runs[0].logits[-1])
    met = {name: [run.call_of(name) for run in runs] for name in blocks}
    never = len(runs[0].calls)
    order = sorted(blocks, key=lambda name: met[name][0].place if met[name][0] else never)
    sockets = [_socket(name, blocks[name], met[name], in_words) for name in order]
    gives = in_words([run.logits for run in runs], gives_codes=True)
    return sockets, " x ".join(inputs), gives


def open_network(module):
    """Give the network inside modules that do nothing but wrap it.

    Parameters
    ----------
    module : torch.nn.Module
        A network, or what wraps one.

    Returns
    -------
    network : torch.nn.Module
        The first with several blocks, or with one that has none inside.
    """
    inside = list(module.children())
    while len(inside) == 1 and any(True for _ in inside[0].children()):
        module, inside = inside[0], list(inside[0].children())
    return module


def _socket(name, block, calls, in_words):
    """Describe what is plugged in, by the call of each run that stands for it."""
    role, gives = "idle", []
    if calls[0]:
        role = "reads" if calls[0].takes_notes else "adds"
        gives_codes = role == "reads" and _kind(name) in _OF_CODES
        shapes = zip(*(call.shapes for call in calls), strict=True)
        named = [in_words(of_runs, gives_codes=gives_codes) for of_runs in shapes]
        gives = _with_names(_GIVEN.get(_kind(name), ()), named)
    n_parameters = sum(p.numel() for p in block.parameters())
    n_trained = sum(p.numel() for p in block.parameters() if p.requires_grad)
    return Socket(name, block_lines(block), n_parameters, n_trained, gives, role)


def _blocks(network):
    """Give the blocks in the sockets; prediction knows no dropout."""
    from torch import nn

    inside = network.named_children()
    blocks = {name: block for name, block in inside if not isinstance(block, nn.Dropout)}
    return blocks or {"network": network}


def _kind(socket):
    """Give what a socket is for: that for words and that for sentences are of one kind."""
    return socket.split("_")[0]


def _with_names(names, shapes):
    """Write what the shapes are of, if it is known; like ones together."""
    if len(names) != len(shapes):
        return shapes
    by_shape = {}
    for name, shape in zip(names, shapes, strict=True):
        by_shape.setdefault(shape, []).append(name)
    return [f"{', '.join(names)}: {shape}" for shape, names in by_shape.items()]
