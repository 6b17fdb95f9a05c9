"""What the displays share: axes to draw on, and the name that stands in the legend."""


def set_axes(display, ax, **labels):
    """Give a display the axes to draw on, new ones where there are none yet.

    Parameters
    ----------
    display : object
        Gets the attributes `ax_` and `figure_`.

    ax : matplotlib.axes.Axes, or None
        What to draw on.

    **labels : dict
        Set on the axes: `xlabel`, `ylabel`, ...

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Plots need matplotlib: pip install 'sklearn-icd[plot]'.") from error
    if ax is None:
        _, ax = plt.subplots()
    ax.set(**labels)
    display.ax_, display.figure_ = ax, ax.figure
    return ax


def name_of(estimator, name):
    """Give the name of a curve: that of the estimator's class unless another is given."""
    return type(estimator).__name__ if name is None else name
