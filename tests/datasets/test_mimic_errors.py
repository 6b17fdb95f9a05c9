"""What the readers of MIMIC say of broken, missing and foreign files, and what they never say."""

import gzip
import traceback
from importlib.util import find_spec

import pytest
from mimic_files import SECRET, as_splits, note3, write_mimic3, write_mimic4, write_table

from sklearn_icd.datasets import _mimic3, _mimic4, load_mimic3, load_mimic4

NOTES = [note3(i, f"{SECRET} {i}\nand left") for i in range(1, 200)]
CODES = [(i, "4019") for i in range(1, 200)]
TABLES = ["NOTEEVENTS", "DIAGNOSES_ICD", "PROCEDURES_ICD"]


@pytest.fixture(autouse=True)
def splits(monkeypatch):
    made = as_splits(range(1, 100), range(100, 150), range(150, 200))
    for reader in (_mimic3, _mimic4):
        monkeypatch.setattr(reader, "published_splits", lambda benchmark, data_home: made)


@pytest.fixture
def root(tmp_path):
    return write_mimic3(tmp_path / "mimic3", NOTES, CODES, [(1, "3893")])


@pytest.fixture
def plain(tmp_path):
    return write_mimic3(tmp_path / "plain", NOTES, CODES, [(1, "3893")], suffix=".csv")


@pytest.fixture
def mimic4(tmp_path):
    root = tmp_path / "mimic4"
    notes = [(i, f"{SECRET} {i}", "DS", 1) for i in range(1, 200)]
    return (
        write_mimic4(root / "hosp", root / "note", notes, [(i, "4019", 9) for i in range(1, 200)])
        or root
    )


def refused(error, match, root, load=load_mimic3):
    """Load, expect an error, and check that nothing of a note is in it or its traceback."""
    with pytest.raises(error, match=match) as info:
        load(root)
    assert SECRET not in "".join(traceback.format_exception(info.value))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 1 - 1e-9])
def test_a_truncated_gzip(root, name, share):
    path = root / f"{name}.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, int(share * len(whole)))])
    refused(OSError, f"{path.name} cannot be read to its end.*Download it again", root)


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_gzip(root, name):
    path = root / f"{name}.csv.gz"
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 0xFF
    path.write_bytes(broken)
    refused((OSError, ValueError), path.name, root)


def test_a_file_that_only_says_that_it_is_compressed(root):
    path = root / "NOTEEVENTS.csv.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    refused(OSError, "NOTEEVENTS.csv.gz cannot be read", root)


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_file(plain, name):
    (plain / f"{name}.csv").write_bytes(b"")
    refused(ValueError, rf"{name}.csv has no column .*hadm_id", plain)


@pytest.mark.parametrize(
    ("name", "column"),
    [("NOTEEVENTS", "TEXT"), ("NOTEEVENTS", "CATEGORY"), ("DIAGNOSES_ICD", "ICD9_CODE")],
)
def test_a_missing_column(plain, name, column):
    path = plain / f"{name}.csv"
    path.write_text(path.read_text().replace(column, "OTHER", 1))
    refused(ValueError, rf"{name}.csv has no column {column.lower()} .*PhysioNet", plain)


def test_a_missing_header_is_not_shown(plain):
    path = plain / "NOTEEVENTS.csv"
    path.write_text(path.read_text().split("\n", 1)[1])
    refused(ValueError, "NOTEEVENTS.csv has no column hadm_id", plain)


@pytest.mark.parametrize(
    "row",
    [
        f'9,9,9,2100-01-01,,,Discharge summary,Report,,,"{SECRET}\n',
        f"9,9,9,2100-01-01,,,Discharge summary,Report,,,{SECRET},and,more\n",
        f"9,{SECRET},9,2100-01-01,,,Discharge summary,Report,,,a note\n",
        f"9,9,9.0,2100-01-01,,,Discharge summary,Report,,,{SECRET}\n",
    ],
    ids=["open quote", "too long", "no number", "a float"],
)
def test_a_broken_row(plain, row):
    path = plain / "NOTEEVENTS.csv"
    path.write_text(path.read_text() + row)
    refused(ValueError, r"NOTEEVENTS.csv is not a table as PhysioNet hands it out", plain)


def test_text_that_is_not_utf_8(plain):
    path = plain / "NOTEEVENTS.csv"
    path.write_bytes(path.read_bytes().replace(b"and left", b"caf\xe9", 1))
    refused(ValueError, "NOTEEVENTS.csv is not a table .*UTF-8", plain)


def test_a_row_of_codes_without_admission(plain):
    path = plain / "DIAGNOSES_ICD.csv"
    path.write_text(path.read_text() + "7,7\n")
    refused(ValueError, "DIAGNOSES_ICD.csv has a row without admission", plain)


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_file(root, name):
    (root / f"{name}.csv.gz").unlink()
    refused(FileNotFoundError, rf"{name}.csv.gz \(or .csv\) is missing.*MIMIC-III", root)


def test_a_folder_that_is_none(tmp_path):
    for load in (load_mimic3, load_mimic4):
        refused(NotADirectoryError, "root should name an existing folder", tmp_path / "no", load)


def test_an_empty_folder(tmp_path):
    refused(FileNotFoundError, "NOTEEVENTS.csv.gz .*belongs to MIMIC-III", tmp_path)
    refused(FileNotFoundError, "'hosp' is missing.*MIMIC-IV 2.2.*'note'", tmp_path, load_mimic4)


def test_the_other_release(root, mimic4):
    refused(ValueError, "looks like MIMIC-IV: use load_mimic4", mimic4)
    (mimic4 / "hosp").rename(mimic4.parent / "hosp")
    refused(ValueError, "looks like MIMIC-IV: use load_mimic4", mimic4)
    refused(ValueError, "looks like MIMIC-IV: use load_mimic4", mimic4.parent)
    refused(ValueError, "looks like MIMIC-III: use load_mimic3", root, load_mimic4)


READ_AS_NUMBERS = "read as numbers before.*as PhysioNet hands it out.*dtype=str"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("DIAGNOSES_ICD", ["4019.0", "25000.0"]),
        ("DIAGNOSES_ICD", ["V5861", "401.9"]),
        ("DIAGNOSES_ICD", ["4019", "389", "V5861"]),
        ("DIAGNOSES_ICD", ["4019", "42"]),
        ("PROCEDURES_ICD", ["66", "3893"]),
        ("PROCEDURES_ICD", ["14"]),
        ("PROCEDURES_ICD", ["3893.0"]),
        ("PROCEDURES_ICD", ["3893", "852"]),
    ],
)
def test_codes_that_were_read_as_numbers(plain, name, codes):
    rows = [(i, 5, 1, i, code) for i, code in enumerate(codes)]
    columns = ["ROW_ID", "SUBJECT_ID", "HADM_ID", "SEQ_NUM", "ICD9_CODE"]
    write_table(plain / f"{name}.csv", columns, rows)
    refused(ValueError, f"(?s){name}.csv were {READ_AS_NUMBERS}", plain)


def test_codes_that_pandas_read_as_numbers(plain, data_home):
    import pandas as pd

    for name in ("DIAGNOSES_ICD", "PROCEDURES_ICD"):
        whole = pd.read_csv(data_home / "mimic3_demo" / f"{name}.csv", dtype=str)
        codes = whole["icd9_code"][whole["icd9_code"].str.isdigit()]
        for kind in (int, float):
            numbers = whole.assign(icd9_code=codes.astype(kind)).dropna()
            numbers.to_csv(plain / f"{name}.csv", index=False)
            refused(ValueError, f"(?s){name}.csv were {READ_AS_NUMBERS}", plain)
        whole.to_csv(plain / f"{name}.csv", index=False)


@pytest.mark.parametrize(
    ("diagnoses", "procedures"),
    [
        (["4019", "0389", "389"], ["0066", "66"]),
        (["496", "V5861", "E8859"], ["966"]),
        (["4111"], ["111"]),
    ],
    ids=["some begin with zero", "none has a zero to lose", "a code with and without zero"],
)
def test_whole_codes_are_not_taken_for_numbers(plain, diagnoses, procedures):
    for name, codes in (("DIAGNOSES_ICD", diagnoses), ("PROCEDURES_ICD", procedures)):
        rows = [(i, 5, i, 1, codes[i % len(codes)]) for i in range(1, 200)]
        columns = ["ROW_ID", "SUBJECT_ID", "HADM_ID", "SEQ_NUM", "ICD9_CODE"]
        write_table(plain / f"{name}.csv", columns, rows)
    assert len(load_mimic3(plain).target_names) == len(diagnoses) + len(procedures)


def test_mimic4_codes_that_were_read_as_numbers(mimic4):
    for name, codes in (
        ("diagnoses_icd", [("389", 9), ("I10", 10)]),
        ("procedures_icd", [("66", 9), ("02HV33Z", 10)]),
    ):
        path = mimic4 / "hosp" / f"{name}.csv.gz"
        whole = path.read_bytes()
        columns = ["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"]
        write_table(path, columns, [(5, 1, 1, *code) for code in codes])
        refused(ValueError, f"(?s){name}.csv.gz were {READ_AS_NUMBERS}", mimic4, load_mimic4)
        path.write_bytes(whole)


@pytest.mark.parametrize("missing", ["polars", "tqdm"])
def test_a_missing_library_names_the_extra(root, monkeypatch, missing):
    monkeypatch.setattr(
        "sklearn_icd.datasets._mimic_tables.find_spec",
        lambda name: None if name == missing else find_spec(name),
    )
    for load in (load_mimic3, load_mimic4):
        with pytest.raises(
            ImportError, match=rf"needs {missing}: pip install 'sklearn-icd\[data\]'"
        ):
            load(root)
