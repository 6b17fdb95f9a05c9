"""Small files in the schema of MIMIC-III and MIMIC-IV, for the tests of their readers."""

import csv
import gzip
from itertools import count

import numpy as np

SECRET = "Mr. Nobody was here"


def as_splits(train, val=(), test=()):
    splits = {"train": train, "val": val, "test": test}
    return {name: np.array(ids, dtype=np.int64) for name, ids in splits.items()}


def write_table(path, header, rows):
    """Write rows as csv; None is an empty value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def note3(admission, text="a note", kind="Report", date="2100-01-01", row=None, category=None):
    """Give the row of a note; rows without number get the next one."""
    return admission, text, kind, date, row, category or "Discharge summary"


def write_mimic3(
    folder, notes, diagnoses, procedures=(), *, titles=None, suffix=".csv.gz", case=str.upper
):
    """Write MIMIC-III: `notes` of `note3`, and pairs of admission and code.

    The patient of an admission is its number plus 5.
    """
    numbers = count(1000)

    def write(name, columns, rows):
        write_table(folder / f"{name}{suffix}", [case(column) for column in columns], rows)

    events = [
        {
            "row_id": row or next(numbers),
            "subject_id": 5 + (admission or 0),
            "hadm_id": admission,
            "chartdate": date,
            **dict.fromkeys(["charttime", "storetime"]),
            "category": category,
            "description": kind,
            **dict.fromkeys(["cgid", "iserror"]),
            "text": text,
        }
        for admission, text, kind, date, row, category in notes
    ]
    write("NOTEEVENTS", list(events[0]), [event.values() for event in events])
    for name, pairs in (("DIAGNOSES_ICD", diagnoses), ("PROCEDURES_ICD", procedures)):
        rows = [(i, 5 + hadm, hadm, i, code) for i, (hadm, code) in enumerate(pairs)]
        write(name, ["row_id", "subject_id", "hadm_id", "seq_num", "icd9_code"], rows)
    for name, pairs in (titles or {}).items():
        rows = [(i, code, title[:8], title) for i, (code, title) in enumerate(pairs.items())]
        write(name, ["row_id", "icd9_code", "short_title", "long_title"], rows)
    return folder


def write_mimic4(hosp, note, notes, diagnoses, procedures=(), *, titles=None, suffix=".csv.gz"):
    """Write MIMIC-IV: notes (admission, text, type, number), codes (admission, code, version).

    The patient of an admission is its number plus 5.
    """
    summaries = [
        {
            "note_id": f"{admission + 5}-{kind}-{number}",
            "subject_id": admission + 5,
            "hadm_id": admission,
            "note_type": kind,
            "note_seq": number,
            "charttime": "2100-01-01 00:00:00",
            "storetime": None,
            "text": text,
        }
        for admission, text, kind, number in notes
    ]
    rows = [summary.values() for summary in summaries]
    write_table(note / f"discharge{suffix}", list(summaries[0]), rows)
    columns = ["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"]
    for name, codes in (("diagnoses_icd", diagnoses), ("procedures_icd", procedures)):
        rows = [(5 + hadm, hadm, i, code, version) for i, (hadm, code, version) in enumerate(codes)]
        write_table(hosp / f"{name}{suffix}", columns, rows)
    for name, rows in (titles or {}).items():
        write_table(hosp / f"{name}{suffix}", ["icd_code", "icd_version", "long_title"], rows)


def codes_of(bunch):
    """Return {admission: set of codes} as the target says it."""
    return {
        admission: set(bunch.target_names[bunch.target[[row]].indices].tolist())
        for row, admission in enumerate(bunch.ids.tolist())
    }
