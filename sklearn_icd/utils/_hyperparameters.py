"""Hyper-parameters declared once: signature, ``get_params``, validation and documentation."""

import dataclasses
import inspect
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
Count = Annotated[int, Interval(Integral, 0, None, closed="left")]
PositiveFloat = Annotated[float, Interval(Real, 0, None, closed="neither")]
NonNegativeFloat = Annotated[float, Interval(Real, 0, None, closed="left")]
Share = Annotated[float, Interval(Real, 0, 1, closed="left")]
OpenShare = Annotated[float, Interval(Real, 0, 1, closed="neither")]
Probability = Annotated[float, Interval(Real, 0, 1, closed="both")]
ArrayLike = Annotated[object, "array-like"]
Callable = Annotated[object, callable]
Estimator = Annotated[object, HasMethods(["fit", "transform"])]
Titles = Annotated[object, HasMethods(["__getitem__", "__contains__"])]
RandomState = Annotated[object, "random_state"]
Verbosity = Annotated[int, "verbose"]


class Search(tuple):
    """Values that a search should try, in the annotation of a parameter, beside its default."""

    __slots__ = ()

    def __new__(cls, *values):
        return super().__new__(cls, values)


_SECTION = r"(    {}\n    -+\n)(.*?)(\n\n(?=    \S[^\n]*\n    -+\n)|\Z)"
_PARAMETERS = re.compile(_SECTION.format("Parameters"), re.DOTALL)
_ATTRIBUTES = re.compile(_SECTION.format("Attributes"), re.DOTALL)
_ENTRY = re.compile(r"\n(?=    \w+ : )")


@dataclass_transform(kw_only_default=True, eq_default=False)
def hyperparameters(cls):
    """Turn the annotated fields of an estimator class into its hyper-parameters.

    The fields become keyword-only arguments of ``__init__``, their annotations become
    scikit-learn's ``_parameter_constraints`` and, where they hold a `Search`, the
    ``_search_space``; the parameters and attributes documented by the parent classes are appended
    to those of the class's own docstring.

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
    hints = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    cls._parameter_constraints = {name: _constraints(hint) for name, hint in hints.items()}
    cls._search_space = {
        name: list(values) for name, hint in hints.items() for values in _searched(hint)
    }
    for parent in cls.__bases__:
        _append_parameters(cls, parent)
        _append_attributes(cls, parent)
    _put_own_first(cls)
    return cls


def _constraints(hint):
    """Give scikit-learn's constraints for one annotation."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return [constraint for part in get_args(hint) for constraint in _constraints(part)]
    if origin is Annotated:
        own = [constraint for constraint in hint.__metadata__ if not isinstance(constraint, Search)]
        return own or _constraints(hint.__origin__)
    if origin is Literal:
        return [StrOptions(set(get_args(hint)))]
    if hint is NoneType:
        return [None]
    if hint is bool:
        return ["boolean"]
    return [hint]


def _searched(hint):
    """Give the `Search` of an annotation, if it has one."""
    return [values for values in getattr(hint, "__metadata__", ()) if isinstance(values, Search)]


def _put_own_first(cls):
    """Order the signature as the documentation is: what is the system's own comes first."""
    signature = inspect.signature(cls)
    documented = _PARAMETERS.search(cls.__doc__ or "")
    order = re.findall(r"^    (\w+) : ", documented[2], re.MULTILINE) if documented else []
    rank = {name: position for position, name in enumerate(order)}
    parameters = sorted(signature.parameters.values(), key=lambda p: rank.get(p.name, len(rank)))
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    cls.__init__.__signature__ = inspect.Signature([own, *parameters])


def _append_parameters(cls, parent):
    """Append what the parent documents to the class's own parameters, with the class's defaults."""
    own, inherited = (_PARAMETERS.search(c.__doc__ or "") for c in (cls, parent))
    if own and inherited and dataclasses.is_dataclass(parent):
        documented = set(re.findall(r"^    (\w+) : ", own[2], re.MULTILINE))
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        added = ""
        for name, entry in _entries(inherited[2]):
            if name not in documented:
                default = f"default={defaults[name]!r}".replace("'", '"')
                entry = re.sub(r"default=\S+", lambda _, default=default: default, entry, count=1)
                added += f"\n\n{entry}"
        cls.__doc__ = cls.__doc__[: own.end(2)] + added + cls.__doc__[own.end(2) :]


def _append_attributes(cls, parent):
    """Append what the parent documents to the class's own attributes, after its parameters."""
    own, inherited = (_ATTRIBUTES.search(c.__doc__ or "") for c in (cls, parent))
    parameters = _PARAMETERS.search(cls.__doc__ or "")
    if inherited is None or not dataclasses.is_dataclass(parent) or parameters is None:
        return
    if own is None:
        end, heading, documented = parameters.end(2), "\n\n" + inherited[1], set()
    else:
        end, heading, documented = own.end(2), "\n\n", {name for name, _ in _entries(own[2])}
    added = [entry for name, entry in _entries(inherited[2]) if name not in documented]
    if added:
        cls.__doc__ = cls.__doc__[:end] + heading + "\n\n".join(added) + cls.__doc__[end:]


def _entries(section):
    """Give the name and the text of each entry of a section."""
    entries = [entry.rstrip() for entry in _ENTRY.split(section)]
    return [(entry.split(" : ")[0].strip(), entry) for entry in entries]
