"""What a meta-estimator for many codes needs: scores of notes that its estimator did not see."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, _safe_indexing, get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params, check_is_fitted

from sklearn_icd.metrics._scorers import probabilities_of
from sklearn_icd.metrics._validation import check_ranking
from sklearn_icd.model_selection._splits import Holdout, MultilabelStratifiedGroupKFold
from sklearn_icd.utils._targets import read_targets


class HeldOutMetaEstimator(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit an estimator, and hold the scores of notes that it did not see against their codes."""

    _parameter_constraints: dict = {  # noqa: RUF012, as scikit-learn has it
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        "cv": ["cv_object", StrOptions({"prefit"}), Interval(RealNotInt, 0, 1, closed="neither")],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _scoring_methods(self):
        """Give the names of the methods to score notes with, the preferred one first."""

    def get_metadata_routing(self):
        """
        Say what metadata goes to the estimator and to the splitter.

        Returns
        -------
        routing : MetadataRouter
            What `fit` passes on.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_split = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=to_fit)
        if not self._is_prefit():
            router.add(splitter=self._splitter(), method_mapping=to_split)
        return router

    def __sklearn_tags__(self):
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags = own.input_tags
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = (
            own.classifier_tags is None or own.classifier_tags.multi_label
        )
        return tags

    def _fit_held_out(self, X, y, params):
        """Fit `estimator_`; give the indicator and the scores of the held-out notes."""
        _raise_for_params(params, self, "fit", allow=["groups"])
        X, y = indexable(X, y)
        targets = self._read_targets(y)
        self.response_method_ = self._find_method()
        if self._is_prefit():
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
            held_out, scores = slice(None), self._scores(self.estimator, X)
        else:
            held_out, scores = self._fit_and_score(X, y, self._route(params))
        self._describe(y, targets)
        return check_ranking(targets.indicator[held_out], scores)

    def _is_prefit(self):
        return isinstance(self.cv, str)

    def _read_targets(self, y):
        targets = read_targets(y)
        if not targets.multilabel and len(targets.classes) != 2:
            kind = "multiclass" if len(targets.classes) > 2 else "1 class"
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}: "
                "pass an indicator of shape (n_notes, n_codes), or a 1-D y of two classes."
            )
        self.multilabel_ = targets.multilabel
        self.sparse_output_ = sparse.issparse(targets.indicator)
        self.target_dtype_ = targets.indicator.dtype
        self.n_codes_ = targets.indicator.shape[1]
        return targets

    def _find_method(self):
        methods = self._scoring_methods()
        for method in methods:
            if hasattr(self.estimator, method):
                return method
        raise AttributeError(
            f"{type(self.estimator).__name__} has no {' nor '.join(methods)}, which the notes are "
            "scored with: choose another estimator or response_method."
        )

    def _route(self, params):
        if _routing_enabled():
            return process_routing(self, "fit", **params)
        split = {"groups": params.get("groups")}
        return Bunch(estimator=Bunch(fit={}), splitter=Bunch(split=split))

    def _splitter(self):
        if self.cv is None or isinstance(self.cv, Integral):
            n_splits = 5 if self.cv is None else self.cv
            return MultilabelStratifiedGroupKFold(
                n_splits, shuffle=True, random_state=self.random_state
            )
        if isinstance(self.cv, float):
            return Holdout(self.cv, self.random_state)
        return check_cv(self.cv)

    def _fit_and_score(self, X, y, routed):
        """Fit on each split and on all notes; give the held-out notes and their scores."""
        splits = list(self._splitter().split(X, y, **routed.splitter.split))
        if not self.refit and len(splits) > 1:
            raise ValueError(
                f"refit=False needs a single split, and cv={self.cv!r} gives {len(splits)}: set "
                "refit=True, or cv to the share of notes to hold out, as in cv=0.1."
            )
        parallel = Parallel(n_jobs=self.n_jobs)
        fits = parallel(
            delayed(self._fit_split)(clone(self.estimator), X, y, *split, routed.estimator.fit)
            for split in splits
        )
        if self.refit:
            self.estimator_ = clone(self.estimator).fit(X, y, **routed.estimator.fit)
        else:
            self.estimator_ = fits[0][0]
        held_out = np.concatenate([test for _, test in splits])
        return held_out, np.concatenate([scores for _, scores in fits])

    def _fit_split(self, estimator, X, y, train, test, fit_params):
        params = _check_method_params(X, fit_params, indices=train)
        estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **params)
        scores = self._scores(estimator, _safe_indexing(X, test))
        return None if self.refit else estimator, scores

    def _scores(self, estimator, X):
        """Score notes: an ndarray of floats of shape (n_notes, n_codes)."""
        if self.response_method_ == "predict_proba":
            scores = probabilities_of(estimator, X)
        else:
            scores = estimator.decision_function(X)
        scores = np.asarray(scores).reshape(len(scores), -1)
        if self.n_codes_ == 1 and scores.shape[1] == 2:
            scores = scores[:, 1:]
        if scores.shape[1] != self.n_codes_:
            raise ValueError(
                f"{self.response_method_} of {type(estimator).__name__} gave scores of shape "
                f"{scores.shape}, but y has {self.n_codes_} codes: one score for each note and "
                "code is wanted."
            )
        return scores if scores.dtype.kind == "f" else scores.astype(float)

    def _describe(self, y, targets):
        """Keep what users ask a fitted classifier for."""
        own = getattr(self.estimator_, "classes_", None)
        named = isinstance(own, np.ndarray) and own.shape == targets.classes.shape
        use_own = named and not hasattr(y, "columns")
        self.classes_ = own if use_own else targets.classes
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))

    def _as_target(self, assigned):
        """Give assigned codes in the form of the y of `fit`."""
        if not self.multilabel_:
            return self.classes_[assigned[:, 0].astype(int)]
        if self.sparse_output_:
            return sparse.csr_array(assigned).astype(self.target_dtype_)
        return assigned.astype(self.target_dtype_)
