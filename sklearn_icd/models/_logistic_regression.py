"""The linear baseline: one logistic regression per code, on the words that a note holds."""

import warnings
from typing import Annotated, Literal

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.base import _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_icd._code_classifier import CodeClassifier, base_rates
from sklearn_icd.models._system import System
from sklearn_icd.models._without_attention import WithoutAttention
from sklearn_icd.text import WordTokenizer, make_note_cleaner
from sklearn_icd.utils._hyperparameters import (
    OpenShare,
    PositiveFloat,
    PositiveInt,
    RandomState,
    Search,
    hyperparameters,
)

_NOTES_AT_ONCE = 1024  # at prediction: 37 MB of logits for 9,000 codes


@hyperparameters
class LogisticRegressionBaseline(WithoutAttention, CodeClassifier):
    """Logistic regression per code on a bag of words (LR).

    The words of a note are counted, whatever their order, and each code learns a weight for each
    word, by itself.

    Parameters
    ----------
    features : {"tfidf", "count"}, default="tfidf"
        What stands for a word: how often it occurs, or one plus the logarithm of that, weighted
        by how few training notes have the word, each note brought to unit length. The published
        baseline counts.

    C : float, default=10.0
        Inverse strength of the L2 penalty on the weights. The published baseline has 1.

    solver : {"liblinear", "lbfgs", "sag"}, default="liblinear"
        Optimiser of `sklearn.linear_model.LogisticRegression`. The published baseline has "sag".

    max_iter : int, default=1000
        Iterations per code, at most. The published baseline stopped at 20.

    validation_fraction : float, default=0.1
        Share of the notes held out to tune the threshold. Not used with another `threshold`, or
        when `fit` is given `X_val`.

    n_jobs : int, default=None
        Codes that are fitted at the same time, in threads. -1: as many as there are processors.

    random_state : int, RandomState instance or None, default=None
        Decides which notes are held out, and the order of "sag".

    Attributes
    ----------
    coef_ : ndarray of float32 of shape (n_outputs, n_tokens)
        Weights of the words, by id.

    intercept_ : ndarray of float32 of shape (n_outputs,)
        Logits of a note without words.

    n_iter_ : ndarray of int of shape (n_outputs,)
        Iterations of each code.

    tfidf_ : TfidfTransformer
        What weighs the counts, with ``features="tfidf"``.

    See Also
    --------
    sklearn_icd.pipelines.make_icd_pipeline : The classifier behind its text steps.

    Notes
    -----
    The baseline of the field's tables, `features` "count", `C` 1, `solver` "sag" and `max_iter`
    20, is far from converged: a micro-F1 of 0.272 is published for it on all codes of MIMIC-III,
    and 200 iterations give 0.368. On CodiEsp-D (English, the 139 codes of eight or more training
    notes, micro-F1 of the dev notes at their best cut) that setting gives 0.19, counts that have
    converged 0.30, and TF-IDF 0.27, 0.38 and 0.42 with `C` 1, 10 and 100. The more notes, the less
    a given `C` penalises.

    "liblinear" was the fastest solver there: 1.5 times as fast as "lbfgs" on TF-IDF, 11 times on
    counts. Its penalty takes in the intercept.

    Codes that no training note has, or all have, are not fitted: they get the log-odds of
    (positives + 1/2) / (notes + 1). The weights of all words and codes are kept, four bytes each.

    References
    ----------
    .. [1] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable Prediction
       of Medical Codes from Clinical Text", NAACL-HLT, 2018: its baselines.

    Examples
    --------
    >>> from sklearn_icd import LogisticRegressionBaseline
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> X = WordTokenizer(min_notes=2).fit_transform(made.data)
    >>> classifier = LogisticRegressionBaseline(classes=made.target_names)
    >>> classifier.fit(X, made.target).predict_proba(X).shape
    (40, 5)
    """

    _reads_notes_by = (
        "it adds up one weight per word and code, whatever the other words are; coef_ holds them"
    )

    features: Literal["tfidf", "count"] = "tfidf"
    C: Annotated[PositiveFloat, Search(1.0, 10.0, 100.0)] = 10.0
    solver: Literal["liblinear", "lbfgs", "sag"] = "liblinear"
    max_iter: PositiveInt = 1000
    validation_fraction: OpenShare | None = 0.1
    n_jobs: int | None = None
    random_state: RandomState = None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Fit each code on notes and their codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids, as `WordTokenizer` gives them. A sparse array may have any width.

        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code. A 1-D y holds one class per note.

        X_val, y_val : like `X` and `y`, default=None
            Notes to tune the threshold on.

        Returns
        -------
        self : LogisticRegressionBaseline
            The fitted estimator.
        """
        for learned in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, learned)
        random_state = check_random_state(self.random_state)
        (tokens, targets), valid = self._read_training_data(X, y, X_val, y_val, random_state)
        self.known_tokens_ = self.known_tokens(tokens)
        tokens = self.read_known(tokens)
        if self.features == "tfidf":
            self.tfidf_ = TfidfTransformer(sublinear_tf=True).fit(self._counts(tokens))
        self._fit_codes(self._features(tokens), targets.indicator, random_state)
        if isinstance(self.threshold, str):
            self._tune_threshold(self._logits(self.read_known(valid[0])), valid[1])
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coef_")

    def _fit_codes(self, features, indicator, random_state):
        """Fit each code; the weights are stored by word, as prediction reads them."""
        columns, rates = sparse.csc_array(indicator), base_rates(indicator)
        model = LogisticRegression(
            C=self.C,
            solver=self.solver,
            max_iter=self.max_iter,
            random_state=random_state.randint(2**31),
        )
        weights = np.empty((features.shape[1], len(rates)), dtype=np.float32)
        self.intercept_, self.n_iter_ = np.empty(len(rates), np.float32), np.zeros(len(rates), int)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            codes = Parallel(self.n_jobs, prefer="threads", return_as="generator")(
                delayed(_fit_code)(clone(model), features, columns[:, [k]], rates[k])
                for k in range(len(rates))
            )
            for k, fitted in enumerate(codes):
                weights[:, k], self.intercept_[k], self.n_iter_[k] = fitted
        self.coef_ = weights.T
        stopped = np.count_nonzero(self.n_iter_ >= self.max_iter)
        if stopped:
            warnings.warn(
                f"{stopped} of {len(rates)} codes had not converged after max_iter="
                f"{self.max_iter} iterations: raise it.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _logit_batches(self, tokens):
        for start in range(0, len(tokens), _NOTES_AT_ONCE):
            rows = np.arange(start, min(start + _NOTES_AT_ONCE, len(tokens)))
            yield rows, self._logits(tokens.take(rows))

    def _logits(self, tokens):
        return self._features(tokens, np.float32) @ self.coef_.T + self.intercept_

    def _features(self, tokens, dtype=np.float64):
        counts = self._counts(tokens)
        if self.features == "tfidf":
            counts = self.tfidf_.transform(counts, copy=False)
        return counts.astype(dtype, copy=False)

    def _counts(self, tokens):
        # liblinear takes no wider indices than it needs.
        kind = np.int32 if len(tokens.ids) < 2**31 else np.int64
        ids, offsets = tokens.ids.astype(kind), tokens.offsets.astype(kind)
        shape = len(tokens), len(self.known_tokens_)
        counts = sparse.csr_array((np.ones(len(ids)), ids, offsets), shape)
        counts.sum_duplicates()
        return counts

    def _held_out_share(self):
        return (self.validation_fraction or 0) if isinstance(self.threshold, str) else 0


def _fit_code(model, features, column, base_rate):
    """Give the weights of one code, its intercept, and the iterations that it took."""
    y = column.toarray().ravel()
    if y.min() == y.max():
        return 0, logit(base_rate), 0
    model.fit(features, y)
    return model.coef_[0], model.intercept_[0], model.n_iter_[0]


SYSTEM = System(
    reads="counts",
    attends="one vector for all codes",
    text={
        "clean": make_note_cleaner("caml"),
        "tokenize": WordTokenizer(min_notes=3),
    },
    small={"threshold": "tuned"},  # 0.5
)
