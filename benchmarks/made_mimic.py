"""Write made files in the schema of MIMIC-III or MIMIC-IV, small ones or in the true size.

    python benchmarks/made_mimic.py 3 made/mimic3 --admissions 1000
    python benchmarks/made_mimic.py 4 made/mimic4 --words 300 --plain

The files have the names, columns and sizes of the real ones and nothing of what is in them.
Admissions are those of the published splits, read from the data home, so that the readers find
them. Codes fall by Zipf's law, some twice in an admission, some padded with blanks and a few
missing; a tenth of the summaries has an addendum. The words of the notes are random and mean
nothing.
"""

import argparse
import gzip
from functools import partial
from pathlib import Path

import numpy as np

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets._mimic3 import CAML_50
from sklearn_icd.datasets._mimic_splits import published_splits

MIMIC3_ADMISSIONS = 52_722
MIMIC3_CODES = 8_921
MIMIC3_OTHER_NOTES = 2_023_528
MIMIC4_ADMISSIONS = 331_793
MIMIC4_DIAGNOSES = 6_400_000
WORDS_PER_LINE = 12
OTHER_CATEGORIES = ["Nursing/other", "Radiology", "Nursing", "ECG", "Physician ", "Echo"]
DATE = {"chartdate": "2150-01-01"}
DISCHARGE = [
    *("note_id", "subject_id", "hadm_id", "note_type"),
    *("note_seq", "charttime", "storetime", "text"),
]
NOTE_EVENTS = [
    *("row_id", "subject_id", "hadm_id", "chartdate", "charttime", "storetime"),
    *("category", "description", "cgid", "iserror", "text"),
]


class Words:
    """Random lines of random words, from which notes are put together."""

    def __init__(self, rng, n_words=30_000, n_lines=20_000):
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        words = np.array(["".join(rng.choice(letters, n)) for n in rng.integers(2, 11, n_words)])
        share = 1 / np.arange(1, n_words + 1)
        drawn = rng.choice(words, (n_lines, WORDS_PER_LINE), p=share / share.sum())
        marks = rng.choice(["", "", "", ",", ":", ' "quoted"'], n_lines)
        self.lines = [" ".join(line) + mark for line, mark in zip(drawn, marks, strict=True)]
        self.rng = rng

    def note(self, mean_words):
        """Write a note; its length is lognormal."""
        n_words = mean_words * self.rng.lognormal(-0.125, 0.5)
        drawn = self.rng.integers(0, len(self.lines), 1 + int(n_words / WORDS_PER_LINE))
        return "\n".join([self.lines[i] for i in drawn])


def write_mimic3(
    folder,
    n_admissions=MIMIC3_ADMISSIONS,
    *,
    mean_words=1500,
    n_codes=MIMIC3_CODES,
    n_other_notes=None,
    compress=True,
    admissions=None,
    data_home=None,
    random_state=None,
):
    """Write NOTEEVENTS, DIAGNOSES_ICD, PROCEDURES_ICD and the tables of titles of MIMIC-III.

    Parameters
    ----------
    folder : str or path-like
        Where to; it is made if need be.

    n_admissions : int, default=52722
        How many admissions, the same share of each split of CAML's full benchmark.

    mean_words : int, default=1500
        The mean length of a discharge summary.

    n_codes : int, default=8921
        How many codes, the first of them CAML's 50. All occur if admissions are many.

    n_other_notes : int, default=None
        How many notes of other categories, of a sixth of the length. None is as many to a
        discharge summary as in MIMIC-III.

    compress : bool, default=True
        Whether to write ``.csv.gz``.

    admissions : ndarray of int, default=None
        The admissions, in place of those of the splits.

    data_home : str or path-like, default=None
        Where the published splits lie.

    random_state : int, default=None
        The seed.

    Returns
    -------
    folder : pathlib.Path
        The folder.
    """
    rng = np.random.default_rng(random_state)
    if admissions is None:
        admissions = first_admissions([published_splits("full", data_home)], n_admissions)
    if n_other_notes is None:
        n_other_notes = round(len(admissions) * MIMIC3_OTHER_NOTES / MIMIC3_ADMISSIONS)
    writer = Writer(folder, compress, upper=True)
    n_diagnoses = round(n_codes * 0.775)
    for name, system, n_of_kind, per_admission in (
        ("DIAGNOSES", "icd9cm", n_diagnoses, 11),
        ("PROCEDURES", "icd9proc", n_codes - n_diagnoses, 4),
    ):
        titles = choose_titles(system, n_of_kind, rng)
        writer.write(
            f"{name}_ICD",
            ["row_id", "subject_id", "hadm_id", "seq_num", "icd9_code"],
            (
                (i, subject(admission), admission, number if code else None, code)
                for i, (admission, number, code) in enumerate(
                    draw_codes(admissions, list(titles), per_admission, rng)
                )
            ),
        )
        writer.write(
            f"D_ICD_{name}",
            ["row_id", "icd9_code", "short_title", "long_title"],
            ((i, code, title[:24], title) for i, (code, title) in enumerate(titles.items())),
        )
    writer.write("NOTEEVENTS", NOTE_EVENTS, note_events(admissions, n_other_notes, mean_words, rng))
    return Path(folder)


def write_mimic4(
    folder,
    n_admissions=MIMIC4_ADMISSIONS,
    *,
    mean_words=1500,
    n_codes=10_000,
    compress=True,
    data_home=None,
    random_state=None,
):
    """Write `note/discharge` and, in `hosp`, the tables of codes and of titles of MIMIC-IV.

    Parameters
    ----------
    folder : str or path-like
        Where to; it is made if need be.

    n_admissions : int, default=331793
        How many admissions, the same share of each split of both benchmarks of Edin et al. Each
        has a discharge summary, and as many codes as makes 6.4 million diagnoses of them all.

    mean_words : int, default=1500
        The mean length of a discharge summary.

    n_codes : int, default=10000
        How many codes each version has, as in `write_mimic3`.

    compress : bool, default=True
        Whether to write ``.csv.gz``.

    data_home : str or path-like, default=None
        Where the published splits lie.

    random_state : int, default=None
        The seed.

    Returns
    -------
    folder : pathlib.Path
        The folder, with the folders `hosp` and `note`.
    """
    rng = np.random.default_rng(random_state)
    splits = {version: published_splits(f"icd{version}", data_home) for version in (9, 10)}
    admissions = first_admissions(splits.values(), n_admissions)
    of_version_9 = np.isin(admissions, np.concatenate(list(splits[9].values())))
    writer = Writer(folder, compress, upper=False)
    n_diagnoses = round(n_codes * 0.775)
    diagnoses_each = MIMIC4_DIAGNOSES / MIMIC4_ADMISSIONS
    for name, systems, n_of_kind, per_admission, date in (
        ("diagnoses", {9: "icd9cm", 10: "icd10cm"}, n_diagnoses, diagnoses_each, {}),
        ("procedures", {9: "icd9proc", 10: "icd10pcs"}, n_codes - n_diagnoses, 2.6, DATE),
    ):
        titles = {v: choose_titles(system, n_of_kind, rng) for v, system in systems.items()}
        some = {9: admissions[of_version_9], 10: admissions[~of_version_9]}
        writer.write(
            f"hosp/{name}_icd",
            ["subject_id", "hadm_id", "seq_num", *date, "icd_code", "icd_version"],
            (
                (subject(admission), admission, number, *date.values(), code, version)
                for version in (9, 10)
                for admission, number, code in draw_codes(
                    some[version], list(titles[version]), per_admission, rng
                )
            ),
        )
        writer.write(
            f"hosp/d_icd_{name}",
            ["icd_code", "icd_version", "long_title"],
            ((code, v, title) for v in (9, 10) for code, title in titles[v].items()),
        )
    writer.write("note/discharge", DISCHARGE, discharge_notes(admissions, mean_words, rng))
    return Path(folder)


class Writer:
    """Writes tables into a folder; text is quoted, numbers are not, missing values are empty."""

    def __init__(self, folder, compress, upper):
        self.folder, self.compress, self.upper = Path(folder), compress, upper

    def write(self, name, columns, rows):
        """Write a table."""
        path = self.folder / f"{name}.csv{'.gz' if self.compress else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = partial(gzip.open, compresslevel=1) if self.compress else open
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            header = ",".join(columns)
            print(header.upper() if self.upper else header, file=file)
            file.writelines(",".join(map(field, row)) + "\n" for row in rows)


def field(value):
    """Write a value of a row."""
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value)


def first_admissions(benchmarks, n_admissions):
    """Return as many admissions of the benchmarks, the same share of each split.

    Where there are not enough, numbers above all of them follow.
    """
    splits = [admissions for splits in benchmarks for admissions in splits.values()]
    place = np.concatenate([(np.arange(len(split)) + 0.5) / len(split) for split in splits])
    ordered = np.concatenate(splits)[np.argsort(place, kind="stable")]
    distinct = ordered[np.sort(np.unique(ordered, return_index=True)[1])]
    n_more = max(0, n_admissions - len(distinct))
    return np.concatenate([distinct[:n_admissions], distinct.max() + 1 + np.arange(n_more)])


def subject(admission):
    """Return the patient of an admission."""
    return admission + 50_000_000


def choose_titles(system, n_codes, rng):
    """Return codes without dots with their titles, those of CAML's 50 first."""
    code_system = CodeSystem(system)
    famous = sorted(set(CAML_50).intersection(code_system.codes))
    others = [code for code in rng.permutation(code_system.codes).tolist() if code not in famous]
    chosen = [*famous, *others][:n_codes]
    return {code.replace(".", ""): code_system.title(code) for code in chosen}


def draw_codes(admissions, codes, per_admission, rng):
    """Give (admission, number, code) by admission; each code at least once if rows are many."""
    counts = 1 + rng.poisson(per_admission - 1, len(admissions))
    n_rows = counts.sum()
    share = 1 / np.arange(1, len(codes) + 1)
    drawn = rng.choice(len(codes), n_rows, p=share / share.sum())
    if n_rows > 5 * len(codes):
        drawn[rng.choice(n_rows, len(codes), replace=False)] = np.arange(len(codes))
    padded, missing = rng.random(n_rows) < 0.02, rng.random(n_rows) < 1e-4
    row = 0
    for admission, count in zip(admissions.tolist(), counts.tolist(), strict=True):
        for number in range(1, count + 1):
            code = codes[drawn[row]]
            code = None if missing[row] else code.ljust(7) if padded[row] else code
            yield admission, number, code
            row += 1


def note_events(admissions, n_other_notes, mean_words, rng):
    """Give the rows of NOTEEVENTS: discharge summaries, then notes of other categories."""
    words = Words(rng)
    row = 1
    for admission in admissions.tolist():
        kinds = [("Report", "2150-01-01")]
        if rng.random() < 0.1:
            kinds.insert(rng.integers(2), ("Addendum", "2150-01-02"))
        for kind, date in kinds:
            place = row, subject(admission), admission, date, None, None
            yield *place, "Discharge summary", kind, None, None, words.note(mean_words)
            row += 1
    for admission in rng.choice(admissions, n_other_notes).tolist():
        category = OTHER_CATEGORIES[row % len(OTHER_CATEGORIES)]
        place = row, subject(admission), admission if row % 5 else None, "2150-01-01", None, None
        yield *place, category, "Report", None, None, words.note(mean_words / 6)
        row += 1


def discharge_notes(admissions, mean_words, rng):
    """Give the rows of MIMIC-IV's discharge summaries."""
    words = Words(rng)
    time = "2150-01-01 00:00:00"
    for number, admission in enumerate(admissions.tolist()):
        patient = subject(admission)
        name = f"{patient}-DS-{number}"
        yield name, patient, admission, "DS", number, time, time, words.note(mean_words)


def main():
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", choices=["3", "4"], help="MIMIC-III or MIMIC-IV")
    parser.add_argument("folder", type=Path, help="where to")
    parser.add_argument("--admissions", type=int, help="how many (as the real one)")
    parser.add_argument("--words", type=int, default=1500, help="mean of a summary (%(default)s)")
    parser.add_argument("--plain", action="store_true", help="write .csv, not .csv.gz")
    parser.add_argument("--seed", type=int, default=0, help="random seed (%(default)s)")
    arguments = parser.parse_args()
    write, size = {
        "3": (write_mimic3, MIMIC3_ADMISSIONS),
        "4": (write_mimic4, MIMIC4_ADMISSIONS),
    }[arguments.version]
    write(
        arguments.folder,
        arguments.admissions or size,
        mean_words=arguments.words,
        compress=not arguments.plain,
        random_state=arguments.seed,
    )


if __name__ == "__main__":
    main()
