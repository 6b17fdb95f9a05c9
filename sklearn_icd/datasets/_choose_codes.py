"""The codes that made notes are about: everyday ones first, then spread over the chapters."""

import re
from collections import defaultdict
from functools import cache
from itertools import chain, zip_longest

from sklearn_icd.datasets._phrases import EVERYDAY

# Perinatal codes and external causes read oddly in an adult's note: they come last.
_LATE_CHAPTERS = frozenset("PUVWXY")
_NEAR_DUPLICATE = re.compile(
    r"\b(right|left|bilateral|unspecified|other|specified|initial encounter|subsequent encounter"
    r"|sequela|not elsewhere classified|site not specified|first|second|third|fourth|fifth|sixth"
    r"|trimester|upper|lower|for (closed|open) fracture.*)\b|[,()\[\]]|\d+"
)


def choose_codes(code_system, n_codes):
    """Choose assignable codes, the same for each call; the first n are those of any smaller call.

    Parameters
    ----------
    code_system : CodeSystem
        The assignable codes and their titles.

    n_codes : int
        How many.

    Returns
    -------
    codes : list of str
        The codes, the most common in everyday work first.
    """
    n_all = len(code_system.codes)
    if n_codes > n_all:
        raise ValueError(
            f"n_codes must be at most {n_all}, the number of ICD-10-CM codes, got {n_codes}."
        )
    everyday = [code for code in EVERYDAY if code in code_system]
    if n_codes > len(everyday):
        return [*everyday, *_others(code_system)][:n_codes]
    return everyday[:n_codes]


@cache
def _others(code_system):
    """Return all codes but the everyday ones, the best first."""
    titles = code_system.titles(code_system.codes)
    taken = {_stem(titles[code]) for code in EVERYDAY if code in titles}
    one_of_a_kind, near_duplicates = [], []
    for code in sorted(
        titles.keys() - EVERYDAY.keys(), key=lambda code: (*_oddity(titles[code]), code)
    ):
        stem = _stem(titles[code])
        (near_duplicates if stem in taken else one_of_a_kind).append(code)
        taken.add(stem)
    late = [code for code in one_of_a_kind if code[0] in _LATE_CHAPTERS]
    usual = [code for code in one_of_a_kind if code[0] not in _LATE_CHAPTERS]
    return [*_spread(usual), *_spread(late), *near_duplicates]


def _oddity(title):
    """Return a key that puts first what is coded often: the unspecified, the short."""
    late = re.search("subsequent|sequela", title) is not None
    return late, title.startswith("Other"), "unspecified" not in title, len(title)


def _stem(title):
    """Return what near-duplicates share: the title without side, encounter and the like."""
    return " ".join(_NEAR_DUPLICATE.sub(" ", title.lower()).split())


def _spread(codes):
    """Order codes so that letters take turns, and within a letter its categories ("A00")."""
    categories = defaultdict(lambda: defaultdict(list))
    for code in codes:
        categories[code[0]][code[:3]].append(code)
    letters = (_turns(group.values()) for _, group in sorted(categories.items()))
    return list(_turns(letters))


def _turns(lists):
    """Return the first of each list, then the second of each, and so on."""
    rounds = chain.from_iterable(zip_longest(*lists))
    return [code for code in rounds if code is not None]
