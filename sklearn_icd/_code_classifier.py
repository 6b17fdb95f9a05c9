"""What every classifier of codes does with token arrays, targets, probabilities and thresholds."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.special import expit, log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.metrics import best_f1_threshold
from sklearn_icd.utils._hyperparameters import ArrayLike, Probability, hyperparameters
from sklearn_icd.utils._targets import read_targets
from sklearn_icd.utils._token_array import SegmentArray, TokenArray, check_token_array
from sklearn_icd.utils._top_k import best_columns, check_k, join_best


@hyperparameters
class CodeClassifier(ClassifierMixin, BaseEstimator):
    """Assign codes to notes by logits, whatever computes them.

    Parameters
    ----------
    classes : array-like of shape (n_codes,), default=None
        Names of the columns of a `y` that is an array; a data frame brings its own.

    threshold : float, array-like of shape (n_codes,) or "tuned", default=0.5
        Probability from which on `predict` assigns a code. "tuned": the cut with the best
        micro-F1 on the validation notes, kept in `threshold_`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Names of the codes, or the classes of a 1-D y.

    threshold_ : float
        The tuned cut, with ``threshold="tuned"``.

    known_tokens_ : ndarray of bool of shape (n_tokens,)
        Ids that have a meaning: others are read as the unknown word, or refused where a
        pretrained vocabulary has no such word.
    """

    classes: ArrayLike | None = None
    threshold: Probability | ArrayLike | Literal["tuned"] = 0.5

    @classmethod
    def param_grid(cls, prefix=""):
        """Give the values of parameters that a search can start from.

        Parameters
        ----------
        prefix : str, default=""
            What stands before the names: ``"clf__"`` in a pipeline of `make_icd_pipeline`.

        Returns
        -------
        grid : dict of str to list
            As `GridSearchCV` takes it. The default is always among the values. Empty for a
            class without such values.

        Examples
        --------
        >>> from sklearn_icd import JLANClassifier
        >>> JLANClassifier.param_grid("clf__")["clf__epsilon"]
        [0.05, 0.1, 0.15, 0.2]
        """
        return {prefix + name: list(values) for name, values in cls._search_space.items()}

    @property
    def reads_segments(self):
        """Whether segment token arrays of shape (n_notes, n_segments, length) are taken too."""
        return False

    def read_known(self, tokens):
        """Read the ids without a meaning as the unknown word.

        Parameters
        ----------
        tokens : TokenArray
            Any notes.

        Returns
        -------
        tokens : TokenArray
            The notes with ids that the module knows.
        """
        return tokens.read_with(self.known_tokens_)

    def known_tokens(self, tokens):
        """Mark the ids that have a meaning; others are read as the unknown word.

        Parameters
        ----------
        tokens : TokenArray
            The training notes.

        Returns
        -------
        known : ndarray of bool of shape (n_tokens,)
            By default, the ids that occur.
        """
        return tokens.known_ids()

    def decision_function(self, X, *, out=None):
        """Compute the logits of codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        out : ndarray of floats of the shape of the result, default=None
            Where to write them, batch by batch: a `numpy.memmap` where they do not fit in memory.

        Returns
        -------
        logits : ndarray of shape (n_notes, n_codes), or (n_notes,) for a 1-D y of two classes
            In float32, or float64 where `precision` says so; or `out`. Positive: more probable
            than not.
        """

        def as_decision(logits):
            return logits if self.multilabel_ or logits.shape[1] > 1 else logits[:, 0]

        return self._fill(self._read_notes(X), as_decision, out)

    def predict_proba(self, X, *, out=None):
        """Compute the probabilities of codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        out : ndarray of floats of shape (n_notes, n_codes), default=None
            Where to write them, batch by batch: a `numpy.memmap` where they do not fit in memory.

        Returns
        -------
        probabilities : ndarray of shape (n_notes, n_codes)
            In float32, or float64 where `precision` says so; or `out`. For a 1-D y the columns
            are the classes and sum to 1.
        """
        return self._fill(self._read_notes(X), self._probabilities, out)

    def predict_topk(self, X, k):
        """Find the k most probable codes of each note.

        The probabilities of all codes are in memory for a batch of notes at a time.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        k : int
            Codes per note.

        Returns
        -------
        probabilities : csr_array of shape (n_notes, n_codes)
            The k most probable codes of a note are its stored entries, the most probable first;
            of equally probable ones, those that come first in `classes_`.
            ``classes_[probabilities.indices.reshape(-1, k)]`` are their names, and the metrics
            that look at `k` codes or fewer take it as their scores.

        Raises
        ------
        TypeError
            If `k` is no integer.

        ValueError
            If there are not `k` codes.
        """
        tokens = self._read_notes(X)
        check_k(k, len(self.classes_))
        found = (
            (rows, *best_columns(self._probabilities(logits), k))
            for rows, logits in self._logit_batches(tokens)
        )
        return join_best(found, len(self.classes_))

    def predict(self, X):
        """Decide which codes notes get.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        Returns
        -------
        y : ndarray or csr_array of shape (n_notes, n_codes), or ndarray of shape (n_notes,)
            1 where the probability reaches the threshold; sparse if `fit` was given a sparse y.
            For a 1-D y, the class.
        """
        tokens = self._read_notes(X)
        if not self.sparse_output_:
            return self._fill(tokens, self._decide)
        batches = self._logit_batches(tokens)
        found = [(rows, sparse.csr_array(self._decide(logits))) for rows, logits in batches]
        rows, assigned = zip(*found, strict=True)
        return sparse.vstack(assigned, format="csr")[np.argsort(np.concatenate(rows))]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = self.reads_segments
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags

    def _read_training_data(self, X, y, X_val, y_val, random_state):
        """Give (tokens, targets) to train on and to validate on, the latter None without."""
        tokens = self._check(X, reset=True)
        targets = self._read_first_targets(y, self.classes)
        check_same_length(tokens, targets, "X", "y")
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was passed without {missing}: pass both or neither.")
        if X_val is not None:
            valid = (
                self._check(X_val, name="X_val"),
                self._read_more_targets(y_val, "y_val"),
            )
            check_same_length(*valid, "X_val", "y_val")
            return (tokens, targets), valid
        n_valid = int(len(tokens) * (self._held_out_share()))
        if n_valid == 0:
            self._refuse_tuned_threshold()
            return (tokens, targets), None
        order = random_state.permutation(len(tokens))
        train, valid = np.sort(order[n_valid:]), np.sort(order[:n_valid])
        return tuple((tokens.take(rows), targets.take(rows)) for rows in (train, valid))

    def _read_first_targets(self, y, classes):
        targets = read_targets(y, classes=classes)
        self._check_threshold(targets)
        self.classes_ = targets.classes
        self.multilabel_ = targets.multilabel
        self.sparse_output_ = sparse.issparse(targets.indicator)
        self.target_dtype_ = targets.indicator.dtype
        return targets

    def _read_more_targets(self, y, name):
        return read_targets(
            y,
            classes=self.classes_,
            multilabel=self.multilabel_,
            name=name,
            classes_name="classes_",
        )

    def _check_threshold(self, targets):
        if isinstance(self.threshold, str):
            return
        threshold = np.asarray(self.threshold, dtype=float)
        shapes = [(), targets.classes.shape] if targets.multilabel else [()]
        if threshold.shape not in shapes or not ((threshold >= 0) & (threshold <= 1)).all():
            raise ValueError(
                "threshold must be 'tuned', a probability, or one probability for each of the "
                f"{len(targets.classes)} codes; got an array of shape {threshold.shape} with "
                f"values from {threshold.min(initial=np.inf)} to {threshold.max(initial=-np.inf)}."
            )

    def _refuse_tuned_threshold(self):
        if isinstance(self.threshold, str):
            raise ValueError(
                "threshold='tuned' needs validation notes: pass X_val and y_val to fit, set "
                "validation_fraction, or use a number such as threshold=0.5."
            )

    def _tune_threshold(self, logits, targets):
        self.threshold_ = best_f1_threshold(targets.indicator, expit(logits))

    def _threshold(self):
        return self.threshold_ if isinstance(self.threshold, str) else self.threshold

    def _fill(self, tokens, to_result, out=None):
        """Write what becomes of the logits of each batch to one array."""
        filled = None
        for rows, logits in self._logit_batches(tokens):
            result = to_result(logits)
            if filled is None:
                shape = (len(tokens), *result.shape[1:])
                filled = np.empty(shape, result.dtype) if out is None else _check_out(out, shape)
            filled[rows] = result
        return filled

    def _probabilities(self, logits):
        """Give the probabilities of the classes."""
        if self.multilabel_:
            return expit(logits)
        if logits.shape[1] == 1:
            return expit(np.hstack([-logits, logits]))
        return softmax(log_expit(logits), axis=1)

    def _decide(self, logits):
        """Give the codes, or the class of a 1-D y."""
        probabilities = self._probabilities(logits)
        if not self.multilabel_ and len(self.classes_) > 2:
            return self.classes_[probabilities.argmax(axis=1)]
        threshold = np.asarray(self._threshold(), dtype=probabilities.dtype)
        if not self.multilabel_:
            return self.classes_[(probabilities[:, -1] >= threshold).astype(int)]
        return (probabilities >= threshold).astype(self.target_dtype_)

    def _check(self, X, *, name="X", reset=False):
        return check_token_array(self, X, name=name, reset=reset, segments=self.reads_segments)

    def _read_notes(self, X):
        check_is_fitted(self)
        return self.read_known(X if isinstance(X, TokenArray | SegmentArray) else self._check(X))

    @abstractmethod
    def _logit_batches(self, tokens):
        """Give positions of notes (n,) and their logits (n, n_outputs), a batch at a time."""

    @abstractmethod
    def _held_out_share(self):
        """Give the share of the training notes to hold out, 0 for none."""


def base_rates(indicator):
    """Give the share of notes with each code, (positives + 1/2) / (notes + 1)."""
    positives = np.asarray(indicator.sum(axis=0), dtype=float).ravel()
    return (positives + 0.5) / (indicator.shape[0] + 1)


def _check_out(out, shape):
    """Give the array of the user, if the scores can be written to it."""
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype.kind != "f":
        what = f"an array of {out.dtype} of" if isinstance(out, np.ndarray) else "something of"
        raise ValueError(
            f"out must be an array of floats of shape {shape}, got {what} shape {np.shape(out)}: "
            "numpy.lib.format.open_memmap('scores.npy', 'w+', 'float32', shape) makes one on disk."
        )
    return out


def check_same_length(tokens, targets, X_name, y_name):
    """Refuse notes and codes of different numbers."""
    if len(tokens) != len(targets):
        raise ValueError(
            f"Found {X_name} with {len(tokens)} notes and {y_name} with {len(targets)} rows, "
            "which are inconsistent numbers of samples: one row per note is wanted."
        )
