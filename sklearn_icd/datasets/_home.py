"""Where the corpora lie on this machine, and what to say when one is missing."""

import os
from pathlib import Path

VARIABLE = "SKLEARN_ICD_DATA"


def data_home(path=None):
    """Return the folder that holds the corpora, one subfolder each.

    Parameters
    ----------
    path : str or path-like, default=None
        The folder. None reads the environment variable ``SKLEARN_ICD_DATA``.

    Returns
    -------
    home : pathlib.Path
        The folder; it exists.

    Raises
    ------
    ValueError
        If neither `path` nor the environment variable is given.
    NotADirectoryError
        If the folder does not exist.

    Examples
    --------
    >>> from sklearn_icd.datasets import data_home
    >>> data_home(".")
    PosixPath('.')
    """
    source = "data_home" if path is not None else f"the environment variable {VARIABLE}"
    path = path if path is not None else os.environ.get(VARIABLE)
    if not path:
        raise ValueError(
            "No data home is set, so no corpus can be found. Pass data_home='/corpora' or "
            f"set the environment variable {VARIABLE} to that folder."
        )
    home = Path(path).expanduser()
    if not home.is_dir():
        raise NotADirectoryError(f"{source} should name an existing folder, got {str(path)!r}.")
    return home


def corpus_folder(path, name, where_from):
    """Return the folder of a corpus in the data home, or say where to get the corpus."""
    try:
        home = data_home(path)
    except (ValueError, NotADirectoryError) as error:
        raise type(error)(f"{error} {where_from}") from None
    return required(home / name, where_from)


def required(path, where_from):
    """Return the path of a corpus' file or folder, or say what is missing and where to get it."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. {where_from}")
    return path
