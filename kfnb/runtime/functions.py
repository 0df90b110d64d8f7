"""Functions of the notebook travel as code, defaults and closure, bound to the namespace of the step that uses them."""

from __future__ import annotations

import marshal
import sys
from types import CellType, FunctionType

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

VERSION = sys.version_info[:2]


class OtherPython(Exception):
    """A function was stored by another version of Python, whose code this one cannot run."""


def by_value(function: FunctionType) -> bool:
    """Whether no import in another process would find the function: it belongs to the notebook, or is made inside a call."""
    if function.__module__ == "__main__" or function.__globals__ is sys.modules["__main__"].__dict__:
        return True
    module = sys.modules.get(function.__module__ or "")
    found: Any = module
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not function


def reduce_function(function: FunctionType) -> tuple[Any, ...]:
    """In two phases, so that a function may refer to itself: the bare function, then what it holds."""
    code = function.__code__
    if code.co_name == "wrapper" and hasattr(function, "_clear_cache") and hasattr(function, "dispatch"):
        return _reduce_dispatch(function)
    cells = function.__closure__ or ()
    home, kept = _home(function)
    bare: tuple[Any, ...] = (marshal.dumps(code), VERSION, home, {}, tuple(cells))
    contents = []
    for cell in cells:
        try:
            contents.append((True, cell.cell_contents))
        except ValueError:
            contents.append((False, None))
    state = {
        "name": function.__name__, "qualname": function.__qualname__, "module": function.__module__,
        "doc": function.__doc__, "defaults": function.__defaults__, "kwdefaults": function.__kwdefaults__,
        "annotations": dict(getattr(function, "__annotations__", None) or {}), "dict": dict(function.__dict__), "cells": contents,
        "globals": kept,
    }  # fmt: skip
    return (make_function, bare, state, None, None, fill_function)


def _home(function: FunctionType) -> tuple[str | None, dict[str, Any]]:
    """Whose globals the function sees: the notebook's (``None``), a module's, or (for generated code) its own few."""
    names = function.__globals__
    if names is sys.modules["__main__"].__dict__:
        return None, {}
    module = sys.modules.get(names.get("__name__", ""))
    if module is not None and module.__dict__ is names:
        return module.__name__, {}
    return "", {n: names[n] for n in _global_names(function.__code__) if n in names and n != "__builtins__"}


def _global_names(code: Any) -> set[str]:
    found = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, type(code)):
            found |= _global_names(const)
    return found


def make_cell() -> CellType:
    return CellType()


def reduce_cell(cell: CellType) -> tuple[Any, ...]:
    """Empty: the functions that hold it fill it, and functions that share one go on sharing it."""
    return (make_cell, ())


def make_function(
    code: bytes, version: tuple[int, int], home: str | None, kept: dict[str, Any], cells: tuple[CellType, ...]
) -> FunctionType:
    if tuple(version) != VERSION:
        raise OtherPython(
            "a function was stored by Python %d.%d and this step runs Python %d.%d: use one version for both steps"
            % (*version, *VERSION)
        )
    if home is None:
        names = sys.modules["__main__"].__dict__
    elif home:
        import importlib

        names = importlib.import_module(home).__dict__
    else:
        names = dict(kept)
    return FunctionType(marshal.loads(code), names, None, None, cells)


def fill_function(function: FunctionType, state: dict[str, Any]) -> None:
    function.__name__, function.__qualname__ = state["name"], state["qualname"]
    function.__module__, function.__doc__ = state["module"], state["doc"]
    function.__defaults__, function.__kwdefaults__ = state["defaults"], state["kwdefaults"]
    function.__annotations__ = state["annotations"]
    function.__dict__.update(state["dict"])
    if state["globals"]:
        function.__globals__.update(state["globals"])
    for cell, (full, content) in zip(function.__closure__ or (), state["cells"]):
        if full:
            cell.cell_contents = content


# -------------------------------------------------------------------- functools
def _reduce_dispatch(function: Any) -> tuple[Any, ...]:
    """``singledispatch``: the function and what was registered; it remembers types weakly, which cannot travel."""
    registered = [(k, v) for k, v in function.registry.items() if v is not function.__wrapped__]
    state = (registered, {k: v for k, v in vars(function).items() if k not in DISPATCH})
    return (make_dispatch, (function.__wrapped__,), state, None, None, fill_dispatch)


DISPATCH = frozenset(("register", "dispatch", "registry", "_clear_cache", "__wrapped__"))


def make_dispatch(function: Any) -> Any:
    import functools

    return functools.singledispatch(function)


def fill_dispatch(target: Any, state: tuple[list[tuple[Any, Any]], dict[str, Any]]) -> None:
    registered, attributes = state
    for kind, function in registered:
        target.register(kind, function)
    target.__dict__.update(attributes)


def reduce_cached(cached: Any) -> tuple[Any, ...]:
    """``lru_cache`` and ``cache``: the function travels, what it remembers does not."""
    parameters = cached.cache_parameters() if hasattr(cached, "cache_parameters") else {"maxsize": 128, "typed": False}
    return (make_cached, (cached.__wrapped__, parameters), _own_attributes(cached), None, None, fill_attributes)


def make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    import functools

    return functools.lru_cache(maxsize=parameters["maxsize"], typed=parameters["typed"])(function)


def _own_attributes(cached: Any) -> dict[str, Any]:
    return {k: v for k, v in vars(cached).items() if k not in ("__wrapped__", "cache_parameters")}


def fill_attributes(target: Any, state: dict[str, Any]) -> None:
    target.__dict__.update(state)
