"""The one base class: a scikit-learn estimator for many codes that owns a skorch net."""

import copy
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from joblib import parallel_config
from scipy import sparse
from scipy.special import expit, log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_icd._callbacks import SklearnCallbacks, Validation
from sklearn_icd._data_parallel import DataParallelNet
from sklearn_icd._torch_settings import (
    find_device,
    find_optimizer,
    find_random_state,
    own_generators,
)
from sklearn_icd.losses import BCE
from sklearn_icd.metrics import best_f1_threshold
from sklearn_icd.net import MultiLabelNet, NoteDataset
from sklearn_icd.utils._hyperparameters import (
    ArrayLike,
    Callable,
    OpenShare,
    PositiveFloat,
    PositiveInt,
    Probability,
    RandomState,
    Verbosity,
    hyperparameters,
)
from sklearn_icd.utils._targets import read_targets
from sklearn_icd.utils._token_array import SegmentArray, TokenArray, check_token_array

__all__ = ["FitData", "MultiLabelClassifier"]

Optimizer = Literal["adam", "adamw", "lamb", "sgd"] | Callable
Monitor = Annotated[str, StrOptions({*get_scorer_names(), "valid_loss"})]


@dataclass(frozen=True)
class FitData:
    """Tell `build_module` what the fit found in its data.

    Parameters
    ----------
    tokens : TokenArray or SegmentArray
        The training notes.

    n_tokens : int
        Size of the vocabulary, padding and unknown included.

    classes : ndarray of shape (n_classes,)
        Names of the codes.

    n_outputs : int
        Number of logits: the codes, or 1 for a 1-D y of two classes.

    base_rates : ndarray of float of shape (n_outputs,)
        Share of the training notes that have each code, (positives + 1/2) / (n_notes + 1), so
        that it is never 0 nor 1.

    random_state : RandomState
        Where every random choice comes from.
    """

    tokens: TokenArray | SegmentArray
    n_tokens: int
    classes: np.ndarray
    n_outputs: int
    base_rates: np.ndarray
    random_state: np.random.RandomState


@hyperparameters
class MultiLabelClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Assign codes to notes with a torch module, the way scikit-learn's estimators do.

    A concrete estimator declares its own hyper-parameters and implements `build_module`.

    Parameters
    ----------
    classes : array-like of shape (n_codes,), default=None
        Names of the columns of a `y` that is an array; a data frame brings its own.

    optimizer : {"adam", "adamw", "lamb", "sgd"} or callable, default="adam"
        The optimiser, or a class or function that makes one from parameters and `lr`.

    lr : float, default=1e-3
        Learning rate.

    batch_size : int, default=16
        Notes per step, and per batch at prediction.

    max_epochs : int, default=100
        Passes over the training notes, at most.

    patience : int, default=10
        Epochs without progress on the validation notes after which training stops. None: never.

    validation_fraction : float, default=0.1
        Share of the notes held out to choose the epoch (rounded down; with none held out, as
        with None, training runs to `max_epochs`). Not used when `fit` is given `X_val`.

    monitor : str or callable, default="f1_micro"
        What is best on the validation notes: a scorer's name, a scorer
        ``(estimator, X, y) -> float``, or "valid_loss". Of equal scores the lower loss wins.

    threshold : float, array-like of shape (n_codes,) or "tuned", default=0.5
        Probability from which on `predict` assigns a code. "tuned": the cut with the best
        micro-F1 on the validation notes, kept in `threshold_`.

    device : str, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1" ... "auto" takes CUDA where there is one, and
        in a worker process the card that the fewest workers have taken. "accelerate" trains in
        all processes that `accelerate launch` started, each with its share of every batch.

    precision : {"float32", "bfloat16", "float64"}, default="float32"
        "bfloat16" computes products in bfloat16 and keeps the parameters in float32.

    compile : bool, default=False
        Whether to compile the module with `torch.compile`.

    callbacks : list of skorch callbacks, default=None
        Called during training, on copies.

    random_state : int, RandomState instance or None, default=None
        Seed of initialisation, dropout, shuffling and the validation share.

    verbose : int, default=0
        1 prints a line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Names of the codes, or the classes of a 1-D y.

    net_ : MultiLabelNet
        The skorch net; ``net_.module_`` is the trained module.

    history_ : skorch.history.History
        Losses, scores and durations of the epochs.

    threshold_ : float
        The tuned cut, with ``threshold="tuned"``.

    known_tokens_ : ndarray of bool of shape (n_tokens,)
        Ids that have a meaning: others are read as the unknown word, or refused where a
        pretrained vocabulary has no such word.
    """

    classes: ArrayLike | None = None
    optimizer: Optimizer = "adam"
    lr: PositiveFloat = 1e-3
    batch_size: PositiveInt = 16
    max_epochs: PositiveInt = 100
    patience: PositiveInt | None = 10
    validation_fraction: OpenShare | None = 0.1
    monitor: Monitor | Callable = "f1_micro"
    threshold: Probability | ArrayLike | Literal["tuned"] = 0.5
    device: str = "auto"
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    compile: bool = False
    callbacks: list | None = None
    random_state: RandomState = None
    verbose: Verbosity = 0

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

    @abstractmethod
    def build_module(self, data):
        """Compose the torch module of the system.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        module : torch.nn.Module
            Maps token ids (n, t) to logits (n, n_outputs).
        """

    @property
    def reads_segments(self):
        """Whether segment token arrays of shape (n_notes, n_segments, length) are taken too."""
        return False

    def net_settings(self):
        """Give settings of the net that only this system has.

        Returns
        -------
        settings : dict
            Parameters of `MultiLabelNet`, such as ``optimizer__weight_decay``.
        """
        return {}

    def fit_callbacks(self):
        """Give the callbacks that belong to the system's way of training.

        Returns
        -------
        callbacks : list of skorch.callbacks.Callback
            They take part in `fit`, not in `partial_fit`.
        """
        return []

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

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Train on notes and their codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids, as `WordTokenizer` gives them. A sparse array may have any width. Systems
            with a transformer also take segments, shape (n_notes, n_segments, segment_length),
            as `SegmentTokenizer` gives them.

        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code. A 1-D y holds one class per note.

        X_val, y_val : like `X` and `y`, default=None
            Notes to choose the epoch and a tuned threshold on.

        Returns
        -------
        self : MultiLabelClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the notes, the codes or a parameter are not as described.

        FloatingPointError
            If the loss stops being finite.

        MemoryError
            If the device runs out of memory.
        """
        for learned in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, learned)
        random_state = find_random_state(self.random_state, self.device)
        train, valid = self._read_training_data(X, y, X_val, y_val, random_state)
        context = self._init_callback_context(max_subtasks=self.max_epochs)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with own_generators(random_state.randint(2**31), self.device):
            net = self._make_net(*train, random_state)
            bridge = SklearnCallbacks(self, context, {"X": X, "y": y}, lambda: {"net_": net})
            held_out = valid and self._dataset(*valid)
            validation = (
                [Validation(held_out, self._validation_score(*valid), self.patience)]
                if valid
                else []
            )
            net.train_with([*self.fit_callbacks(), *validation], [bridge], self._dataset(*train))
        if isinstance(self.threshold, str):
            self._tune_threshold(net.decision_function(held_out), held_out.targets)
        self.net_ = net
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None):
        """Train for one more epoch, without validation.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids. The first call sets the vocabulary: ids that are new later are unknown.

        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code.

        classes : array-like of shape (n_classes,), default=None
            In the first call, the names of the columns or all classes of a 1-D y.

        Returns
        -------
        self : MultiLabelClassifier
            The estimator.
        """
        first = not hasattr(self, "net_")
        tokens = self._check(X, reset=first)
        if first:
            self._refuse_tuned_threshold()
            targets = self._read_first_targets(y, self.classes if classes is None else classes)
        else:
            targets = self._read_more_targets(y, "y")
        _check_same_length(tokens, targets, "X", "y")
        random_state = find_random_state(self.random_state, self.device)
        steps = 0 if first else self.net_.n_steps_
        with own_generators((random_state.randint(2**31) + steps) % 2**31, self.device):
            net = self._make_net(tokens, targets, random_state) if first else self.net_
            net.partial_fit(self._dataset(tokens, targets), epochs=1)
        self.net_ = net
        return self

    def decision_function(self, X):
        """Compute the logits of codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        Returns
        -------
        logits : ndarray of shape (n_notes, n_codes), or (n_notes,) for a 1-D y of two classes
            In float32, or float64 where `precision` says so. Positive: more probable than not.
        """
        logits = self._logits(X)
        return logits if self.multilabel_ or logits.shape[1] > 1 else logits[:, 0]

    def predict_proba(self, X):
        """Compute the probabilities of codes.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        Returns
        -------
        probabilities : ndarray of shape (n_notes, n_codes)
            In float32, or float64 where `precision` says so. For a 1-D y the columns are the
            classes and sum to 1.
        """
        logits = self._logits(X)
        if self.multilabel_:
            return expit(logits, out=logits)
        if logits.shape[1] == 1:
            return expit(np.hstack([-logits, logits]))
        return softmax(log_expit(logits), axis=1)

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
        probabilities = self.predict_proba(X)
        if not self.multilabel_ and len(self.classes_) > 2:
            return self.classes_[probabilities.argmax(axis=1)]
        threshold = np.asarray(self._threshold(), dtype=probabilities.dtype)
        if not self.multilabel_:
            return self.classes_[(probabilities[:, -1] >= threshold).astype(int)]
        assigned = probabilities >= threshold
        if self.sparse_output_:
            return sparse.csr_array(assigned).astype(self.target_dtype_)
        return assigned.astype(self.target_dtype_)

    def attention(self, X, codes=None):
        """Compute which tokens the codes looked at.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids.

        codes : array-like of shape (k,), default=None
            Names among `classes_`. None: all codes.

        Returns
        -------
        weights : list of ndarray of float32 of shape (k, tokens of the note)
            One array per note. Each row is non-negative and sums to 1, unless the note is empty.
        """
        tokens = self._read_notes(X)
        columns = range(len(self.classes_)) if codes is None else self._columns(codes)
        if not self.multilabel_ and len(self.classes_) <= 2:
            columns = [0 for _ in columns]
        return self.net_.attention(tokens, list(columns))

    @property
    def history_(self):
        """Losses, scores and durations of the epochs, as skorch records them."""
        check_is_fitted(self)
        return self.net_.history

    def training_loss(self):
        """Give the loss of training: the parameter `loss` where the estimator has one.

        Returns
        -------
        loss : object
            Called with logits and targets, as those of `sklearn_icd.losses`.
        """
        return getattr(self, "loss", None) or BCE()

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

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
        _check_same_length(tokens, targets, "X", "y")
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was passed without {missing}: pass both or neither.")
        if X_val is not None:
            valid = (
                self._check(X_val, name="X_val"),
                self._read_more_targets(y_val, "y_val"),
            )
            _check_same_length(*valid, "X_val", "y_val")
            return (tokens, targets), valid
        n_valid = int(len(tokens) * (self.validation_fraction or 0))
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

    def _validation_score(self, tokens, targets):
        """Give the function that scores the logits of the validation notes."""
        X, y = tokens.to_array(), targets.original()
        by_loss = isinstance(self.monitor, str) and self.monitor == "valid_loss"
        scorer = (
            get_scorer(self.monitor)
            if isinstance(self.monitor, str) and not by_loss
            else self.monitor
        )

        def score(logits):
            if isinstance(self.threshold, str):
                self._tune_threshold(logits, targets)
            view = copy.copy(self)
            view.net_ = _KnownLogits(logits)
            view.sparse_output_ = sparse.issparse(y)
            return None if by_loss else self._monitored(scorer, view, X, y)

        return score

    def _monitored(self, scorer, view, X, y):
        with warnings.catch_warnings():
            # A code that no note has, or that nothing is assigned yet, is no news in every epoch.
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                score = scorer(view, X, y)
            except ValueError as error:
                raise ValueError(
                    f"monitor={self.monitor!r} cannot score the validation notes: {error}"
                ) from error
        if np.isnan(score):
            raise ValueError(
                f"monitor={self.monitor!r} is nan on the validation notes, and no epoch can be "
                "chosen by it: they may hold a code that all or none of them have. Use 'f1_micro' "
                "or 'valid_loss', or other validation notes."
            )
        return score

    def _tune_threshold(self, logits, targets):
        self.threshold_ = best_f1_threshold(targets.indicator, expit(logits))

    def _threshold(self):
        return self.threshold_ if isinstance(self.threshold, str) else self.threshold

    def _make_net(self, tokens, targets, random_state):
        self.known_tokens_ = self.known_tokens(tokens)
        data = FitData(
            tokens=self.read_known(tokens),
            n_tokens=len(self.known_tokens_),
            classes=self.classes_,
            n_outputs=targets.indicator.shape[1],
            base_rates=_base_rates(targets.indicator),
            random_state=random_state,
        )
        # A fit is one task of a search. What an encoder of titles sent to other workers of a
        # cluster would be lost with one that is killed, and the search would wait for it.
        with parallel_config(backend="sequential"):
            module = self.build_module(data)
        settings = {
            "optimizer": find_optimizer(self.optimizer),
            "lr": self.lr,
            "batch_size": self.batch_size,
            "max_epochs": self.max_epochs,
            "device": find_device(self.device),
            "precision": self.precision,
            "compile": self.compile,
            "callbacks": copy.deepcopy(self.callbacks),
            "verbose": self.verbose,
        }
        settings |= self.net_settings()
        net_class = DataParallelNet if self.device == "accelerate" else MultiLabelNet
        return net_class(module, self.training_loss(), **settings).initialize()

    def _dataset(self, tokens, targets):
        return NoteDataset(self.read_known(tokens), targets)

    def _check(self, X, *, name="X", reset=False):
        return check_token_array(self, X, name=name, reset=reset, segments=self.reads_segments)

    def _read_notes(self, X):
        check_is_fitted(self)
        return self.read_known(X if isinstance(X, TokenArray | SegmentArray) else self._check(X))

    def _logits(self, X):
        tokens = self._read_notes(X)
        return self.net_.decision_function(tokens)

    def _columns(self, codes):
        columns = {code: column for column, code in enumerate(self.classes_.tolist())}
        unknown = [code for code in np.asarray(codes).tolist() if code not in columns]
        if unknown:
            raise ValueError(
                f"codes holds {unknown[0]!r}, which is not among the {len(columns)} classes_ of "
                "this estimator."
            )
        return [columns[code] for code in np.asarray(codes).tolist()]


class _KnownLogits:
    """Stand in for a net whose answer is known."""

    def __init__(self, logits):
        self.logits = logits

    def decision_function(self, tokens):
        return self.logits.copy()


def _base_rates(indicator):
    positives = np.asarray(indicator.sum(axis=0), dtype=float).ravel()
    return (positives + 0.5) / (indicator.shape[0] + 1)


def _check_same_length(tokens, targets, X_name, y_name):
    if len(tokens) != len(targets):
        raise ValueError(
            f"Found {X_name} with {len(tokens)} notes and {y_name} with {len(targets)} rows, "
            "which are inconsistent numbers of samples: one row per note is wanted."
        )
