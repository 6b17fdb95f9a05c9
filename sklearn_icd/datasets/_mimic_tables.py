"""The tables of MIMIC: plain or compressed, their header in either case, all read as text."""

import csv
import gzip
import zlib
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

UNTOUCHED = "Use the file as PhysioNet hands it out"


def check_extra():
    """Check that what reads the tables is installed."""
    for module in ("polars", "tqdm"):
        if find_spec(module) is None:
            raise ImportError(f"Reading MIMIC needs {module}: pip install 'sklearn-icd[data]'.")


def existing_folder(root):
    """Return the folder of a release."""
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise NotADirectoryError(f"root should name an existing folder, got {str(root)!r}.")
    return folder


def find_table(folder, name, where_from):
    """Return the path of a table, or say which file is missing and what it belongs to."""
    for stem in (name, name.lower()):
        for suffix in (".csv", ".csv.gz"):
            if (path := folder / f"{stem}{suffix}").exists():
                return path
    raise FileNotFoundError(f"{folder / name}.csv.gz (or .csv) is missing. {where_from}")


def scan_table(path, columns):
    """Return some columns of a table as a lazy frame of text, their names in lower case.

    Blanks around a value go, except around a `text`, and empty values are null.

    Parameters
    ----------
    path : pathlib.Path
        The file, with a header in upper or lower case.

    columns : sequence of str
        The columns, in lower case.

    Returns
    -------
    table : polars.LazyFrame
        For :func:`read_whole` or :func:`read_pieces`.
    """
    import polars as pl

    with _said_of(path):
        header = _header(path)
    found = {name.strip().lower(): name for name in header}
    # What was found is not shown: without a header it is the first row.
    if missing := [name for name in columns if name not in found]:
        raise ValueError(
            f"{path} has no column {', '.join(missing)} in its first line. {UNTOUCHED}, with its "
            "header."
        )
    table = pl.scan_csv(path, schema=dict.fromkeys(header, pl.String), glob=False)
    tidy = [pl.col(name) if name == "text" else pl.col(name).str.strip_chars() for name in columns]
    return table.select(pl.col(found[name]).alias(name) for name in columns).select(
        pl.when(value != "").then(value) for value in tidy
    )


def _header(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def read_whole(path, table):
    """Return a lazy frame of a file as a data frame."""
    with _said_of(path):
        return table.collect(engine="streaming", optimizations=_every_column())


def read_pieces(path, table):
    """Give a lazy frame of a file as one data frame after the other, in order."""
    with _said_of(path):
        yield from table.collect_batches(
            maintain_order=True, engine="streaming", optimizations=_every_column()
        )


def _every_column():
    """Return settings to read every column: else what a row has too much would go unnoticed."""
    import polars as pl

    return pl.QueryOptFlags(projection_pushdown=False)


@contextmanager
def _said_of(path):
    """Say which file is broken and what to do, without a word of what is in it."""
    from polars.exceptions import PolarsError

    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise OSError(
            f"{path} cannot be read to its end: it is cut off, or damaged. Download it again and "
            "compare it with the SHA256SUMS.txt of its release."
        ) from None
    except (PolarsError, UnicodeDecodeError, csv.Error):
        raise ValueError(
            f"{path} is not a table as PhysioNet hands it out: a row is broken or not UTF-8, or "
            f"an id is no whole number. {UNTOUCHED}, not one that another program saved again."
        ) from None
