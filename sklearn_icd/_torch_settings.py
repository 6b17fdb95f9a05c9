"""What names and seeds mean to torch: devices, processes, optimisers, generators."""

import os
import threading
from contextlib import contextmanager
from functools import partial
from getpass import getuser
from itertools import count
from multiprocessing import parent_process
from pathlib import Path
from tempfile import gettempdir

import torch
from filelock import FileLock, Timeout
from sklearn.utils import check_random_state

# Initialisation and dropout draw from torch's global generators, which threads share.
_GENERATORS = threading.RLock()
# Held as long as the process lives: the system lets go of the locks of one that was killed.
_OWN_CARD = []


def find_device(device):
    """Give the name of a device that is there; "auto" takes CUDA where it can."""
    if device == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        if parent_process() is not None and not torch.cuda.is_initialized():
            take_card()
        return "cuda"
    if device == "accelerate":
        return find_accelerator().device.type  # which is the current one of its kind
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


def find_accelerator():
    """Give what knows the processes and devices that `accelerate launch` has set up."""
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise ImportError(
            "device='accelerate' needs accelerate: pip install 'sklearn-icd[accelerate]'."
        ) from error
    # A parameter may have no part in a loss: that of a bias which cancels, a transformer's where
    # the notes are empty.
    return Accelerator(kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)])


def find_random_state(random_state, device):
    """Give a generator; the processes of accelerate get that of the first."""
    generator = check_random_state(random_state)
    if device == "accelerate":
        find_accelerator()
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([generator])[0]
    return generator


def take_card():
    """Make that card the current one which the fewest worker processes of this user have taken."""
    owner = os.getuid() if hasattr(os, "getuid") else getuser()
    folder = Path(gettempdir(), f"sklearn-icd-{owner}")
    folder.mkdir(exist_ok=True)
    cards = [torch.cuda.get_device_properties(k).uuid for k in range(torch.cuda.device_count())]
    for turn in count():
        for card, uuid in enumerate(cards):
            lock = FileLock(folder / f"{uuid}-{turn}.lock", thread_local=False)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _OWN_CARD.append(lock)
            torch.cuda.set_device(card)
            return


def find_optimizer(optimizer):
    """Give the class of an optimiser by its name; anything else is one already."""
    if optimizer == "lamb":
        from pytorch_optimizer import Lamb  # takes seconds to import

        return Lamb
    if optimizer == "radam":
        return torch.optim.RAdam
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
