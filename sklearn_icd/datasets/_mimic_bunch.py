"""The notes and codes of MIMIC's admissions, put together as a bunch."""

import warnings
from collections import Counter
from itertools import chain

import numpy as np

from sklearn_icd.datasets._corpus import Note, corpus_bunch, known_titles


def mimic_bunch(splits, summaries, tables, titles, *, system, descr, min_count=1, names=None):
    """Return the bunch of a benchmark; admissions that are not in the tables are reported.

    Parameters
    ----------
    splits : dict of str to ndarray
        The admissions of each split.

    summaries : dict of int to Summary
        The discharge summary of each admission that has one.

    tables : list of polars.DataFrame
        The codes of the admissions, as of :func:`read_codes`.

    titles : dict of str to str
        The titles that the release has.

    system : str
        The coding system that has other titles.

    descr : str
        The benchmark, its source and its terms.

    min_count : int, default=1
        How many of the admissions must have a code.

    names : list of str, default=None
        The codes, where the benchmark lists them. None takes all with `min_count`.
    """
    codes = _by_admission(tables)
    splits = _in_the_tables(splits, summaries, codes)
    if names is None:
        names = _frequent(splits, codes, min_count)
    chosen = set(names)
    notes = {
        split: [
            Note(admission, summaries[admission].text, chosen.intersection(codes[admission]))
            for admission in admissions
        ]
        for split, admissions in splits.items()
    }
    bunch = corpus_bunch(notes, names, descr)
    bunch.subject_ids = np.array([summaries[admission].subject for admission in bunch.ids.tolist()])
    bunch.titles = {code: titles[code] for code in names if code in titles}
    bunch.titles |= known_titles([code for code in names if code not in titles], system)
    return bunch


def _by_admission(tables):
    """Return the codes of each admission that has a row in one of the tables."""
    import polars as pl

    codes = pl.concat(tables).group_by("hadm_id").agg(pl.col("code").drop_nulls().unique())
    return dict(codes.iter_rows())


def _in_the_tables(splits, summaries, codes):
    """Return the splits without the admissions that are not in the tables, and count those."""
    both = summaries.keys() & codes.keys()
    found = {
        split: [admission for admission in admissions.tolist() if admission in both]
        for split, admissions in splits.items()
    }
    published = set(chain.from_iterable(admissions.tolist() for admissions in splits.values()))
    absent = {split: len(splits[split]) - len(found[split]) for split in splits}
    if not any(absent.values()):
        return found
    report = (
        f"{sum(absent.values()):,} of the benchmark's {len(published):,} admissions are not in the "
        f"tables ({', '.join(f'{split} {n:,}' for split, n in absent.items())}): "
        f"{len(published - summaries.keys()):,} have no discharge summary, "
        f"{len(published - codes.keys()):,} no row of diagnoses or procedures."
    )
    if not any(found.values()):
        raise ValueError(f"{report} These are not the tables that the benchmark was made from.")
    warnings.warn(
        f"{report} They are left out of the splits. The complete release has all of them.",
        stacklevel=2,
    )
    return found


def _frequent(splits, codes, min_count):
    """Return the codes that at least `min_count` admissions of the splits have, sorted."""
    admissions = chain.from_iterable(splits.values())
    counts = Counter(chain.from_iterable(codes[admission] for admission in admissions))
    return sorted(code for code, count in counts.items() if count >= min_count)
