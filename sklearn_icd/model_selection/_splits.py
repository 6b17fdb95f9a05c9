"""Splits of notes that keep the shares of codes, and patients whole."""

from fractions import Fraction
from math import ceil
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import _safe_indexing, check_array, check_random_state, indexable
from sklearn.utils._param_validation import Interval, RealNotInt, validate_params
from sklearn.utils.validation import _num_samples

from sklearn_icd.model_selection._stratification import deal
from sklearn_icd.utils._targets import read_targets


class MultilabelStratifiedGroupKFold(BaseCrossValidator):
    """
    Cut notes into folds in which every code has about its share, patients kept whole.

    Goes wherever scikit-learn takes `cv`. The folds have about equal numbers of notes.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether notes (or patients) that the codes do not tell apart are dealt in random order.
    random_state : int, RandomState instance or None, default=None
        Seed of that order, with ``shuffle=True``.

    See Also
    --------
    multilabel_train_test_split : A single split.
    sklearn.model_selection.StratifiedGroupKFold : The same for one class per note.

    Notes
    -----
    Iterative stratification [1]_: the code with the fewest notes left is dealt first, each of its
    notes to the fold that has least of it. Where folds have equally little, the rule for rare
    codes, the other codes of the note decide (in the paper only the number of notes does). A
    patient, with the sum of the codes of all his notes, is dealt as one. Codes of fewer notes (or
    patients) than there are folds are lacking in some folds.

    Metadata routing passes `groups` on without a request.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of multi-label
       data", ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.model_selection import MultilabelStratifiedGroupKFold
    >>> y = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [1, 0], [0, 1], [0, 0]])
    >>> patients = ["a", "a", "b", "b", "c", "d", "d", "e"]
    >>> folds = MultilabelStratifiedGroupKFold(n_splits=2)
    >>> for train, test in folds.split(y, y, groups=patients):
    ...     print(test, y[test].sum(axis=0))
    [0 1 4 7] [2 1]
    [2 3 5 6] [2 3]
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012, as scikit-learn has it

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def split(self, X, y, groups=None):
        """
        Give the notes of each split.

        Parameters
        ----------
        X : array-like or sparse of shape (n_notes, ...)
            The notes; only their number is used.
        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code. A 1-D y holds one class per note.
        groups : array-like of shape (n_notes,), default=None
            The patient of each note. None: each note for itself.

        Yields
        ------
        train, test : ndarray of int
            Positions of the notes to train on and of those of the fold.

        Raises
        ------
        ValueError
            If a parameter is not as described, the lengths differ, or there are fewer notes (or
            patients) than folds.
        """
        self._check_parameters()
        X, y, groups = indexable(X, y, groups)
        random_state = check_random_state(self.random_state) if self.shuffle else None
        folds = deal_notes(y, groups, self.n_splits, random_state)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)

    def get_n_splits(self, X=None, y=None, groups=None):
        """
        Give the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used; every splitter of scikit-learn has them.

        Returns
        -------
        n_splits : int
            The number of folds.
        """
        return self.n_splits

    def _check_parameters(self):
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits must be an integer of at least 2, got {self.n_splits!r}.")
        if not isinstance(self.shuffle, bool):
            raise ValueError(f"shuffle must be True or False, got {self.shuffle!r}.")
        if self.random_state is not None and not self.shuffle:
            raise ValueError(
                "random_state does nothing without shuffle: leave it None, or set shuffle=True."
            )


@validate_params(
    {
        "stratify": ["array-like", "sparse matrix"],
        "groups": ["array-like", None],
        "test_size": [
            Interval(RealNotInt, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def multilabel_train_test_split(*arrays, stratify, groups=None, test_size=0.25, random_state=None):
    """
    Split notes once so that every code has about its share in both parts, patients kept whole.

    Parameters
    ----------
    *arrays : sequence of array-like, sparse array or data frame of length n_notes
        What is to be split: notes, codes, patients ...
    stratify : array-like, sparse array or data frame of shape (n_notes, n_codes)
        The codes to split by, 1 where a note has a code.
    groups : array-like of shape (n_notes,), default=None
        The patient of each note. None: each note for itself.
    test_size : float or int, default=0.25
        About the share, or the number, of test notes. The notes are dealt into up to twenty
        folds (or 1 / share, if that is more), some of which are the test notes.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of notes (or patients) that the codes do not tell apart.

    Returns
    -------
    splitting : list
        The two parts of each array: ``X_train, X_test, y_train, y_test ...``.

    Raises
    ------
    ValueError
        If a parameter is not as described, the lengths differ, or there are fewer than two notes
        (or patients).

    See Also
    --------
    MultilabelStratifiedGroupKFold : Several splits; the method is explained there.
    sklearn.model_selection.train_test_split : The same for one class per note.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_icd.model_selection import multilabel_train_test_split
    >>> X, y = np.arange(12), np.tile([[1, 0, 1], [0, 1, 1], [0, 0, 1]], (4, 1))
    >>> X_train, X_test, y_train, y_test = multilabel_train_test_split(
    ...     X, y, stratify=y, test_size=0.25, random_state=0
    ... )
    >>> y_train.sum(axis=0), y_test.sum(axis=0)
    (array([3, 3, 9]), array([1, 1, 3]))
    """
    if not arrays:
        raise ValueError("At least one array required as input: pass what is to be split.")
    *arrays, stratify, groups = indexable(*arrays, stratify, groups)
    [parts] = Holdout(test_size, random_state).split(stratify, stratify, groups)
    return [_safe_indexing(array, part) for array in arrays for part in parts]


class Holdout(BaseCrossValidator):
    """Split notes once, as `multilabel_train_test_split` does."""

    __metadata_request__split = {"groups": True}  # noqa: RUF012, as scikit-learn has it

    def __init__(self, test_size, random_state):
        self.test_size = test_size
        self.random_state = random_state

    def split(self, X, y, groups=None):
        """Give the positions of the notes to train on and of the test notes, once."""
        n_notes = _num_samples(y)
        n_units = len(_units(groups, n_notes)[1])
        share = self._nearest_share(n_notes, n_units)
        random_state = check_random_state(self.random_state)
        folds = deal_notes(y, groups, share.denominator, random_state)
        yield np.flatnonzero(folds >= share.numerator), np.flatnonzero(folds < share.numerator)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of splits."""
        return 1

    def _nearest_share(self, n_notes, n_units):
        """Give the test share as so many of a small number of folds."""
        if n_units < 2:
            raise ValueError(
                f"A split needs at least 2 notes (or patients), got n_samples={n_notes}, "
                f"{n_units} of them apart."
            )
        share = Fraction(self.test_size)
        if isinstance(self.test_size, Integral):
            share /= n_notes
        if share >= 1:
            raise ValueError(
                f"test_size={self.test_size} leaves none of the {n_notes} notes to train on."
            )
        n_folds = min(n_units, max(20, ceil(1 / min(share, 1 - share))))
        smallest = Fraction(1, n_folds)
        return min(max(share, smallest), 1 - smallest).limit_denominator(n_folds)


def deal_notes(y, groups, n_folds, random_state):
    """Give the fold of each note."""
    labels = sparse.csr_array(read_targets(y).indicator, dtype=np.int64)
    n_notes = labels.shape[0]
    unit, sizes = _units(groups, n_notes)
    if len(sizes) < n_folds:
        what = "samples" if groups is None else "groups"
        raise ValueError(
            f"Cannot have number of splits n_splits={n_folds} greater than the number of {what}: "
            f"n_{what}={len(sizes)}."
        )
    notes = np.arange(n_notes)
    members = sparse.csr_array((np.ones_like(notes), (unit, notes)), (len(sizes), n_notes))
    return deal(members @ labels, sizes, n_folds, random_state)[unit]


def _units(groups, n_notes):
    """Give the number of each note's group, and the sizes of the groups."""
    if groups is None:
        return np.arange(n_notes), np.ones(n_notes, dtype=np.int64)
    groups = check_array(groups, input_name="groups", ensure_2d=False, dtype=None)
    _, unit, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return unit, sizes
