"""The formats that packages register for their own types, as entry points of the group `kfnb.formats`.

The name of an entry point is the full name of a type. What it names is an object, or a class that is called without arguments,
with ``write(value, file)`` and ``read(file)`` for a binary file. It may have a ``suffix``, such as ``.grid``, for files of its kind.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

GROUP = "kfnb.formats"
_registered: dict[str, Any] | None = None
_seen: dict[str, tuple[int, bool]] = {}  # by folder: when it had changed, and whether a package in it has some


def registered_formats() -> dict[str, Any]:
    """The entry points by their names. They are looked for once in a process."""
    global _registered
    if _registered is None:
        _registered = _entry_points() if any(map(_has_some, sys.path)) else {}
    return _registered


def look_ahead() -> None:
    """Look into the folders of packages before steps are forked, which then look only into those that have changed."""
    for folder in sys.path:
        _has_some(folder)


def _has_some(folder: str) -> bool:
    """Whether some package in a folder has an entry point of the group. `importlib.metadata` would take several times as long to say so."""
    try:
        folder = os.path.abspath(folder or ".")
        changed = os.stat(folder).st_mtime_ns
        if folder not in _seen or _seen[folder][0] != changed:
            names = [n for n in os.listdir(folder) if n.endswith((".dist-info", ".egg-info"))]
            _seen[folder] = changed, any(_has_group(os.path.join(folder, n, "entry_points.txt")) for n in names)
    except OSError:
        return False
    return _seen[folder][1]


def _has_group(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return ("[%s]" % GROUP).encode() in file.read()
    except OSError:
        return False


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    found: Any = entry_points()
    group = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return {point.name: point for point in group}


def format_of(kind: type) -> str:
    """The name of the format that is registered for exactly this type; empty when there is none."""
    name = "%s.%s" % (kind.__module__, kind.__qualname__)
    return name if name in registered_formats() else ""


def named_format(name: str) -> Any:
    """The format of a name. Raises `ImportError` where its package is not installed."""
    point = registered_formats().get(name)
    if point is None:
        raise ImportError("no installed package registers the format of `%s`" % name)
    found = point.load()
    return found() if isinstance(found, type) else found


def reduction_of(value: Any, name: str) -> Any:
    """How `pickle` makes a value again from what its format has written."""
    import io
    from _pickle import PickleBuffer

    file = io.BytesIO()
    named_format(name).write(value, file)
    return (read_value, (name, PickleBuffer(file.getvalue())))


def read_value(name: str, content: Any) -> Any:
    import io

    return named_format(name).read(io.BytesIO(content))
