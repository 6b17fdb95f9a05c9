"""The titles and the tree of a coding system, offline."""

import re
from functools import cache, cached_property
from itertools import chain

from sklearn_icd.codes import _sources
from sklearn_icd.codes._normalize import normalize_code

_CHAPTER_OR_BLOCK = re.compile("[0-9]{1,2}|[A-Z][0-9A-Z]{2}-[A-Z][0-9A-Z]{2}")
_SINGLE = ("icd10cm", "icd10pcs", "icd9cm", "icd9proc")
_JOINT = {"icd10": ("icd10cm", "icd10pcs"), "icd9": ("icd9cm", "icd9proc")}


class Catalogue:
    """
    The codes of one system, with their titles and their places in the tree.

    Made by :func:`load_catalogue`. Each method takes a code in any spelling that
    :func:`normalize_code` reads, and gives codes in their normal spelling.

    A code may be assigned to a patient when it stands in `codes`. Beyond these the
    catalogue knows the inner nodes of the tree: subcategories and categories, in
    ICD-10-CM also blocks ("A00-A09") and chapters ("1"). `in`, iteration and `len`
    speak of all of them.

    Parameters
    ----------
    system : {"icd9cm", "icd9proc", "icd10cm", "icd10pcs"}
        The coding system, by the name that :func:`normalize_code` uses.

    Notes
    -----
    Where the tree comes from:

    - ICD-10-CM: the assignable codes of fiscal year 2024 and the tabular list of
      April 2026, which is read only when it is asked for, by the tree, by iteration
      or by a code that the first does not have. In ICD-10-CM an ``X`` at the end
      holds a place and means nothing, so that ``S02.0XX``, without its seventh
      character, is ``S02.0``.
    - ICD-9-CM (version 32, the last) and ICD-10-PCS (2024): the published lists have
      assignable codes alone. A code's parent is the code without its last character,
      up to the category (three characters, four for E codes, two for procedures) and
      the ICD-10-PCS table (three). Such a parent has no title of its own. In ICD-9-CM
      its title here is those of the codes beneath it, joined by semicolons, so that
      codes which were assigned in their day and have since been split, as 780.6 was,
      have one. In ICD-10-PCS it is the words that all titles beneath share,
      if there are any.

    Examples
    --------
    >>> from sklearn_icd.codes import load_catalogue
    >>> catalogue = load_catalogue("icd10cm")
    >>> catalogue.title("i2510")
    'Atherosclerotic heart disease of native coronary artery without angina pectoris'
    >>> catalogue.ancestors("I25.10")
    ['I25.1', 'I25', 'I20-I25', '9']
    >>> catalogue.title("I25")
    'Chronic ischemic heart disease'
    """

    def __init__(self, system):
        self.system = system

    def __repr__(self):
        """Name the system."""
        return f"load_catalogue({self.system!r})"

    def __reduce__(self):
        """Pickle the name alone: the codes are installed where it is read."""
        return load_catalogue, (self.system,)

    @cached_property
    def _listed(self):
        return _sources.read_list(self.system)

    @cached_property
    def _tree(self):
        return _sources.read_tree(self.system, self._listed)

    @cached_property
    def _children(self):
        parents, _ = self._tree
        children = {code: [] for code in parents}
        for code, parent in parents.items():
            if parent is not None:
                children[parent].append(code)
        return children

    def _find(self, code):
        """Give the node that a code means, or None."""
        try:
            spelling = normalize_code(code, self.system)
        except ValueError:
            spelling = code.strip().upper()
            if self.system != "icd10cm" or not _CHAPTER_OR_BLOCK.fullmatch(spelling):
                return None
        if spelling in self._listed:
            return spelling
        parents, _ = self._tree
        if spelling not in parents and self.system == "icd10cm":
            spelling = spelling.rstrip("X").rstrip(".")
        return spelling if spelling in parents else None

    def _node(self, code):
        node = self._find(code)
        if node is None:
            raise _unknown(code, self.system)
        return node

    @property
    def codes(self):
        """
        The codes that may be assigned, in the order of the published list.

        Returns
        -------
        tuple of str
            Codes in their normal spelling.
        """
        return tuple(self._listed)

    def __contains__(self, code):
        """Tell whether the catalogue knows a code."""
        return isinstance(code, str) and self._find(code) is not None

    def __iter__(self):
        """Go through all nodes of the tree, assignable or not."""
        return iter(self._tree[0])

    def __len__(self):
        """Count the nodes of the tree."""
        return len(self._tree[0])

    def title(self, code):
        """
        Give the title of a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        str
            Its title in the published list or, where that has none, one made from
            the titles of the codes beneath it (see Notes of the class).

        Raises
        ------
        KeyError
            If the catalogue does not know the code.
        """
        node = self._node(code)
        if node in self._listed:
            return self._listed[node]
        _, titles = self._tree
        return titles.get(node) or self._title_from_beneath(node)

    def _title_from_beneath(self, node):
        titles = list(map(self.title, self._children[node]))
        shared = set()
        if self.system == "icd10pcs":
            shared = set.intersection(*(set(title.split()) for title in titles))
        common = " ".join(filter(shared.__contains__, titles[0].split())).rstrip(",")
        return common or "; ".join(titles)

    def titles(self, codes):
        """
        Give the titles of several codes.

        Parameters
        ----------
        codes : iterable of str
            Codes in any spelling.

        Returns
        -------
        dict of str to str
            From each code, as it was given, to its title.

        Raises
        ------
        KeyError
            If the catalogue does not know one of the codes.
        """
        return {code: self.title(code) for code in codes}

    def parent(self, code):
        """
        Give the node above a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        str or None
            The parent, None where the tree begins.

        Raises
        ------
        KeyError
            If the catalogue does not know the code.
        """
        return self._tree[0][self._node(code)]

    def ancestors(self, code):
        """
        Give all nodes above a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        list of str
            From the parent up to where the tree begins.

        Raises
        ------
        KeyError
            If the catalogue does not know the code.
        """
        above = []
        while (code := self.parent(code)) is not None:
            above.append(code)
        return above

    def children(self, code):
        """
        Give the nodes right beneath a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        list of str
            The children, empty for a leaf.

        Raises
        ------
        KeyError
            If the catalogue does not know the code.
        """
        return list(self._children[self._node(code)])


class _JointCatalogue(Catalogue):
    """The diagnoses and the procedures of one revision, as records often mix them."""

    @cached_property
    def _parts(self):
        return [load_catalogue(system) for system in _JOINT[self.system]]

    def _owner(self, code):
        """Give the part that a code belongs to, None if there is none or no telling which."""
        owners = [part for part in self._parts if code in part]
        verbatim = [part for part in owners if part._find(code) == code]
        candidates = verbatim if len(verbatim) == 1 else owners
        return candidates[0] if len(candidates) == 1 else None

    def _part(self, code):
        owner = self._owner(code)
        if owner is None and any(code in part for part in self._parts):
            raise KeyError(
                f"In the catalogue {self.system!r} the code {code!r} may be a diagnosis or a "
                "procedure: write it with its dot, or load the catalogue of one of them, "
                f"{' or '.join(_JOINT[self.system])}."
            )
        if owner is None:
            raise _unknown(code, self.system)
        return owner

    def __contains__(self, code):
        return self._owner(code) is not None

    def __iter__(self):
        return chain.from_iterable(self._parts)

    def __len__(self):
        return sum(map(len, self._parts))

    @property
    def codes(self):
        return tuple(chain.from_iterable(part.codes for part in self._parts))

    def title(self, code):
        return self._part(code).title(code)

    def parent(self, code):
        return self._part(code).parent(code)

    def ancestors(self, code):
        return self._part(code).ancestors(code)

    def children(self, code):
        return self._part(code).children(code)


def _unknown(code, system):
    return KeyError(
        f"The catalogue {system!r} has no code {code!r}. Check the code and its system, or give "
        "the title of this code yourself."
    )


@cache
def load_catalogue(system):
    """
    Load the titles and the tree of a coding system, without network.

    What is loaded is kept, and shared by all who load it again; the files are read
    when a code is first asked for.

    Parameters
    ----------
    system : {"icd9cm", "icd9proc", "icd9", "icd10cm", "icd10pcs", "icd10"}
        One of the systems of :func:`normalize_code`, or "icd9" and "icd10" for the
        diagnoses and the procedures of a revision together.

    Returns
    -------
    Catalogue
        The catalogue, to be read only.

    See Also
    --------
    find_catalogue : Find the catalogue that a set of codes is from.

    Examples
    --------
    >>> from sklearn_icd.codes import load_catalogue
    >>> load_catalogue("icd9cm").title("4019")
    'Unspecified essential hypertension'
    >>> load_catalogue("icd9").titles(["401.9", "38.93"])
    {'401.9': 'Unspecified essential hypertension',
     '38.93': 'Venous catheterization, not elsewhere classified'}
    """
    if system in _SINGLE:
        return Catalogue(system)
    if system in _JOINT:
        return _JointCatalogue(system)
    raise ValueError(f"system must be one of {sorted((*_SINGLE, *_JOINT))}, got {system!r}.")


def find_catalogue(codes):
    """
    Find the installed catalogue that knows all of the codes.

    Parameters
    ----------
    codes : iterable of str
        Class names, for example the columns of a label table. Anything is allowed;
        what is not a string is no code.

    Returns
    -------
    Catalogue or None
        The catalogue that knows all codes. None if there is none, or more than one:
        4011 alone may be the diagnosis 401.1 or the procedure 40.11 of ICD-9-CM, and
        a wrong title is worse than none. Diagnoses and procedures of one revision
        together are found as "icd9" or "icd10".

    Examples
    --------
    >>> from sklearn_icd.codes import find_catalogue
    >>> find_catalogue(["I25.10", "E11.9"])
    load_catalogue('icd10cm')
    >>> find_catalogue(["401.9", "38.93"])
    load_catalogue('icd9')
    >>> find_catalogue(["cat", "dog"]) is None
    True
    """
    codes = list(codes)
    if not codes or not all(isinstance(code, str) for code in codes):
        return None
    for systems in (_SINGLE, _JOINT):
        found = [load_catalogue(system) for system in systems if _knows_all(system, codes)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _knows_all(system, codes):
    parts = _JOINT.get(system, (system,))
    # Spelling first: it rules most systems out before their files are read. It also
    # keeps classes named "1", "2" ... from being taken for the chapters of ICD-10-CM.
    if not all(any(_is_spelt(code, part) for part in parts) for code in codes):
        return False
    catalogue = load_catalogue(system)
    return all(code in catalogue for code in codes)


def _is_spelt(code, system):
    try:
        normalize_code(code, system)
    except ValueError:
        return False
    return True
