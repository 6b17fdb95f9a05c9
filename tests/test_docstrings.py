"""Every public name says what it is, in numpydoc's form."""

import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.validate import validate
from skorch import NeuralNet

PACKAGES = [
    "sklearn_icd",
    "sklearn_icd.base",
    "sklearn_icd.codes",
    "sklearn_icd.datasets",
    "sklearn_icd.inspection",
    "sklearn_icd.losses",
    "sklearn_icd.metrics",
    "sklearn_icd.model_selection",
    "sklearn_icd.models",
    "sklearn_icd.net",
    "sklearn_icd.nn",
    "sklearn_icd.pipelines",
    "sklearn_icd.text",
    "sklearn_icd.utils",
]
_SETTINGS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
LEFT_OUT = set(_SETTINGS["tool"]["numpydoc_validation"]["checks"]) - {"all"}


def _documented():
    """Give the import paths of public objects and of the methods that our classes define."""
    for package in PACKAGES:
        module = import_module(package)
        for name in getattr(module, "__all__", []):
            path = f"{package}.{name}"
            yield path
            member = getattr(module, name)
            if inspect.isclass(member):
                yield from (f"{path}.{method}" for method in _own_methods(member))


def _own_methods(cls):
    for name, member in inspect.getmembers(cls):
        function = getattr(member, "fget", member)
        ours = (getattr(function, "__module__", None) or "").startswith("sklearn_icd")
        overrides_skorch = issubclass(cls, NeuralNet) and hasattr(NeuralNet, name)
        inherits = ours and function.__doc__ is None and inspect.getdoc(member)
        if not name.startswith("_") and ours and not overrides_skorch and not inherits:
            yield name


@pytest.mark.parametrize("path", sorted(set(_documented())))
def test_docstring_is_complete(path):
    errors = [f"{code} {text}" for code, text in validate(path)["errors"] if code not in LEFT_OUT]
    assert not errors
