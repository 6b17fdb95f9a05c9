"""Iterative stratification: deal units (notes, or patients with all their notes) into folds."""

import numpy as np


def deal(labels, sizes, n_folds, random_state=None):
    """Deal units into folds of equal share, the rarest code first.

    This is the algorithm of Sechidis et al. (2011): of the code with the fewest units left, each
    unit goes to the fold that has had least of the code. Among folds that have had equally
    little, the rule for rare codes, the paper takes the one with the fewest notes; here it is the
    one that has had least of all that the unit brings: its codes, each in shares of its total,
    and its notes, which weigh as much as the codes of an average note.

    Parameters
    ----------
    labels : csr_array of int of shape (n_units, n_codes)
        How many notes with the code each unit has, without stored zeros.

    sizes : ndarray of int of shape (n_units,)
        How many notes each unit has.

    n_folds : int
        Number of folds.

    random_state : RandomState, default=None
        Order of the units among equals, and of the folds. None: both as they stand.

    Returns
    -------
    folds : ndarray of int of shape (n_units,)
        The fold of each unit.

    References
    ----------
    K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of multi-label data",
    ECML PKDD 2011.
    """
    n_units = len(sizes)
    order = np.arange(n_units) if random_state is None else random_state.permutation(n_units)
    table = _Table(labels, sizes, n_folds)
    for code in table.rarest_first():
        units, counts = table.units_left(code)
        for unit in units[np.lexsort((order[units], -sizes[units], -counts))].tolist():
            table.give(unit, table.least_of(code))
    rest = np.flatnonzero(table.folds < 0)
    for unit in rest[np.lexsort((order[rest], -sizes[rest]))].tolist():
        table.give(unit, np.arange(n_folds))
    names = np.arange(n_folds) if random_state is None else random_state.permutation(n_folds)
    return names[table.folds]


class _Table:
    """Who has got what so far."""

    def __init__(self, labels, sizes, n_folds):
        self.labels, self.by_code, self.sizes = labels, labels.tocsc(), sizes
        self.folds = np.full(len(sizes), -1)
        self.n_left = np.diff(self.by_code.indptr)  # units still to be dealt, of each code
        self.dealt = np.zeros((labels.shape[1], n_folds), dtype=np.int64)
        self.n_notes = np.zeros(n_folds, dtype=np.int64)
        totals = labels.sum(axis=0)
        self.weights = 1 / np.maximum(totals, 1)
        self.note_weight = max(totals.sum(), 1) / sizes.sum() ** 2

    def rarest_first(self):
        """Give each code once, always the one with the fewest units left."""
        finished = len(self.folds) + 1
        for _ in self.n_left:
            code = self.n_left.argmin()
            yield code
            self.n_left[code] = finished

    def units_left(self, code):
        """Give the units of a code that are not dealt yet, and how often each has it."""
        of_code = slice(*self.by_code.indptr[code : code + 2])
        units, counts = self.by_code.indices[of_code], self.by_code.data[of_code]
        is_left = self.folds[units] < 0
        return units[is_left], counts[is_left]

    def least_of(self, code):
        """Give the folds that have had least of a code."""
        dealt = self.dealt[code]
        return np.flatnonzero(dealt == dealt.min())

    def give(self, unit, candidates):
        """Give a unit to the candidate fold that has had least of all it brings."""
        own = slice(*self.labels.indptr[unit : unit + 2])
        codes, counts = self.labels.indices[own], self.labels.data[own]
        had = (counts * self.weights[codes]) @ self.dealt[codes] + self.note_weight * self.n_notes
        fold = candidates[had[candidates].argmin()]
        self.folds[unit] = fold
        self.dealt[codes, fold] += counts
        self.n_notes[fold] += self.sizes[unit]
        self.n_left[codes] -= 1
