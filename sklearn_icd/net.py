"""A skorch net for notes of any length and thousands of codes: batches, losses with a step."""

import inspect
import math
import warnings
from contextlib import contextmanager

import numpy as np
import torch
from skorch import NeuralNet
from skorch.dataset import unpack_data
from skorch.utils import to_device, to_tensor

from sklearn_icd.losses import BCE, LossAtStep
from sklearn_icd.nn._products import fast_products
from sklearn_icd.utils._targets import Targets
from sklearn_icd.utils._token_array import PADDING, as_tokens

__all__ = ["LengthBatches", "MultiLabelNet", "NoteDataset"]

# Batches whose notes are sorted by length together; at most an eighth of an epoch, so that
# the company a note keeps stays random.
_POOL_BATCHES = 64
_SAVED_MODULE = "the module is `module_`"


class _StopTraining(Exception):  # noqa: N818, it is no error
    """Leave the loop over epochs."""


class NoteDataset(torch.utils.data.Dataset):
    """Cut batches of token ids and dense targets out of many notes at once.

    Parameters
    ----------
    X : TokenArray, SegmentArray, or array of shape (n_notes, longest note) or \
(n_notes, n_segments, segment_length)
        Token ids, 0 is padding.

    y : Targets, or sparse or dense array of shape (n_notes, L), default=None
        Which codes each note has.
    """

    def __init__(self, X, y=None):
        self.tokens = as_tokens(X)
        self.targets = y if y is None or isinstance(y, Targets) else Targets(y, None, True)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, rows):
        """Give padded ids and targets (n, L) of the notes at these positions."""
        rows = np.atleast_1d(rows)
        y = torch.zeros(len(rows)) if self.targets is None else self.targets.dense(rows)
        return torch.from_numpy(self.tokens.padded(rows)), torch.as_tensor(y)


class LengthBatches:
    """Iterate over batches of notes of similar length.

    Without `shuffle` the notes come sorted by length; with it, notes are sorted inside random
    pools of batches only, and the batches come in random order.

    Parameters
    ----------
    dataset : NoteDataset
        The notes.

    batch_size : int
        Notes per batch.

    shuffle : bool, default=False
        Whether every pass is in another order, drawn from torch's global generator.
    """

    def __init__(self, dataset, batch_size, *, shuffle=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        for rows in self.rows():
            yield self.dataset[rows]

    def rows(self):
        """Give the positions of the notes of each batch of one pass.

        Returns
        -------
        batches : list of ndarray of int
            Every note stands in one of them.
        """
        lengths = self.dataset.tokens.lengths
        if not self.shuffle:
            return self._cut(np.argsort(lengths, kind="stable"))
        order = torch.randperm(len(lengths)).numpy()
        pool = self.batch_size * min(_POOL_BATCHES, max(1, len(self) // 8))
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        batches = self._cut(
            np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in pools])
        )
        return [batches[k] for k in torch.randperm(len(batches))]

    def _cut(self, order):
        return [order[k : k + self.batch_size] for k in range(0, len(order), self.batch_size)]


def split_batch(ids, max_notes, max_tokens=None):
    """Split a batch into parts of consecutive notes, each as wide as its own longest note.

    Parameters
    ----------
    ids : tensor of int of shape (n, t) or (n, s, l)
        Token ids, 0 is padding.

    max_notes : int
        Notes in a part, at most.

    max_tokens : int, default=None
        Tokens in a part, at most, padding included. A longer note is a part of its own.

    Yields
    ------
    rows : slice
        Which notes of the batch the part holds.

    part : tensor of int of shape (m, t') or (m, s', l')
        Their ids.
    """
    if max_tokens is None and len(ids) <= max_notes:
        yield slice(None), ids
        return
    most = math.inf if max_tokens is None else max_tokens
    extents = _extents(ids)
    start, longest = 0, extents[0]
    for stop, extent in enumerate(extents):
        wider = [max(pair) for pair in zip(longest, extent, strict=True)]
        n_notes = stop - start
        if n_notes == max_notes or (n_notes and (n_notes + 1) * math.prod(wider) > most):
            yield _part(ids, start, stop, longest)
            start, wider = stop, extent
        longest = wider
    yield _part(ids, start, len(ids), longest)


def _part(ids, start, stop, longest):
    rows = slice(start, stop)
    return rows, ids[rows][:, *map(slice, longest)]


def _extents(ids):
    """Give the length of each note, or its number of segments and the longest of them."""
    used = ids != PADDING
    axes = [used] if ids.ndim == 2 else [used.any(dim=2), used.any(dim=1)]
    ends = [(axis * torch.arange(1, axis.shape[1] + 1)).amax(dim=1) for axis in axes]
    return torch.stack(ends, dim=1).clamp_min(1).tolist()


class MultiLabelNet(NeuralNet):
    """Train any torch module that maps token ids (n, t) to logits (n, L).

    The net adds to skorch what thousands of codes and notes of any length need: sparse X and y
    that are made dense a batch at a time, batches of similar length, losses that know the step
    that training has reached, mixed precision, and scores without a copy of each batch.

    Parameters
    ----------
    module : torch.nn.Module class or instance
        Takes token ids (n, t) and gives logits (n, L). If its `forward` is
        ``(X, y=None, loss=None)``, it is given the targets and the loss in training and returns
        the loss itself, so that attention and loss can be computed together.

    criterion : object, default=BCE
        A loss (see `sklearn_icd.losses`), class or instance: ``loss(logits, y, *, step,
        steps_per_epoch)``.

    *args : tuple
        Further parameters of `skorch.NeuralNet`, in its order.

    gradient_accumulation_steps : int, default=1
        Batches whose gradients add up to one optimiser step, which so sees
        ``batch_size * gradient_accumulation_steps`` notes in the memory of `batch_size`.

    max_batch_tokens : int, default=None
        Tokens that go through the module at once, at most, padding included: notes times the
        longest of them. A batch with more is split, and the gradients of its parts add up, so
        that an optimiser step still sees all its notes. A longer note goes alone. What couples
        the notes of a batch, as `TruncatedBCE` and batch normalisation do, sees a part. None: no
        bound but `batch_size`.

    precision : {"float32", "bfloat16", "float64"}, default="float32"
        "bfloat16" computes products in bfloat16 where autocast does and keeps the parameters in
        float32; "float64" computes everything in double precision.

    dataset : type, default=NoteDataset
        Holds the notes and cuts batches.

    iterator_train : type, default=LengthBatches
        Chooses the notes of each batch in training.

    iterator_train__shuffle : bool, default=True
        Whether each epoch has its own order.

    iterator_valid : type, default=LengthBatches
        Chooses the notes of each batch at prediction.

    train_split : callable, default=None
        As skorch has it. None: all notes are trained on.

    predict_nonlinearity : callable, default=torch.sigmoid
        Logits to probabilities.

    verbose : int, default=0
        1 prints a line per epoch.

    **kwargs : dict
        Further parameters of `skorch.NeuralNet`.

    Attributes
    ----------
    n_steps_ : int
        Optimiser steps done.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from scipy.sparse import csr_array
    >>> from sklearn_icd.net import MultiLabelNet
    >>> class MeanVector(torch.nn.Module):
    ...     def __init__(self, n_tokens, n_codes):
    ...         super().__init__()
    ...         self.table = torch.nn.EmbeddingBag(n_tokens, n_codes, padding_idx=0)
    ...     def forward(self, ids):
    ...         return self.table(ids)
    >>> X = csr_array(np.array([[2, 3, 0], [4, 0, 0]]))
    >>> Y = np.array([[1, 0], [0, 1]])
    >>> net = MultiLabelNet(MeanVector, module__n_tokens=5, module__n_codes=2, lr=0.1)
    >>> net.fit(X, Y).predict_proba(X).shape
    (2, 2)
    """

    def __init__(
        self,
        module,
        criterion=BCE,
        *args,
        gradient_accumulation_steps=1,
        max_batch_tokens=None,
        precision="float32",
        dataset=NoteDataset,
        iterator_train=LengthBatches,
        iterator_train__shuffle=True,
        iterator_valid=LengthBatches,
        train_split=None,
        predict_nonlinearity=torch.sigmoid,
        verbose=0,
        **kwargs,
    ):
        super().__init__(
            module,
            criterion,
            *args,
            dataset=dataset,
            iterator_train=iterator_train,
            iterator_train__shuffle=iterator_train__shuffle,
            iterator_valid=iterator_valid,
            train_split=train_split,
            predict_nonlinearity=predict_nonlinearity,
            verbose=verbose,
            **kwargs,
        )
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.max_batch_tokens = max_batch_tokens
        self.precision = precision

    def initialize_module(self):
        """Make the module, in double precision where that is wanted."""
        super().initialize_module()
        if self.precision == "float64":
            self.module_ = self.module_.double()
        return self

    def initialize_criterion(self):
        """Make the loss: an instance is taken as it is."""
        if "criterion" not in self._criteria:  # skorch does so itself for torch modules only
            self._register_attribute("criterion_", None, cuda_dependent_attributes=False)
        is_class = isinstance(self.criterion, type)
        self.criterion_ = (
            self.criterion(**self.get_params_for("criterion")) if is_class else self.criterion
        )
        self.n_steps_ = 0
        return self

    def train_with(self, first, last, dataset):
        """Train with further callbacks around the net's own, which it forgets afterwards.

        Parameters
        ----------
        first, last : list of skorch.callbacks.Callback
            Called before and after all others.

        dataset : NoteDataset
            The notes to train on.
        """
        own = self.callbacks_
        named = [[(type(c).__name__, c.initialize()) for c in part] for part in (first, last)]
        self.callbacks_ = [*named[0], *own, *named[1]]
        try:
            self.partial_fit(dataset)
        finally:
            self.callbacks_ = own

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Count the steps of an epoch, which losses and callbacks may ask for."""
        super().on_train_begin(net, X=X, y=y, **kwargs)
        self.steps_per_epoch_ = max(1, -(-len(self.get_dataset(X, y)) // self._notes_per_step))

    def notify(self, method_name, **kwargs):
        """Call the callbacks, and end training once they have all seen the epoch."""
        super().notify(method_name, **kwargs)
        if method_name == "on_train_begin":
            self.stop_training_ = False
        if method_name == "on_epoch_end" and self.stop_training_:
            raise _StopTraining

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Train, and keep what was learned where training is stopped."""
        try:
            with explained_memory_errors(self.batch_size):
                return super().fit_loop(X, y, epochs, **fit_params)
        except _StopTraining:
            return self
        except KeyboardInterrupt:
            if "train_batch_count" not in self.history[-1]:
                warnings.warn(
                    f"Training was interrupted in epoch {len(self.history)}: the estimator keeps "
                    "what it had learned.",
                    stacklevel=2,
                )
            return self

    def infer(self, x, **fit_params):
        """Compute the module's output in the precision asked for, bounded by tokens."""
        with self._autocast():
            if self.max_batch_tokens is None or torch.is_grad_enabled():  # then x is a part
                return super().infer(self._to_device(x), **fit_params)
            parts = [part for _, part in split_batch(x, len(x), self.max_batch_tokens)]
            infer = super().infer
            return torch.cat([infer(self._to_device(part), **fit_params) for part in parts])

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of the notes of a step and its gradient, one part after the other."""
        self._set_training(True)
        X, y = unpack_data(batch)
        total = 0.0
        for rows, part in split_batch(X, self.batch_size, self.max_batch_tokens):
            loss = self._share_of_loss(part, y[rows], len(X), **fit_params)
            loss.backward()
            total += loss.detach()
        return {"loss": total, "y_pred": None}

    def get_iterator(self, dataset, training=False):
        """Give batches: in training all notes of an optimiser step, else `batch_size` notes."""
        if training:
            return self.iterator_train(
                dataset,
                **{"batch_size": self._notes_per_step, **self.get_params_for("iterator_train")},
            )
        return super().get_iterator(dataset, training=False)

    def train_step(self, batch, **fit_params):
        """Do one optimiser step."""
        with self._fast_products():
            step = super().train_step(batch, **fit_params)
        self.n_steps_ += 1
        return step

    def evaluation_step(self, batch, training=False):
        """Compute the module's output for a batch, without gradients."""
        with self._fast_products():
            return super().evaluation_step(batch, training=training)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Compute the loss; outside training, plain binary cross-entropy."""
        if training:
            return self._loss_at_step()(y_pred, self._targets(y_true))
        return BCE()(self._full_precision(y_pred), self._targets(y_true))

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Refuse to go on from a loss that is not finite."""
        super().on_batch_end(net, batch=batch, training=training, **kwargs)
        loss = self.history[-1, "batches", -1].get("train_loss", 0.0)
        if training and not math.isfinite(loss):
            self._refuse_divergence(f"the loss became {loss}")

    def on_epoch_end(self, net, **kwargs):
        """Record what the loss has on schedule, and refuse parameters without a value."""
        super().on_epoch_end(net, **kwargs)
        if hasattr(self.criterion_, "schedule"):
            schedule = self.criterion_.schedule(self.n_steps_ - 1, self.steps_per_epoch_)
            for name, value in schedule.items():
                self.history.record(name, value)
        if not all(parameter.isfinite().all() for parameter in self.module_.parameters()):
            self._refuse_divergence("a parameter became infinite or nan")

    def decision_function(self, X):
        """Compute the logits of notes.

        Parameters
        ----------
        X : sparse or dense token array
            Token ids of words or of segments.

        Returns
        -------
        logits : ndarray of shape (n_notes, L)
            In float32, or float64 where the net computes in that.
        """
        dataset = self.get_dataset(X)
        scores = None
        for rows, logits in self.score_batches(dataset):
            if scores is None:
                scores = np.empty((len(dataset), logits.shape[1]), dtype=logits.dtype)
            scores[rows] = logits
        return scores

    def score_batches(self, X):
        """Compute the logits of notes, a batch at a time.

        Parameters
        ----------
        X : sparse or dense token array
            Token ids of words or of segments.

        Yields
        ------
        rows : ndarray of int of shape (n,)
            Positions of the notes of the batch: the shortest notes come first.

        logits : ndarray of shape (n, L)
            In float32, or float64 where the net computes in that.
        """
        dataset = self.get_dataset(X)
        batches = self.get_iterator(dataset, training=False).rows()
        with explained_memory_errors(self.batch_size):
            yield from self._score_batches(dataset, batches)

    def predict_proba(self, X):
        """Compute the probabilities of notes, shape (n_notes, L)."""
        return self.predict_nonlinearity(torch.from_numpy(self.decision_function(X))).numpy()

    def predict(self, X):
        """Compute which codes are more probable than not, shape (n_notes, L)."""
        return (self.predict_proba(X) >= 0.5).astype(int)

    def attention(self, X, labels):
        """Compute the weights of tokens for some labels.

        Parameters
        ----------
        X : sparse or dense token array
            Token ids of words or of segments.

        labels : ndarray of int of shape (k,)
            Columns of y.

        Returns
        -------
        weights : list of ndarray of shape (k, tokens of the note)
            One array per note.
        """
        dataset = self.get_dataset(X)
        batches = self.get_iterator(dataset, training=False)
        labels = to_tensor(np.asarray(labels, dtype=np.int64), device=self.device)
        module = getattr(self.module_, "_orig_mod", self.module_)
        weights = [None] * len(dataset)
        self._set_training(False)
        explained = explained_memory_errors(self.batch_size)
        with torch.no_grad(), self._autocast(), self._fast_products(), explained:
            for rows in batches.rows():
                ids = dataset[rows][0]
                for some, part in split_batch(ids, len(ids), self.max_batch_tokens):
                    found = module.attention(self._to_device(part), labels)
                    found = self._full_precision(found).cpu().numpy()
                    for row, note in zip(rows[some], found, strict=True):
                        weights[row] = note[:, : dataset.tokens.lengths[row]].astype(np.float32)
        return weights

    def with_module(self, module):
        """Give a copy of this net around another trained module.

        Parameters
        ----------
        module : torch.nn.Module
            The module to predict with.

        Returns
        -------
        net : MultiLabelNet
            Everything else is shared with this one.
        """
        net = self.__class__.__new__(self.__class__)
        vars(net).update(vars(self), module=module, module_=to_device(module, self.device))
        return net

    def _refuse_divergence(self, what):
        raise FloatingPointError(
            f"{what} in epoch {len(self.history)}: lower lr (now {self.lr}), use "
            f"precision='float32' if it is not (now {self.precision!r}), or look for extreme "
            "values in word_vectors and label vectors."
        )

    def _module_takes_loss(self):
        module = getattr(self.module_, "_orig_mod", self.module_)
        return {"y", "loss"} <= set(inspect.signature(module.forward).parameters)

    def _score_batches(self, dataset, batches):
        # Logits are read when the next batch is on its way, so that CUDA need not wait for it.
        waiting = []
        for rows in batches:
            waiting.append((rows, self._full_precision(self.evaluation_step(dataset[rows]))))
            if len(waiting) == 2:
                yield _read(*waiting.pop(0))
        for rows, logits in waiting:
            yield _read(rows, logits)

    def _share_of_loss(self, X, y, n_notes, **fit_params):
        return self._training_loss(X, y, **fit_params) * (len(X) / n_notes)

    def _training_loss(self, X, y, **fit_params):
        if not self._module_takes_loss():
            return self.get_loss(self.infer(X, **fit_params), y, X=X, training=True)
        with self._autocast():
            return self.module_(
                self._to_device(X),
                y=self._targets(y),
                loss=self._loss_at_step(),
            )

    @property
    def _notes_per_step(self):
        return self.batch_size * self.gradient_accumulation_steps

    def _loss_at_step(self):
        return LossAtStep(self.criterion_, self.n_steps_, self.steps_per_epoch_)

    def _full_precision(self, tensor):
        return tensor.double() if self.precision == "float64" else tensor.float()

    def _targets(self, y):
        return self._full_precision(self._to_device(y))

    def _to_device(self, x):
        """Copy to the device; to CUDA from pinned memory, so that it goes on computing."""
        to_cuda = torch.device(self.device).type == "cuda"
        if to_cuda and isinstance(x, torch.Tensor) and x.device.type == "cpu":
            return x.pin_memory().to(self.device, non_blocking=True)
        return to_tensor(x, device=self.device)

    def _autocast(self):
        device_type = torch.device(self.device).type
        return torch.autocast(device_type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _fast_products(self):
        return fast_products(torch.device(self.device).type)

    # An instance given as `module` is the trained module itself. skorch maps only attributes such
    # as `module_` to the device at hand when unpickling, so it must not be stored a second time.
    def __getstate__(self):
        state = super().__getstate__()
        if self.initialized_ and getattr(self.module_, "_orig_mod", self.module_) is self.module:
            state["module"] = _SAVED_MODULE
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(self.module, str) and self.module == _SAVED_MODULE:
            vars(self)["module"] = getattr(self.module_, "_orig_mod", self.module_)


def _read(rows, logits):
    return rows, logits.cpu().numpy()


@contextmanager
def explained_memory_errors(batch_size):
    """Say which parameter to lower where memory runs out."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise MemoryError(
            f"the device ran out of memory with batch_size={batch_size}: lower batch_size, set "
            "max_batch_tokens, or shorten the notes (TfidfTruncator(max_words=...), "
            "max_length=... of the tokenizer)."
        ) from error
