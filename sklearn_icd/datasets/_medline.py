"""Abstracts and their MeSH headings from the XML of MEDLINE."""

import re
from typing import NamedTuple
from xml.etree import ElementTree


class Article(NamedTuple):
    """Hold what is known of one article, and the names of its headings."""

    record: dict
    names: dict


def read_articles(file):
    """Yield the articles that have an abstract and MeSH headings, in the order of the file.

    Parameters
    ----------
    file : binary file
        XML of the form that the National Library of Medicine gives its yearly files.
    """
    for _, element in ElementTree.iterparse(file):
        if element.tag == "PubmedArticle":
            article = _article(element.find("MedlineCitation"))
            element.clear()
            if article.record["abstract"].strip() and article.names:
                yield article


def _article(citation):
    headings = citation.findall("MeshHeadingList/MeshHeading")
    names = {_ui(heading): heading.findtext("DescriptorName") for heading in headings}
    # A heading is major if it, or one of its qualifiers, is what the article is about.
    major = {
        _ui(heading)
        for heading in headings
        if any(part.get("MajorTopicYN") == "Y" for part in heading)
    }
    record = {
        "pmid": citation.findtext("PMID"),
        "pub_year": _year(citation.find("Article/Journal/JournalIssue/PubDate")),
        "date_completed_year": citation.findtext("DateCompleted/Year"),
        "journal": citation.findtext("Article/Journal/Title"),
        "title": _text(citation.findall("Article/ArticleTitle")),
        "abstract": _text(citation.findall("Article/Abstract/AbstractText")),
        "mesh_ui": sorted(names),
        "mesh_major_ui": sorted(major),
    }
    return Article(record, names)


def _ui(heading):
    return heading.find("DescriptorName").get("UI")


def _year(date):
    """Return the year of a date, which may be written as in "1977-1978 Winter"."""
    year = re.search("[0-9]{4}", " ".join(date.itertext()))
    return year[0] if year else None


def _text(elements):
    return " ".join("".join(element.itertext()) for element in elements)
