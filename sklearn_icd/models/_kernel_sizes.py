"""A check that the systems with convolutions of several sizes share."""

from numbers import Integral


def check_kernel_sizes(kernel_sizes):
    """Give the kernel sizes as a list of int.

    Parameters
    ----------
    kernel_sizes : sequence of int
        The parameter of that name.

    Returns
    -------
    sizes : list of int
        At least one, all positive.

    Raises
    ------
    ValueError
        If there is none, or one that is not a positive integer.
    """
    sizes = list(kernel_sizes)
    if not sizes or not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"kernel_sizes must hold at least one positive integer, got {kernel_sizes!r}."
        )
    return [int(size) for size in sizes]
