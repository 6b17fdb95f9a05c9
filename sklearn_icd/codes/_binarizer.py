"""Lists of codes per note as an indicator matrix, and back."""

import warnings
from collections import Counter
from itertools import chain, pairwise
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.codes._code_lists import check_code_lists, check_codes, look_up, place_of
from sklearn_icd.codes._normalize import show
from sklearn_icd.codes._system import LEVELS, SYSTEMS, CodeSystem
from sklearn_icd.utils._indicator import indicator
from sklearn_icd.utils._targets import read_targets


class CodeBinarizer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """
    Turn lists of codes into an indicator matrix, and back.

    Like scikit-learn's :class:`~sklearn.preprocessing.MultiLabelBinarizer`, for codes of a
    coding system: any spelling of a code means the same column, codes can be rolled up their
    tree, and rare ones left out.

    A code that a note has twice, also as two codes that are rolled up to one, counts once.

    Parameters
    ----------
    system : {"icd9cm", "icd9proc", "icd9", "icd10cm", "icd10pcs", "icd10"}, default=None
        The coding system (:class:`CodeSystem`). None: codes are any strings, taken as they
        are.
    level : {"full", "category", "block", "chapter"}, default="full"
        What each code is rolled up to (:meth:`CodeSystem.roll_up`); all but "full" need a
        `system`.
    min_count : int, default=1
        In how many notes of `fit` a code must be to get a column, after rolling up.
    top_k : int, default=None
        How many of the most frequent codes get a column; of codes in equally many notes
        the first in the order of strings. None: all.
    handle_unknown : {"warn", "ignore", "error"}, default="warn"
        What to do about codes that were not seen in `fit`, are not in `classes` or, where
        codes are rolled up, are not in the system: leave them out and warn how many they
        are, leave them out, or raise an error. Codes that `min_count` and `top_k` leave
        out are known, and are left out silently.
    classes : array-like of str of shape (n_classes,), default=None
        The columns, in this order, whether or not a note has the code. `min_count` and
        `top_k` must then have their defaults.
    sparse_output : bool, default=True
        Give a csr_array, not an ndarray.

    Attributes
    ----------
    classes_ : ndarray of str of shape (n_classes,)
        The codes of the columns in their normal spelling, sorted if `classes` is None.
    counts_ : ndarray of int of shape (n_classes,)
        How many notes of `fit` have each code.
    infrequent_classes_ : ndarray of str of shape (n_infrequent,)
        The codes seen in `fit` that `min_count` and `top_k` leave out, sorted.

    See Also
    --------
    CodeSystem : The codes of a system, their titles and their tree.
    sklearn.preprocessing.MultiLabelBinarizer : Any sets of labels.

    Examples
    --------
    >>> from sklearn_icd.codes import CodeBinarizer
    >>> codes = [["4019", "428.0"], ["401.1", "0389"], []]
    >>> binarizer = CodeBinarizer("icd9cm").fit(codes)
    >>> binarizer.classes_
    array(['038.9', '401.1', '401.9', '428.0'], dtype='<U5')
    >>> binarizer.transform(codes).toarray()
    array([[0, 0, 1, 1],
           [1, 1, 0, 0],
           [0, 0, 0, 0]])

    Rolled up to blocks, the two kinds of hypertension are one column:

    >>> blocks = CodeBinarizer("icd9cm", level="block")
    >>> y = blocks.fit_transform(codes)
    >>> blocks.inverse_transform(y)
    [('401-405', '420-429'), ('030-041', '401-405'), ()]
    """

    _parameter_constraints: ClassVar = {
        "system": [StrOptions(set(SYSTEMS)), None],
        "level": [StrOptions(set(LEVELS))],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "handle_unknown": [StrOptions({"warn", "ignore", "error"})],
        "classes": ["array-like", None],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        system=None,
        *,
        level="full",
        min_count=1,
        top_k=None,
        handle_unknown="warn",
        classes=None,
        sparse_output=True,
    ):
        self.system = system
        self.level = level
        self.min_count = min_count
        self.top_k = top_k
        self.handle_unknown = handle_unknown
        self.classes = classes
        self.sparse_output = sparse_output

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.two_d_labels = True
        return tags

    def fit(self, y):
        """
        Find the columns.

        Parameters
        ----------
        y : iterable of iterables of str
            The codes of each note.

        Returns
        -------
        self : CodeBinarizer
            The fitted binarizer.

        Raises
        ------
        TypeError
            If a code is no string: numbers have lost the zeros of a code.
        ValueError
            If a code is missing (None, NaN) or cannot be a code of the system, if parameters
            do not go together, or if no code is left to make a column of.
        """
        self.fit_transform(y)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, y):
        """
        Find the columns, and say which codes each note has.

        Parameters
        ----------
        y : iterable of iterables of str
            The codes of each note.

        Returns
        -------
        csr_array or ndarray of shape (n_notes, n_classes)
            1 where a note has a code, else 0, in int64.
        """
        self._check_parameters()
        notes = check_code_lists(y)
        columns = look_up(notes, self._column)
        counts = Counter(chain.from_iterable({columns[code] for code in codes} for codes in notes))
        del counts[None]
        chosen = self._choose(counts)
        self.classes_ = np.array(chosen, dtype=str)
        self.counts_ = np.array([counts[column] for column in chosen])
        left_out = set() if self.classes is not None else counts.keys() - chosen
        self.infrequent_classes_ = np.array(sorted(left_out), dtype=str)
        return self._indicate(notes, columns)

    def transform(self, y):
        """
        Say which codes each note has.

        Parameters
        ----------
        y : iterable of iterables of str
            The codes of each note.

        Returns
        -------
        csr_array or ndarray of shape (n_notes, n_classes)
            1 where a note has a code, else 0, in int64.
        """
        check_is_fitted(self)
        notes = check_code_lists(y)
        return self._indicate(notes, look_up(notes, self._column))

    def inverse_transform(self, y):
        """
        Give the codes of each note.

        Parameters
        ----------
        y : array-like, sparse array or data frame of shape (n_notes, n_classes)
            An indicator, as `transform` and the `predict` of a classifier give it.

        Returns
        -------
        list of tuple of str
            The codes of each note, in the order of `classes_`.
        """
        check_is_fitted(self)
        table = read_targets(
            y, classes=self.classes_, multilabel=True, classes_name="classes_"
        ).indicator
        rows, columns = table.nonzero()
        codes = self.classes_[columns].tolist()
        ends = np.cumsum(np.bincount(rows, minlength=table.shape[0])).tolist()
        return [tuple(codes[start:end]) for start, end in pairwise([0, *ends])]

    def _check_parameters(self):
        if self.system is None and self.level != "full":
            raise ValueError(
                f"level={self.level!r} needs a coding system to roll codes up in, such as "
                "system='icd10cm'."
            )
        if self.classes is not None and (self.min_count > 1 or self.top_k is not None):
            raise ValueError(
                "classes fixes the columns, and min_count and top_k choose among them: give "
                "either the one or the others."
            )

    def _column(self, code):
        """Give the column that a code belongs to, None if the system does not have the code."""
        if not code.strip():
            raise ValueError("an empty code is no code.")
        if self.system is None:
            return str(code)
        system = CodeSystem(self.system)
        spelling = system.normalise(code)
        if self.level == "full":
            return spelling
        return system.roll_up(code, self.level) if code in system else None

    def _choose(self, counts):
        if self.classes is not None:
            return self._given_columns()
        frequent = [column for column, count in counts.items() if count >= self.min_count]
        if not frequent:
            raise ValueError(
                f"no code of y is in min_count={self.min_count} notes or more: there is nothing "
                "to make a column of."
            )
        frequent.sort(key=lambda column: (-counts[column], column))
        return sorted(frequent[: self.top_k])

    def _given_columns(self):
        classes = list(self.classes)
        check_codes(classes, "classes")
        columns = [self._column(code) for code in classes]
        if not columns:
            raise ValueError("classes is empty: give at least one code, or None.")
        if None in columns:
            unknown = show(classes[columns.index(None)])
            raise ValueError(f"{CodeSystem(self.system)!r} has no code {unknown} of classes.")
        repeated = [column for column, count in Counter(columns).items() if count > 1]
        if repeated:
            raise ValueError(f"classes has the code {repeated[0]!r} more than once.")
        return columns

    def _indicate(self, notes, columns):
        known = set(self.classes_.tolist())
        kept = {code: column for code, column in columns.items() if column in known}
        expected = known.union(self.infrequent_classes_.tolist())
        unknown = {
            code: column or code for code, column in columns.items() if column not in expected
        }
        if unknown and self.handle_unknown != "ignore":
            self._report(unknown, notes)
        lists = [[kept[code] for code in codes if code in kept] for codes in notes]
        y = indicator(lists, self.classes_.tolist())
        return y if self.sparse_output else y.toarray()

    def _report(self, unknown, notes):
        why = "not among classes" if self.classes is not None else "not seen in fit"
        if self.level != "full":
            why += f", or not in {CodeSystem(self.system)!r}"
        first = place_of(unknown, notes)
        if self.handle_unknown == "error":
            raise ValueError(f"{first} has no column: it is {why}.")
        n_codes = sum(code in unknown for code in chain.from_iterable(notes))
        warnings.warn(
            f"codes {why} are left out, {n_codes} in all, {len(set(unknown.values()))} different: "
            f"the first is {first}. handle_unknown='ignore' leaves them out silently.",
            stacklevel=4,
        )
