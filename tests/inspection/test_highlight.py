"""The page shows the whole note once per code, loads nothing and can be read in light and dark."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_icd.inspection import Explanation, explain, highlight_html
from sklearn_icd.inspection._highlight import _STYLE


class Page(HTMLParser):
    """Collect the tags of a page, its texts, and the marked words of each view."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.notes, self.marks = [], [], [], []
        self.texts, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append(dict(attributes))
        if tag not in ("meta", "input"):
            self.open.append((tag, dict(attributes)))
        if dict(attributes).get("class") == "note":
            self.notes.append("")
            self.marks.append([])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        self.texts.append(text)
        if any(attributes.get("class") == "note" for _, attributes in self.open):
            self.notes[-1] += text
            if self.open[-1][0] == "mark":
                self.marks[-1].append((text, self.open[-1][1]))


def explanation(spans, weights, code="R05", title="Cough", probability=0.5):
    spans = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return Explanation(code, title, probability, spans, np.array(weights, dtype=np.float32))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_note_is_whole_in_each_view(data):
    note = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    place = st.tuples(*[st.integers(0, len(note))] * 2).map(sorted)
    places = data.draw(st.lists(place, max_size=6))
    weights = np.linspace(1, 0.1, len(places))
    page = Page(highlight_html(note, [explanation(places, weights)] * 2))
    assert page.notes == [note or "(empty note)"] * 2
    assert page.open == []


def test_marks_are_the_words_with_their_weights():
    spans, weights = [[12, 17], [0, 2], [3, 8], [9, 11]], [0.5, 0.3, 0.19, 0.01]
    [marks] = Page(highlight_html("No cough or fever", [explanation(spans, weights)])).marks
    assert [(word, mark["style"], mark["title"]) for word, mark in marks] == [
        ("No", "--w:0.60", "30.0% of the attention"),
        ("cough", "--w:0.38", "19.0% of the attention"),
        ("fever", "--w:1.00", "50.0% of the attention"),
    ]


def test_code_title_and_probability_are_shown_and_escaped():
    evil = "<script>alert(1)</script>"
    html = highlight_html(
        f"{evil} & cough",
        [explanation([[28, 33]], [1], code='A"<b>', title=evil, probability=0.123)],
        title=evil,
    )
    page = Page(html)
    assert "script" not in page.tags
    assert "b" not in page.tags
    text = " ".join(page.texts)
    assert "12.3%" in text
    assert text.count('A"<b>') == 2
    assert text.count(evil) == 5  # heading twice, title twice, note


def test_words_that_look_like_markup_are_escaped_in_the_list():
    page = Page(highlight_html("a <i> b", [explanation([[2, 5]], [1])]))
    assert "i" not in page.tags
    assert "<i>" in page.texts


def test_one_view_per_code_and_the_first_is_open():
    page = Page(highlight_html("cough", [explanation([[0, 5]], [1], code=c) for c in "ABC"]))
    buttons = [a for tag, a in zip(page.tags, page.attributes, strict=True) if tag == "input"]
    labels = [a for tag, a in zip(page.tags, page.attributes, strict=True) if tag == "label"]
    assert ["checked" in button for button in buttons] == [True, False, False]
    assert [button["id"] for button in buttons] == [label["for"] for label in labels]
    assert page.tags.count("section") == 3


def test_nothing_is_loaded(pipeline, made):
    html = highlight_html(made.data[0], explain(pipeline, made.data[0], made.target_names))
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "a", "base"} & set(page.tags)
    assert not {"src", "href", "onclick"} & {name for a in page.attributes for name in a}
    assert not re.search(r"url\(|@import|https?:", html)
    assert "default-src 'none'; style-src 'unsafe-inline'" in [
        attributes.get("content") for attributes in page.attributes
    ]


def test_no_codes():
    page = Page(highlight_html("cough & fever", []))
    assert page.notes == ["cough & fever"]
    assert "No code." in page.texts


def test_unknown_title():
    assert "<h2>7</h2>" in highlight_html("cough", [explanation([[0, 5]], [1], code=7, title=None)])


def test_another_note_is_refused():
    with pytest.raises(ValueError, match=r"explanations\[1\] points at character 9, but the note"):
        highlight_html("cough", [explanation([[0, 5]], [1]), explanation([[3, 9]], [1])])


def colours(css):
    hexadecimal = {
        name: [int(value[i : i + 2], 16) for i in (0, 2, 4)]
        for name, value in re.findall(r"--(\w+): #(\w{6})", css)
    }
    return hexadecimal | {"mark": [int(x) for x in re.search(r"--mark: ([\d ]+)", css)[1].split()]}


def contrast(one, other):
    """Compute the contrast ratio of WCAG 2."""

    def luminance(colour):
        c = np.array(colour) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast(scheme):
    colour = colours(_STYLE.split("prefers-color-scheme: dark")[scheme])
    page, mark = np.array(colour["page"]), np.array(colour["mark"])
    assert contrast(colour["quiet"], page) > 4.5
    assert contrast(colour["text"], colour["chosen"]) > 4.5
    for alpha in np.linspace(0, 1, 11):
        assert contrast(colour["text"], alpha * mark + (1 - alpha) * page) > 4.5
    assert contrast(mark, page) > 1.5
