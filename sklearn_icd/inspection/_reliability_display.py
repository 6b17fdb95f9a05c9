"""How often probabilities come true, as a plot."""

from sklearn_icd.inspection._drawing import name_of, set_axes
from sklearn_icd.metrics._scorers import probabilities_of
from sklearn_icd.model_selection import reliability_curve


class ReliabilityDisplay:
    """
    Plot the share of true cells against their probability, bin by bin.

    Make it with `from_estimator` or `from_predictions`. Calibrated probabilities lie on the
    diagonal.

    Parameters
    ----------
    mean_probability : ndarray of shape (n_filled_bins,)
        Mean probability of the cells of each bin.
    share_true : ndarray of shape (n_filled_bins,)
        Share of them that is true.
    n_cells : ndarray of shape (n_filled_bins,)
        Their number.
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
    sklearn_icd.model_selection.reliability_curve : The numbers that are plotted.
    sklearn_icd.model_selection.MultilabelCalibrator : Brings them to the diagonal.

    Examples
    --------
    >>> from sklearn_icd.inspection import ReliabilityDisplay
    >>> display = ReliabilityDisplay.from_predictions(
    ...     [[1, 0], [1, 0]], [[0.9, 0.1], [0.7, 0.3]], n_bins=2, strategy="uniform"
    ... )
    >>> display.line_.get_ydata()
    array([0., 1.])
    """

    def __init__(self, mean_probability, share_true, n_cells, *, name=None):
        self.mean_probability = mean_probability
        self.share_true = share_true
        self.n_cells = n_cells
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_bins=15, strategy="quantile", name=None, ax=None, **kwargs
    ):
        """
        Compute the probabilities of notes with an estimator, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier or Pipeline with `predict_proba`.
        X : object of length n_notes
            What the estimator takes. Notes that it was not trained on.
        y : array-like or sparse of shape (n_notes, n_codes)
            Their codes.
        n_bins : int, default=15
            Number of bins.
        strategy : {"quantile", "uniform"}, default="quantile"
            Bins of about equal numbers of cells, or of equal width.
        name : str, default=None
            What stands in the legend. None: the name of the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : ReliabilityDisplay
            What was drawn.
        """
        return cls.from_predictions(
            y,
            probabilities_of(estimator, X),
            n_bins=n_bins,
            strategy=strategy,
            name=name_of(estimator, name),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls, y_true, probabilities, *, n_bins=15, strategy="quantile", name=None, ax=None, **kwargs
    ):
        """
        Plot from probabilities.

        Parameters
        ----------
        y_true : array-like or sparse of shape (n_notes, n_codes)
            The true codes.
        probabilities : array-like of shape (n_notes, n_codes)
            The probability of each.
        n_bins : int, default=15
            Number of bins.
        strategy : {"quantile", "uniform"}, default="quantile"
            Bins of about equal numbers of cells, or of equal width.
        name : str, default=None
            What stands in the legend.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : ReliabilityDisplay
            What was drawn.
        """
        curve = reliability_curve(y_true, probabilities, n_bins=n_bins, strategy=strategy)
        return cls(**curve, name=name).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw the curve over the diagonal.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : ReliabilityDisplay
            The display.
        """
        ax = set_axes(self, ax, xlabel="mean probability", ylabel="share of true codes")
        if not any(line.get_label() == "calibrated" for line in ax.lines):
            ax.plot([0, 1], [0, 1], "k:", label="calibrated")
        style = {"marker": "o", "label": self.name, **kwargs}
        (self.line_,) = ax.plot(self.mean_probability, self.share_true, **style)
        ax.legend()
        return self
