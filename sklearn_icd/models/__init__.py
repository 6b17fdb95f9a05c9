"""The published systems, one file each, loaded on first use."""

from sklearn_icd.utils._lazy import lazy_names

__all__ = [
    "FusionClassifier",
    "HiLATClassifier",
    "JLANClassifier",
    "LDPLAMClassifier",
    "PLMICDClassifier",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "FusionClassifier": "sklearn_icd.models._fusion",
        "HiLATClassifier": "sklearn_icd.models._hilat",
        "JLANClassifier": "sklearn_icd.models._jlan",
        "LDPLAMClassifier": "sklearn_icd.models._ld_plam",
        "PLMICDClassifier": "sklearn_icd.models._plm_icd",
    },
)
