"""Float32 products at the full rate of the processor, and no less exactly."""

from contextlib import contextmanager
from threading import Lock

import torch


def _onednn_is_exact():
    has_setting = hasattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision")
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: True)()
    return has_setting and torch.backends.cpu.get_cpu_capability() == "AVX512" and not has_amx


_IS_EXACT = _onednn_is_exact()

# torch has one setting for all threads: the first that comes changes it, the last puts it back.
_LOCK = Lock()
_FOUND = []


def has_fast_products(device, dtype=torch.float32):
    """Tell whether products have a faster way that is no less exact.

    Parameters
    ----------
    device : str
        The type of a device, such as "cpu".

    dtype : torch.dtype, default=torch.float32
        Of the products.

    Returns
    -------
    has : bool
        Whether `fast_products` changes anything.
    """
    return device == "cpu" and dtype == torch.float32 and _IS_EXACT


@contextmanager
def fast_products(device, dtype=torch.float32):
    """Compute float32 products at full rate, where there is a way, until the context is left.

    On processors with AVX-512 and without AMX, torch's own float32 products may run at half
    rate. oneDNN's are faster, and in what torch calls "bf16" they still have float32 accuracy.
    Where AMX would make it real bfloat16, nothing is changed.

    Parameters
    ----------
    device : str
        The type of a device, such as "cpu".

    dtype : torch.dtype, default=torch.float32
        Of the products.
    """
    if not has_fast_products(device, dtype):
        yield
        return
    setting = torch.backends.mkldnn.matmul
    with _LOCK:
        _FOUND.append(setting.fp32_precision)
        setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        with _LOCK:
            found = _FOUND.pop()  # the first one's comes last
            if not _FOUND:
                setting.fp32_precision = found


@contextmanager
def arithmetic(device, dtype):
    """Compute in the types of what is computed with, and record nothing, until it is left.

    Parameters
    ----------
    device : str
        The type of a device, such as "cpu".

    dtype : torch.dtype
        Of the products.
    """
    autocast = torch.autocast(device, enabled=False)
    with torch.no_grad(), autocast, fast_products(device, dtype):
        yield
