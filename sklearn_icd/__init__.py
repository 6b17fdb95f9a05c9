"""Estimators that turn clinical notes into ICD codes, in the manner of scikit-learn."""

from sklearn_icd import models
from sklearn_icd.utils._lazy import lazy_names

__version__ = "0.1.0"

__all__ = [
    *models.__all__,
    "load_published",
    "make_icd_pipeline",
    "predict_frame",
    "predict_topk",
    "with_codes",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(models.__all__, "sklearn_icd.models"),
        "load_published": "sklearn_icd.pipelines",
        "make_icd_pipeline": "sklearn_icd.pipelines",
        "predict_frame": "sklearn_icd.pipelines",
        "predict_topk": "sklearn_icd.pipelines",
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
