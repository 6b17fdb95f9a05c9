"""The nodes of one system, from its codes up to its chapters."""

from functools import cache, cached_property

from sklearn_icd.codes import _sources
from sklearn_icd.codes._normalize import normalize_code

_CATEGORY_LENGTH = {"icd9cm": 3, "icd9proc": 2, "icd10cm": 3, "icd10pcs": 3}


@cache
def load_tree(system):
    """Give the tree of a system; its files are read when a code is first asked for."""
    return Tree(system)


class Tree:
    """Nodes of one system by their normal spelling: see CodeSystem for what they mean."""

    def __init__(self, system):
        self.system = system
        self._made_titles = {}

    @cached_property
    def listed(self):
        """Titles of the codes that may be assigned."""
        return _sources.read_list(self.system)

    @cached_property
    def _parents_and_titles(self):
        return _sources.read_tree(self.system, self.listed)

    @property
    def parents(self):
        """The parent of each node, None for a chapter."""
        return self._parents_and_titles[0]

    @cached_property
    def children(self):
        """The nodes right beneath each node."""
        children = {node: [] for node in self.parents}
        for node, parent in self.parents.items():
            if parent is not None:
                children[parent].append(node)
        return children

    def normalise(self, code):
        """Write a code or the name of a block or a chapter the one way."""
        try:
            return normalize_code(code, self.system)
        except ValueError:
            spelling = code.strip().upper()
            if spelling in self.parents:
                return spelling
            raise

    def find(self, code):
        """Give the node that a code means, or None."""
        try:
            spelling = self.normalise(code)
        except ValueError:
            return None
        if spelling in self.listed:
            return spelling
        if spelling not in self.parents and self.system == "icd10cm":
            spelling = spelling.rstrip("X").rstrip(".")
        return spelling if spelling in self.parents else None

    def above(self, node):
        """Give all nodes above a node, the nearest first."""
        nodes = []
        while (node := self.parents[node]) is not None:
            nodes.append(node)
        return nodes

    def roll_up(self, node, level):
        """Give the node of a level that a node stands under or is, None if it is higher."""
        path = [node, *self.above(node)]
        if level == "full":
            return node
        if level == "category":
            codes = [step for step in path if not self._is_heading(step)]
            return codes[-1] if codes else None
        if level == "chapter" or path[-1] not in self._divided:
            return path[-1]
        return path[-2] if len(path) > 1 else None

    def _is_heading(self, node):
        return "-" in node or len(node) < _CATEGORY_LENGTH[self.system]

    @cached_property
    def _divided(self):
        """The chapters that have blocks; one that has none is its own block."""
        return {parent for node, parent in self.parents.items() if self._is_heading(node)}

    def title(self, node):
        """Give the title of a node; one made from the titles beneath it where it has none."""
        if node in self.listed:
            return self.listed[node]
        titles = self._parents_and_titles[1]
        if node in titles:
            return titles[node]
        if node not in self._made_titles:
            self._made_titles[node] = self._title_from_beneath(node)
        return self._made_titles[node]

    def _title_from_beneath(self, node):
        titles = list(map(self.title, self.children[node]))
        shared = set()
        if self.system == "icd10pcs":
            shared = set.intersection(*(set(title.split()) for title in titles))
        common = " ".join(filter(shared.__contains__, titles[0].split())).rstrip(",")
        return common or "; ".join(titles)
