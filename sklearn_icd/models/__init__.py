"""The published systems, one file each, loaded on first use."""

from sklearn_icd.models._registry import find_systems
from sklearn_icd.utils._lazy import lazy_names

_MODULES = {classifier: module for module, classifier in find_systems().values()}

__all__ = sorted(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
