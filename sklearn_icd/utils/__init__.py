"""What users need to write and check estimators of their own."""

from sklearn_icd.utils._lazy import lazy_names

__all__ = ["all_estimators"]

__getattr__, __dir__ = lazy_names(__name__, {"all_estimators": "sklearn_icd.utils._discovery"})
