"""Hyper-parameters declared once: signature, parameters, validation and documentation."""

import inspect
from inspect import cleandoc
from typing import Literal

import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_icd.models import LDPLAMClassifier
from sklearn_icd.utils._hyperparameters import (
    OpenShare,
    PositiveFloat,
    PositiveInt,
    Probability,
    Share,
    hyperparameters,
)


@hyperparameters
class Parent(BaseEstimator):
    """Do something.

    Parameters
    ----------
    size : int, default=3
        How large.

    share : float, default=0.5
        How much.
    """

    size: PositiveInt = 3
    share: Share | None = 0.5

    def fit(self):
        self._validate_params()


@hyperparameters
class Child(Parent):
    """Do it otherwise.

    Parameters
    ----------
    kind : {"one", "two"}, default="one"
        Which way.

    size : int, default=7
        How large here.

    Notes
    -----
    Nothing.
    """

    kind: Literal["one", "two"] = "one"
    size: PositiveInt = 7
    flag: bool = False
    rate: PositiveFloat = 1.0
    cut: Probability = 0.5
    part: OpenShare = 0.5


def test_fields_are_keyword_only_parameters():
    names = {"size", "share", "kind", "flag", "rate", "cut", "part"}
    assert set(Child().get_params()) == names == set(inspect.signature(Child).parameters)
    assert clone(Child(size=4)).size == 4
    assert repr(Child(size=4)) == "Child(size=4)"
    assert Child() != Child()
    with pytest.raises(TypeError):
        Child(4)


@pytest.mark.parametrize(
    "parameters",
    [
        {"size": 0},
        {"size": 1.5},
        {"share": 1.0},
        {"share": "a"},
        {"kind": "three"},
        {"flag": "yes"},
        {"rate": 0},
        {"cut": 1.1},
        {"part": 0.0},
    ],
    ids=str,
)
def test_bad_values_are_refused_by_name(parameters):
    (name,) = parameters
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of Child"):
        Child(**parameters).fit()


@pytest.mark.parametrize("parameters", [{"share": None}, {"cut": 0}, {"cut": 1}, {"share": 0.0}])
def test_limits_are_accepted(parameters):
    Child(**parameters).fit()


def test_documentation_of_the_parent_is_appended():
    doc = inspect.getdoc(Child)
    assert doc.count("size : int") == 1
    assert "How large here." in doc
    assert doc.index("kind :") < doc.index("share : float, default=0.5\n    How much.")
    assert doc.index("How much.") < doc.index("Notes\n-----")


def test_every_parameter_of_a_model_is_documented_once():
    doc = LDPLAMClassifier.__doc__
    for name in LDPLAMClassifier().get_params(deep=False):
        assert doc.count(f"\n    {name} : ") == 1, name


@hyperparameters
class Learner(BaseEstimator):
    """Be a parent.

    Parameters
    ----------
    a : int, default=1
        A number.

    Attributes
    ----------
    a_ : int
        What the parent learned.

    b_ : int
        What the parent says of b.
    """

    a: int = 1


@hyperparameters
class PlainLearner(Learner):
    """Be a child.

    Parameters
    ----------
    c : int, default=2
        A number.

    Notes
    -----
    Something.
    """

    c: int = 2


@hyperparameters
class OwnLearner(Learner):
    """Be another child.

    Parameters
    ----------
    c : int, default=2
        A number.

    Attributes
    ----------
    b_ : int
        What the child says of b.
    """

    c: int = 2


def test_attributes_of_parents_are_documented_once():
    plain, own = (
        NumpyDocString(cleandoc(PlainLearner.__doc__)),
        NumpyDocString(cleandoc(OwnLearner.__doc__)),
    )
    assert [entry.name for entry in plain["Attributes"]] == ["a_", "b_"]
    assert plain["Notes"] == ["Something."]
    assert [entry.name for entry in own["Attributes"]] == ["b_", "a_"]
    assert own["Attributes"][0].desc == ["What the child says of b."]
