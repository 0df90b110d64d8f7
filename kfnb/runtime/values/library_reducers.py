"""Reducers for objects that `pickle` cannot handle or handles wrongly, by type or by the name of a type not to be imported."""

from __future__ import annotations

import sys
from _weakref import CallableProxyType, ProxyType, ReferenceType
from types import CellType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType

from kfnb.runtime.values import function_pickling

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn


class Refused(Exception):
    """An object cannot be pickled: the object itself, and why."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.value, self.reason = value, reason


# -------------------------------------------------------------------- modules and what stands in them
def reduce_module(value: ModuleType) -> Any:
    if value is sys.modules.get("__main__"):
        return (_main, ())
    if sys.modules.get(value.__name__) is not value:
        raise Refused(value, "the module `%s` is not one that can be imported again" % value.__name__)
    return (import_module, (value.__name__,))


def _main() -> Any:
    return sys.modules["__main__"]


def import_module(name: str) -> Any:
    import importlib

    return importlib.import_module(name)


def _environ(value: Any) -> Any:
    import os

    return (getattr, (os, "environ")) if value is os.environ else NotImplemented


def _stream(value: Any) -> Any:
    """A standard stream becomes the same standard stream of the step that loads it."""
    for name in ("stdout", "stderr", "stdin"):
        if value is getattr(sys, name) or value is getattr(sys, "__%s__" % name):
            return (getattr, (sys, name))
    return NotImplemented


def _sentinel(value: Any) -> Any:
    """Sentinels of `dataclasses` are compared by identity."""
    import dataclasses

    for name in ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR", "_HAS_DEFAULT_FACTORY"):
        if getattr(dataclasses, name, None) is value:
            return (getattr, (dataclasses, name))
    return NotImplemented


# -------------------------------------------------------------------- parts of classes
def _property(value: property) -> Any:
    return (property, (value.fget, value.fset, value.fdel, value.__doc__))


def _class_or_static_method(value: Any) -> Any:
    return (type(value), (value.__func__,))


def _bound_method(value: MethodType) -> Any:
    """Reduce to the function itself, since its name may belong to another function."""
    function: Any = value.__func__
    return (make_method, (function, value.__self__)) if type(function) is FunctionType else NotImplemented


def make_method(function: Any, of: Any) -> Any:
    return MethodType(function, of)


def reduce_type(cls: type) -> Any:
    """A type of the interpreter that only the module `types` names."""
    import types

    if cls.__module__ == "builtins" and not hasattr(sys.modules["builtins"], cls.__name__):
        for name, found in vars(types).items():
            if found is cls:
                return (getattr, (types, name))
    return NotImplemented


def _cached_property(value: Any) -> Any:
    """Reduce without the lock, which exists up to Python 3.11."""
    return (type(value), (value.func,), {"attrname": value.attrname, "__doc__": value.__doc__}, None, None, _fill)


def _fill(target: Any, state: dict[str, Any]) -> None:
    target.__dict__.update(state)


def _lru_cache(value: Any) -> Any:
    inner = value.__wrapped__
    known = isinstance(inner, FunctionType) and not function_pickling.by_value(inner)
    return NotImplemented if known else function_pickling.reduce_cached(value)


def reduce_exception(value: BaseException) -> Any:
    """Reduce so that loading does not call ``__init__``, which may take other arguments than ``args``."""
    if type(value).__reduce__ is not BaseException.__reduce__ or type(value).__reduce_ex__ is not object.__reduce_ex__:
        return NotImplemented
    return (make_exception, (type(value), value.args), dict(value.__dict__), None, None, _fill)


def make_exception(kind: Any, args: Any) -> Any:
    made = (
        kind.__new__(kind, *args) if kind.__new__ is not BaseException.__new__ else BaseException.__new__(kind, *args)
    )
    made.args = args
    return made


# -------------------------------------------------------------------- views and weak containers
def _underlying(view: Any) -> Any:
    """The object behind a view."""
    import gc

    return gc.get_referents(view)[0]


def _proxy(value: Any) -> Any:
    underlying = _underlying(value)
    of_class = type(underlying) is dict and "__dict__" in underlying and "__module__" in underlying
    return (make_proxy, (dict(value) if of_class else underlying,))


def make_proxy(names: Any) -> Any:
    return MappingProxyType(names)


def _dict_view(value: Any) -> Any:
    underlying = _underlying(value)
    name = type(value).__name__[len("dict_") :]
    return (getattr(dict, name), (underlying,)) if isinstance(underlying, dict) else NotImplemented


def _weak_dictionary(value: Any) -> Any:
    return (_make_weak, (type(value), dict(value)))


def _weak_set(value: Any) -> Any:
    return (_make_weak, (type(value), list(value)))


def _make_weak(kind: Any, content: Any) -> Any:
    return kind(content)


def _code(value: CodeType) -> Any:
    import marshal

    return (make_code, (marshal.dumps(value), function_pickling.VERSION))


def make_code(data: bytes, version: tuple[int, int]) -> Any:
    import marshal

    function_pickling.check_version(version)
    return marshal.loads(data)


# -------------------------------------------------------------------- typing
def _type_variable(value: Any) -> Any:
    if getattr(value, "__module__", None) != "__main__":
        return NotImplemented
    options = {"covariant": value.__covariant__, "contravariant": value.__contravariant__}
    if getattr(value, "__infer_variance__", False):
        options = {"infer_variance": True}
    return (_make_type_variable, (value.__name__, value.__constraints__, value.__bound__, options))


def _make_type_variable(name: str, constraints: Any, bound: Any, options: dict[str, Any]) -> Any:
    import typing

    made: Any = typing.TypeVar
    return _of_main(made(name, *constraints, bound=bound, **options))


def _new_type(value: Any) -> Any:
    return (_make_typing, ("NewType", value.__name__, value.__supertype__)) if _is_main(value) else NotImplemented


def _variadic(value: Any) -> Any:
    return (_make_typing, (type(value).__name__, value.__name__)) if _is_main(value) else NotImplemented


def _type_alias(value: Any) -> Any:
    """``type X = …``: its value is computed now, since the names in it may be missing in the step that loads it."""
    if not _is_main(value):
        return NotImplemented
    return (_make_alias, (value.__name__, value.__value__, value.__type_params__))


def _make_alias(name: str, value: Any, parameters: Any) -> Any:
    import typing

    made: Any = typing
    return made.TypeAliasType(name, value, type_params=parameters)


def _make_typing(kind: str, *of: Any) -> Any:
    import typing

    return _of_main(getattr(typing, kind)(*of))


def _is_main(value: Any) -> bool:
    return getattr(value, "__module__", None) == "__main__"


def _of_main(made: Any) -> Any:
    made.__module__ = "__main__"
    return made


# -------------------------------------------------------------------- refused types
def _weak(value: Any) -> NoReturn:
    raise Refused(value, "a weak reference points to an object of its own process")


def _finalizer(value: Any) -> NoReturn:
    raise Refused(value, "its clean-up runs when the step that created it ends")


BY_TYPE: dict[type, Callable[[Any], Any]] = {
    CellType: function_pickling.reduce_cell,
    CodeType: _code,
    MethodType: _bound_method,
    property: _property,
    classmethod: _class_or_static_method,
    staticmethod: _class_or_static_method,
    MappingProxyType: _proxy,
    type({}.keys()): _dict_view,
    type({}.values()): _dict_view,
    type({}.items()): _dict_view,
    ReferenceType: _weak,
    ProxyType: _weak,
    CallableProxyType: _weak,
}

#: By the name of a type: its module and the reducer.
BY_NAME: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "_lru_cache_wrapper": ("functools", _lru_cache),
    "cached_property": ("functools", _cached_property),
    "_Environ": ("os", _environ),
    "TextIOWrapper": ("_io", _stream),
    "_FIELD_BASE": ("dataclasses", _sentinel),
    "_MISSING_TYPE": ("dataclasses", _sentinel),
    "_KW_ONLY_TYPE": ("dataclasses", _sentinel),
    "_HAS_DEFAULT_FACTORY_CLASS": ("dataclasses", _sentinel),
    "TypeVar": ("typing", _type_variable),
    "NewType": ("typing", _new_type),
    "ParamSpec": ("typing", _variadic),
    "TypeVarTuple": ("typing", _variadic),
    "TypeAliasType": ("typing", _type_alias),
    "WeakKeyDictionary": ("weakref", _weak_dictionary),
    "WeakValueDictionary": ("weakref", _weak_dictionary),
    "WeakSet": ("_weakrefset", _weak_set),
    "finalize": ("weakref", _finalizer),
    "TemporaryDirectory": ("tempfile", _finalizer),
}
