"""Short previews of values. A preview never fails and never takes long, whatever the value is."""

from __future__ import annotations

import sys

from kfnb.runtime.values.plain_values import is_plain

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

LONGEST = 120  #: characters of a text form
PATIENCE = 1.0  #: seconds that a value's own code may take to give its text form
LARGE = 4_000_000  #: bytes of a stored value; larger values are previewed without their text form
DEPTH, WIDTH = 4, 20  #: how deep a container is shown, and how many of its items
#: Modules and types whose shape no code of the user's gives.
SHAPED = (("numpy", "ndarray"), ("pandas", "DataFrame"), ("pandas", "Series"))
CONTAINERS: dict[Any, str] = {list: "[]", tuple: "()", set: "{}", frozenset: "{}", dict: "{}"}


def type_name(value: Any) -> str:
    """The type's name, with its package unless the notebook defines it."""
    kind = type(value)
    module = str(type.__getattribute__(kind, "__module__")).split(".")[0]
    name = str(kind.__name__)
    return name if module in ("builtins", "__main__") else "%s.%s" % (module, name)


def preview(value: Any, size: int = 0) -> Any:
    """The value itself when it is small and plain, else a short text.

    Parameters
    ----------
    size
        Its size in the store in bytes, when that is known.
    """
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return _number(value)
    if kind is str:
        return value if len(value) <= 200 else value[:200] + "…"
    if _is_plain(kind):
        if len(value) > WIDTH:
            return "%s of %d" % (kind.__name__, len(value))
        if is_plain(value):
            return _cut(_text(value, DEPTH))
        return within(lambda: _cut(_text(value, DEPTH)), kind.__name__)
    if any(kind is getattr(sys.modules.get(module), name, None) for module, name in SHAPED) and value.shape:
        return _shaped(value, value.shape)
    return within(lambda: _object(value, size), "<%s>" % type_name(value))


def short(value: Any) -> str:
    """The value's text form, shortened."""
    return str(within(lambda: _cut(_text(value, DEPTH)), "<%s>" % type_name(value)))


def _is_plain(kind: Any) -> bool:
    # by identity: a metaclass of the user's may have no hash
    return any(kind is k for k in (*CONTAINERS, bytes, bytearray))


def _number(value: int) -> Any:
    bits = value.bit_length()
    return value if bits <= 53 else str(value) if bits <= 400 else "int of %d bits" % bits


def _object(value: Any, size: int) -> Any:
    """An object's shape, or the text of its ``repr``."""
    shape = getattr(type(value), "shape", None) and value.shape
    name = type(value).__name__
    if type(shape) is tuple and not shape and callable(getattr(type(value), "item", None)):
        item = value.item()
        if type(item) in (bool, int, float, str):
            return preview(item)
    elif type(shape) is tuple and all(type(s) is int for s in shape):
        return _shaped(value, shape)
    if size > LARGE:
        return "<%s of %s>" % (name, human(size))
    return _cut(_own_text(value))


def _shaped(value: Any, shape: tuple[int, ...]) -> str:
    name = type(value).__name__
    return "%s array %s" % (value.dtype, shape) if name == "ndarray" else "%s %s" % (name, " × ".join(map(str, shape)))


def _text(value: Any, depth: int) -> str:
    """Like `repr`, but with the small parts of a container only."""
    kind = type(value)
    if kind is int:
        return str(_number(value))
    if kind in (str, bytes, bytearray):
        return repr(value if len(value) <= LONGEST else value[:LONGEST])
    if not _is_plain(kind):
        return _own_text(value)
    signs = CONTAINERS[kind]
    if not value:
        return repr(value)
    if not depth:
        return signs[0] + "…" + signs[1]
    texts: list[str] = []
    for part in value.items() if kind is dict else value:
        if len(texts) == WIDTH or sum(map(len, texts)) > LONGEST:
            texts.append("…")
            break
        found = part if kind is dict else (part,)
        texts.append(": ".join(_text(v, depth - 1) for v in found))
    text = ", ".join(texts)
    text = signs[0] + text + ("," if kind is tuple and len(value) == 1 else "") + signs[1]
    return "frozenset(%s)" % text if kind is frozenset else text


def _own_text(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # the user's own __repr__ may raise anything
        return "<%s: repr raised %s>" % (type(value).__name__, type(error).__name__)
    if " at 0x" in text:
        text = text[: text.index(" at 0x")] + (">" if text.startswith("<") else "")
    return text


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def within(work: Callable[[], Any], otherwise: Any) -> Any:
    """The result of ``work``, or ``otherwise`` when it fails or takes too long: it may run code of the user's."""
    import _thread
    from contextvars import copy_context

    found: list[Any] = []
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            found.append(work())
        except BaseException:  # noqa: B036  # nothing that a value's own code does may end the step
            pass
        finally:
            done.release()

    try:
        _thread.start_new_thread(copy_context().run, (run,))
    except RuntimeError:
        return otherwise  # no further thread can start
    done.acquire(True, PATIENCE)
    return found[0] if found else otherwise


def human(size: float) -> str:
    """A number of bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return "%d %s" % (size, unit) if unit == "B" else "%.1f %s" % (size, unit)
