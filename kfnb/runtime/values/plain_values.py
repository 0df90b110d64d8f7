"""Pickles numbers, texts and small containers of them without the modules that other values need, which take long to load."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

ATOMS = (int, float, bool, str, bytes, type(None), complex)
CONTAINERS = (list, tuple, dict, set, frozenset)
MOST = 10_000  #: parts of a value that are looked at
DEEPEST = 20


def is_plain(value: Any, count: int = MOST) -> bool:
    """Whether a value consists of Python's own plain types only. It looks at the types, and runs no code of the user's."""
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for part in level:
            kind = type(part)
            if any(kind is k for k in ATOMS):
                continue
            if not any(kind is k for k in CONTAINERS):
                return False
            count -= len(part)
            if count < 0:
                return False
            inner += part
            if kind is dict:
                inner += part.values()
        if not inner:
            return True
        level = inner
    return False


def dump_plain(values: dict[str, Any]) -> tuple[bytes, list[Any], Any]:
    """What `kfnb.runtime.values.pickling.dump` gives for plain values: the head, no buffers, and the pickler."""
    import io
    from _pickle import Pickler

    file = io.BytesIO()
    pickler = Pickler(file, protocol=5)
    pickler.dump(values)
    return file.getvalue(), [], pickler
