"""What names and seeds mean to torch: devices, optimisers, generators."""

import threading
from contextlib import contextmanager
from functools import partial

import torch

# Initialisation and dropout draw from torch's global generators, which threads share.
_GENERATORS = threading.RLock()


def find_device(device):
    """Give the name of a device that is there; "auto" takes CUDA where it can."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        named = torch.device(device)
    except RuntimeError:
        named = None
    if named is None or (named.type == "cuda" and (named.index or 0) >= torch.cuda.device_count()):
        raise ValueError(
            f"device={device!r} is not a device of this machine: use 'auto', which takes CUDA "
            "where there is one, or 'cpu'."
        )
    return device


def find_optimizer(optimizer):
    """Give the class of an optimiser by its name; anything else is one already."""
    if optimizer == "lamb":
        from pytorch_optimizer import Lamb  # takes seconds to import

        return Lamb
    named = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    # One pass over each parameter: with many words and codes several times faster on the CPU.
    return partial(named[optimizer], fused=True) if isinstance(optimizer, str) else optimizer


@contextmanager
def own_generators(seed, device):
    """Seed torch's generators of the CPU and the device, and leave them as they were found."""
    device = torch.device(find_device(device))
    cuda = [device] if device.type == "cuda" else []
    with _GENERATORS, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        for used in cuda:
            with torch.cuda.device(used):
                torch.cuda.manual_seed(seed)
        yield
