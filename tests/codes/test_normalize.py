"""One spelling for each code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.codes import CodeSystem, normalize_code

SYSTEMS = ["icd9cm", "icd9proc", "icd10cm", "icd10pcs"]


@pytest.mark.parametrize(
    ("written", "system", "expected"),
    [
        ("4019", "icd9cm", "401.9"),
        ("401.9", "icd9cm", "401.9"),
        ("401.", "icd9cm", "401"),
        ("042", "icd9cm", "042"),
        ("25000", "icd9cm", "250.00"),
        ("E8859", "icd9cm", "E885.9"),
        ("e885", "icd9cm", "E885"),
        ("V1582", "icd9cm", "V15.82"),
        ("v10", "icd9cm", "V10"),
        ("3893", "icd9proc", "38.93"),
        ("38.93", "icd9proc", "38.93"),
        ("001", "icd9proc", "00.1"),
        ("I2510", "icd10cm", "I25.10"),
        ("\ti25.10 \n", "icd10cm", "I25.10"),
        ("s72126b", "icd10cm", "S72.126B"),
        ("r69", "icd10cm", "R69"),
        ("c7a00", "icd10cm", "C7A.00"),
        ("0dtj4zz", "icd10pcs", "0DTJ4ZZ"),
        ("0016", "icd10pcs", "0016"),
    ],
)
def test_spelling(written, system, expected):
    assert normalize_code(written, system) == expected


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_code_survives_all_its_spellings(system):
    for code in CodeSystem(system).codes:
        assert normalize_code(code, system) == code
        assert normalize_code(f" {code.replace('.', '').lower()}\n", system) == code


@given(
    code=st.from_regex(r"\A[ ]?[A-Za-z0-9]{2,5}\.?[A-Za-z0-9]{0,4}\Z"),
    system=st.sampled_from(SYSTEMS),
)
@settings(deadline=None)
def test_idempotent(code, system):
    try:
        once = normalize_code(code, system)
    except ValueError:
        return
    assert normalize_code(once, system) == once
    assert once.replace(".", "") == code.strip().upper().replace(".", "")


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("38.93", "icd9cm"),  # a procedure: its dot must not wander
        ("401.9", "icd9proc"),
        ("40.1.9", "icd9cm"),
        ("40 19", "icd9cm"),
        ("٤٠١", "icd9cm"),  # Arabic digits are digits to str.isdigit
        ("I25.10", "icd9cm"),
        ("A00-A09", "icd10cm"),
        ("12", "icd10cm"),
        ("0DTO4ZZ", "icd10pcs"),  # the letter O
        ("0DTJ4ZZZ", "icd10pcs"),
    ],
)
def test_what_cannot_be_a_code_of_the_system_is_refused(code, system):
    with pytest.raises(ValueError, match=r"is not an ICD-.*such as") as error:
        normalize_code(code, system)
    assert repr(code) in str(error.value)


@pytest.mark.parametrize("code", ["", "  \n"])
def test_empty_code(code):
    with pytest.raises(ValueError, match="an empty code is not"):
        normalize_code(code, "icd9cm")


@pytest.mark.parametrize("code", [42, 250.0, None, float("nan"), b"4019", np.int64(42)])
def test_no_string(code):
    with pytest.raises(TypeError, match=rf"{type(code).__name__}.*lose the zeros.*as text"):
        normalize_code(code, "icd9cm")


def test_numpy_strings_give_plain_ones():
    assert type(normalize_code(np.array(["4019"])[0], "icd9cm")) is str


def test_unknown_system():
    with pytest.raises(ValueError, match=r"system must be one of.*icd9proc.*got 'icd11'"):
        normalize_code("4019", "icd11")
