"""Pickles the notebook's functions as code, defaults and closure. The loading step binds them to its own namespace."""

from __future__ import annotations

import marshal
import sys
from types import CellType, FunctionType

from kfnb.runtime.cells.cell_sources import lines_of, remember

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

VERSION = sys.version_info[:2]


_loaded: dict[str, FunctionType] = {}  #: functions of the notebook that were loaded with a value, by name


class OtherPython(Exception):
    """A function was stored by another version of Python, whose code this one cannot run."""


def by_value(function: FunctionType) -> bool:
    """Whether the function must be pickled by value: the notebook or a call defines it, and no import would find it."""
    if function.__module__ == "__main__" or function.__globals__ is sys.modules["__main__"].__dict__:
        return True
    module = sys.modules.get(function.__module__ or "")
    found: Any = module
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not function


def reduce_function(function: FunctionType) -> tuple[Any, ...]:
    """Reduce a function in two phases, so that it may refer to itself: first a bare function, then its state."""
    code = function.__code__
    cells = function.__closure__ or ()
    home, own_globals = _home(function)
    # functions of a program that `%run` ran may call each other, and themselves
    others = {n: v for n, v in own_globals.items() if type(v) is FunctionType and v.__globals__ is function.__globals__}
    plain = {n: v for n, v in own_globals.items() if n not in others}
    bare = (marshal.dumps(code), VERSION, home, plain, tuple(cells))
    contents = []
    for cell in cells:
        try:
            contents.append((True, cell.cell_contents))
        except ValueError:
            contents.append((False, None))
    state = {
        "name": function.__name__, "qualname": function.__qualname__, "module": function.__module__,
        "doc": function.__doc__, "defaults": function.__defaults__, "kwdefaults": function.__kwdefaults__,
        "annotations": dict(getattr(function, "__annotations__", None) or {}), "dict": _attributes(function), "cells": contents, "source": lines_of(code),
        "globals": others,
    }  # fmt: skip
    return (make_function, bare, state, None, None, fill_function)


def _attributes(function: FunctionType) -> dict[str, Any]:
    """The function's attributes without widgets: `interact` attaches one to its function, and a widget stays in its kernel."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    if module is None:
        return dict(function.__dict__)
    return {n: v for n, v in function.__dict__.items() if not issubclass(type(v), module.Widget)}


def _home(function: FunctionType) -> tuple[str | None, dict[str, Any]]:
    """The globals of the function: ``None`` for the notebook's, else the module's name, or ``""`` with the names it uses."""
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
    """Reduce to an empty cell. The functions that hold it fill it, and functions that share one still share it."""
    return (make_cell, ())


def make_function(
    code: bytes, version: tuple[int, int], home: str | None, own_globals: dict[str, Any], cells: tuple[CellType, ...]
) -> FunctionType:
    check_version(version)
    if home is None:
        names = sys.modules["__main__"].__dict__
    elif home:
        import importlib

        names = importlib.import_module(home).__dict__
    else:
        names = dict(own_globals)
    return FunctionType(marshal.loads(code), names, None, None, cells)


def check_version(version: tuple[int, int]) -> None:
    """Raise `OtherPython` for code that this Python cannot run."""
    if tuple(version) != VERSION:
        raise OtherPython(
            "a function was stored by Python %d.%d and this step runs Python %d.%d: use one version for both steps"
            % (*version, *VERSION)
        )


def known_as(name: str) -> FunctionType | None:
    """The newest function of the notebook with this name that was loaded with a value."""
    return _loaded.get(name)


def fill_function(function: FunctionType, state: dict[str, Any]) -> None:
    function.__name__, function.__qualname__ = state["name"], state["qualname"]
    function.__module__, function.__doc__ = state["module"], state["doc"]
    function.__defaults__, function.__kwdefaults__ = state["defaults"], state["kwdefaults"]
    function.__annotations__ = state["annotations"]
    function.__dict__.update(state["dict"])
    if state["globals"]:
        function.__globals__.update(state["globals"])
    if function.__module__ == "__main__":
        _loaded[function.__qualname__] = function
    if state["source"] is not None:
        name, first, text = state["source"]
        remember(name, text, first)
    for cell, (full, content) in zip(function.__closure__ or (), state["cells"]):
        if full:
            cell.cell_contents = content


# -------------------------------------------------------------------- functools
def reduce_cached(cached: Any) -> tuple[Any, ...]:
    """Reduce ``lru_cache`` and ``cache`` to the function; cached results are left out."""
    parameters = cached.cache_parameters() if hasattr(cached, "cache_parameters") else {"maxsize": 128, "typed": False}
    return (make_cached, (cached.__wrapped__, parameters), _own_attributes(cached), None, None, fill_attributes)


def make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    import functools

    return functools.lru_cache(maxsize=parameters["maxsize"], typed=parameters["typed"])(function)


def _own_attributes(cached: Any) -> dict[str, Any]:
    return {k: v for k, v in vars(cached).items() if k not in ("__wrapped__", "cache_parameters")}


def fill_attributes(target: Any, state: dict[str, Any]) -> None:
    target.__dict__.update(state)
