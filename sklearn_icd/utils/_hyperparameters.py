"""Hyper-parameters declared once: signature, ``get_params``, validation and documentation."""

import dataclasses
import re
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import (
    Annotated,
    Literal,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

PositiveInt = Annotated[int, Interval(Integral, 1, None, closed="left")]
PositiveFloat = Annotated[float, Interval(Real, 0, None, closed="neither")]
Share = Annotated[float, Interval(Real, 0, 1, closed="left")]
OpenShare = Annotated[float, Interval(Real, 0, 1, closed="neither")]
Probability = Annotated[float, Interval(Real, 0, 1, closed="both")]
ArrayLike = Annotated[object, "array-like"]
Callable = Annotated[object, callable]
Estimator = Annotated[object, HasMethods(["fit", "transform"])]
Titles = Annotated[object, HasMethods(["__getitem__", "__contains__"])]
RandomState = Annotated[object, "random_state"]
Verbosity = Annotated[int, "verbose"]

_PARAMETERS = re.compile(
    r"(    Parameters\n    -+\n)(.*?)(\n\n(?=    \S+\n    -+\n)|\Z)", re.DOTALL
)


@dataclass_transform(kw_only_default=True, eq_default=False)
def hyperparameters(cls):
    """Turn the annotated fields of an estimator class into its hyper-parameters.

    The fields become keyword-only arguments of ``__init__``, their annotations become
    scikit-learn's ``_parameter_constraints``, and the parameters documented by the parent
    class are appended to those of the class's own docstring.

    Parameters
    ----------
    cls : type
        A subclass of `sklearn.base.BaseEstimator` whose fields are annotated.

    Returns
    -------
    cls : type
        The same class.
    """
    cls = dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
    hints = get_type_hints(cls, include_extras=True)
    cls._parameter_constraints = {
        field.name: _constraints(hints[field.name]) for field in dataclasses.fields(cls)
    }
    for parent in cls.__bases__:
        _append_parameters(cls, parent)
    return cls


def _constraints(hint):
    """Give scikit-learn's constraints for one annotation."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return [constraint for part in get_args(hint) for constraint in _constraints(part)]
    if origin is Annotated:
        return list(hint.__metadata__)
    if origin is Literal:
        return [StrOptions(set(get_args(hint)))]
    if hint is NoneType:
        return [None]
    if hint is bool:
        return ["boolean"]
    return [hint]


def _append_parameters(cls, parent):
    own, inherited = (_PARAMETERS.search(c.__doc__ or "") for c in (cls, parent))
    if own and inherited and dataclasses.is_dataclass(parent):
        overridden = set(re.findall(r"^    (\w+) : ", own[2], re.MULTILINE))
        entries = re.split(r"\n(?=    \w+ : )", inherited[2])
        new = [e.rstrip() for e in entries if e.split(" : ")[0].strip() not in overridden]
        cls.__doc__ = (
            cls.__doc__[: own.end(2)] + "".join(f"\n\n{e}" for e in new) + cls.__doc__[own.end(2) :]
        )
