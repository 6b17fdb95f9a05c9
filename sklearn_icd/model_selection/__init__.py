"""Choices made on held-out notes: splits, thresholds, calibration."""

from sklearn_icd.model_selection._abstention import coverage_error_curve
from sklearn_icd.model_selection._calibrator import MultilabelCalibrator
from sklearn_icd.model_selection._cuts import threshold_curve
from sklearn_icd.model_selection._reliability import reliability_curve
from sklearn_icd.model_selection._splits import (
    MultilabelStratifiedGroupKFold,
    multilabel_train_test_split,
)
from sklearn_icd.model_selection._threshold_tuner import ThresholdTuner

__all__ = [
    "MultilabelCalibrator",
    "MultilabelStratifiedGroupKFold",
    "ThresholdTuner",
    "coverage_error_curve",
    "multilabel_train_test_split",
    "reliability_curve",
    "threshold_curve",
]
