"""All estimators of the package, found by walking its public names."""

from importlib import import_module
from pkgutil import iter_modules

from sklearn.base import BaseEstimator


def all_estimators():
    """
    Find every public estimator and transformer of the package.

    The packages are imported when this is called, not before.

    Returns
    -------
    list of (str, type)
        Names and classes, sorted by name.

    Examples
    --------
    >>> from sklearn_icd.utils import all_estimators
    >>> names = [name for name, _ in all_estimators()]
    >>> "LDPLAMClassifier" in names and "WordTokenizer" in names
    True
    """
    root = import_module("sklearn_icd")
    packages = [root] + [
        import_module(f"{root.__name__}.{module.name}")
        for module in iter_modules(root.__path__)
        if module.ispkg
    ]
    public = {
        (name, getattr(package, name))
        for package in packages
        for name in getattr(package, "__all__", ())
    }
    return sorted((name, found) for name, found in public if _is_estimator(found))


def _is_estimator(found):
    return isinstance(found, type) and issubclass(found, BaseEstimator) and hasattr(found, "fit")
