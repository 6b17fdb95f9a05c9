"""What happens between epochs: held-out scores, the best epoch, scikit-learn's callbacks."""

import math

import numpy as np
import torch
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau

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


class LinearWarmup(Callback):
    """Let the learning rate rise linearly, then fall linearly to zero at the end of training.

    Parameters
    ----------
    steps : int or float
        Optimiser steps in which it rises; below 1, their share of all steps.
    """

    def __init__(self, steps):
        self.steps = steps

    def on_train_begin(self, net, **kwargs):
        """Find out how long training can last."""
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.n_steps_ = net.max_epochs * net.steps_per_epoch_
        self.n_rising_ = self.steps * self.n_steps_ if self.steps < 1 else self.steps

    def on_batch_begin(self, net, training=False, **kwargs):
        """Set the rate of the step."""
        if training:
            rising = (net.n_steps_ + 1) / max(1, self.n_rising_)
            falling = (self.n_steps_ - net.n_steps_) / max(1, self.n_steps_ - self.n_rising_)
            for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
                group["lr"] = rate * min(rising, falling, 1)

    def on_epoch_end(self, net, **kwargs):
        """Record the rate that was reached."""
        net.history.record("lr", net.optimizer_.param_groups[-1]["lr"])

    def on_train_end(self, net, **kwargs):
        """Leave the rate as it was found."""
        for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
            group["lr"] = rate


class PlateauDecay(Callback):
    """Lower the learning rate where the held-out notes show no progress.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by.

    patience : int
        Epochs without progress that are let pass; the next one lowers the rate.

    min_lr : float
        Below this it does not fall.
    """

    def __init__(self, factor, patience, min_lr):
        self.factor = factor
        self.patience = patience
        self.min_lr = min_lr

    def on_train_begin(self, net, **kwargs):
        """Forget earlier training."""
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.scheduler_ = ReduceLROnPlateau(
            net.optimizer_, "max", self.factor, self.patience, threshold=0, min_lr=self.min_lr
        )

    def on_epoch_begin(self, net, **kwargs):
        """Set the rate by what the last epoch was worth, if notes were held out."""
        if len(net.history) > 1:
            last = net.history[-2]
            quality = last.get("valid_score", -last.get("valid_loss", math.nan))
            if not math.isnan(quality):
                self.scheduler_.step(quality)
        net.history.record("lr", net.optimizer_.param_groups[-1]["lr"])

    def on_train_end(self, net, **kwargs):
        """Leave the rate as it was found."""
        for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
            group["lr"] = rate


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
