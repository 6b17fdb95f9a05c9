"""The published systems, one file each, loaded on first use."""

from sklearn_icd.utils._lazy import lazy_names

__all__ = ["LDPLAMClassifier"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {"LDPLAMClassifier": "sklearn_icd.models._ld_plam"},
)
