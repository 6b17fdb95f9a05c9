"""The discharge summaries of MIMIC, one text an admission."""

from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from sklearn_icd.datasets._mimic_tables import read_pieces


class Summary(NamedTuple):
    """Hold the patient and the text of an admission."""

    subject: int
    text: str


def read_summaries(path, notes, splits):
    """Return the discharge summary of each admission of the splits that has one.

    The notes of an admission are joined by a blank, as the published recipes do. The file is read
    in pieces, of which no other note is kept, with a progress bar on a terminal.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    notes : polars.LazyFrame
        Its discharge summaries: `hadm_id`, `subject_id`, `text` and the struct `place`, by which
        the notes of an admission are sorted.

    splits : dict of str to ndarray
        The admissions to keep.

    Returns
    -------
    summaries : dict of int to Summary
        From admission to summary.
    """
    import polars as pl
    from tqdm.auto import tqdm

    notes = notes.filter(pl.col("text").is_not_null()).with_columns(
        pl.col("hadm_id", "subject_id").cast(pl.Int64)
    )
    parts = {admission: [] for admission in chain.from_iterable(splits.values())}
    subjects = {}
    with tqdm(desc="discharge summaries", total=len(parts), disable=None) as progress:
        for piece in read_pieces(path, notes):
            for admission, subject, text, place in piece.iter_rows():
                if admission in parts:
                    progress.update(admission not in subjects)
                    subjects[admission] = subject
                    parts[admission].append((tuple(place.values()), text))
    return {
        admission: Summary(subject, _join(parts[admission]))
        for admission, subject in subjects.items()
    }


def _join(parts):
    return " ".join(text for _, text in sorted(parts, key=itemgetter(0)))
