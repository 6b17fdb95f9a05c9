"""The one base class: a scikit-learn estimator for many codes that owns a skorch net."""

import copy
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from joblib import parallel_config
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_icd._callbacks import SklearnCallbacks, Validation
from sklearn_icd._code_classifier import CodeClassifier, base_rates, check_same_length
from sklearn_icd._data_parallel import DataParallelNet
from sklearn_icd._torch_settings import (
    find_device,
    find_optimizer,
    find_random_state,
    own_generators,
)
from sklearn_icd.losses import BCE
from sklearn_icd.net import MultiLabelNet, NoteDataset
from sklearn_icd.utils._hyperparameters import (
    Callable,
    OpenShare,
    PositiveFloat,
    PositiveInt,
    RandomState,
    Verbosity,
    hyperparameters,
)
from sklearn_icd.utils._token_array import SegmentArray, TokenArray

__all__ = ["FitData", "MultiLabelClassifier"]

Optimizer = Literal["adam", "adamw", "radam", "lamb", "sgd"] | Callable
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
class MultiLabelClassifier(CallbackSupportMixin, CodeClassifier):
    """Assign codes to notes with a torch module, the way scikit-learn's estimators do.

    A concrete estimator declares its own hyper-parameters and implements `build_module`.

    Parameters
    ----------
    optimizer : {"adam", "adamw", "radam", "lamb", "sgd"} or callable, default="adam"
        The optimiser, or a class or function that makes one from parameters and `lr`.

    lr : float, default=1e-3
        Learning rate.

    batch_size : int, default=16
        Notes per step, and per batch at prediction.

    max_batch_tokens : int, default=None
        Tokens computed on at once, at most, padding included: notes times the longest of them,
        so that a few very long notes do not exhaust the memory. A batch with more is computed in
        parts: each step still learns from `batch_size` notes. A longer note goes alone. What
        couples the notes of a batch sees a part: `TruncatedBCE` leaves out its share of each
        part's codes, and batch normalisation takes each part's statistics. None: no bound but
        `batch_size`.

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
    net_ : MultiLabelNet
        The skorch net; ``net_.module_`` is the trained module.

    history_ : skorch.history.History
        Losses, scores and durations of the epochs.
    """

    optimizer: Optimizer = "adam"
    lr: PositiveFloat = 1e-3
    batch_size: PositiveInt = 16
    max_batch_tokens: PositiveInt | None = None
    max_epochs: PositiveInt = 100
    patience: PositiveInt | None = 10
    validation_fraction: OpenShare | None = 0.1
    monitor: Monitor | Callable = "f1_micro"
    device: str = "auto"
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    compile: bool = False
    callbacks: list | None = None
    random_state: RandomState = None
    verbose: Verbosity = 0

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
        check_same_length(tokens, targets, "X", "y")
        random_state = find_random_state(self.random_state, self.device)
        steps = 0 if first else self.net_.n_steps_
        with own_generators((random_state.randint(2**31) + steps) % 2**31, self.device):
            net = self._make_net(tokens, targets, random_state) if first else self.net_
            net.partial_fit(self._dataset(tokens, targets), epochs=1)
        self.net_ = net
        return self

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

    def _make_net(self, tokens, targets, random_state):
        self.known_tokens_ = self.known_tokens(tokens)
        data = FitData(
            tokens=self.read_known(tokens),
            n_tokens=len(self.known_tokens_),
            classes=self.classes_,
            n_outputs=targets.indicator.shape[1],
            base_rates=base_rates(targets.indicator),
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
            "max_batch_tokens": self.max_batch_tokens,
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

    def _held_out_share(self):
        return self.validation_fraction or 0

    def _logit_batches(self, tokens):
        return self.net_.score_batches(tokens)

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

    def score_batches(self, tokens):
        for some in gen_batches(len(tokens), 1024):
            yield np.arange(some.start, some.stop), self.logits[some]
