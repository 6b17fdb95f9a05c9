"""The codes, the titles and the tree of a coding system, offline."""

import re
from itertools import chain

from sklearn_icd.codes._normalize import normalize_code, show
from sklearn_icd.codes._tree import load_tree

_SINGLE = ("icd10cm", "icd10pcs", "icd9cm", "icd9proc")
_JOINT = {"icd10": ("icd10cm", "icd10pcs"), "icd9": ("icd9cm", "icd9proc")}
_PARTS = {system: (system,) for system in _SINGLE} | _JOINT
_RANGE = re.compile(r"[0-9A-Z]{2,4}-[0-9A-Z]{2,4}")
SYSTEMS = tuple(sorted(_PARTS))
LEVELS = ("full", "category", "block", "chapter")


class CodeSystem:
    """
    The codes of a coding system, with their titles and their places in the tree.

    Each method takes a code in any spelling that :func:`normalize_code` reads, and gives
    codes in their normal spelling.

    A code may be assigned to a patient when it stands in `codes`. Beyond these the
    system has the inner nodes of the tree: subcategories, categories ("I25"), blocks
    ("I20-I25") and chapters ("I00-I99"). `in`, iteration and `len` speak of all of them.

    Nothing is read before a code is asked for, and what is read is shared by all
    instances of one system. Instances of one system are equal.

    Parameters
    ----------
    system : {"icd9cm", "icd9proc", "icd9", "icd10cm", "icd10pcs", "icd10"}
        One of the systems of :func:`normalize_code`, or "icd9" and "icd10" for the
        diagnoses and the procedures of a revision together, as records often mix them.

    Attributes
    ----------
    system : str
        The same name.

    See Also
    --------
    find_code_system : Find the system that a set of codes is from.

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

    Blocks and chapters are named by the categories they reach over, which tells those of
    diagnoses from those of procedures:

    - ICD-9-CM diagnoses: the sections and chapters of the tabular list of 2012; where
      sections lie within sections, as 800-804 in 800-829, the inner ones.
    - ICD-9-CM procedures: the chapters of volume 3, which has no level between them and the
      categories of two digits. There a chapter is its own block, as it is wherever it has no
      sections (280-289).
    - ICD-10-CM: blocks and chapters of the tabular list.
    - ICD-10-PCS: the section, the first character, is the chapter; section and body system
      together, two characters, are the block; the table, three characters, is the category.

    A block of one category (ICD-9-CM 042, ICD-10-CM B99), and a chapter of one (procedures
    00 and 17), is that category.

    Examples
    --------
    >>> from sklearn_icd.codes import CodeSystem
    >>> icd10cm = CodeSystem("icd10cm")
    >>> icd10cm.title("i2510")
    'Atherosclerotic heart disease of native coronary artery without angina pectoris'
    >>> icd10cm.parents("I25.10")
    ['I25.1', 'I25', 'I20-I25', 'I00-I99']
    >>> icd10cm.title("I25")
    'Chronic ischemic heart disease'
    >>> icd10cm.roll_up("I25.10", "block")
    'I20-I25'
    >>> CodeSystem("icd9").titles(["401.9", "38.93"])
    {'401.9': 'Unspecified essential hypertension',
     '38.93': 'Venous catheterization, not elsewhere classified'}
    """

    def __init__(self, system):
        if system not in _PARTS:
            raise ValueError(f"system must be one of {SYSTEMS}, got {system!r}.")
        self.system = system

    def __repr__(self):
        """Name the system."""
        return f"CodeSystem({self.system!r})"

    def __eq__(self, other):
        """Tell whether both are the same system."""
        return isinstance(other, CodeSystem) and self.system == other.system

    def __hash__(self):
        """Hash by the system."""
        return hash((CodeSystem, self.system))

    @property
    def _trees(self):
        return [load_tree(part) for part in _PARTS[self.system]]

    def _owners(self, code):
        """Give the trees that know a code, with its node in each."""
        nodes = [(tree, tree.find(code)) for tree in self._trees]
        return _likely([(tree, node) for tree, node in nodes if node is not None], code)

    def _locate(self, code):
        owners = self._owners(code)
        if len(owners) > 1:
            raise KeyError(self._either(code))
        if not owners:
            raise KeyError(
                f"{self!r} has no code {show(code)}. Check the code and its system, or give the "
                "title of this code yourself."
            )
        return owners[0]

    def _either(self, code):
        return (
            f"In {self!r} the code {code!r} may be a diagnosis or a procedure: write it with its "
            f"dot, or use the system of one of them, {' or '.join(_PARTS[self.system])}."
        )

    def normalise(self, code):
        """
        Write a code the one way its system prints it.

        Only the spelling is looked at, as in :func:`normalize_code`: retired codes, and
        beginnings of codes, have one too. Whether the system has the code, `in` tells.

        Parameters
        ----------
        code : str
            One code, with or without its dot, or the name of a block or a chapter.

        Returns
        -------
        str
            The code in upper case and with its dot, if its system has one.

        Raises
        ------
        TypeError
            If `code` is not a string.
        ValueError
            If it cannot be a code of the system or, in "icd9" and "icd10", if it may be a
            diagnosis or a procedure: "4011" is 401.1 or 40.11.
        """
        readings, errors = [], []
        for tree in self._trees:
            try:
                readings.append((tree, tree.normalise(code)))
            except ValueError as error:
                errors.append(str(error))
        if not readings:
            raise ValueError(" ".join(errors))
        if len(readings) > 1:
            known = [tree for tree, _ in self._owners(code)]
            readings = [reading for reading in readings if reading[0] in known] or readings
            readings = _likely(readings, code)
        if len(readings) > 1:
            raise ValueError(self._either(code))
        return readings[0][1]

    def is_valid(self, code):
        """
        Tell whether a code may be assigned to a patient.

        Parameters
        ----------
        code : object
            One code in any spelling. What is not a string is no code.

        Returns
        -------
        bool
            Whether it stands in `codes`. False for categories and other codes that have
            codes beneath them, and for codes that were retired before the lists that are
            read here.
        """
        if not isinstance(code, str):
            return False
        owners = self._owners(code)
        return len(owners) == 1 and owners[0][1] in owners[0][0].listed

    @property
    def codes(self):
        """
        The codes that may be assigned, in the order of the published list.

        Returns
        -------
        tuple of str
            Codes in their normal spelling.
        """
        return tuple(chain.from_iterable(tree.listed for tree in self._trees))

    def __contains__(self, code):
        """Tell whether the system has a code, assignable or not."""
        return isinstance(code, str) and len(self._owners(code)) == 1

    def __iter__(self):
        """Go through all nodes of the tree, assignable or not."""
        return iter(dict.fromkeys(chain.from_iterable(tree.parents for tree in self._trees)))

    def __len__(self):
        """Count the nodes of the tree."""
        return sum(1 for _ in self)

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
            If the system does not have the code.
        """
        tree, node = self._locate(code)
        return tree.title(node)

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
            If the system does not have one of the codes.
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
            The parent, None for a chapter.

        Raises
        ------
        KeyError
            If the system does not have the code.
        """
        tree, node = self._locate(code)
        return tree.parents[node]

    def parents(self, code):
        """
        Give all nodes above a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        list of str
            From the parent up to the chapter; empty for a chapter.

        Raises
        ------
        KeyError
            If the system does not have the code.
        """
        tree, node = self._locate(code)
        return tree.above(node)

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
            If the system does not have the code.
        """
        tree, node = self._locate(code)
        return list(tree.children[node])

    def chapter(self, code):
        """
        Give the chapter of a code.

        Parameters
        ----------
        code : str
            One code.

        Returns
        -------
        str
            The name of the chapter: its range of categories, in ICD-10-PCS the first
            character.

        Raises
        ------
        KeyError
            If the system does not have the code.
        """
        return self.roll_up(code, "chapter")

    def roll_up(self, code, level):
        """
        Replace a code by the node of a level that it stands under.

        Parameters
        ----------
        code : str
            One code.
        level : {"full", "category", "block", "chapter"}
            How coarse; "full" gives the code itself in its normal spelling. What the levels
            are in each system stands in Notes of the class.

        Returns
        -------
        str
            The node, the code itself if it is of that level.

        Raises
        ------
        KeyError
            If the system does not have the code.
        ValueError
            If the code stands above the level, as a chapter stands above categories; or, in
            "icd10", if the category of a procedure is named as a diagnosis is: B20 is a table
            of ICD-10-PCS and a category of ICD-10-CM.

        Examples
        --------
        >>> from sklearn_icd.codes import CodeSystem
        >>> icd9 = CodeSystem("icd9")
        >>> [icd9.roll_up("428.0", level) for level in ("category", "block", "chapter")]
        ['428', '420-429', '390-459']
        """
        if level not in LEVELS:
            raise ValueError(f"level must be one of {LEVELS}, got {level!r}.")
        tree, node = self._locate(code)
        above = tree.roll_up(node, level)
        if above is None:
            raise ValueError(f"{code!r} cannot be rolled up to a {level}: it stands above these.")
        if self._locate(above) != (tree, above):
            raise ValueError(
                f"The {level} of {code!r}, {above!r}, is in {self!r} also a diagnosis. Roll "
                f"diagnoses and procedures up apart, with {' and '.join(_PARTS[self.system])}."
            )
        return above


def _likely(readings, code):
    """Choose among pairs of a tree and what a code is there, as far as that can be told."""
    if len(readings) > 1:
        # ICD-10-PCS codes are never assigned in part: B20 is the diagnosis, not the table.
        readings = [
            (tree, node) for tree, node in readings if tree.system != "icd10pcs" or len(node) == 7
        ]
    verbatim = [(tree, node) for tree, node in readings if node == code]
    return verbatim if len(verbatim) == 1 else readings


def find_code_system(codes):
    """
    Find the coding system that has all of the codes.

    Parameters
    ----------
    codes : iterable of str
        Class names, for example the columns of a label table. Anything is allowed;
        what is not a string is no code.

    Returns
    -------
    CodeSystem or None
        The system that has all codes. None if there is none, or more than one:
        4011 alone may be the diagnosis 401.1 or the procedure 40.11 of ICD-9-CM, and
        a wrong title is worse than none. Diagnoses and procedures of one revision
        together are found as "icd9" or "icd10".

    Examples
    --------
    >>> from sklearn_icd.codes import find_code_system
    >>> find_code_system(["I25.10", "E11.9"])
    CodeSystem('icd10cm')
    >>> find_code_system(["401.9", "38.93"])
    CodeSystem('icd9')
    >>> find_code_system(["cat", "dog"]) is None
    True
    """
    codes = list(codes)
    if not codes or not all(isinstance(code, str) for code in codes):
        return None
    for systems in (_SINGLE, _JOINT):
        found = [CodeSystem(system) for system in systems if _has_all(system, codes)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _has_all(system, codes):
    # Spelling first: it rules most systems out before their files are read. It also
    # keeps classes named "1", "2" ... from being taken for the sections of ICD-10-PCS.
    if not all(any(_is_spelt(code, part) for part in _PARTS[system]) for code in codes):
        return False
    code_system = CodeSystem(system)
    return all(code in code_system for code in codes)


def _is_spelt(code, system):
    if _RANGE.fullmatch(code.strip().upper()):
        return True
    try:
        normalize_code(code, system)
    except ValueError:
        return False
    return True
