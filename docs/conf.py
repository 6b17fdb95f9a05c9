"""How Sphinx builds these pages."""

import os
from pathlib import Path

# The gallery's networks are small, and fastest on one thread; before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from sklearn_icd import __version__
from sklearn_icd.models._registry import find_systems, load_system

project = "sklearn-icd"
author = "the sklearn-icd developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "systems_*.rst"]
autosummary_generate = ["api.rst", "systems_list.rst"]
default_role = "obj"

html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False

# The template lists a class's own and inherited members; numpydoc would list them again.
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"/_",
    "abort_on_example_error": True,
    "download_all_examples": False,
}


def skip_members_of_other_packages(app, what, name, obj, skip, options):
    """Leave out what a class inherits from scikit-learn, skorch or torch."""
    module = getattr(getattr(obj, "fget", obj), "__module__", None) or ""
    return True if what == "class" and not module.startswith("sklearn_icd") else None


def write_systems():
    """Write what the pages say of each system: a new one is then there by itself."""
    folder = Path(__file__).parent
    classes = sorted(classifier for _, classifier in find_systems().values())
    listed = _LIST + "".join(f"   {name}\n" for name in classes)
    (folder / "systems_list.rst").write_text(listed, encoding="utf-8")
    rows = [(name, *load_system(name)) for name in find_systems()]
    table = "".join(
        f"   * - ``{name}``\n     - :class:`{classifier.__name__}`\n     - {system.reads}\n"
        f"     - {system.attends}\n     - {_text_steps(system)}\n"
        for name, classifier, system in rows
    )
    (folder / "systems_table.rst").write_text(_HEADER + table, encoding="utf-8")


_LIST = """\
.. currentmodule:: sklearn_icd.models

.. autosummary::
   :toctree: api/generated
   :nosignatures:

"""
_HEADER = """\
.. list-table:: The systems
   :header-rows: 1
   :widths: 14 20 20 22 24

   * - name
     - class
     - reads the note with
     - a code looks at
     - text steps of its pipeline
"""


def _text_steps(system):
    return ", ".join(f"`{name}`{_how_much(step)}" for name, step in system.text.items())


def _how_much(step):
    known = step.get_params()
    if "segment_length" in known:
        n_segments = known["max_length"] // known["segment_length"]
        return f" ({n_segments} segments of {known['segment_length']} tokens)"
    if known.get("max_length"):
        return f" (the first {known['max_length']:,} words)"
    return f" ({known['max_words']:,} words by TF-IDF)" if "max_words" in known else ""


write_systems()


def setup(app):
    app.connect("autodoc-skip-member", skip_members_of_other_packages)
