"""All estimators and all systems of the package, found and not listed by hand."""

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


def all_systems():
    """
    Find every published system that the package has, as a classifier and as a whole pipeline.

    The classifiers are imported when this is called, not before.

    Returns
    -------
    list of (str, type)
        Names that :func:`~sklearn_icd.pipelines.make_icd_pipeline` takes, and classes, sorted by
        name.

    Examples
    --------
    >>> from sklearn_icd.utils import all_systems
    >>> dict(all_systems())["ld-plam"].__name__
    'LDPLAMClassifier'
    """
    registry = import_module("sklearn_icd.models._registry")
    return [(name, registry.load_system(name)[0]) for name in registry.find_systems()]


def _is_estimator(found):
    return isinstance(found, type) and issubclass(found, BaseEstimator) and hasattr(found, "fit")
