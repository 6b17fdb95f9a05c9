"""Public names that load their module on first use."""

from importlib import import_module


def lazy_names(package, modules, submodules=()):
    """Make the `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        The package's `__name__`.

    modules : dict of str to str
        Public name to the module that defines it.

    submodules : sequence of str, default=()
        Public modules of the package that load on first use, too.

    Returns
    -------
    getattr_, dir_ : callable
        To be assigned to `__getattr__` and `__dir__`.
    """

    def getattr_(name):
        if name in modules:
            return getattr(import_module(modules[name]), name)
        if name in submodules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return getattr_, lambda: sorted(modules)
