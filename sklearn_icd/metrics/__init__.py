"""Metrics for many codes: what scikit-learn lacks for them or is too slow at."""

from sklearn_icd.metrics._agreement import exact_match_ratio, jaccard_samples
from sklearn_icd.metrics._bootstrap import bootstrap_interval
from sklearn_icd.metrics._curves import (
    auc_report,
    average_precision_macro,
    average_precision_micro,
    roc_auc_macro,
    roc_auc_micro,
)
from sklearn_icd.metrics._f1 import f1_macro, f1_micro, f1_report
from sklearn_icd.metrics._frequency import by_frequency, recall_by_frequency
from sklearn_icd.metrics._levels import at_level
from sklearn_icd.metrics._mcnemar import mcnemar_test
from sklearn_icd.metrics._probabilities import (
    binary_cross_entropy,
    brier_score,
    expected_calibration_error,
)
from sklearn_icd.metrics._propensity import code_propensities, propensity_precision_at_k
from sklearn_icd.metrics._randomization import approximate_randomization_test
from sklearn_icd.metrics._ranking import (
    mean_average_precision,
    ndcg_at_k,
    precision_at_k,
    r_precision,
    recall_at_k,
)
from sklearn_icd.metrics._scorers import get_scorer
from sklearn_icd.metrics._thresholds import best_f1_threshold

__all__ = [
    "approximate_randomization_test",
    "at_level",
    "auc_report",
    "average_precision_macro",
    "average_precision_micro",
    "best_f1_threshold",
    "binary_cross_entropy",
    "bootstrap_interval",
    "brier_score",
    "by_frequency",
    "code_propensities",
    "exact_match_ratio",
    "expected_calibration_error",
    "f1_macro",
    "f1_micro",
    "f1_report",
    "get_scorer",
    "jaccard_samples",
    "mcnemar_test",
    "mean_average_precision",
    "ndcg_at_k",
    "precision_at_k",
    "propensity_precision_at_k",
    "r_precision",
    "recall_at_k",
    "recall_by_frequency",
    "roc_auc_macro",
    "roc_auc_micro",
]
