"""Explanations and displays: which words of notes made a code, and how good codes are."""

from sklearn_icd.inspection._coverage_display import CoverageErrorDisplay
from sklearn_icd.inspection._critical_words import critical_words
from sklearn_icd.inspection._explain import Explanation, explain
from sklearn_icd.inspection._frequency_displays import (
    CodeFrequencyDisplay,
    PrecisionRecallByFrequencyDisplay,
)
from sklearn_icd.inspection._highlight import highlight_html
from sklearn_icd.inspection._network_display import NetworkDisplay
from sklearn_icd.inspection._reliability_display import ReliabilityDisplay
from sklearn_icd.inspection._sockets import Socket
from sklearn_icd.inspection._threshold_display import ThresholdCurveDisplay
from sklearn_icd.inspection._token_spans import token_spans
from sklearn_icd.inspection._training_display import TrainingCurveDisplay

__all__ = [
    "CodeFrequencyDisplay",
    "CoverageErrorDisplay",
    "Explanation",
    "NetworkDisplay",
    "PrecisionRecallByFrequencyDisplay",
    "ReliabilityDisplay",
    "Socket",
    "ThresholdCurveDisplay",
    "TrainingCurveDisplay",
    "critical_words",
    "explain",
    "highlight_html",
    "token_spans",
]
