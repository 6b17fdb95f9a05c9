"""docs/api.rst lists the public names of every package and module, no more and no less."""

import pkgutil
import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import sklearn_icd

API = Path(__file__).parents[1] / "docs" / "api.rst"
MODULES = sorted(
    f"sklearn_icd.{module.name}"
    for module in pkgutil.iter_modules(sklearn_icd.__path__)
    if not module.name.startswith("_")
)


def listed_names():
    names, module = defaultdict(list), None
    for line in API.read_text(encoding="utf-8").splitlines():
        if directive := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = directive[1]
        elif entry := re.fullmatch(r"   (\w+)", line):
            names[module].append(entry[1])
    return names


@pytest.mark.parametrize("module", sorted({*MODULES} - {"sklearn_icd.models"}))
def test_api_page_lists_the_public_names(module):
    assert sorted(listed_names()[module]) == sorted(getattr(import_module(module), "__all__", []))


def test_api_page_has_the_list_that_is_made_of_the_models():
    text = API.read_text(encoding="utf-8")
    assert ".. currentmodule:: sklearn_icd.models\n\n.. include:: systems_list.rst\n" in text


def test_api_page_lists_no_other_module():
    assert set(listed_names()) <= set(MODULES)
