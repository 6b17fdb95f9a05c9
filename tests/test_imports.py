"""Which parts may import which, what importing costs, and what is public."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sklearn_icd

ROOT = Path(sklearn_icd.__file__).parent
HEAVY = {"torch", "skorch", "gensim", "transformers", "pandas", "polars", "matplotlib"}
# Each part may import those named here, and itself.
ALLOWED = {
    "utils": set(),
    "codes": {"utils"},
    "text": {"utils"},
    "metrics": {"utils"},
    "nn": {"utils"},
    "model_selection": {"utils", "codes", "metrics"},
    "datasets": {"utils", "codes"},
    "losses": {"utils", "codes", "text", "metrics", "nn"},
    "net": {"utils", "codes", "text", "metrics", "nn", "losses"},
    "_data_parallel": {"net", "_torch_settings"},
    "_callbacks": {"utils", "codes", "text", "metrics", "nn", "losses", "net"},
    "_torch_settings": set(),
}
ALLOWED["_code_classifier"] = {"utils", "metrics"}
ALLOWED["base"] = {*ALLOWED["_callbacks"], "_callbacks", "_data_parallel", "_torch_settings"}
ALLOWED["base"] |= {"_code_classifier"}
ALLOWED["_predict_topk"] = {"utils"}
ALLOWED["_predict_frame"] = {"utils", "_code_classifier", "_predict_topk"}
ALLOWED["models"] = {*ALLOWED["base"], "base"}
ALLOWED["inspection"] = {*ALLOWED["models"], "models", "model_selection"}
ALLOWED["pipelines"] = {*ALLOWED["inspection"], "_predict_frame", "_predict_topk"}
# The command line stands above all; discovery and lazy names load by name what is asked for.
ABOVE_ALL = {"__init__", "__main__", "_compare", "_quickstart"}
PUBLIC_FILES = {
    "base.py",
    "losses.py",
    "net.py",
    "pipelines.py",
    "utils/estimator_checks.py",
}
SOURCES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
PACKAGES = ["sklearn_icd"] + [
    "sklearn_icd." + ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if (path.name == "__init__.py" and len(path.parts) == 2) or path.as_posix() in PUBLIC_FILES
]


def imports(path):
    """Give the modules that a file imports, and whether it does so when it is loaded itself."""
    tree = ast.parse((ROOT / path).read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        at_load = id(node) not in inside
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_load) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module, at_load
            if node.module == "sklearn_icd":
                yield from ((f"sklearn_icd.{alias.name}", at_load) for alias in node.names)


def part_of(path):
    return path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_go_one_way(path):
    part = part_of(path)
    if part in ABOVE_ALL:
        return
    ours = {name.split(".")[1] for name, _ in imports(path) if name.startswith("sklearn_icd.")}
    assert ours - {part} <= ALLOWED[part], f"{part} must not import {ours - ALLOWED[part]}"
    assert "sklearn_icd" not in {name for name, _ in imports(path)}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_heavy_imports_stay_where_they_belong(path):
    at_load = {name.split(".")[0] for name, at_load in imports(path) if at_load}
    anywhere = {name.split(".")[0] for name, _ in imports(path)}
    assert not at_load & {"pandas", "polars", "matplotlib", "transformers", "gensim"}
    assert not at_load & {"accelerate", "dask", "distributed", "optuna"}
    if part_of(path) in ("text", "metrics", "datasets"):
        assert not anywhere & {"torch", "skorch"}
    if part_of(path) in ("utils", "codes", "inspection") or path.name == "__init__.py":
        assert not at_load & {"torch", "skorch"}
    if part_of(path) == "nn":
        assert "skorch" not in anywhere


def modules_after(code):
    run = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(run.stdout.split())


def test_importing_the_package_costs_what_scikit_learn_costs():
    more = modules_after("import sklearn_icd") - modules_after("import sklearn")
    assert {name.split(".")[0] for name in more} <= {"sklearn_icd"}
    light = "models", "models._registry", "utils", "utils._lazy"
    assert more <= {"sklearn_icd", *(f"sklearn_icd.{name}" for name in light)}


def test_importing_a_package_loads_nothing_heavy():
    light = ["text", "codes", "datasets", "metrics", "model_selection", "models", "utils"]
    code = "import sklearn.metrics, sklearn.feature_extraction.text\n"
    expected = modules_after(code)
    loaded = modules_after(code + "".join(f"import sklearn_icd.{part}\n" for part in light))
    assert not (loaded - expected) & HEAVY


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_there(package):
    module = import_module(package)
    assert list(module.__all__) == sorted(set(module.__all__))
    assert all(hasattr(module, name) for name in module.__all__)
    if package in ("sklearn_icd", "sklearn_icd.models", "sklearn_icd.utils"):
        assert dir(module) == list(module.__all__)
        with pytest.raises(AttributeError, match="no_such_name"):
            module.no_such_name  # noqa: B018
    assert module.__doc__.strip(" .\n")


def test_files_are_private():
    public = {path.as_posix() for path in SOURCES if not path.name.startswith("_")}
    assert public == PUBLIC_FILES


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_every_file_says_what_it_is(path):
    doc = ast.get_docstring(ast.parse((ROOT / path).read_text()))
    assert doc
    assert len(doc) > 10
    assert doc.splitlines()[0].endswith(".")


def test_packages_load_on_first_use():
    script = (
        "import sys, sklearn_icd\n"
        "assert 'sklearn_icd.text' not in sys.modules\n"
        "print(sklearn_icd.text.WordTokenizer.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "WordTokenizer\n", done.stderr
