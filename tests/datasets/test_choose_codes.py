"""The codes that made notes are about."""

from collections import Counter

import pytest

from sklearn_icd.codes import load_catalogue
from sklearn_icd.datasets._choose_codes import _stem, choose_codes
from sklearn_icd.datasets._phrases import EVERYDAY, ways_to_write


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue("icd10cm")


@pytest.fixture(scope="module")
def codes(catalogue):
    return choose_codes(catalogue, 9000)


def test_everyday_codes_exist(catalogue):
    assert set(EVERYDAY) <= set(catalogue.codes)


@pytest.mark.parametrize("n_codes", [1, 50, 97, 2000])
def test_fewer_codes_are_the_first_of_more(catalogue, codes, n_codes):
    assert choose_codes(catalogue, n_codes) == codes[:n_codes]


def test_codes_are_distinct_and_assignable(catalogue, codes):
    assert len(set(codes)) == 9000
    assert set(codes) <= set(catalogue.codes)


def test_codes_spread_over_the_chapters(codes):
    letters = Counter(code[0] for code in codes[: len(EVERYDAY) + 200])
    assert len(letters) == 20
    assert max(Counter(c[0] for c in codes[len(EVERYDAY) :][:200]).values()) == 10
    assert len({code[0] for code in codes[:50]}) >= 12


def test_no_near_duplicates_while_others_are_left(catalogue, codes):
    stems = [_stem(catalogue.title(code)) for code in codes[len(EVERYDAY) :]]
    assert len(set(stems)) == len(stems)


def test_all_codes_can_be_had_and_no_more(catalogue):
    n_all = len(catalogue.codes)
    assert sorted(choose_codes(catalogue, n_all)) == sorted(catalogue.codes)
    with pytest.raises(ValueError, match=f"n_codes must be at most {n_all}.*got {n_all + 1}"):
        choose_codes(catalogue, n_all + 1)


def test_a_way_to_write_means_one_code(catalogue, codes):
    ways = ways_to_write(catalogue.titles(codes))
    written = [way.lower() for some in ways.values() for way in some]
    assert len(set(written)) == len(written)
    assert all(1 <= len(some) <= 8 for some in ways.values())
    for code in codes:
        assert catalogue.title(code).lower() in [way.lower() for way in ways[code]]


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
