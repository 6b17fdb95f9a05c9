"""Targets: which codes each note has, dense or sparse, and what the columns are called."""

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets


@dataclass(frozen=True)
class Targets:
    """Hold a binary indicator with the names of its columns.

    Parameters
    ----------
    indicator : ndarray or csr_array of shape (n_notes, n_columns)
        1 where a note has a code. One column for two classes.

    classes : ndarray of shape (n_classes,)
        Names of the codes, or the classes of a 1-D y.

    multilabel : bool
        Whether y was two-dimensional.
    """

    indicator: object
    classes: np.ndarray
    multilabel: bool

    def __len__(self):
        return self.indicator.shape[0]

    def take(self, rows):
        """Give the targets of the notes at these positions."""
        return Targets(self.indicator[rows], self.classes, self.multilabel)

    def dense(self, rows):
        """Give the indicator of some notes as float32 of shape (n, n_columns)."""
        batch = self.indicator[rows]
        return (batch.toarray() if sparse.issparse(batch) else batch).astype(np.float32)

    def original(self):
        """Give y as a metric wants it: an indicator, dense if of one code, or 1-D classes."""
        if self.multilabel:
            one_column = sparse.issparse(self.indicator) and self.indicator.shape[1] == 1
            return self.indicator.toarray() if one_column else self.indicator
        if self.indicator.shape[1] == 1:
            return self.classes[self.indicator[:, 0].astype(int)]
        return self.classes[self.indicator.argmax(axis=1)]


def read_targets(y, *, classes=None, multilabel=None, name="y", classes_name="classes"):
    """Validate y of any accepted form.

    Parameters
    ----------
    y : array-like, sparse array or data frame of shape (n_notes,) or (n_notes, n_codes)
        A 0/1 indicator, whose columns a data frame names, or a 1-D array of classes.

    classes : array-like of shape (n_classes,), default=None
        The names of the columns, or the classes of a 1-D y. None: taken from y.

    multilabel : bool, default=None
        What an earlier y was. None: this is the first.

    name, classes_name : str
        The parameters to name in errors.

    Returns
    -------
    targets : Targets
        The indicator and its names.

    Raises
    ------
    ValueError
        If y is missing, not 0/1 where 2-D, or does not go with `classes`.
    """
    if y is None:
        raise ValueError(
            f"requires {name} to be passed, but the target {name} is None: pass the codes of "
            "the notes as an indicator of shape (n_notes, n_codes)."
        )
    if not (sparse.issparse(y) or hasattr(y, "columns")):
        y = _as_array(y, name)
    one_dimensional = _is_one_dimensional(y, multilabel)
    if one_dimensional == multilabel:
        raise ValueError(
            f"{name} has {1 if one_dimensional else 2} dimensions, but the y that this estimator "
            f"was fitted on had {2 if multilabel else 1}: pass {name} in the same form."
        )
    if one_dimensional:
        return _read_classes(y, classes, name)
    names = np.asarray(y.columns) if hasattr(y, "columns") else None
    indicator = _indicator(y, name)
    return Targets(indicator, _names(names, classes, indicator.shape[1], name, classes_name), True)


def _as_array(y, name):
    try:
        return np.asarray(y)
    except ValueError:
        raise ValueError(
            f"{name} has rows of different lengths, an indicator of shape (n_notes, n_codes) is "
            "wanted: sklearn_icd.codes.CodeBinarizer makes one from lists of codes."
        ) from None


def _is_one_dimensional(y, multilabel):
    if sparse.issparse(y) or hasattr(y, "columns"):
        return False
    if y.ndim == 2 and y.shape[1] == 1 and not multilabel:
        return multilabel is False or not np.isin(y, [0, 1]).all()
    return y.ndim == 1


def _read_classes(y, classes, name):
    if np.ndim(y) == 2:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. "
            "An indicator of a single code holds 0 and 1 only.",
            DataConversionWarning,
            stacklevel=5,
        )
        y = np.ravel(y)
    y = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name=name))
    check_classification_targets(y)
    classes = np.unique(y if classes is None else classes)
    unknown = ~np.isin(y, classes)
    if unknown.any():
        raise ValueError(
            f"{name} holds a class at position {np.flatnonzero(unknown)[0]} that is not among "
            f"the {len(classes)} classes of the first call: name all of them in `classes`."
        )
    codes = np.searchsorted(classes, y)
    columns = np.eye(len(classes), dtype=np.uint8)
    return Targets(codes[:, None] if len(classes) <= 2 else columns[codes], classes, False)


def _indicator(y, name):
    """Give a 2-D y as an ndarray or csr_array that holds 0 and 1 only."""
    if hasattr(y, "columns"):
        y = _frame_values(y)
    y = check_array(y, accept_sparse="csr", dtype=None, input_name=name)
    if sparse.issparse(y):
        y = sparse.csr_array(y, copy=not y.has_canonical_format)
        y.sum_duplicates()
    values = y.data if sparse.issparse(y) else y
    wrong = ~np.isin(values, [0, 1])
    if wrong.any():
        where = np.argwhere(wrong)[0]
        if sparse.issparse(y):
            where = np.searchsorted(y.indptr, where[0], "right") - 1, y.indices[where[0]]
        value = y[tuple(where)]
        shown = "text" if isinstance(value, str | bytes) else repr(value)
        raise ValueError(
            f"{name} must hold 0 and 1 only: row {where[0]}, column {where[1]} holds "
            f"{shown}. Pass an indicator of shape (n_notes, n_codes), 1 where a note "
            "has a code; sklearn_icd.codes.CodeBinarizer makes one from lists of codes."
        )
    return y


def _frame_values(frame):
    if hasattr(frame, "sparse") and all(hasattr(kind, "subtype") for kind in frame.dtypes):
        return sparse.csr_array(frame.sparse.to_coo())
    return frame.to_numpy()


def _names(frame_names, classes, n_columns, name, classes_name):
    """Give the names of the columns of a 2-D y."""
    names = frame_names if classes is None else np.asarray(classes)
    if names is None:
        return np.arange(n_columns)
    if names.ndim != 1 or len(names) != n_columns:
        raise ValueError(
            f"{classes_name} has shape {names.shape}, but {name} has {n_columns} columns: "
            "name each column once, in the order of the columns."
        )
    repeated = [code for code, count in Counter(names.tolist()).items() if count > 1]
    if repeated:
        raise ValueError(
            f"the code {repeated[0]!r} names more than one column of {name}: "
            "merge the columns of a code into one, or rename them."
        )
    if frame_names is not None and not np.array_equal(names, frame_names):
        raise ValueError(
            f"the columns of {name} are not those of {classes_name}, in this order: "
            f"reorder the data frame with {name}[classes]."
        )
    return names
