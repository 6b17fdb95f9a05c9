"""The codes that made notes are about."""

from collections import Counter

import pytest

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets._choose_codes import _stem, choose_codes
from sklearn_icd.datasets._phrases import EVERYDAY, ways_to_write


@pytest.fixture(scope="module")
def code_system():
    return CodeSystem("icd10cm")


@pytest.fixture(scope="module")
def codes(code_system):
    return choose_codes(code_system, 9000)


def test_everyday_codes_exist(code_system):
    assert set(EVERYDAY) <= set(code_system.codes)


@pytest.mark.parametrize("n_codes", [1, 50, 97, 2000])
def test_fewer_codes_are_the_first_of_more(code_system, codes, n_codes):
    assert choose_codes(code_system, n_codes) == codes[:n_codes]


def test_codes_are_distinct_and_assignable(code_system, codes):
    assert len(set(codes)) == 9000
    assert set(codes) <= set(code_system.codes)


def test_codes_spread_over_the_chapters(codes):
    letters = Counter(code[0] for code in codes[: len(EVERYDAY) + 200])
    assert len(letters) == 20
    assert max(Counter(c[0] for c in codes[len(EVERYDAY) :][:200]).values()) == 10
    assert len({code[0] for code in codes[:50]}) >= 12


def test_no_near_duplicates_while_others_are_left(code_system, codes):
    stems = [_stem(code_system.title(code)) for code in codes[len(EVERYDAY) :]]
    assert len(set(stems)) == len(stems)


def test_all_codes_can_be_had_and_no_more(code_system):
    n_all = len(code_system.codes)
    assert sorted(choose_codes(code_system, n_all)) == sorted(code_system.codes)
    with pytest.raises(ValueError, match=f"n_codes must be at most {n_all}.*got {n_all + 1}"):
        choose_codes(code_system, n_all + 1)


def test_a_way_to_write_means_one_code(code_system, codes):
    ways = ways_to_write(code_system.titles(codes))
    written = [way.lower() for some in ways.values() for way in some]
    assert len(set(written)) == len(written)
    assert all(1 <= len(some) <= 8 for some in ways.values())
    for code in codes:
        assert code_system.title(code).lower() in [way.lower() for way in ways[code]]


def test_titles_are_shortened_reordered_abbreviated_and_replaced_by_synonyms():
    ways = ways_to_write(
        {
            "K75.0": "Abscess of liver",
            "N30.00": "Renal calculus, acute",
            "I27.0": "Primary pulmonary hypertension, unspecified",
            "I10": "Essential (primary) hypertension",
        }
    )
    assert "liver abscess" in ways["K75.0"]
    assert "kidney stone, sudden" in ways["N30.00"]
    assert "primary lung HTN" in ways["I27.0"]
    assert "primary pulmonary hypertension" in ways["I27.0"]
    assert ways["I10"][:2] == ["hypertension", "HTN"]
