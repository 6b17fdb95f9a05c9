"""MIMIC-III: notes, codes and benchmarks, on small files of its schema."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mimic_files import as_splits, codes_of, note3, write_mimic3
from scipy.sparse import csr_array

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import _mimic3, load_mimic3

CAML_50 = set(_mimic3.CAML_50)


@pytest.fixture
def splits(monkeypatch):
    """Set the admissions of the splits that the reader takes for the published ones."""

    def set_splits(*args, **kwargs):
        made = as_splits(*args, **kwargs)
        monkeypatch.setattr(_mimic3, "published_splits", lambda benchmark, data_home: made)

    set_splits([1, 2], [3], [4])
    return set_splits


def texts(bunch):
    return dict(zip(bunch.ids.tolist(), bunch.data, strict=True))


FOUR_NOTES = [note3(i, f"note {i}") for i in (1, 2, 3, 4)]
FOUR_CODES = [(i, "4019") for i in (1, 2, 3, 4)]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_a_bunch_has_notes_codes_patients_and_splits(tmp_path, splits, suffix, case):
    splits([30, 10], [40], [20])
    write_mimic3(
        tmp_path,
        [note3(10, "ten"), note3(20, "twenty"), note3(30, "thirty"), note3(40, "forty")],
        [(10, "4019"), (20, "0389"), (30, "V5861"), (30, "E8859"), (40, "4019")],
        [(10, "3893"), (30, "0066")],
        suffix=suffix,
        case=case,
    )
    bunch = load_mimic3(tmp_path)
    assert bunch.data == ["thirty", "ten", "forty", "twenty"]
    assert bunch.ids.tolist() == [30, 10, 40, 20]
    assert bunch.subject_ids.tolist() == [35, 15, 45, 25]
    assert {name: rows.tolist() for name, rows in bunch.splits.items()} == {
        "train": [0, 1],
        "val": [2],
        "test": [3],
    }
    assert bunch.target_names.tolist() == ["00.66", "038.9", "38.93", "401.9", "E885.9", "V58.61"]
    assert codes_of(bunch) == {
        30: {"00.66", "E885.9", "V58.61"},
        10: {"38.93", "401.9"},
        40: {"401.9"},
        20: {"038.9"},
    }
    assert isinstance(bunch.target, csr_array)
    assert bunch.target.dtype == np.int64
    assert bunch.spans is None
    assert '"full"' in bunch.DESCR


def test_return_x_y(tmp_path, splits):
    write_mimic3(tmp_path, FOUR_NOTES, FOUR_CODES)
    X, y = load_mimic3(tmp_path, return_X_y=True)
    assert X == ["note 1", "note 2", "note 3", "note 4"]
    assert y.toarray().tolist() == [[1]] * 4


def test_reports_come_before_addenda_and_both_by_date_and_row(tmp_path, splits):
    splits([1], [2])
    addendum = {"kind": "Addendum"}
    write_mimic3(
        tmp_path,
        [
            note3(1, "third", date="2100-01-02", row=30, **addendum),
            note3(2, "beta", row=11),
            note3(1, "second", date="2100-01-02", row=9, **addendum),
            note3(1, "first", date="2100-01-03", row=40),
            note3(1, "fourth", date="2100-01-10", row=1, **addendum),
            note3(2, "alpha", date="2099-12-31", row=12),
        ],
        FOUR_CODES[:2],
    )
    assert texts(load_mimic3(tmp_path)) == {1: "first second third fourth", 2: "alpha beta"}


def test_notes_stay_as_they_are(tmp_path, splits):
    splits([1])
    text = ' \n"quoted", with ""two"", a comma,\r\nand a tab\t; é \n'
    write_mimic3(tmp_path, [note3(1, text)], FOUR_CODES[:1])
    assert load_mimic3(tmp_path).data == [text]


def test_only_discharge_summaries_of_the_splits_are_taken(tmp_path, splits):
    splits([1])
    write_mimic3(
        tmp_path,
        [
            note3(1, "nursing", category="Nursing/other"),
            note3(None, "nowhere"),
            note3(1, "summary"),
            note3(1, "", kind="Addendum"),
            note3(2, "of another split"),
            note3(1, "echo", category="Echo"),
        ],
        [(1, "4019"), (2, "25000")],
    )
    bunch = load_mimic3(tmp_path)
    assert texts(bunch) == {1: "summary"}
    assert bunch.target_names.tolist() == ["401.9"]


def test_codes_lose_blanks_duplicates_and_nulls_but_no_zero(tmp_path, splits):
    splits([1, 2])
    write_mimic3(
        tmp_path,
        FOUR_NOTES[:2],
        [(1, "0414 "), (1, " 0414"), (1, "0414"), (1, None), (1, "  "), (2, "414"), (2, "v4581")],
        [(1, "0331"), (2, "331"), (2, "331"), (1, "9604"), (1, "9604   ")],
    )
    assert codes_of(load_mimic3(tmp_path)) == {
        1: {"041.4", "03.31", "96.04"},
        2: {"414", "33.1", "V45.81"},
    }


def test_an_admission_whose_codes_are_missing_keeps_its_row(tmp_path, splits):
    write_mimic3(tmp_path, FOUR_NOTES, [*FOUR_CODES[:3], (4, None)])
    bunch = load_mimic3(tmp_path)
    assert codes_of(bunch)[4] == set()
    assert bunch.splits.test.tolist() == [3]


def test_codes_of_clean_are_those_of_ten_admissions(tmp_path, splits):
    admissions = range(1, 11)
    splits([1, 2, 3, 4, 5, 6], [7, 8], [9, 10])
    often = [(i, "4019") for i in admissions]
    rarely = [(i, "25000") for i in list(admissions)[:9]]
    again = [(1, "25000"), (2, "25000")]
    elsewhere = [(11, "25000")]
    write_mimic3(tmp_path, [note3(i) for i in range(1, 12)], [*often, *rarely, *again, *elsewhere])
    assert load_mimic3(tmp_path).target_names.tolist() == ["250.00", "401.9"]
    clean = load_mimic3(tmp_path, benchmark="clean")
    assert clean.target_names.tolist() == ["401.9"]
    assert clean.target.shape == (10, 1)


def test_columns_of_50_are_the_fifty_of_caml(tmp_path, splits):
    write_mimic3(
        tmp_path, FOUR_NOTES, [(1, "4019"), (1, "0020"), (2, "311"), (3, "0020"), (4, "486")]
    )
    bunch = load_mimic3(tmp_path, benchmark="50")
    assert bunch.target_names.tolist() == sorted(CAML_50)
    assert codes_of(bunch) == {1: {"401.9"}, 2: {"311"}, 3: set(), 4: {"486"}}
    assert bunch.titles["311"] == CodeSystem("icd9cm").title("311")


def test_the_fifty_of_caml_are_codes_in_their_normal_spelling():
    assert len(CAML_50) == 50
    assert set(CodeSystem("icd9").codes) >= CAML_50


def test_titles_are_the_release_s_or_else_the_code_system_s(tmp_path, splits):
    splits([1])
    write_mimic3(
        tmp_path,
        FOUR_NOTES[:1],
        [(1, "4019"), (1, "25000"), (1, "99999")],
        [(1, "0066"), (1, "3893")],
        titles={
            "D_ICD_DIAGNOSES": {"4019": "Hypertension, as they say", "486": "Not asked for"},
            "D_ICD_PROCEDURES": {"0066": "Balloon"},
        },
    )
    bunch = load_mimic3(tmp_path)
    assert bunch.titles == {
        "401.9": "Hypertension, as they say",
        "00.66": "Balloon",
        "250.00": CodeSystem("icd9cm").title("250.00"),
        "38.93": CodeSystem("icd9proc").title("38.93"),
    }


def test_absent_admissions_are_counted_and_left_out(tmp_path, splits):
    splits([1, 2, 5, 6], [3, 7], [4])
    write_mimic3(tmp_path, [*FOUR_NOTES, note3(7)], [*FOUR_CODES[1:], (5, "4019"), (6, None)])
    message = (
        r"4 of the benchmark's 7 admissions are not in the tables \(train 3, val 1, test 0\): "
        r"2 have no discharge summary, 2 no row of diagnoses or procedures"
    )
    with pytest.warns(UserWarning, match=message):
        bunch = load_mimic3(tmp_path)
    assert bunch.ids.tolist() == [2, 3, 4]
    assert bunch.splits.train.tolist() == [0]
    assert bunch.splits.val.tolist() == [1]


def test_no_admission_at_all_is_an_error(tmp_path, splits):
    splits([100], [200], [300])
    write_mimic3(tmp_path, FOUR_NOTES, FOUR_CODES)
    with pytest.raises(ValueError, match="3 of the benchmark's 3 admissions are not in the tables"):
        load_mimic3(tmp_path)


def test_codes_of_another_form_are_counted_and_kept(tmp_path, splits):
    odd = [(1, "NoDx"), (2, "NoDx"), (3, "ABC")]
    write_mimic3(tmp_path, FOUR_NOTES, [*FOUR_CODES, *odd])
    with pytest.warns(
        UserWarning, match=r"2 codes of .*DIAGNOSES_ICD.csv.gz, in 3 rows.*ABC, NoDx"
    ):
        bunch = load_mimic3(tmp_path)
    assert bunch.target_names.tolist() == ["401.9", "ABC", "NoDx"]
    assert bunch.titles.keys() == {"401.9"}


def test_progress_is_shown_on_a_terminal_alone(tmp_path, splits, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    write_mimic3(tmp_path, FOUR_NOTES, FOUR_CODES)
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        load_mimic3(tmp_path)
        assert ("discharge summaries: 100%" in stream.getvalue()) == shown
        assert "note 1" not in stream.getvalue()


ADMISSIONS = list(range(100, 108))
DIAGNOSES = st.sampled_from(CodeSystem("icd9cm").codes)
PROCEDURES = st.sampled_from(CodeSystem("icd9proc").codes)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from(ADMISSIONS), DIAGNOSES), max_size=40),
    st.lists(st.tuples(st.sampled_from(ADMISSIONS), PROCEDURES), max_size=40),
    st.randoms(use_true_random=False),
)
def test_every_code_comes_out_as_its_system_writes_it(
    tmp_path, monkeypatch, diagnoses, procedures, random
):
    expected = {admission: {"401.9", "00.66"} for admission in ADMISSIONS}
    for admission, code in diagnoses + procedures:
        expected[admission].add(code)
    diagnoses = diagnoses + [(admission, "401.9") for admission in ADMISSIONS]
    procedures = procedures + [(admission, "00.66") for admission in ADMISSIONS]

    def written(pairs):
        rows = [(admission, code.replace(".", "")) for admission, code in pairs]
        rows += [(admission, code.ljust(7)) for admission, code in rows[:3]]
        random.shuffle(rows)
        return rows

    write_mimic3(tmp_path, [note3(i) for i in ADMISSIONS], written(diagnoses), written(procedures))
    made = as_splits(ADMISSIONS[:5], ADMISSIONS[5:7], ADMISSIONS[7:])
    monkeypatch.setattr(_mimic3, "published_splits", lambda benchmark, data_home: made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert codes_of(load_mimic3(tmp_path)) == expected


@pytest.mark.parametrize("wrong", [{"benchmark": "icd9"}, {"return_X_y": 2}, {"data_home": 3}])
def test_wrong_parameters_are_named(tmp_path, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        load_mimic3(tmp_path, **wrong)
