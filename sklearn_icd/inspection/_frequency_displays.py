"""Codes by how often they occur, as plots."""

import numpy as np

from sklearn_icd.inspection._drawing import set_axes
from sklearn_icd.metrics import by_frequency
from sklearn_icd.metrics._scorers import scores_of
from sklearn_icd.metrics._validation import check_indicator, check_ranking


class PrecisionRecallByFrequencyDisplay:
    """
    Plot precision against recall for groups of codes by how often training met them.

    Make it with `from_estimator` or `from_predictions`. Within a group, all cells of its codes
    are ranked together.

    Parameters
    ----------
    groups : dict of str to dict
        For each group `precision` and `recall`, ndarrays that go from the highest threshold to
        the lowest, and `n_codes`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        A curve for each group.

    See Also
    --------
    sklearn_icd.metrics.by_frequency : Any metric in such groups.

    Examples
    --------
    >>> from sklearn_icd.inspection import PrecisionRecallByFrequencyDisplay
    >>> display = PrecisionRecallByFrequencyDisplay.from_predictions(
    ...     [[1, 0, 1], [0, 1, 0]], [[0.9, 0.1, 0.2], [0.3, 0.4, 0.6]], [9, 7, 0]
    ... )
    >>> [line.get_label() for line in display.lines_]
    ['S: 2 codes', 'Z: 1 code']
    """

    def __init__(self, groups):
        self.groups = groups

    @classmethod
    def from_estimator(cls, estimator, X, y, train_counts, *, bands="sfz", ax=None, **kwargs):
        """
        Score notes with an estimator, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier or Pipeline.
        X : object of length n_notes
            What the estimator takes. Notes that it was not trained on.
        y : array-like or sparse of shape (n_notes, n_codes)
            Their codes.
        train_counts : array-like of shape (n_codes,)
            Number of training notes with each code: ``y_train.sum(axis=0)``.
        bands : {"sfz", "tens"} or dict of str to (int, int or None), default="sfz"
            The groups, as of :func:`~sklearn_icd.metrics.by_frequency`.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : PrecisionRecallByFrequencyDisplay
            What was drawn.
        """
        scores = scores_of(estimator, X)
        return cls.from_predictions(y, scores, train_counts, bands=bands, ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, y_true, scores, train_counts, *, bands="sfz", ax=None, **kwargs):
        """
        Plot from scores.

        Parameters
        ----------
        y_true : array-like or sparse of shape (n_notes, n_codes)
            The true codes.
        scores : array-like of shape (n_notes, n_codes)
            Probabilities or logits.
        train_counts : array-like of shape (n_codes,)
            Number of training notes with each code: ``y_train.sum(axis=0)``.
        bands : {"sfz", "tens"} or dict of str to (int, int or None), default="sfz"
            The groups, as of :func:`~sklearn_icd.metrics.by_frequency`.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : PrecisionRecallByFrequencyDisplay
            What was drawn.
        """
        groups = by_frequency(_precision_recall, y_true, scores, train_counts, bands=bands)
        drawn = {
            name: {"n_codes": group["n_codes"], **group["score"]}
            for name, group in groups.items()
            if group["n_positives"]
        }
        return cls(drawn).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw a curve for each group that has a true cell.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : PrecisionRecallByFrequencyDisplay
            The display.
        """
        ax = set_axes(self, ax, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        self.lines_ = []
        for name, group in self.groups.items():
            label = f"{name}: {group['n_codes']:,} code{'s' * (group['n_codes'] > 1)}"
            self.lines_ += ax.plot(
                group["recall"], group["precision"], **{"label": label, **kwargs}
            )
        ax.legend()
        return self


class CodeFrequencyDisplay:
    """
    Plot how many codes occur how often.

    Make it with `from_targets`.

    Parameters
    ----------
    counts : ndarray of shape (n_codes,)
        Number of notes with each code.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.
    bars_ : matplotlib.container.BarContainer
        The bars.

    Examples
    --------
    >>> from sklearn_icd.inspection import CodeFrequencyDisplay
    >>> display = CodeFrequencyDisplay.from_targets([[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    >>> [int(bar.get_height()) for bar in display.bars_]
    [1, 2, 1]
    """

    def __init__(self, counts):
        self.counts = counts

    @classmethod
    def from_targets(cls, y, *, ax=None, **kwargs):
        """
        Count the notes with each code, and plot.

        Parameters
        ----------
        y : array-like or sparse of shape (n_notes, n_codes)
            1 where a note has a code.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.bar`.

        Returns
        -------
        display : CodeFrequencyDisplay
            What was drawn.
        """
        indicator = check_indicator(y, "y")
        counts = np.bincount(indicator.indices, minlength=indicator.shape[1])
        return cls(counts).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw a bar for 0 notes, 1 note, 2 to 3, 4 to 7 ...

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.bar`.

        Returns
        -------
        self : CodeFrequencyDisplay
            The display.
        """
        ax = set_axes(self, ax, xlabel="notes with the code", ylabel="codes")
        doublings = np.frexp(self.counts)[1]  # 0, 1, 2-3, 4-7 ...: 0, 1, 2, 3 ...
        heights = np.bincount(doublings)
        limits = [(2**n // 2, max(2**n - 1, 0)) for n in range(len(heights))]
        names = [f"{low:,}" if low == high else f"{low:,}-{high:,}" for low, high in limits]
        self.bars_ = ax.bar(names, heights, **kwargs)
        ax.tick_params(axis="x", labelrotation=45)
        return self


def _precision_recall(y_true, scores):
    """Compute precision and recall at every distinct score of a true cell, the highest first."""
    y_true, scores = check_ranking(y_true, scores)
    true = np.sort(scores[y_true.nonzero()])
    cuts = np.unique(true)[::-1]
    hits = len(true) - np.searchsorted(true, cuts)
    assigned = scores.size - np.searchsorted(np.sort(scores, axis=None), cuts)
    return {"precision": hits / assigned, "recall": hits / len(true)}
