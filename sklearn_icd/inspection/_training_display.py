"""What training reached epoch by epoch, as a plot."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.inspection._drawing import set_axes

_SCORE = "valid_score"


class TrainingCurveDisplay:
    """
    Plot losses and validation score of a classifier epoch by epoch.

    Make it with `from_estimator`.

    Parameters
    ----------
    epochs : ndarray of int of shape (n_epochs,)
        1, 2, ...
    losses : dict of str to ndarray of shape (n_epochs,)
        "train_loss" and, with validation notes, "valid_loss".
    score : ndarray of shape (n_epochs,), default=None
        What was to be best on the validation notes.
    best_epoch : int, default=None
        The epoch whose parameters were kept.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes of the losses.
    score_ax_ : matplotlib.axes.Axes, or None
        The axes of the score, on the right.
    figure_ : matplotlib.figure.Figure
        Their figure.
    lines_ : list of matplotlib.lines.Line2D
        The curves.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : The score against the number of notes.

    Examples
    --------
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.inspection import TrainingCurveDisplay
    >>> from sklearn_icd.models import LDPLAMClassifier
    >>> from sklearn_icd.text import WordTokenizer
    >>> made = make_notes(n_notes=40, n_codes=3, random_state=0)
    >>> X = WordTokenizer(max_length=50).fit_transform(made.data)
    >>> clf = LDPLAMClassifier(
    ...     n_pseudo_labels=2, embedding_dim=4, hidden_size=4, word_vectors=None, max_epochs=2,
    ...     random_state=0,
    ... ).fit(X, made.target)
    >>> [line.get_label() for line in TrainingCurveDisplay.from_estimator(clf).lines_]
    ['train_loss', 'valid_loss', 'valid_score']
    """

    def __init__(self, epochs, losses, *, score=None, best_epoch=None):
        self.epochs = epochs
        self.losses = losses
        self.score = score
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """
        Read the history of a classifier, and plot.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of this package, or a Pipeline that ends in one.
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            What was drawn.
        """
        check_is_fitted(estimator)
        classifier = estimator[-1] if hasattr(estimator, "steps") else estimator
        if not hasattr(classifier, "history_"):
            raise TypeError(
                f"{type(classifier).__name__} keeps no history_ of its epochs: a classifier of "
                "sklearn_icd.models, or a Pipeline that ends in one, is needed."
            )
        history = classifier.history_
        curves = {
            name: np.array([row[name] for row in history])
            for name in ("train_loss", "valid_loss", _SCORE)
            if all(name in row for row in history)
        }
        score = curves.pop(_SCORE, None)
        epochs = np.arange(1, len(history) + 1)
        improved = [epoch for epoch, row in enumerate(history, 1) if row.get("valid_loss_best")]
        best = improved[-1] if improved else None
        return cls(epochs, curves, score=score, best_epoch=best).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """
        Draw the curves, and a line at the epoch that was kept.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on. None: new axes.
        **kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : TrainingCurveDisplay
            The display.
        """
        ax = set_axes(self, ax, xlabel="epoch", ylabel="loss")
        self.lines_ = []
        for name, values in self.losses.items():
            self.lines_ += ax.plot(self.epochs, values, **{"label": name, **kwargs})
        self.score_ax_ = None
        if self.score is not None:
            self.score_ax_ = ax.twinx()
            self.score_ax_.set_ylabel("score")
            style = {"label": _SCORE, "color": f"C{len(self.lines_)}", **kwargs}
            self.lines_ += self.score_ax_.plot(self.epochs, self.score, **style)
        if self.best_epoch is not None:
            ax.axvline(self.best_epoch, color="grey", linestyle=":")
        ax.legend(handles=self.lines_)
        return self
