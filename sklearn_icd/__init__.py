"""Estimators that turn clinical notes into ICD codes, in the manner of scikit-learn."""

from sklearn_icd.utils._lazy import lazy_names

__version__ = "0.1.0"

__all__ = [
    "FusionClassifier",
    "HiLATClassifier",
    "JLANClassifier",
    "LDPLAMClassifier",
    "PLMICDClassifier",
    "make_icd_pipeline",
    "predict_frame",
    "with_codes",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "FusionClassifier": "sklearn_icd.models",
        "HiLATClassifier": "sklearn_icd.models",
        "JLANClassifier": "sklearn_icd.models",
        "LDPLAMClassifier": "sklearn_icd.models",
        "PLMICDClassifier": "sklearn_icd.models",
        "make_icd_pipeline": "sklearn_icd.pipelines",
        "predict_frame": "sklearn_icd.pipelines",
        "with_codes": "sklearn_icd.pipelines",
    },
    submodules=[
        "base",
        "codes",
        "datasets",
        "inspection",
        "losses",
        "metrics",
        "model_selection",
        "models",
        "net",
        "nn",
        "pipelines",
        "text",
        "utils",
    ],
)
