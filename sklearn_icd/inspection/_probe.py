"""Made notes sent through a network, to see in which order its blocks are called."""

from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class _Call:
    """One call of a block, or of a block directly inside it."""

    block: str
    place: int
    is_own: bool
    takes_notes: bool
    shapes: list


@dataclass(frozen=True)
class Run:
    """Hold what happened while notes went through a network.

    Parameters
    ----------
    calls : list
        Calls of blocks, in their order.

    logits : tuple of int
        The shape of what the network gave.
    """

    calls: list
    logits: tuple

    def call_of(self, name):
        """Give the call that stands for a block.

        A network may use what is inside a block, and not call the block itself.

        Parameters
        ----------
        name : str
            That of the block.

        Returns
        -------
        call : object, or None
            Its `place` among the calls, the `shapes` that it gave, and whether it `takes_notes`.
        """
        calls = [call for call in self.calls if call.block == name]
        ranked = sorted(calls, key=lambda call: (not call.is_own, not call.takes_notes, call.place))
        return ranked[0] if ranked else None


def probe(module, blocks, shape):
    """Send made notes through a network, and write down the calls of its blocks.

    Parameters
    ----------
    module : torch.nn.Module
        Token ids to logits.

    blocks : dict of str to torch.nn.Module
        Those to listen to.

    shape : sequence of int
        That of the token ids, which are all the same word.

    Returns
    -------
    run : Run
        What happened.
    """
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    ids = torch.ones(shape, dtype=torch.int64, device=tensors[0].device if tensors else "cpu")
    calls = []

    def listen(name, is_own):
        def hook(_, given, by_name, output):
            takes_notes = bool(given or by_name)
            calls.append(_Call(name, len(calls), is_own, takes_notes, _shapes(output)))

        return hook

    listeners = [(block, listen(name, True)) for name, block in blocks.items()]
    for name, block in blocks.items():
        listeners += [(part, listen(name, False)) for part in block.children()]
    hooks = [heard.register_forward_hook(hook, with_kwargs=True) for heard, hook in listeners]
    try:
        with _predicting(module), torch.no_grad():
            logits = module(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return Run(calls, tuple(logits.shape))


@contextmanager
def _predicting(module):
    """Let a module behave as in prediction for a while."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, mode in modes:
            m.training = mode


def _shapes(output):
    """Give the shapes of the tensors of numbers in an output; masks are none."""
    import torch

    if isinstance(output, torch.Tensor):
        return [tuple(output.shape)] if output.is_floating_point() else []
    if isinstance(output, dict):
        output = list(output.values())
    return [s for part in output for s in _shapes(part)] if isinstance(output, list | tuple) else []
