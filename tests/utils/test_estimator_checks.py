"""The checks of classifiers: a sound classifier of a user passes, broken ones are found out."""

import numpy as np
import pytest
import torch

from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.utils import estimator_checks as checks
from sklearn_icd.utils._hyperparameters import hyperparameters


class Bag(torch.nn.Module):
    """Add up one vector of logits per token."""

    def __init__(self, n_tokens, n_outputs):
        super().__init__()
        self.table = torch.nn.Embedding(n_tokens, n_outputs, padding_idx=0)

    def forward(self, ids):
        return self.table(ids).sum(dim=1)

    def attention(self, ids, labels):
        real = (ids != 0).float()
        return (real / real.sum(1, keepdim=True).clamp_min(1))[:, None].repeat(1, len(labels), 1)


class Mean(Bag):
    def forward(self, ids):
        return self.table(ids).mean(dim=1)  # padding counts


class Unnormalised(Bag):
    def attention(self, ids, labels):
        return 2 * super().attention(ids, labels)


@hyperparameters
class Sound(MultiLabelClassifier):
    """Bag of words."""

    max_epochs: int = 2
    module = Bag

    def build_module(self, data):
        return self.module(data.n_tokens, data.n_outputs)


class Leaky(Sound):
    module = Mean


class Overweight(Sound):
    module = Unnormalised


class Hoarder(Sound):
    def fit(self, X, y, *, X_val=None, y_val=None):
        super().fit(X, y, X_val=X_val, y_val=y_val)
        self.notes_ = X
        return self


class Absorbed(Sound):
    def fit(self, X, y, *, X_val=None, y_val=None):
        super().fit(X, y, X_val=X_val, y_val=y_val)
        self.lr = self.lr / 2
        return self


class Noisy(Sound):
    def build_module(self, data):
        module = super().build_module(data)
        with torch.no_grad():
            module.table.weight += float(np.random.random())  # noqa: NPY002
        return module


class Meddler(Sound):
    def predict_proba(self, X):
        torch.rand(1)
        return super().predict_proba(X)


class Width(Sound):
    def decision_function(self, X):
        return super().decision_function(X) + X.shape[1]


class Certain(Sound):
    def predict_proba(self, X):
        return np.round(super().predict_proba(X))


class AllKnown(Sound):
    def known_tokens(self, tokens):
        return np.ones(2000, dtype=bool)


class Dense(Sound):
    def predict(self, X):
        predicted = super().predict(X)
        return predicted.toarray() if self.sparse_output_ else predicted


class Forgetful(Sound):
    def partial_fit(self, X, y, classes=None):
        vars(self).pop("net_", None)
        return super().partial_fit(X, y, classes)


class WithoutWords(Sound):
    """Has no attention, and says so."""

    @property
    def attention(self):
        raise AttributeError(f"{type(self).__name__} has no attention: it adds up all words.")


class Taciturn(Sound):
    @property
    def attention(self):
        raise AttributeError("no")


@pytest.mark.parametrize("check", checks.CLASSIFIER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("sound", [Sound, WithoutWords])
def test_a_sound_classifier_passes(check, sound):
    check(sound())


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Leaky, checks.check_batch_invariance),
        (Overweight, checks.check_attention),
        (Taciturn, checks.check_attention),
        (Hoarder, checks.check_no_notes_in_pickle),
        (Absorbed, checks.check_fit_keeps_parameters),
        (Noisy, checks.check_random_state),
        (Meddler, checks.check_generators_untouched),
        (Width, checks.check_padding_invariance),
        (Certain, checks.check_probabilities),
        (AllKnown, checks.check_unseen_ids),
        (Dense, checks.check_sparse_targets),
        (Forgetful, checks.check_partial_fit),
    ],
)
def test_a_broken_classifier_is_found_out(broken, check):
    with pytest.raises(AssertionError):
        check(broken())
