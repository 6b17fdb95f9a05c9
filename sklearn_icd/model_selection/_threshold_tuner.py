"""The threshold tuner: which scores are codes, decided on notes that the estimator did not see."""

from numbers import Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.isotonic import IsotonicRegression
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _estimator_has, check_is_fitted

from sklearn_icd.metrics import f1_macro, f1_micro
from sklearn_icd.model_selection._abstention import note_f1, plug_in_f1
from sklearn_icd.model_selection._cuts import (
    CURVES,
    best_cut,
    candidate_cuts,
    negative_cost,
    own_cuts,
    ranks,
    top_codes,
)
from sklearn_icd.model_selection._held_out import HeldOutMetaEstimator


class ThresholdTuner(HeldOutMetaEstimator):
    """
    Assign codes by thresholds that are best on notes which the estimator did not see.

    Parameters
    ----------
    estimator : estimator instance
        A classifier of many codes with `predict_proba` or `decision_function`, or a Pipeline
        that ends in one.
    metric : {"f1_micro", "f1_macro", "f1_samples"}, default="f1_micro"
        What is to be best: the F1 of all cells together, the mean of the F1 of each code, or that
        of each note.
    strategy : {"global", "per_code", "top_k", "cost"}, default="global"
        "global": one threshold for all codes. "per_code": one for each code, that with the best
        F1 of the code, shrunk towards the global one. "top_k": the same number of codes for each
        note. "cost": one threshold, with the lowest cost instead of the best metric.
    shrinkage : float, default=20
        With "per_code", the number of notes with a code at which its own threshold counts as much
        as the global one. 0: not shrunk.
    false_negative_cost : float, default=1
        With "cost", what a code that is missed costs, that of one assigned by mistake being 1.
    min_expected_f1 : float, default=None
        Notes whose expected F1 is below are left to a human: `predict` assigns them nothing. None:
        none are.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        Where the scores come from. "auto": from `predict_proba` where the estimator has it.
    cv : int, float, splitter, iterable or "prefit", default=None
        The notes to tune on. None: those of five folds; an int: of so many folds, which are
        those of `MultilabelStratifiedGroupKFold`; a float: this share of the notes; "prefit": all
        notes, which then must be others than the estimator was fitted on.
    refit : bool, default=True
        Whether the estimator is fitted again on all notes. False needs a single split, whose
        estimator is kept. Not used with "prefit".
    store_cv_results : bool, default=False
        Whether to keep the curve of the common threshold in `cv_results_`.
    n_jobs : int, default=None
        Number of folds fitted at once.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds, or of the share.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    threshold_ : float or ndarray of shape (n_codes,)
        The score from which on a code is assigned; an array with "per_code". Not with "top_k".
    k_ : int
        Number of codes for each note, with "top_k".
    best_score_ : float
        The metric on the notes tuned on, which flatters; with "cost", minus the cost of a note.
    cv_results_ : dict of str to ndarray
        With ``store_cv_results=True``, the candidates for all codes ("thresholds", or "k") and
        what they reach ("scores").
    classes_ : ndarray of shape (n_codes,)
        Names of the codes, or the two classes of a 1-D y.
    n_features_in_ : int
        Number of features, if the estimator tells.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the estimator tells.

    See Also
    --------
    MultilabelCalibrator : Makes probabilities of scores.
    threshold_curve : The metric at every global threshold.
    sklearn.model_selection.TunedThresholdClassifierCV : The same for a single code.

    Notes
    -----
    The estimator is fitted once per fold, whatever the number of thresholds: the scores of all
    held-out notes are put together and sorted once, and the threshold is the best of all
    possible ones on these notes. A 1-D y of two classes is taken as a single code.

    **per_code.** Of a code with P held-out notes, whose own best threshold is t, the threshold is

        (P * t + shrinkage * t_global) / (P + shrinkage),

    t_global being the best in `metric`. A code without a held-out note has the global one. For
    probabilities that are calibrated, the best micro-F1 needs one threshold only (half that
    micro-F1); what thresholds per code gain is macro-F1.

    **Expected F1.** From the probabilities, the F1 of a note with n assigned codes is expected to
    be 2 * (sum of p over these codes) / (n + sum of p over all codes). An isotonic regression on
    the held-out notes turns this into the F1 that such notes had there; a note without codes that
    is assigned none has 1.

    References
    ----------
    Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to maximize F1
    measure", ECML PKDD 2014, on the threshold for calibrated probabilities.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn_icd.model_selection import ThresholdTuner
    >>> X, y = make_multilabel_classification(n_samples=200, n_classes=6, random_state=0)
    >>> clf = OneVsRestClassifier(LogisticRegression())
    >>> tuner = ThresholdTuner(clf, random_state=0).fit(X[:150], y[:150])
    >>> tuner.predict(X[150:]).shape
    (50, 6)
    >>> bool(0 < tuner.threshold_ < 1)
    True
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        **HeldOutMetaEstimator._parameter_constraints,
        "metric": [StrOptions(set(CURVES))],
        "strategy": [StrOptions({"global", "per_code", "top_k", "cost"})],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
        "false_negative_cost": [Interval(Real, 0, None, closed="neither")],
        "min_expected_f1": [Interval(Real, 0, 1, closed="both"), None],
        "response_method": [StrOptions({"auto", "predict_proba", "decision_function"})],
        "store_cv_results": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        metric="f1_micro",
        strategy="global",
        shrinkage=20,
        false_negative_cost=1,
        min_expected_f1=None,
        response_method="auto",
        cv=None,
        refit=True,
        store_cv_results=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.metric = metric
        self.strategy = strategy
        self.shrinkage = shrinkage
        self.false_negative_cost = false_negative_cost
        self.min_expected_f1 = min_expected_f1
        self.response_method = response_method
        self.cv = cv
        self.refit = refit
        self.store_cv_results = store_cv_results
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """
        Fit the estimator and choose the thresholds.

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
        self : ThresholdTuner
            The fitted tuner.

        Raises
        ------
        ValueError
            If a parameter or y is not as described, or a score is NaN.
        """
        indicator, scores = self._fit_held_out(X, y, params)
        if self.strategy == "top_k":
            self._choose_number(indicator, scores)
        else:
            self._choose_threshold(indicator, scores)
        self._learn_expected_f1(indicator, scores)
        return self

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """
        Compute the probabilities of the estimator.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        probabilities : ndarray of shape (n_notes, n_codes)
            As the estimator gives them.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """
        Compute the scores of the estimator.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        scores : ndarray of shape (n_notes, n_codes)
            As the estimator gives them.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

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
            1 where a code is assigned; sparse if `fit` was given a sparse y. A note that is left
            to a human (see `abstain`) is assigned nothing. For a 1-D y, the class.
        """
        check_is_fitted(self)
        scores = self._scores(self.estimator_, X)
        assigned = self._assign(scores)
        if self.min_expected_f1 is not None:
            assigned[self._expect(scores, assigned) < self.min_expected_f1] = False
        return self._as_target(assigned)

    def expected_f1(self, X):
        """
        Compute the F1 that is to be expected of the codes of each note.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        f1 : ndarray of shape (n_notes,)
            What notes of the same sort reached among those tuned on.

        Raises
        ------
        ValueError
            If the scores are no probabilities, or y was 1-D.
        """
        check_is_fitted(self)
        scores = self._scores(self.estimator_, X)
        return self._expect(scores, self._assign(scores))

    def abstain(self, X):
        """
        Tell which notes are left to a human.

        Parameters
        ----------
        X : object of length n_notes
            What the estimator takes.

        Returns
        -------
        left : ndarray of bool of shape (n_notes,)
            True where the expected F1 is below `min_expected_f1`; nowhere if that is None.

        Raises
        ------
        ValueError
            If the scores are no probabilities, or y was 1-D.
        """
        least = -np.inf if self.min_expected_f1 is None else self.min_expected_f1
        return self.expected_f1(X) < least

    def _scoring_methods(self):
        if self.response_method == "auto":
            return ["predict_proba", "decision_function"]
        return [self.response_method]

    def _choose_number(self, indicator, scores):
        cut, self.best_score_ = self._best_cut(indicator, ranks(scores))
        self.k_ = int(_number(cut))
        if self.store_cv_results:
            self.cv_results_["k"] = _number(self.cv_results_.pop("thresholds"))

    def _choose_threshold(self, indicator, scores):
        cut, self.best_score_ = self._best_cut(indicator, scores)
        self.threshold_ = float(cut)
        if self.strategy == "per_code":
            own, n_notes = own_cuts(indicator, scores), indicator.sum(axis=0)
            shrunk = (n_notes * own + self.shrinkage * cut) / (n_notes + self.shrinkage)
            self.threshold_ = np.where(n_notes > 0, shrunk, cut)
            self.best_score_ = _METRICS[self.metric](indicator, self._assign(scores))

    def _best_cut(self, indicator, scores):
        cuts = candidate_cuts(indicator, scores)
        if self.strategy == "cost":
            values = negative_cost(indicator, scores, cuts, self.false_negative_cost)
        else:
            values = CURVES[self.metric](indicator, scores, cuts)
        if self.store_cv_results:
            self.cv_results_ = {"thresholds": cuts, "scores": values}
        return best_cut(cuts, values)

    def _assign(self, scores):
        if self.strategy == "top_k":
            return top_codes(scores, self.k_)
        return scores >= np.asarray(self.threshold_, dtype=scores.dtype)

    def _learn_expected_f1(self, indicator, scores):
        self.f1_calibration_ = None
        if self.multilabel_ and self.response_method_ == "predict_proba":
            assigned = self._assign(scores)
            self.f1_calibration_ = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(
                plug_in_f1(scores, assigned), note_f1(indicator, assigned, empty=1.0)
            )
        elif self.min_expected_f1 is not None:
            self._refuse_expected_f1()

    def _expect(self, scores, assigned):
        if self.f1_calibration_ is None:
            self._refuse_expected_f1()
        return self.f1_calibration_.predict(plug_in_f1(scores, assigned))

    def _refuse_expected_f1(self):
        raise ValueError(
            "The expected F1 of notes, by which min_expected_f1 leaves some to a human, needs the "
            "probabilities of an indicator's codes: use an estimator with predict_proba "
            "(MultilabelCalibrator makes one of any), and a 2-D y."
        )


_METRICS = {
    "f1_macro": f1_macro,
    "f1_micro": f1_micro,
    "f1_samples": lambda y_true, y_pred: float(note_f1(y_true, y_pred, empty=0.0).mean()),
}


def _number(cut):
    """Give the number of ranks 0, -1, -2 ... from a cut on."""
    return np.floor(-cut).astype(int) + 1
