"""A value as text that is equal when the values are: for comparing one process with another."""

from __future__ import annotations

import types
from typing import Any


def fingerprints(names: dict[str, Any]) -> dict[str, str]:
    """Prints of everything that is data; modules, functions and classes are compared by what they do."""
    skip = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
    return {n: fingerprint(v) for n, v in names.items() if not isinstance(v, skip)}


def fingerprint(value: Any, depth: int = 0) -> str:
    kind = type(value)
    name = kind.__qualname__
    if depth > 6 or kind.__module__.startswith("matplotlib"):
        return name
    if value is None or kind in (bool, int, float, str, bytes, complex):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"{name}({', '.join(fingerprint(v, depth + 1) for v in value)})"
    if isinstance(value, set | frozenset):
        return f"{name}({', '.join(sorted(fingerprint(v, depth + 1) for v in value))})"
    if isinstance(value, dict):
        return f"{name}({', '.join(f'{fingerprint(k, depth + 1)}: {fingerprint(v, depth + 1)}' for k, v in value.items())})"
    if name == "ndarray":
        return f"array({value.dtype}, {value.shape}, {value.tolist()!r})"
    if name in ("DataFrame", "Series"):
        return f"{name}({value.to_dict()!r}, {value.dtypes!r})"
    if isinstance(value, types.FunctionType | type | types.ModuleType):
        return getattr(value, "__qualname__", name)
    state = getattr(value, "__dict__", None)
    if state:
        return f"{name}({', '.join(f'{k}={fingerprint(v, depth + 1)}' for k, v in sorted(state.items()))})"
    text = repr(value)
    return name if " at 0x" in text else text
