"""Targets of every form, with the names of their columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sklearn_icd.utils._targets import read_targets

Y = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


def frames():
    yield pd.DataFrame(Y, columns=list("abc"))
    yield pd.DataFrame(Y.astype(bool), columns=list("abc"))
    yield pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(Y), columns=list("abc"))
    yield pl.DataFrame(Y, schema=list("abc"))


@pytest.mark.parametrize("frame", list(frames()), ids=["dense", "bool", "sparse", "polars"])
def test_columns_of_a_frame_are_the_classes(frame):
    targets = read_targets(frame)
    assert targets.classes.tolist() == list("abc")
    assert targets.multilabel
    assert np.array_equal(targets.dense([0, 1, 2]), Y)


@pytest.mark.parametrize(
    "form",
    [
        list,
        lambda y: y.astype(bool),
        lambda y: y.astype(np.float32),
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
    ],
)
def test_indicators(form):
    targets = read_targets(form(Y))
    assert targets.classes.tolist() == [0, 1, 2]
    assert np.array_equal(targets.dense([2, 0]), Y[[2, 0]])
    assert targets.dense([0]).dtype == np.float32
    assert len(targets.take([1, 2])) == 2
    assert sparse.issparse(targets.original()) == sparse.issparse(form(Y))


def test_a_sparse_indicator_is_not_changed():
    doubled = sparse.csr_array((np.array([0, 1, 1]), np.array([0, 1, 2]), np.array([0, 3])), (1, 3))
    before = doubled.copy()
    read_targets(doubled)
    assert doubled.nnz == before.nnz == 3
    unsorted = sparse.csr_array((np.array([1, 1]), np.array([2, 0]), np.array([0, 2])), (1, 3))
    read_targets(unsorted)
    assert unsorted.indices.tolist() == [2, 0]


def test_classes_of_one_dimension():
    targets = read_targets(["b", "a", "c", "a"])
    assert targets.classes.tolist() == ["a", "b", "c"]
    assert targets.original().tolist() == ["b", "a", "c", "a"]
    two = read_targets(np.array([3, 7, 7]))
    assert two.indicator.shape == (3, 1)
    assert two.original().tolist() == [3, 7, 7]


def test_one_code_is_a_column_and_other_columns_are_classes():
    assert read_targets(np.array([[0], [1]])).multilabel
    with pytest.warns(Warning, match="column-vector"):
        assert not read_targets(np.array([[3], [7]])).multilabel
    assert isinstance(read_targets(sparse.csr_array([[0], [1]])).original(), np.ndarray)


def test_names_of_a_later_y_must_be_the_same():
    frame = pd.DataFrame(Y, columns=list("abc"))
    assert read_targets(frame, classes=np.array(list("abc")), multilabel=True).multilabel
    with pytest.raises(ValueError, match=r"y_val are not those of classes_.*y_val\[classes\]"):
        read_targets(
            frame, classes=list("cba"), multilabel=True, name="y_val", classes_name="classes_"
        )


@pytest.mark.parametrize(("y", "multilabel"), [(Y[:, 0], True), (Y, False)])
def test_another_number_of_dimensions(y, multilabel):
    with pytest.raises(ValueError, match="dimensions, but the y that this estimator"):
        read_targets(y, classes=[0, 1, 2], multilabel=multilabel)
