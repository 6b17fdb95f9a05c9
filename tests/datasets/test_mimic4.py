"""MIMIC-IV: its two downloads, versions of codes and notes, on small files of its schema."""

import pytest
from mimic_files import as_splits, codes_of, write_mimic4

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import _mimic4, load_mimic4

ADMISSIONS = list(range(1, 21))
NOTES = [(i, f"note {i}", "DS", i) for i in ADMISSIONS]


@pytest.fixture(autouse=True)
def splits(monkeypatch):
    made = as_splits(ADMISSIONS[:12], ADMISSIONS[12:16], ADMISSIONS[16:])
    monkeypatch.setattr(_mimic4, "published_splits", lambda benchmark, data_home: made)


def everywhere(code, version):
    return [(i, code, version) for i in ADMISSIONS]


def write(root, *args, hosp="hosp", note="note", **kwargs):
    write_mimic4(root / hosp, root / note, *args, **kwargs)
    return root


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_bunch_has_notes_codes_patients_and_splits(tmp_path, suffix):
    diagnoses = [*everywhere("I10", 10), *everywhere("0389", 9)]
    write(tmp_path, NOTES[::-1], diagnoses, everywhere("02HV33Z", 10), suffix=suffix)
    bunch = load_mimic4(tmp_path, benchmark="icd10")
    assert bunch.data == [f"note {i}" for i in ADMISSIONS]
    assert bunch.ids.tolist() == ADMISSIONS
    assert bunch.subject_ids.tolist() == [i + 5 for i in ADMISSIONS]
    assert bunch.splits.val.tolist() == [12, 13, 14, 15]
    assert bunch.target_names.tolist() == ["02HV33Z", "I10"]
    assert bunch.target.sum() == 40
    assert bunch.spans is None
    assert "89,099" in bunch.DESCR
    X, y = load_mimic4(tmp_path, benchmark="icd10", return_X_y=True)
    assert bunch.data == X
    assert (y != bunch.target).nnz == 0


@pytest.mark.parametrize(
    ("benchmark", "names"),
    [("icd9", ["00.66", "038.9", "E885.9"]), ("icd10", ["0DTJ4ZZ", "I10", "I25.10"])],
)
def test_a_benchmark_takes_the_codes_of_its_version(tmp_path, benchmark, names):
    diagnoses = [(1, "4019", 9), *everywhere("0389", 9), *everywhere("E8859  ", 9)]
    diagnoses += [*everywhere("I10", 10), *everywhere(" I2510 ", 10), (1, "E119", 10)]
    procedures = [*everywhere("0066", 9), *everywhere("0DTJ4ZZ", 10), (2, "3893", 9)]
    write(tmp_path, NOTES, diagnoses, procedures)
    assert load_mimic4(tmp_path, benchmark=benchmark).target_names.tolist() == names


def test_codes_are_those_of_ten_admissions(tmp_path):
    ten, nine = everywhere("25000", 9)[:10], everywhere("4280", 9)[:9]
    write(tmp_path, NOTES, [*everywhere("4019", 9), *ten, *nine, *nine])
    bunch = load_mimic4(tmp_path)
    assert bunch.target_names.tolist() == ["250.00", "401.9"]
    assert codes_of(bunch)[10] == {"250.00", "401.9"}
    assert codes_of(bunch)[11] == {"401.9"}


def test_summaries_come_before_addenda_and_both_by_number(tmp_path):
    more = [(1, "fourth", "AD", 12), (1, "third", "AD", 9), (1, "second", "DS", 30)]
    write(tmp_path, [*more, (1, "first", "DS", 4), *NOTES[1:]], everywhere("4019", 9))
    assert load_mimic4(tmp_path).data[:2] == ["first second third fourth", "note 2"]


def test_an_admission_with_codes_of_the_other_version_alone_is_absent(tmp_path):
    write(tmp_path, NOTES, [*everywhere("4019", 9)[1:], (1, "I10", 10)])
    with pytest.warns(UserWarning, match=r"1 of the benchmark's 20 .*\(train 1, val 0, test 0\)"):
        bunch = load_mimic4(tmp_path)
    assert bunch.ids.tolist() == ADMISSIONS[1:]


def test_titles_are_those_of_the_version(tmp_path):
    titles = {
        "d_icd_diagnoses": [("E8859", 10, "Not this"), ("E8859", 9, "Fell"), ("E8859", 10, "Nor")],
        "d_icd_procedures": [("0066", 9, "Balloon ")],
    }
    codes = [*everywhere("E8859", 9), *everywhere("4019", 9)]
    write(tmp_path, NOTES, codes, everywhere("0066", 9), titles=titles)
    assert load_mimic4(tmp_path).titles == {
        "E885.9": "Fell",
        "00.66": "Balloon",
        "401.9": CodeSystem("icd9cm").title("401.9"),
    }


def test_the_two_downloads_are_found_below_the_folder_above_them(tmp_path):
    places = {"hosp": "mimiciv/2.2/hosp", "note": "mimic-iv-note/2.2/note"}
    write(tmp_path, NOTES, everywhere("4019", 9), **places)
    assert load_mimic4(tmp_path).target_names.tolist() == ["401.9"]

    write(tmp_path, NOTES, everywhere("4019", 9), hosp="mimiciv/3.1/hosp", note="else/note")
    with pytest.raises(ValueError, match=r"more than one folder 'hosp': .*2\.2.*3\.1"):
        load_mimic4(tmp_path)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("note", r"folder 'note' is missing.*MIMIC-IV-Note 2\.2"),
        ("hosp", r"folder 'hosp' is missing.*MIMIC-IV 2\.2"),
        ("note/discharge.csv.gz", r"discharge\.csv\.gz .*belongs to MIMIC-IV-Note 2\.2"),
        ("hosp/procedures_icd.csv.gz", r"procedures_icd\.csv\.gz .*belongs to MIMIC-IV 2\.2"),
    ],
)
def test_what_is_missing_is_named_with_its_download(tmp_path, missing, said):
    write(tmp_path, NOTES, everywhere("4019", 9))
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=rf"(?s){said}.*two downloads"):
        load_mimic4(tmp_path)


@pytest.mark.parametrize("wrong", [{"benchmark": "full"}, {"return_X_y": 2}, {"data_home": 3}])
def test_wrong_parameters_are_named(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        load_mimic4(tmp_path, **wrong)
