"""What leaving notes to a human gains, as a plot."""

import copy

from sklearn_icd.inspection._drawing import name_of, set_axes
from sklearn_icd.model_selection import coverage_error_curve


class CoverageErrorDisplay:
    """
    Plot the error on the notes that are kept against their share.

    Make it with `from_estimator` or `from_predictions`. The least confident notes are left to a
    human first.

    Parameters
    ----------
    coverage : ndarray of shape (n_thresholds,)
        Share of the notes that are kept, rising.
    error : ndarray of shape (n_thresholds,)
        1 minus the metric on these notes.
    metric : str, default="f1_micro"
        Its name.
    name : str, default=None
        What stands in the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.
    line_ : matplotlib.lines.Line2D
        The curve.

    See Also
    --------
    sklearn_icd.model_selection.coverage_error_curve : The numbers that are plotted.
    sklearn_icd.model_selection.ThresholdTuner : Leaves notes to a human.

    Examples
    --------
    >>> from sklearn_icd.inspection import CoverageErrorDisplay
    >>> display = CoverageErrorDisplay.from_predictions(
    ...     [[1, 0], [0, 1]], [[1, 0], [1, 1]], [0.9, 0.4]
    ... )
    >>> display.line_.get_xdata()
    array([0.5, 1. ])
    """

    def __init__(self, coverage, error, *, metric="f1_micro", name=None):
        self.coverage = coverage
        self.error = error
        self.metric = metric
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, metric="f1_micro", name=None, ax=None, **kwargs):
        """
        Assign codes with a tuner, and plot by the F1 that it expects of each note.

        Parameters
        ----------
        estimator : ThresholdTuner
            A fitted tuner of probabilities.
        X : object of length n_notes
            What the tuner takes. Notes that it was not fitted on.
        y : array-like or sparse of shape (n_notes, n_codes)
            Their codes.
        metric : {"f1_micro", "f1_samples"}, default="f1_micro"
            What the error is 1 minus of.
        name : str, default=None
            What stands in the legend. None: the name of the class of the tuned estimator.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : CoverageErrorDisplay
            What was drawn.
        """
        keeps_all = copy.copy(estimator).set_params(min_expected_f1=None)
        return cls.from_predictions(
            y,
            keeps_all.predict(X),
            estimator.expected_f1(X),
            metric=metric,
            name=name_of(estimator.estimator, name),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls, y_true, y_pred, confidence, *, metric="f1_micro", name=None, ax=None, **kwargs
    ):
        """
        Plot from assigned codes.

        Parameters
        ----------
        y_true : array-like or sparse of shape (n_notes, n_codes)
            The true codes.
        y_pred : array-like or sparse of shape (n_notes, n_codes)
            The codes assigned to each note.
        confidence : array-like of shape (n_notes,)
            Higher for the surer notes.
        metric : {"f1_micro", "f1_samples"}, default="f1_micro"
            What the error is 1 minus of.
        name : str, default=None
            What stands in the legend.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : CoverageErrorDisplay
            What was drawn.
        """
        coverage, error, _ = coverage_error_curve(y_true, y_pred, confidence, metric=metric)
        return cls(coverage, error, metric=metric, name=name).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : CoverageErrorDisplay
            The display.
        """
        labels = {"xlabel": "share of notes kept", "ylabel": f"1 - {self.metric} on them"}
        ax = set_axes(self, ax, **labels)
        style = {"label": self.name, **kwargs}
        (self.line_,) = ax.plot(self.coverage, self.error, **style)
        if style["label"] is not None:
            ax.legend()
        return self
