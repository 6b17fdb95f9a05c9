"""The codes of each admission of MIMIC, and the titles of codes."""

import warnings
from contextlib import suppress

from sklearn_icd.codes import CodeSystem, normalize_code
from sklearn_icd.datasets._mimic_tables import UNTOUCHED, find_table, read_whole, scan_table

_MOST_ZEROS = 3  # "0001", read as a number, is 1


def read_codes(path, column, system, version=None):
    """Return the codes of the admissions in a table of diagnoses or procedures.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    column : str
        The column of codes.

    system : str
        Their coding system.

    version : str, default=None
        The `icd_version` of the rows to keep. None keeps all, and needs no such column.

    Returns
    -------
    codes : polars.DataFrame
        The columns `hadm_id` and `code`, in its normal spelling, or null where a row has none.
    """
    import polars as pl

    table = _of_version(path, ["hadm_id", column], version)
    codes = read_whole(
        path, table.select(pl.col("hadm_id").cast(pl.Int64), pl.col(column).alias("code"))
    )
    if codes["hadm_id"].has_nulls():
        raise ValueError(f"{path} has a row without admission. {UNTOUCHED}.")
    written = codes["code"].drop_nulls().unique().to_list()
    _check_untouched(written, system, path)
    spellings = _spellings(written, system)
    if misshapen := sorted(set(written) - spellings.keys()):
        n_rows = codes["code"].is_in(misshapen).sum()
        warnings.warn(
            f"{len(misshapen):,} codes of {path}, in {n_rows:,} rows, have not the form of "
            f"{system} and are kept as they stand: {', '.join(misshapen[:5])}"
            f"{', ...' if len(misshapen) > 5 else ''}.",
            stacklevel=2,
        )
    return codes.with_columns(pl.col("code").replace(spellings))


def read_titles(folder, name, column, system, version=None):
    """Return the titles of a table that describes codes, if it is there: from code to title."""
    try:
        path = find_table(folder, name, "")
    except FileNotFoundError:
        return {}
    table = _of_version(path, [column, "long_title"], version)
    titles = dict(read_whole(path, table.select(column, "long_title").drop_nulls()).iter_rows())
    spellings = _spellings(titles, system)
    return {spellings.get(code, code): title for code, title in titles.items()}


def _of_version(path, columns, version):
    import polars as pl

    if version is None:
        return scan_table(path, columns)
    return scan_table(path, [*columns, "icd_version"]).filter(pl.col("icd_version") == version)


def _check_untouched(written, system, path):
    """Raise an error if codes were read as numbers, and saved so."""
    if dotted := sorted(code for code in written if "." in code):
        raise _read_as_numbers(path, f"{dotted[0]!r} has a decimal point, which no code has there")

    digits = [code for code in written if code.isdigit()]
    if any(code.startswith("0") for code in digits):
        return
    listed = {code.replace(".", "") for code in CodeSystem(system).codes}
    for code in digits:
        with_zeros = ["0" * n + code for n in range(1, _MOST_ZEROS + 1)]
        if code not in listed and not listed.isdisjoint(with_zeros):
            raise _read_as_numbers(
                path, f"{code!r} is a code only with a zero in front, and none begins with zero"
            )


def _read_as_numbers(path, evidence):
    return ValueError(
        f"The codes of {path} were read as numbers before, and saved so: {evidence}. What is lost "
        f"cannot be put back. {UNTOUCHED}; in pandas, dtype=str reads codes whole."
    )


def _spellings(written, system):
    """Return the normal spelling of each code that has the form of its system."""
    spellings = {}
    for code in written:
        with suppress(ValueError):
            spellings[code] = normalize_code(code, system)
    return spellings
