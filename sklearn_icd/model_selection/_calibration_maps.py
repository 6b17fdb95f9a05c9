"""Maps from scores to calibrated logits, learned from held-out notes."""

import numpy as np
from scipy.special import logit
from sklearn.isotonic import isotonic_regression

from sklearn_icd.model_selection._cuts import columns
from sklearn_icd.model_selection._logistic import fit_platt, fit_temperature


class Temperature:
    """Divide logits by a temperature that all codes share."""

    def __init__(self, y_true, scores, pooled):
        self.temperature = fit_temperature(y_true, scores)

    def __call__(self, scores):
        return scores / self.temperature


class Platt:
    """Give each code a slope and an intercept; pooled codes share theirs."""

    def __init__(self, y_true, scores, pooled):
        self.slopes, self.intercepts = fit_platt(y_true, scores, pooled)

    def __call__(self, scores):
        lines = np.asarray([self.slopes, self.intercepts], dtype=scores.dtype)
        return scores * lines[0] + lines[1]


class Isotonic:
    """Give each code rising steps; pooled codes share theirs."""

    def __init__(self, y_true, scores, pooled):
        self.pooled, self.shared = pooled, None
        self.own = {
            code: _Steps(ordered, true)
            for code, ordered, true in columns(y_true, scores, codes=~pooled)
        }
        if pooled.any():
            rare = scores[:, pooled]
            true = rare[y_true[:, pooled].nonzero()]
            self.shared = _Steps(np.sort(rare, axis=None), np.sort(true))

    def __call__(self, scores):
        logits = np.empty_like(scores)
        for code, steps in self.own.items():
            logits[:, code] = steps(scores[:, code])
        if self.shared:
            logits[:, self.pooled] = self.shared(scores[:, self.pooled])
        return logits


class _Steps:
    """Isotonic regression of truth on score, as steps that begin at scores of true cells.

    Between these there are only false cells, which cannot rise above the true ones below them:
    they are of one step from the start.
    """

    def __init__(self, ordered, true):
        self.starts = np.unique(true)
        n_cells, n_true = (
            np.diff(np.searchsorted(cells, self.starts), prepend=0, append=len(cells))
            for cells in (ordered, true)
        )
        rates = n_true / np.maximum(n_cells, 1)
        rates = isotonic_regression(rates, sample_weight=np.maximum(n_cells, 1e-9))
        least = 1 / (len(ordered) + 2)
        self.logits = logit(rates.clip(least, 1 - least))

    def __call__(self, scores):
        return self.logits[np.searchsorted(self.starts, scores, side="right")]


MAPS = {"isotonic": Isotonic, "platt": Platt, "temperature": Temperature}
