"""Values to bytes and back: pickle protocol 5, with what belongs to the notebook by value."""

from __future__ import annotations

import sys
from _pickle import Pickler
from types import CellType, FunctionType, MappingProxyType, ModuleType

from kfnb.runtime import classes, functions

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

OUT_OF_BAND = 64 * 1024  #: bytes; smaller buffers stay in the head


class Refused(Exception):
    """An object that cannot travel: the object itself and why."""

    def __init__(self, value: Any, why: str) -> None:
        super().__init__(why)
        self.value, self.why = value, why


class ValuePickler(Pickler):
    """Protocol 5; large buffers are handed to ``keep``.

    ``owners``: arrays that several names are views of, and classes that are handed on themselves, by `id`.
    """

    def __init__(self, file: Any, keep: Callable[[Any], None], owners: frozenset[int] = frozenset()) -> None:
        def buffer(view: Any) -> bool:
            if view.raw().nbytes < OUT_OF_BAND:
                return True
            keep(view)
            return False

        super().__init__(file, protocol=5, buffer_callback=buffer)
        self.owners = owners

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind is FunctionType:
            return functions.reduce_function(value) if functions.by_value(value) else NotImplemented
        if isinstance(value, type):
            handed_on = id(value) in self.owners
            return classes.reduce_class(value, handed_on) if classes.by_value(value) else NotImplemented
        special = SPECIAL.get(kind)
        if special is not None:
            return special(value)
        name = kind.__name__
        if name in BY_NAME:
            return BY_NAME[name](value)
        if name == "ndarray" and self.owners and id(root_of(value)) in self.owners and value is not root_of(value):
            return _reduce_view(value)
        return NotImplemented


# -------------------------------------------------------------------- what pickle does not know
def _module(value: ModuleType) -> Any:
    if value is sys.modules.get("__main__"):
        return (_main, ())
    if sys.modules.get(value.__name__) is not value:
        raise Refused(value, "the module `%s` is not one that can be imported again" % value.__name__)
    return (_import, (value.__name__,))


def _main() -> Any:
    return sys.modules["__main__"]


def _import(name: str) -> Any:
    import importlib

    return importlib.import_module(name)


def _property(value: property) -> Any:
    return (property, (value.fget, value.fset, value.fdel, value.__doc__))


def _method(value: Any) -> Any:
    return (type(value), (value.__func__,))


def _proxy(value: Any) -> Any:
    return (_make_proxy, (dict(value),))


def _make_proxy(names: dict[Any, Any]) -> Any:
    return MappingProxyType(names)


SPECIAL: dict[type, Callable[[Any], Any]] = {
    ModuleType: _module,
    CellType: functions.reduce_cell,
    property: _property,
    classmethod: _method,
    staticmethod: _method,
    MappingProxyType: _proxy,
}


def _cached(value: Any) -> Any:
    inner = value.__wrapped__
    return (
        functions.reduce_cached(value)
        if not isinstance(inner, FunctionType) or functions.by_value(inner)
        else NotImplemented
    )


def _sentinel(value: Any) -> Any:
    """Marks of `dataclasses` are compared by identity."""
    import dataclasses

    for name in ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR", "_HAS_DEFAULT_FACTORY"):
        if getattr(dataclasses, name, None) is value:
            return (getattr, (dataclasses, name))
    return NotImplemented


def _type_variable(value: Any) -> Any:
    if getattr(value, "__module__", None) != "__main__":
        return NotImplemented
    import typing

    if type(value).__name__ == "NewType":
        return (typing.NewType, (value.__name__, value.__supertype__))
    return (
        _make_type_variable,
        (value.__name__, value.__constraints__, value.__bound__, value.__covariant__, value.__contravariant__),
    )


def _make_type_variable(name: str, constraints: Any, bound: Any, co: bool, contra: bool) -> Any:
    import typing

    return typing.TypeVar(name, *constraints, bound=bound, covariant=co, contravariant=contra)


def _weak(value: Any) -> Any:
    raise Refused(value, "a weak reference points to an object of its own process")


BY_NAME: dict[str, Callable[[Any], Any]] = {
    "_lru_cache_wrapper": _cached,
    "_FIELD_BASE": _sentinel,
    "_MISSING_TYPE": _sentinel,
    "_KW_ONLY_TYPE": _sentinel,
    "_HAS_DEFAULT_FACTORY_CLASS": _sentinel,
    "TypeVar": _type_variable,
    "NewType": _type_variable,
    "ReferenceType": _weak,
}


# -------------------------------------------------------------------- numpy views
def root_of(array: Any) -> Any:
    """The array whose memory ``array`` shows."""
    while type(array).__name__ == "ndarray" and type(array.base).__name__ == "ndarray":
        array = array.base
    return array


def _reduce_view(array: Any) -> Any:
    root = root_of(array)
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    if array.dtype.hasobject or offset < 0 or not (root.flags.c_contiguous or root.flags.f_contiguous):
        return NotImplemented
    return (make_view, (root, array.shape, array.dtype, offset, array.strides, array.flags.writeable))


def make_view(root: Any, shape: Any, dtype: Any, offset: int, strides: Any, writeable: bool) -> Any:
    import numpy

    view = numpy.ndarray(shape, dtype, root.reshape(-1, order="A"), offset, strides)
    view.flags.writeable = writeable and view.flags.writeable
    return view
