"""The metrics by name, for the `scoring` of scikit-learn."""

import re
from dataclasses import dataclass
from functools import partial

import numpy as np

from sklearn_icd.metrics._agreement import exact_match_ratio, jaccard_samples
from sklearn_icd.metrics._curves import (
    average_precision_macro,
    average_precision_micro,
    roc_auc_macro,
    roc_auc_micro,
)
from sklearn_icd.metrics._f1 import f1_macro, f1_micro
from sklearn_icd.metrics._probabilities import (
    binary_cross_entropy,
    brier_score,
    expected_calibration_error,
)
from sklearn_icd.metrics._propensity import propensity_precision_at_k
from sklearn_icd.metrics._ranking import (
    mean_average_precision,
    ndcg_at_k,
    precision_at_k,
    r_precision,
    recall_at_k,
)

_OF_PREDICTIONS = {
    "exact_match_ratio": exact_match_ratio,
    "f1_macro": f1_macro,
    "f1_macro_active": partial(f1_macro, average="active"),
    "f1_macro_harmonic": partial(f1_macro, average="harmonic"),
    "f1_macro_present": partial(f1_macro, average="present"),
    "f1_micro": f1_micro,
    "jaccard_samples": jaccard_samples,
}
_OF_SCORES = {
    "average_precision_macro": average_precision_macro,
    "average_precision_micro": average_precision_micro,
    "mean_average_precision": mean_average_precision,
    "r_precision": r_precision,
    "roc_auc_macro": roc_auc_macro,
    "roc_auc_micro": roc_auc_micro,
}
_OF_SCORES_AT_K = {
    "ndcg_at_k": ndcg_at_k,
    "precision_at_k": precision_at_k,
    "propensity_precision_at_k": propensity_precision_at_k,
    "recall_at_k": recall_at_k,
}
_LOSSES = {
    "neg_binary_cross_entropy": binary_cross_entropy,
    "neg_brier_score": brier_score,
    "neg_expected_calibration_error": expected_calibration_error,
}
_NAMES = sorted([*_OF_PREDICTIONS, *_OF_SCORES, *_OF_SCORES_AT_K, *_LOSSES])


def get_scorer(name, *, propensities=None):
    """
    Get a metric as a scorer, for ``scoring`` in scikit-learn and ``monitor`` in our estimators.

    Parameters
    ----------
    name : str or list of str
        A metric of this package: ``"f1_micro"``, ``"f1_macro"``, ``"f1_macro_harmonic"``,
        ``"f1_macro_present"``, ``"f1_macro_active"``, ``"exact_match_ratio"``,
        ``"jaccard_samples"``, ``"roc_auc_micro"``, ``"roc_auc_macro"``,
        ``"average_precision_micro"``, ``"average_precision_macro"``,
        ``"mean_average_precision"``, ``"r_precision"``, ``"neg_binary_cross_entropy"``,
        ``"neg_brier_score"``, ``"neg_expected_calibration_error"``; or, with any number in place
        of the 8, ``"precision_at_8"``, ``"recall_at_8"``, ``"ndcg_at_8"``,
        ``"propensity_precision_at_8"``. A list of them makes one scorer that gives all.
    propensities : array-like of shape (L,), default=None
        What `propensity_precision_at_k` takes; for it alone.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)``, which gives a float, higher for better estimators, or for a
        list of names a dict of them. It pickles.

    Raises
    ------
    ValueError
        If there is no metric of that name, or `propensities` are missing or of no use.

    See Also
    --------
    sklearn.metrics.get_scorer : The scorers of scikit-learn.

    Notes
    -----
    scikit-learn takes a string as ``scoring`` only for its own scorers: the list of their names is
    private and fixed when it is imported. A scorer itself is taken everywhere, and worker
    processes know it too.

    Metrics of predictions call ``predict``; those of rankings ``decision_function`` where there
    is one, or else ``predict_proba``, as scikit-learn's do; the losses ``predict_proba``. Lists of
    one array a code, such as those of :class:`~sklearn.multioutput.MultiOutputClassifier`, are
    read too. A scorer of several metrics calls each method once.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn_icd.metrics import get_scorer
    >>> X, y = make_multilabel_classification(random_state=0)
    >>> search = GridSearchCV(
    ...     OneVsRestClassifier(LogisticRegression()),
    ...     {"estimator__C": [0.01, 1.0]},
    ...     scoring=get_scorer(["f1_micro", "precision_at_2"]),
    ...     refit="f1_micro",
    ... ).fit(X, y)
    >>> search.best_params_
    {'estimator__C': 1.0}
    >>> sorted(key for key in search.cv_results_ if key.startswith("mean_test"))
    ['mean_test_f1_micro', 'mean_test_precision_at_2']
    """
    names = [name] if isinstance(name, str) else list(name)
    if propensities is not None and not any(map(_needs_propensities, names)):
        raise ValueError(f"propensities are of no use to {names}: leave them out.")
    metrics = {each: _find_metric(each, propensities) for each in names}
    return _Scorer(metrics, single=isinstance(name, str))


@dataclass(eq=False, repr=False)
class _Scorer:
    """Score an estimator by metrics, each a response, a sign and a function of truth and it."""

    metrics: dict
    single: bool

    def __call__(self, estimator, X, y):
        responses = {
            kind: _RESPONSES[kind](estimator, X)
            for kind in {kind for kind, _, _ in self.metrics.values()}
        }
        scores = {
            name: sign * metric(y, responses[kind])
            for name, (kind, sign, metric) in self.metrics.items()
        }
        return scores.popitem()[1] if self.single else scores

    def __repr__(self):
        names = list(self.metrics)
        return f"get_scorer({names[0] if self.single else names!r})"


def _find_metric(name, propensities):
    if name in _OF_PREDICTIONS:
        return "predictions", 1, _OF_PREDICTIONS[name]
    if name in _OF_SCORES:
        return "scores", 1, _OF_SCORES[name]
    if name in _LOSSES:
        return "probabilities", -1, _LOSSES[name]
    at_k = re.fullmatch(r"(\w+_at_)([1-9]\d*)", str(name))
    if not at_k or f"{at_k[1]}k" not in _OF_SCORES_AT_K:
        raise ValueError(
            f"there is no scorer {name!r}. Names are {', '.join(_NAMES)}, with a number for k."
        )
    metric = partial(_OF_SCORES_AT_K[f"{at_k[1]}k"], k=int(at_k[2]))
    if _needs_propensities(name):
        if propensities is None:
            raise ValueError(f"{name!r} needs propensities: code_propensities gives them.")
        metric = partial(metric, propensities=propensities)
    return "scores", 1, metric


def _needs_propensities(name):
    return str(name).startswith("propensity_precision_at_")


def _predictions(estimator, X):
    return _as_columns(estimator.predict(X))


def scores_of(estimator, X):
    """Score notes: an array of shape (n, L), of logits where the estimator has them."""
    if not hasattr(estimator, "decision_function"):
        return probabilities_of(estimator, X)
    return _as_columns(estimator.decision_function(X))


def probabilities_of(estimator, X):
    """Compute the probabilities of notes: an array of shape (n, L)."""
    response = estimator.predict_proba(X)
    if not isinstance(response, list):
        return _as_columns(response)
    columns = zip(response, estimator.classes_, strict=True)
    return np.column_stack([table[:, classes == 1].sum(axis=1) for table, classes in columns])


def _as_columns(response):
    return response.reshape(-1, 1) if response.ndim == 1 else response


_RESPONSES = {"predictions": _predictions, "scores": scores_of, "probabilities": probabilities_of}
