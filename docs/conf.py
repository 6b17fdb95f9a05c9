"""How Sphinx builds these pages."""

import os

# The gallery's networks are small, and fastest on one thread; before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from sklearn_icd import __version__

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
exclude_patterns = ["_build", "_templates"]
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


def setup(app):
    app.connect("autodoc-skip-member", skip_members_of_other_packages)
