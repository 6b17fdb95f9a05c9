"""Moving sections of notes to their start."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.text import SectionReorderer

# The layout of MIMIC's discharge summaries.
SUMMARY = """\
Admission Date:  [**2151-7-16**]              Discharge Date:  [**2151-8-4**]

Service: MEDICINE

History of Present Illness:
Fever. See discharge diagnosis: cited in running text.

Discharge Medications:
1. Aspirin 81 mg

Discharge Disposition:
Home With Service

Facility:
[**Hospital1 **]

Discharge Diagnosis:
Primary: CHF

SECONDARY DIAGNOSES:
- DM: type 2

Discharge Condition:
Mental Status: Clear and coherent.
At 10:30 stable.

Discharge Instructions:
Weigh yourself.
"""
DIAGNOSIS = SUMMARY[SUMMARY.index("Discharge Diag") : SUMMARY.index("Discharge Cond")]
DISPOSITION = SUMMARY[SUMMARY.index("Discharge Disp") : SUMMARY.index("Facility")]
CONDITION = SUMMARY[SUMMARY.index("Discharge Cond") : SUMMARY.index("Discharge Inst")]

LINES = st.sampled_from(
    [
        "Discharge Diagnosis:",
        " DISCHARGE  CONDITIONS : stable",
        "== discharge disposition ==",
        "discharge diagnoses",
        "-----",
        "====\r",
        "___",
        "Secondary:",
        "Facility:",
        "Some Words: text",
        "a line: of text",
        "text",
        "İß",
        "",
        "",
        " \t",
    ]
)
NOTES = st.lists(LINES | st.text(max_size=6), max_size=16).map("\n".join)


def test_sections_move_whole_and_in_order():
    rest = SUMMARY
    for section in (DIAGNOSIS, DISPOSITION, CONDITION):
        rest = rest.replace(section, "")
    [moved] = SectionReorderer().transform([SUMMARY])
    assert moved == DIAGNOSIS + DISPOSITION + CONDITION + rest


def test_order_is_that_of_first():
    [moved] = SectionReorderer(["Discharge  Condition:", "facility"]).transform([SUMMARY])
    assert moved.startswith(CONDITION + "Facility:\n[**Hospital1 **]\n\nAdmission")


@pytest.mark.parametrize(
    "heading",
    [
        "Discharge Diagnosis:",
        "DISCHARGE DIAGNOSES:",
        "  discharge\t diagnosis :  ",
        "Discharge Diagnosis: CHF",
        "Discharge diagnosis(es):CHF",
        "== Discharge Diagnosis ==",
        "-- Discharge Diagnosis: --",
        "**Discharge Diagnosis:**",
        "# Discharge Diagnosis:",
        "__Discharge Diagnoses__:",
        "Discharge Diagnosis\n---------",
        "Discharge Diagnosis:\n=========",
        "Discharge\u00a0Diagnosis:",
        "Discharge Diagnosis:\r",
    ],
)
def test_heading_as_notes_write_it(heading):
    [moved] = SectionReorderer().transform([f"some text\n{heading}\nCHF\n\nFacility:\nx"])
    assert moved == f"{heading}\nCHF\n\nsome text\nFacility:\nx"


def test_heading_alone_on_its_line_must_stand_apart():
    reorderer = SectionReorderer()
    assert reorderer.transform(["a\n\ndischarge condition\ngood"]) == [
        "discharge condition\ngood\na\n"
    ]
    wrapped = "was asked for his\ndischarge condition\nand more"
    assert reorderer.transform([wrapped]) == [wrapped]


@pytest.mark.parametrize(
    "line",
    [
        "Facility:",
        "Followup Instructions: none",
        "CONDITION ON ADMISSION:  good",
        "Major Surgical or Invasive Procedure: none",
        "any few words:",
        "Tests (pending):",
        "== Hospital Course ==",
        "Hospital Course\n----",
        "====\nPlan: rest",
    ],
)
def test_another_heading_ends_a_section(line):
    section = "Discharge Condition:\ngood\n"
    if line[0] != "=" or "Plan" in line:
        section += "\n"
    rule, line = line.split("\n") if "Plan" in line else ("", line)
    section += rule + "\n" * bool(rule)
    [moved] = SectionReorderer().transform([f"a\n{section}{line}\nb"])
    assert moved == f"{section}a\n{line}\nb"


@pytest.mark.parametrize(
    "line",
    [
        "Mental Status: clear",  # right under the section
        "\nSecondary:",
        "\nPRIMARY DIAGNOSES: CHF",
        "\nprincipal discharge diagnosis:",
        "\nthe patient was told: rest",
        "\nAt 10:30 the patient left",
        "\n1. Aspirin:",
        "\n- Aspirin:",
        "\n[**Hospital1 **]:",
        "\nthe patient was told to come back in:",
        "\nnot underlined\n___",  # how MIMIC-IV hides names
        "\n___ was seen by ___",
        "\n-----",
    ],
)
def test_what_does_not_end_a_section(line):
    [moved] = SectionReorderer().transform([f"a\nDischarge Diagnosis:\nCHF\n{line}\nb"])
    assert moved == f"Discharge Diagnosis:\nCHF\n{line}\nb\na"


def test_all_occurrences_move_in_their_order():
    note = "a\nDischarge Condition: 1\nDischarge Diagnosis: 2\nDischarge Conditions: 3"
    assert SectionReorderer().transform([note]) == [
        "Discharge Diagnosis: 2\nDischarge Condition: 1\nDischarge Conditions: 3\na"
    ]


def test_section_at_the_end_without_line_break():
    [moved] = SectionReorderer().transform(["first line\nDischarge Condition: good"])
    assert moved == "Discharge Condition: good\nfirst line"


@pytest.mark.parametrize("note", ["", "\n", "no section\n\nFacility:\nhome\n", "Discharge Date: 3"])
@pytest.mark.parametrize("first", [SectionReorderer().first, []])
def test_note_without_the_sections_is_the_same(note, first):
    assert SectionReorderer(first).transform([note]) == [note]


def test_nothing_named_nothing_moved():
    assert SectionReorderer([]).transform([SUMMARY]) == [SUMMARY]


@settings(max_examples=300, deadline=None)
@given(NOTES)
def test_nothing_is_lost_and_spans_say_where_it_was(note):
    reorderer = SectionReorderer()
    [moved], [spans] = reorderer.transform([note]), reorderer.spans([note])
    assert Counter(moved) == Counter(note)
    assert "".join([note[start:end] for start, end in spans]) == moved
    assert sorted(spans[:, 0]) == list(range(len(note)))
    np.testing.assert_array_equal(spans[:, 1], spans[:, 0] + 1)
    assert Counter(moved.split("\n")) == Counter(note.split("\n"))


@settings(max_examples=200, deadline=None)
@given(NOTES)
def test_lines_with_a_name_and_a_colon_come_first(note):
    names = re.compile(r"\s*discharge\s+(?:(diagnos[ie]s)|(dispositions?)|(conditions?))\s*:", re.I)
    [moved] = SectionReorderer().transform([note])
    found = [names.match(line) for line in moved.split("\n")]
    ranks = [heading.lastindex for heading in found if heading]
    assert ranks == sorted(ranks)


def test_a_long_note_costs_no_time():
    note = "= " * 50_000 + "\n" + "Discharge " * 50_000 + "\nDischarge Condition:\n" + "-" * 100_000
    assert len(SectionReorderer().transform([note])[0]) == len(note)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("discharge diagnosis", "'first' parameter of SectionReorderer"),
        (["discharge diagnosis", ""], r"first\[1\] must be the heading"),
        ([" == :"], r"first\[0\] must be the heading"),
        ([7], r"first\[0\].*got 7"),
    ],
)
def test_bad_first(first, message):
    with pytest.raises(ValueError, match=message):
        SectionReorderer(first).fit(["a note"])
