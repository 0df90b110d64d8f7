"""Reads and writes JSON without the `json` package, whose import would take a step as long as starting Python.

CPython's C scanner and encoder do the work. A Python without them uses the package.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def loads(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` for any other text."""
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    try:
        context: Any = _Context()
        return make_scanner(context)(text, len(text) - len(text.lstrip()))[0]
    except StopIteration:
        raise ValueError("not JSON") from None


def dumps(value: Any) -> str:
    """JSON of ``value``. Raises `TypeError` for what JSON cannot hold; NaN and infinities pass, as in `json`."""
    try:
        from _json import encode_basestring_ascii, make_encoder
    except ImportError:
        import json

        return json.dumps(value)
    encoder = make_encoder({}, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, True)
    return "".join(encoder(value, 0))


def _refuse(value: Any) -> Any:
    raise TypeError("%s is not JSON" % type(value).__name__)


class _Context:
    """The attributes that the C scanner asks for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: dict[str, str] = {}

    @staticmethod
    def parse_constant(name: str) -> float:
        return float(name.replace("Infinity", "inf"))


class _NotJson:
    pass


NOT_JSON: Any = _NotJson()


def to_json(value: Any) -> Any:
    """``value`` as JSON can hold it, or `NOT_JSON`. Tuples become lists, scalars of numpy and pandas become plain numbers."""
    kind = type(value)  # an object may lie about its class, its truth and its equality, so only its type is used
    if value is None or issubclass(kind, (bool, str)):
        return value
    if kind is int or kind is float:
        return value
    if issubclass(kind, (list, tuple)):
        items = [to_json(v) for v in value]
        return NOT_JSON if any(i is NOT_JSON for i in items) else items
    if issubclass(kind, dict):
        found = {k: to_json(v) for k, v in value.items() if issubclass(type(k), str)}
        return NOT_JSON if len(found) != len(value) or any(v is NOT_JSON for v in found.values()) else found
    if callable(getattr(kind, "item", None)) and getattr(kind, "shape", None) is not None:
        shape = value.shape
        return to_json(value.item()) if type(shape) is tuple and not shape else NOT_JSON
    if issubclass(kind, (int, float)):
        return int(value) if issubclass(kind, int) else float(value)
    return NOT_JSON
