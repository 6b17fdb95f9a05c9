"""MIMIC-III with the real tables of its public demo, against the csv module's reading of them."""

import csv
import gzip
from collections import Counter, defaultdict
from shutil import copy

import pytest
from mimic_files import as_splits, codes_of, write_table

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import _mimic3, load_mimic3
from sklearn_icd.datasets._mimic_splits import published_splits

TABLES = ["DIAGNOSES_ICD", "PROCEDURES_ICD", "D_ICD_DIAGNOSES", "D_ICD_PROCEDURES"]


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def with_dot(code, kind):
    """Put the dot where ICD-9-CM has it: after two digits, three characters, or four with E."""
    head = 2 if kind == "PROCEDURES" else 4 if code.startswith("E") else 3
    return f"{code[:head]}.{code[head:]}" if len(code) > head else code


def note_of(admission):
    return f"Note of {admission},\nand no more."


@pytest.fixture(scope="module")
def demo(data_home, tmp_path_factory):
    """Give the demo's tables, some of them compressed, with a made note for each admission."""
    folder = tmp_path_factory.mktemp("mimic3_demo")
    for i, name in enumerate(TABLES):
        table = copy(data_home / "mimic3_demo" / f"{name}.csv", folder)
        if i % 2:
            path = folder / f"{name}.csv.gz"
            path.write_bytes(gzip.compress((folder / f"{name}.csv").read_bytes()))
            (folder / table).unlink()
    columns = ["row_id", "charttime", "category", "description"]
    same = [None, "Discharge summary", "Report"]
    notes = [
        [
            i,
            *same,
            row["subject_id"],
            row["hadm_id"],
            row["dischtime"][:10],
            note_of(row["hadm_id"]),
        ]
        for i, row in enumerate(rows(data_home / "mimic3_demo" / "ADMISSIONS.csv"))
    ]
    columns += ["subject_id", "hadm_id", "chartdate", "text"]
    write_table(folder / "NOTEEVENTS.csv", columns, notes)
    return folder


@pytest.fixture(scope="module")
def expected(data_home):
    """Give the set of codes of each admission, and the titles, as the csv module reads them."""
    folder = data_home / "mimic3_demo"
    codes, titles = defaultdict(set), {}
    for kind in ("DIAGNOSES", "PROCEDURES"):
        for row in rows(folder / f"{kind}_ICD.csv"):
            codes[int(row["hadm_id"])].add(with_dot(row["icd9_code"], kind))
        for row in rows(folder / f"D_ICD_{kind}.csv"):
            titles[with_dot(row["icd9_code"], kind)] = row["long_title"]
    return dict(codes), titles


@pytest.fixture(scope="module")
def every_admission(demo, expected):
    admissions = sorted(expected[0])
    splits = as_splits(admissions[:100], admissions[100:110], admissions[110:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_mimic3, "published_splits", lambda benchmark, data_home: splits)
        return {
            benchmark: load_mimic3(demo, benchmark=benchmark) for benchmark in ("full", "clean")
        }


def test_every_code_of_every_admission(every_admission, expected):
    codes, _ = expected
    bunch = every_admission["full"]
    assert len(bunch.ids) == 129
    assert codes_of(bunch) == codes
    assert bunch.target_names.tolist() == sorted(set.union(*codes.values()))


def test_counts_of_codes(every_admission, expected):
    codes, _ = expected
    counts = Counter(code for some in codes.values() for code in some)
    bunch = every_admission["full"]
    assert dict(zip(bunch.target_names, bunch.target.sum(axis=0), strict=True)) == counts
    often = {code: count for code, count in counts.items() if count >= 10}
    bunch = every_admission["clean"]
    assert dict(zip(bunch.target_names, bunch.target.sum(axis=0), strict=True)) == often


def test_titles(every_admission, expected):
    _, titles = expected
    bunch = every_admission["full"]
    names, icd9 = bunch.target_names.tolist(), CodeSystem("icd9")
    released = {code: titles[code] for code in names if code in titles}
    others = {code: icd9.title(code) for code in names if code not in titles and code in icd9}
    assert bunch.titles == released | others
    assert 0 < len(others) < 0.1 * len(released)
    assert len(released | others) > 0.99 * len(names)


def test_notes_and_patients(every_admission, data_home):
    bunch = every_admission["full"]
    patients = {
        int(row["hadm_id"]): int(row["subject_id"])
        for row in rows(data_home / "mimic3_demo" / "ADMISSIONS.csv")
    }
    assert bunch.data == list(map(note_of, bunch.ids))
    assert dict(zip(bunch.ids.tolist(), bunch.subject_ids.tolist(), strict=True)) == patients


@pytest.mark.parametrize("benchmark", ["full", "50", "clean"])
def test_published_splits_find_their_admissions(demo, expected, data_home, benchmark):
    codes, _ = expected
    published = published_splits(benchmark, data_home)
    absent = sum(map(len, published.values())) - len(
        [i for ids in published.values() for i in ids.tolist() if i in codes]
    )
    with pytest.warns(UserWarning, match=f"{absent:,} of the benchmark's .* are not in the tables"):
        bunch = load_mimic3(demo, benchmark=benchmark, data_home=data_home)
    for split, ids in published.items():
        assert bunch.ids[bunch.splits[split]].tolist() == [i for i in ids.tolist() if i in codes]
    chosen = set(bunch.target_names.tolist())
    assert codes_of(bunch) == {i: codes[i] & chosen for i in bunch.ids.tolist()}
