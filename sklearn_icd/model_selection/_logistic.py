"""Temperature and Platt scaling: logistic regressions of truth on score, thousands together."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

_CELLS = 2**16  # computed with at once: half a megabyte in float64, which a cache holds
_GAIN = 1e-12  # nats, over all cells of a fit, that another step must promise
_TEMPERATURES = 0.01, 100.0


def fit_temperature(y_true, scores):
    """Find T between 0.01 and 100 such that p = expit(score / T) is the most likely.

    Parameters
    ----------
    y_true : csr_array of bool of shape (n_notes, n_codes)
        The true codes.

    scores : ndarray of shape (n_notes, n_codes)
        Logits.

    Returns
    -------
    temperature : float
        The same for all codes.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks",
    ICML 2017.
    """
    true_sum = scores[y_true.nonzero()].sum(dtype=np.float64)
    cells = _Cells(scores, np.ones(scores.shape[1], dtype=bool))

    def slope_of_loss(log_temperature):
        factor = np.exp(-log_temperature)
        return sum(np.vdot(s, expit(factor * s)) for s in cells) - true_sum

    low, high = np.log(_TEMPERATURES)
    if slope_of_loss(low) <= 0:
        return _TEMPERATURES[0]
    if slope_of_loss(high) >= 0:
        return _TEMPERATURES[1]
    return float(np.exp(brentq(slope_of_loss, low, high, xtol=1e-9)))


def fit_platt(y_true, scores, pooled):
    """Fit p = expit(slope * score + intercept) for each code, and once for all pooled ones.

    Parameters
    ----------
    y_true : csr_array of bool of shape (n_notes, n_codes)
        The true codes.

    scores : ndarray of shape (n_notes, n_codes)
        Logits or other scores.

    pooled : ndarray of bool of shape (n_codes,)
        Codes whose cells are fitted together.

    Returns
    -------
    slopes, intercepts : ndarray of float64 of shape (n_codes,)
        The most likely ones for Platt's targets: (P + 1) / (P + 2) for P true cells and
        1 / (N + 2) for the N others.

    References
    ----------
    J. Platt, "Probabilistic outputs for support vector machines", 1999. Newton's method with
    halved steps as in H.-T. Lin, C.-J. Lin and R. C. Weng, "A note on Platt's probabilistic
    outputs for support vector machines", Machine Learning, 2007.
    """
    n_notes, n_codes = scores.shape
    notes, codes = y_true.nonzero()
    n_true = np.bincount(codes, minlength=n_codes)
    true_sums = np.bincount(codes, scores[notes, codes], minlength=n_codes)
    lines = np.empty((2, n_codes))
    alone, step = np.flatnonzero(~pooled), max(1, _CELLS // n_notes)
    for block in (alone[start : start + step] for start in range(0, len(alone), step)):
        columns = scores[:, block].astype(np.float64)
        lines[:, block] = _fit_lines([columns], n_true[block], true_sums[block])
    if pooled.any():
        together = (counts[pooled].sum(keepdims=True) for counts in (n_true, true_sums))
        lines[:, pooled] = _fit_lines(_Cells(scores, pooled), *together)
    return lines


class _Cells:
    """Give the cells of some codes as one column, in chunks, as often as asked."""

    def __init__(self, scores, codes):
        self.scores, self.codes = scores, codes

    def __iter__(self):
        step = max(1, _CELLS // self.codes.sum())
        for start in range(0, len(self.scores), step):
            rows = self.scores[start : start + step]
            yield rows[:, self.codes].astype(np.float64).reshape(-1, 1)


def _fit_lines(chunks, n_true, true_sums):
    """Fit a line to each column of the chunks, by Newton's method."""
    n_cells, sums = sum(len(s) for s in chunks), sum(s.sum(axis=0) for s in chunks)
    if_true, if_false = (n_true + 1) / (n_true + 2), 1 / (n_cells - n_true + 2)
    target = n_true * if_true + (n_cells - n_true) * if_false
    target_sums = true_sums * if_true + (sums - true_sums) * if_false

    def derivatives(line):
        """Give the loss, its gradient and its second derivatives: 1, 2 and 3 rows."""
        loss, *first, aa, ab, bb = sum(_moments(s, *line) for s in chunks)
        loss -= line[0] * target_sums + line[1] * target
        return loss, np.stack(first) - [target_sums, target], (aa, ab, bb)

    line = np.stack([np.zeros(len(n_true)), np.log((n_true + 1) / (n_cells - n_true + 1))])
    loss, gradient, curvature = derivatives(line)
    while True:
        step = _newton_step(gradient, curvature)
        gain = (gradient * step).sum(axis=0)
        step[:, gain <= _GAIN] = 0
        if not step.any():
            return line
        while True:
            loss_there, *there = derivatives(line - step)
            uphill = loss_there > loss + 1e-12 * np.abs(loss)
            if not uphill.any():
                break
            step[:, uphill] /= 2
        line, loss, (gradient, curvature) = line - step, loss_there, there


def _moments(s, slope, intercept):
    """Sum over the cells what the loss and its derivatives are made of, six rows."""
    z = s * slope + intercept
    tail = np.exp(-np.abs(z))
    loss = np.maximum(z, 0) + np.log1p(tail)
    p = np.where(z >= 0, 1, tail) / (1 + tail)
    weight = p * (1 - p)
    weighted = weight * s
    pairs = (p, s), (weighted, s)
    p_s, weighted_s = (np.einsum("nl,nl->l", *pair) for pair in pairs)
    return np.stack([loss.sum(0), p_s, p.sum(0), weighted_s, weighted.sum(0), weight.sum(0)])


def _newton_step(gradient, curvature):
    """Solve the 2 x 2 systems; where the scores are all equal, move the intercept alone."""
    aa, ab, bb = curvature
    determinant = aa * bb - ab**2
    regular = determinant > 1e-12 * aa * bb
    safe = np.where(regular, determinant, 1)
    slope = np.where(regular, (bb * gradient[0] - ab * gradient[1]) / safe, 0)
    intercept = np.where(regular, (aa * gradient[1] - ab * gradient[0]) / safe, gradient[1] / bb)
    return np.stack([slope, intercept])
