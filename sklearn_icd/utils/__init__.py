"""What users need to write and check estimators of their own."""

from sklearn_icd.utils._lazy import lazy_names

__all__ = ["all_estimators", "all_systems"]

__getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, "sklearn_icd.utils._discovery"))
