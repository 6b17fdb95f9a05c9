"""Metrics for many codes: what scikit-learn lacks for them or is too slow at."""

from sklearn_icd.metrics._f1 import f1_macro, f1_micro, f1_report
from sklearn_icd.metrics._frequency import recall_by_frequency
from sklearn_icd.metrics._ranking import (
    mean_average_precision,
    precision_at_k,
    r_precision,
    recall_at_k,
)
from sklearn_icd.metrics._thresholds import best_f1_threshold

__all__ = [
    "best_f1_threshold",
    "f1_macro",
    "f1_micro",
    "f1_report",
    "mean_average_precision",
    "precision_at_k",
    "r_precision",
    "recall_at_k",
    "recall_by_frequency",
]
