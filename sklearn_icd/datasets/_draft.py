"""One made discharge summary: affirm codes, deny others, pad with neutral sentences, lay it out."""

from functools import cache
from typing import NamedTuple

from sklearn_icd.datasets import _sentences

# Where something is said, and how often there rather than elsewhere.
_AFFIRMED_IN = {"hpi": 3, "pmh": 3, "results": 1, "course": 3}
_STATUS_IN = {"pmh": 1}  # chapter Z: nobody is treated for a history
_DENIED_IN = {"family": 4, "hpi": 3, "course": 3, "results": 2, "pmh": 1, "instructions": 1}
_MOST_IN_OPENING = 3
_WORDS_OF_A_NAME = 2
_HALF_A_SENTENCE = 5  # in words
_AGAIN = 0.5  # the chance that a code is mentioned once more, and then again
_LISTED = 0.8  # the chance that it stands among the discharge diagnoses besides

_RULES = ("", "", "", "", "\n" + "-" * 40, "\n" + "=" * 30)
_OF_WOMEN = ("O", "C51", "C52", "C53", "C54", "C55", "C56", "C57", "C58", "N7", "N8", "N9")
_OF_MEN = ("C60", "C61", "C62", "C63", "N40", "N41", "N42", "N43", "N44", "N45", "N46", "N47")


class _Mention(NamedTuple):
    """A place that says that the patient has a code."""

    code: str
    phrase: str


class Draft:
    """
    A note while it is written: for each section its sentences, lists of strings and mentions.

    Parameters
    ----------
    random : random.Random
        The source of each choice.

    phrase : callable
        From a code to one of the ways to write it.

    codes : sequence of str
        The codes that the patient has; each is mentioned at least once.
    """

    def __init__(self, random, phrase, codes):
        self._random = random
        self._phrase = phrase
        self._patient = self._someone_with(codes)
        self._sections = {key: [] for key, *_ in _sentences.SECTIONS}
        self._decks = {}
        self._head = self._say(_sentences.HEAD)
        self._n_words = _count_words([self._head])
        self._affirm(codes)

    def deny(self, code):
        """Speak of a code as of something that the patient does not have."""
        place = self._draw(_DENIED_IN)
        before, after = self._random.choice(_sentences.DENIED[place]).split("<no>")
        self._add(place, [self._say(before), self._phrase(code), self._say(after)])

    def pad(self, n_words):
        """Add neutral sentences until the note has about so many words."""
        while self._n_words < n_words - _HALF_A_SENTENCE:
            place = self._draw(_sentences.SHARES)
            self._add(place, [self._say(self._deal(place))])

    def lay_out(self):
        """Return the note, and per mention `(code, [(start, end)])` in the order of the note."""
        name = self._random.choice((_upper, _titled, _short))
        rule = self._random.choice(_RULES)
        pieces = [self._head]
        for section in _sentences.SECTIONS:
            key = section[0]
            if self._sections[key]:
                pieces.append(f"\n\n{name(section)}:{rule}\n")
                pieces += self._body(key, self._sections[key])
        spans, position = [], 0
        for piece in pieces:
            text = piece.phrase if isinstance(piece, _Mention) else piece
            if isinstance(piece, _Mention):
                spans.append((piece.code, [(position, position + len(text))]))
            position += len(text)
        return "".join(p.phrase if isinstance(p, _Mention) else p for p in pieces), spans

    def _body(self, key, sentences):
        """Put the sentences of a section, the first of a history excepted, in any order."""
        first, rest = (sentences[:1], sentences[1:]) if key == "hpi" else ([], sentences)
        self._random.shuffle(rest)
        mark = _sentences.LISTS.get(key)
        between = " " if mark is None else "\n"
        for number, sentence in enumerate(first + rest, start=1):
            if number > 1:
                yield between
            if mark:
                yield mark.format(number)
            yield from _capitalized(sentence)

    def _affirm(self, codes):
        """Mention each code in a section of its own choice, some of them more than once."""
        opening = []
        for code in codes:
            place = self._place_of(code)
            if place == "hpi" and len(opening) < _MOST_IN_OPENING:
                opening.append(self._mention(code))
            else:
                self._mention_in(place, code)
            while self._random.random() < _AGAIN:
                self._mention_in(self._place_of(code), code)
            if self._random.random() < _LISTED:
                self._mention_in("diagnosis", code)
        before, after = self._random.choice(_sentences.OPENINGS).split("<list>")
        listed = [" with ", *_joined(opening)] if opening else []
        self._add("hpi", [self._say(before), *listed, self._say(after)], first=True)
        complaint = next((code for code in codes if not code.startswith("Z")), None)
        if complaint:
            self._add("complaint", [self._mention(complaint)])

    def _mention_in(self, place, code):
        before, after = self._random.choice(_sentences.AFFIRMED[place]).split("<yes>")
        self._add(place, [self._say(before), self._mention(code), self._say(after)])

    def _mention(self, code):
        return _Mention(code, self._phrase(code))

    def _place_of(self, code):
        return self._draw(_STATUS_IN if code.startswith("Z") else _AFFIRMED_IN)

    def _draw(self, places):
        return self._random.choices(list(places), places.values())[0]

    def _deal(self, place):
        """Return a template of the section; none comes again before all have come."""
        deck = self._decks.setdefault(place, [])
        if not deck:
            deck += self._random.sample(_sentences.NEUTRAL[place], len(_sentences.NEUTRAL[place]))
        return deck.pop()

    def _add(self, place, sentence, first=False):
        sentences = self._sections[place]
        if not sentences:
            self._n_words += _WORDS_OF_A_NAME
        sentences.insert(0 if first else len(sentences), sentence)
        self._n_words += _count_words(sentence) + bool(_sentences.LISTS.get(place))  # its number

    def _someone_with(self, codes):
        """Return the patient's slots; sex and age fit the codes that are of one sex alone."""
        draw = self._random.randint
        woman, years = draw(0, 1), draw(30, 92)
        if any(code.startswith(_OF_MEN) for code in codes):
            woman = False
        if any(code.startswith(_OF_WOMEN) for code in codes):
            woman = True
        if any(code.startswith("O") for code in codes):
            years = 18 + years % 28
        year, month = draw(2160, 2199), draw(1, 12)
        return {
            **(_sentences.FEMALE if woman else _sentences.MALE),
            "years": str(years),
            "a": "an" if years == 18 or years // 10 == 8 else "a",
            "born": f"[**{year - years - 1}-{draw(1, 12)}-{draw(1, 28)}**]",
            "admitted": f"[**{year}-{month}-{draw(1, 9)}**]",
            "discharged": f"[**{year}-{month}-{draw(15, 28)}**]",
            "date": f"[**{year}-{month}-<day>**]",
            "later": f"[**{year + month // 12}-{month % 12 + 1}-<day>**]",
        }

    def _say(self, template):
        """Fill the slots of a template; what fills them may have slots, too."""
        said = list(_parsed(template))
        for i in range(1, len(said), 2):
            slot = said[i]
            word = self._patient.get(slot) or self._random.choice(_sentences.POOLS[slot])
            said[i] = self._say(word)
        return "".join(said)


@cache
def _parsed(template):
    """Split a template into text, at even places, and the names of its slots, at odd ones."""
    return tuple(_sentences.SLOT.split(template))


def _count_words(sentence):
    return sum(
        len((part.phrase if isinstance(part, _Mention) else part).split()) for part in sentence
    )


def _capitalized(sentence):
    """Begin a sentence with a capital letter, be it a string's or a mention's."""
    first, *rest = [part for part in sentence if part]
    if isinstance(first, _Mention):
        return [first._replace(phrase=_upper_first(first.phrase)), *rest]
    return [_upper_first(first), *rest]


def _upper_first(text):
    return text[:1].upper() + text[1:]


def _joined(mentions):
    """Write "a, b and c"."""
    parts = [mentions[0]]
    for i, mention in enumerate(mentions[1:], start=2):
        parts += [" and " if i == len(mentions) else ", ", mention]
    return parts


def _upper(section):
    return section[1]


def _titled(section):
    return section[1].title()


def _short(section):
    return section[2]
