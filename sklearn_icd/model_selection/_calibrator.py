"""The calibrator: probabilities of codes that come true as often as they say."""

from numbers import Integral

import numpy as np
from scipy.special import expit, logit
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.model_selection._calibration_maps import MAPS
from sklearn_icd.model_selection._held_out import HeldOutMetaEstimator


class MultilabelCalibrator(HeldOutMetaEstimator):
    """
    Make the probabilities of codes come true as often as they say.

    The scores of held-out notes (logits of `decision_function`, or those of the probabilities of
    an estimator that has only these) are held against their codes, and a map from score to
    probability is learned.

    Parameters
    ----------
    estimator : estimator instance
        A classifier of many codes with `decision_function` or `predict_proba`, or a Pipeline
        that ends in one.
    method : {"temperature", "platt", "isotonic"}, default="temperature"
        "temperature": logits are divided by one number for all codes, which must be logits to
        start with. "platt": each code has a slope and an intercept. "isotonic": each code has
        rising steps; for codes with hundreds of true notes.
    min_positives : int, default=20
        With "platt" and "isotonic", codes with fewer true held-out notes share one map, learned
        from all their cells together.
    cv : int, float, splitter, iterable or "prefit", default=None
        The notes to learn from. None: those of five folds; an int: of so many folds, which are
        those of `MultilabelStratifiedGroupKFold`; a float: this share of the notes; "prefit": all
        notes, which then must be others than the estimator was fitted on.
    refit : bool, default=True
        Whether the estimator is fitted again on all notes. False needs a single split, whose
        estimator is kept. Not used with "prefit".
    n_jobs : int, default=None
        Number of folds fitted at once.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, or of the share.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    calibration_ : callable
        The learned map, from scores to calibrated logits. It has `temperature`, or `slopes` and
        `intercepts` of the codes, after the method.
    pooled_codes_ : ndarray of bool of shape (n_codes,)
        The codes that share a map; with "temperature" all do.
    classes_ : ndarray of shape (n_codes,)
        Names of the codes, or the two classes of a 1-D y.
    n_features_in_ : int
        Number of features, if the estimator tells.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the estimator tells.

    See Also
    --------
    ThresholdTuner : Goes around it, where codes are to be assigned at another point than 0.5.
    reliability_curve : Shows how well probabilities come true.
    sklearn.calibration.CalibratedClassifierCV : The same for one class per note.

    Notes
    -----
    As with `CalibratedClassifierCV(ensemble=False)`, one map is learned from the held-out notes
    of all folds, and the estimator is fitted on all notes.

    Platt's targets are not quite 0 and 1, and isotonic steps stay 1 / (cells + 2) away from
    both, so that no probability is 0 or 1. A temperature lies between 0.01 and 100 and changes no
    ranking; the maps of codes change the ranking of codes within a note, and isotonic steps make
    scores equal.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks",
    ICML 2017. J. Platt, "Probabilistic outputs for support vector machines", 1999. B. Zadrozny
    and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates",
    KDD 2002.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn.svm import LinearSVC
    >>> from sklearn_icd.model_selection import MultilabelCalibrator
    >>> X, y = make_multilabel_classification(n_samples=200, n_classes=6, random_state=0)
    >>> clf = MultilabelCalibrator(OneVsRestClassifier(LinearSVC()), method="platt")
    >>> clf.fit(X[:150], y[:150]).predict_proba(X[150:]).shape
    (50, 6)
    """

    _parameter_constraints: dict = {  # noqa: RUF012, as scikit-learn has it
        **HeldOutMetaEstimator._parameter_constraints,
        "method": [StrOptions(set(MAPS))],
        "min_positives": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        *,
        method="temperature",
        min_positives=20,
        cv=None,
        refit=True,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.method = method
        self.min_positives = min_positives
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """
        Fit the estimator and learn the map.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes: notes, token ids, features ...
        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code.
        **params : dict
            `groups`, the patient of each note, for the splitter; with metadata routing, also
            what the estimator's `fit` requests.

        Returns
        -------
        self : MultilabelCalibrator
            The fitted calibrator.

        Raises
        ------
        ValueError
            If a parameter or y is not as described, or a score is NaN.
        """
        indicator, scores = self._fit_held_out(X, y, params)
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{self.response_method_} of the estimator gave infinite scores, which no map can "
                "be learned from: clip them."
            )
        rare = indicator.sum(axis=0) < self.min_positives
        self.pooled_codes_ = rare | (self.method == "temperature")
        self.calibration_ = MAPS[self.method](indicator, self._logits(scores), rare)
        return self

    def decision_function(self, X):
        """
        Compute the calibrated logits of codes.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        logits : ndarray of shape (n_notes, n_codes), or (n_notes,) for a 1-D y
            The logits of the probabilities.
        """
        check_is_fitted(self)
        logits = self.calibration_(self._logits(self._scores(self.estimator_, X)))
        return logits if self.multilabel_ else logits[:, 0]

    def predict_proba(self, X):
        """
        Compute the calibrated probabilities of codes.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        probabilities : ndarray of shape (n_notes, n_codes), or (n_notes, 2) for a 1-D y
            Of the type of the estimator's scores.
        """
        logits = self.decision_function(X)
        return expit(logits if self.multilabel_ else np.stack([-logits, logits], axis=1))

    def predict(self, X):
        """
        Decide which codes notes get.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        y : ndarray or csr_array of shape (n_notes, n_codes), or ndarray of shape (n_notes,)
            1 where the probability is 0.5 or more; sparse if `fit` was given a sparse y. For a
            1-D y, the class.
        """
        assigned = self.decision_function(X) >= 0
        return self._as_target(assigned if self.multilabel_ else assigned[:, None])

    def _scoring_methods(self):
        return ["decision_function", "predict_proba"]

    def _logits(self, scores):
        if self.response_method_ == "decision_function":
            return scores
        least = np.finfo(scores.dtype).eps
        return logit(scores.clip(least, 1 - least))
