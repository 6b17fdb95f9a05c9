"""The metrics that resampling computes from sums over the notes, ready to be called."""

from functools import partial

import numpy as np

from sklearn_icd import metrics

OF_PREDICTIONS = {
    "exact_match_ratio": metrics.exact_match_ratio,
    "f1_micro": metrics.f1_micro,
    "jaccard_samples": metrics.jaccard_samples,
    "jaccard_samples, 1": partial(metrics.jaccard_samples, zero_division=1.0),
    **{
        f"f1_macro, {average}": partial(metrics.f1_macro, average=average)
        for average in ("mean", "harmonic", "present", "active")
    },
}
OF_PROBABILITIES = {
    "binary_cross_entropy": metrics.binary_cross_entropy,
    "brier_score": metrics.brier_score,
    "mean_average_precision": metrics.mean_average_precision,
    "ndcg_at_k": partial(metrics.ndcg_at_k, k=3),
    "precision_at_k": partial(metrics.precision_at_k, k=3),
    "propensity_precision_at_k": partial(
        metrics.propensity_precision_at_k, k=3, propensities=np.linspace(0.1, 1, 12)
    ),
    "r_precision": metrics.r_precision,
    "recall_at_k": partial(metrics.recall_at_k, k=3),
}
# Each with the place in `made` of what it takes beside the truth.
SUM_METRICS = {
    **{name: (metric, 1) for name, metric in OF_PROBABILITIES.items()},
    **{name: (metric, 2) for name, metric in OF_PREDICTIONS.items()},
}
