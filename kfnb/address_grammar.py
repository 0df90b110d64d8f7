"""Defers a grammar of internet addresses that takes seconds to build, and that no notebook and no report needs.

`jsonschema`, which reads notebooks and which nbconvert imports, imports the package `rfc3987_syntax` for it where it is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

PACKAGE = "rfc3987_syntax"


def defer_address_grammar() -> None:
    """Let the package be imported when something first checks an address, or asks for another part of it."""
    if PACKAGE in sys.modules or importlib.util.find_spec(PACKAGE) is None:
        return
    deferred = ModuleType(PACKAGE)

    def loaded(name: str) -> Any:
        if name.startswith("__"):  # Python's import asks for these
            raise AttributeError(name)
        if sys.modules.get(PACKAGE) is deferred:
            del sys.modules[PACKAGE]
        return getattr(importlib.import_module(PACKAGE), name)

    deferred.is_valid_syntax = lambda *args: loaded("is_valid_syntax")(*args)  # type: ignore[attr-defined]
    deferred.__getattr__ = loaded  # type: ignore[method-assign]
    sys.modules[PACKAGE] = deferred
