"""Where the corpora lie on this machine, and what to say when one is missing."""

import os
from pathlib import Path

VARIABLE = "SKLEARN_ICD_DATA"
DEFAULT = "~/sklearn_icd_data"


def data_home(path=None):
    """Return the folder that holds the corpora, one subfolder each.

    The functions ``fetch_*`` make the folder when they download into it; this function and
    ``load_*`` want it to be there.

    Parameters
    ----------
    path : str or path-like, default=None
        The folder. None reads the environment variable ``SKLEARN_ICD_DATA`` and, if that is not
        set, takes ``~/sklearn_icd_data``.

    Returns
    -------
    home : pathlib.Path
        The folder; it exists.

    Raises
    ------
    NotADirectoryError
        If the folder does not exist.

    Examples
    --------
    >>> from sklearn_icd.datasets import data_home
    >>> data_home(".")
    PosixPath('.')
    """
    home = home_path(path)
    if home.is_dir():
        return home
    if path is None and not os.environ.get(VARIABLE):
        raise NotADirectoryError(
            f"The default data home, {DEFAULT}, does not exist: nothing was fetched into it yet. "
            f"Pass data_home='/corpora' or set the environment variable {VARIABLE} if the corpora "
            "are in another folder."
        )
    source = "data_home" if path is not None else f"the environment variable {VARIABLE}"
    raise NotADirectoryError(f"{source} should name an existing folder, got {str(home)!r}.")


def home_path(path=None):
    """Return the data home, whether it exists or not."""
    return Path(path or os.environ.get(VARIABLE) or DEFAULT).expanduser()


def corpus_folder(path, name, where_from):
    """Return the folder of a corpus in the data home, or say where to get the corpus."""
    try:
        home = data_home(path)
    except NotADirectoryError as error:
        raise NotADirectoryError(f"{error} {where_from}") from None
    return required(home / name, where_from)


def required(path, where_from):
    """Return the path of a corpus' file or folder, or say what is missing and where to get it."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. {where_from}")
    return path
