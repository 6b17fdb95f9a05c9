"""A metric at every global threshold, as a plot."""

from sklearn_icd.inspection._drawing import name_of, set_axes
from sklearn_icd.metrics._scorers import scores_of
from sklearn_icd.model_selection import threshold_curve


class ThresholdCurveDisplay:
    """
    Plot a metric against the threshold from which on codes are assigned.

    Make it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        Rising thresholds.
    values : ndarray of shape (n_thresholds,)
        The metric at each.
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
    sklearn_icd.model_selection.threshold_curve : The numbers that are plotted.
    sklearn_icd.model_selection.ThresholdTuner : Chooses the best threshold.

    Examples
    --------
    >>> from sklearn_icd.inspection import ThresholdCurveDisplay
    >>> display = ThresholdCurveDisplay.from_predictions(
    ...     [[1, 0], [1, 1]], [[0.9, 0.1], [0.3, 0.6]], name="two notes"
    ... )
    >>> display.line_.get_label()
    'two notes (best 1.00 at 0.3)'
    """

    def __init__(self, thresholds, values, *, metric="f1_micro", name=None):
        self.thresholds = thresholds
        self.values = values
        self.metric = metric
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, metric="f1_micro", name=None, ax=None, **kwargs):
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
        metric : {"f1_micro", "f1_macro", "f1_samples"}, default="f1_micro"
            What to plot.
        name : str, default=None
            What stands in the legend. None: the name of the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : ThresholdCurveDisplay
            What was drawn.
        """
        scores = scores_of(estimator, X)
        name = name_of(estimator, name)
        return cls.from_predictions(y, scores, metric=metric, name=name, ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, y_true, scores, *, metric="f1_micro", name=None, ax=None, **kwargs):
        """
        Plot from scores.

        Parameters
        ----------
        y_true : array-like or sparse of shape (n_notes, n_codes)
            The true codes.
        scores : array-like of shape (n_notes, n_codes)
            Probabilities or logits.
        metric : {"f1_micro", "f1_macro", "f1_samples"}, default="f1_micro"
            What to plot.
        name : str, default=None
            What stands in the legend.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : ThresholdCurveDisplay
            What was drawn.
        """
        thresholds, values = threshold_curve(y_true, scores, metric=metric)
        return cls(thresholds, values, metric=metric, name=name).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw the curve, and a dot at the best threshold.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : ThresholdCurveDisplay
            The display.
        """
        ax = set_axes(self, ax, xlabel="threshold", ylabel=self.metric)
        best = self.values.argmax()
        found = f"best {self.values[best]:.2f} at {self.thresholds[best]:.2g}"
        label = found if self.name is None else f"{self.name} ({found})"
        (self.line_,) = ax.plot(self.thresholds, self.values, **{"label": label, **kwargs})
        ax.plot(self.thresholds[best], self.values[best], "o", color=self.line_.get_color())
        ax.legend()
        return self
