"""The systems, found by their files: `_ld_plam.py` defines a ``SYSTEM``, and so is "ld-plam"."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

_SYSTEM = re.compile(r"^SYSTEM = System\(", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+(?:Classifier|Baseline))\(", re.MULTILINE)


@cache
def find_systems():
    """Find the systems without loading them, which takes seconds.

    Returns
    -------
    systems : dict of str to tuple of str
        The name of each, its module and its class, in the order of the names.
    """
    found = {}
    for file in sorted(Path(__file__).parent.glob("_*.py")):
        source = file.read_text("utf-8")
        if _SYSTEM.search(source):
            name = file.stem.removeprefix("_").replace("_", "-")
            found[name] = f"sklearn_icd.models.{file.stem}", _CLASS.search(source)[1]
    return found


def load_system(name):
    """Load a system.

    Parameters
    ----------
    name : str
        One of those that `find_systems` finds.

    Returns
    -------
    classifier : type
        Its class.

    system : System
        Its text steps and settings.
    """
    module, classifier = find_systems()[name]
    loaded = import_module(module)
    return getattr(loaded, classifier), loaded.SYSTEM
