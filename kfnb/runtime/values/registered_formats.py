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


def registered_formats() -> dict[str, Any]:
    """The entry points by their names. They are looked for once in a process."""
    global _registered
    if _registered is None:
        _registered = _entry_points() if _any_package_has_some() else {}
    return _registered


def _any_package_has_some() -> bool:
    """Whether some installed package has an entry point of the group. `importlib.metadata` would take several times as long to say so."""
    header = ("[%s]" % GROUP).encode()
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                try:
                    with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                        if header in file.read():
                            return True
                except OSError:
                    continue
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
