"""The made files of the benchmarks, in the schema of MIMIC, against the csv module's reading."""

import csv
import gzip
from collections import defaultdict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from mimic_files import codes_of

from sklearn_icd.codes import normalize_code
from sklearn_icd.datasets import load_mimic3, load_mimic4

pytestmark = pytest.mark.filterwarnings("ignore:.*are not in the tables")
MADE_MIMIC = Path(__file__).parents[2] / "benchmarks" / "made_mimic.py"


@pytest.fixture(scope="module")
def made_mimic():
    spec = spec_from_file_location("made_mimic", MADE_MIMIC)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def codes_in(folder, tables):
    """Return the set of codes of each admission; `tables` are (name, column, system, version)."""
    codes = defaultdict(set)
    for name, column, system, version in tables:
        for row in rows(folder / f"{name}.csv.gz"):
            if row[column] and row.get("icd_version") == version:
                codes[int(row.get("hadm_id") or row["HADM_ID"])].add(
                    normalize_code(row[column], system)
                )
    return codes


def test_mimic3(made_mimic, data_home, tmp_path):
    folder = made_mimic.write_mimic3(
        tmp_path, 300, mean_words=40, n_codes=60, data_home=data_home, random_state=0
    )
    expected = codes_in(
        folder,
        [
            ("DIAGNOSES_ICD", "ICD9_CODE", "icd9cm", None),
            ("PROCEDURES_ICD", "ICD9_CODE", "icd9proc", None),
        ],
    )
    bunch = load_mimic3(folder, data_home=data_home)
    assert codes_of(bunch) == expected
    assert len(bunch.data) == 300
    assert min(map(len, bunch.splits.values())) > 0

    texts = defaultdict(dict)
    for row in rows(folder / "NOTEEVENTS.csv.gz"):
        if row["CATEGORY"] == "Discharge summary":
            texts[int(row["HADM_ID"])][row["DESCRIPTION"]] = row["TEXT"]
    assert sum(len(parts) == 2 for parts in texts.values()) > 10
    for admission, text in zip(bunch.ids.tolist(), bunch.data, strict=True):
        parts = texts[admission]
        assert text == " ".join(parts[kind] for kind in ("Report", "Addendum") if kind in parts)
    assert bunch.titles.keys() == set(bunch.target_names.tolist())
    for benchmark in ("50", "clean"):
        assert min(map(len, load_mimic3(folder, benchmark=benchmark).splits.values())) > 0


@pytest.mark.parametrize(("version", "systems"), [("9", "cm proc"), ("10", "cm pcs")])
def test_mimic4(made_mimic, data_home, tmp_path, version, systems):
    folder = made_mimic.write_mimic4(
        tmp_path, 300, mean_words=40, n_codes=60, data_home=data_home, random_state=0
    )
    diagnoses, procedures = (f"icd{version}{kind}" for kind in systems.split())
    expected = codes_in(
        folder,
        [
            ("hosp/diagnoses_icd", "icd_code", diagnoses, version),
            ("hosp/procedures_icd", "icd_code", procedures, version),
        ],
    )
    bunch = load_mimic4(folder, benchmark=f"icd{version}", data_home=data_home)
    chosen = set(bunch.target_names.tolist())
    assert len(chosen) > 20
    assert codes_of(bunch) == {i: expected[i] & chosen for i in bunch.ids.tolist()}
    texts = {int(row["hadm_id"]): row["text"] for row in rows(folder / "note/discharge.csv.gz")}
    assert bunch.data == [texts[admission] for admission in bunch.ids.tolist()]


def test_a_seed_gives_the_same_files(made_mimic, data_home, tmp_path):
    sizes = {"mean_words": 20, "n_codes": 60, "data_home": data_home, "compress": False}
    first, second = (
        made_mimic.write_mimic3(tmp_path / name, 20, random_state=7, **sizes) for name in "ab"
    )
    files = sorted(path.name for path in first.iterdir())
    assert len(files) == 5
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
