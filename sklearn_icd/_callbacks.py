"""What happens between epochs: held-out scores, the best epoch, scikit-learn's callbacks."""

import numpy as np
import torch
from skorch.callbacks import Callback

from sklearn_icd.losses import BCE


class Validation(Callback):
    """Score held-out notes after each epoch, stop without progress, restore the best epoch.

    Of equal scores the one with the lower loss is better, so that a score that stays at zero
    for the first epochs ends nothing.

    Parameters
    ----------
    dataset : NoteDataset
        The held-out notes and their codes.

    score : callable
        Takes logits (n_notes, L); higher is better. If it gives None, the loss alone decides.

    patience : int or None
        Epochs without progress after which training stops. None: never.
    """

    def __init__(self, dataset, score, patience):
        self.dataset = dataset
        self.score = score
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Forget earlier training."""
        self.best_ = None
        self.epochs_since_best_ = 0

    def on_epoch_end(self, net, **kwargs):
        """Record score and loss, and keep the parameters if they are the best so far."""
        logits = net.decision_function(self.dataset)
        y = self.dataset.targets.dense(np.arange(len(self.dataset)))
        loss = BCE()(torch.from_numpy(logits), torch.from_numpy(y.astype(logits.dtype))).item()
        net.history.record("valid_loss", loss)
        score = self.score(logits)
        if score is not None:
            net.history.record("valid_score", float(score))
        quality = (-loss,) if score is None else (score, -loss)
        is_best = self.best_ is None or quality > self.best_[0]
        net.history.record("valid_loss_best", is_best)
        if is_best:
            state = {name: value.clone() for name, value in net.module_.state_dict().items()}
            self.best_ = quality, state
        self.epochs_since_best_ = 0 if is_best else self.epochs_since_best_ + 1
        if self.patience is not None and self.epochs_since_best_ >= self.patience:
            net.stop_training_ = True

    def on_train_end(self, net, **kwargs):
        """Restore the best epoch."""
        if self.best_ is not None:
            net.module_.load_state_dict(self.best_[1])


class SklearnCallbacks(Callback):
    """Tell scikit-learn's callbacks about each epoch.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator being fitted.

    context : sklearn.callback.CallbackContext
        The context of its fit.

    data : dict
        `X`, `y` and `metadata` as passed to `fit`.

    fitted : callable
        Gives the attributes that make the estimator fitted as of now.
    """

    def __init__(self, estimator, context, data, fitted):
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted = fitted

    def on_epoch_begin(self, net, **kwargs):
        """Open the task of an epoch."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net, **kwargs):
        """Close it, and stop if a callback asks for it."""
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=self.fitted
        )
        net.stop_training_ |= stop
