"""What a step leaves: names that share objects together, others apart; everything that cannot travel named at once."""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from kfnb.runtime.classes import parts_of
from kfnb.runtime.pickling import root_of
from kfnb.runtime.store import Store, dump

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: Objects that may stand in several bundles without harm: nobody can change them, or they exist once anyway.
HARMLESS = (
    str,
    bytes,
    int,
    float,
    complex,
    tuple,
    frozenset,
    type,
    FunctionType,
    BuiltinFunctionType,
    ModuleType,
    CodeType,
)
RESULT_LIMIT = 100 * 1000 * 1000  #: bytes of results that nobody but the user may want


def store_outputs(
    spec: dict[str, Any], namespace: dict[str, Any], outputs: list[str], results: list[str], result: dict[str, Any]
) -> None:
    """Store what later steps need (failing when one cannot travel), then what the user may want (as far as possible)."""
    store = Store(spec["store"])
    values = {n: _value(n, namespace) for n in outputs if n.startswith("@") or n in namespace}
    bad: dict[str, BaseException] = {}
    result["outputs"] = _store(store, values, bad)
    if bad:
        from kfnb.runtime.refusals import refusal

        raise refusal(spec, {n: (values[n], e) for n, e in bad.items()})
    wanted = {n: namespace[n] for n in results if n in namespace}
    left: dict[str, BaseException] = {}
    result["results"] = _store(store, wanted, left, RESULT_LIMIT)
    store.sync()
    for name, error in left.items():
        result["results"][name] = {
            "skipped": str(error),
            "type": type_name(wanted[name]),
            "preview": preview(wanted[name]),
        }


def _value(name: str, namespace: dict[str, Any]) -> Any:
    if name.startswith("@"):
        from kfnb.runtime.ambient import capture

        return capture(name)
    return namespace[name]


class _TooLarge(Exception):
    pass


def _store(
    store: Store, values: dict[str, Any], bad: dict[str, BaseException], limit: int | None = None
) -> dict[str, dict[str, Any]]:
    owners = _shared_memory(values) | {id(c) for v in values.values() if isinstance(v, type) for c in parts_of(v)}
    single: dict[str, tuple[bytes, list[Any], Any]] = {}
    total = 0
    for name, value in values.items():
        try:
            head, buffers, pickler = dump({name: value}, owners)
        except RecursionError:
            bad[name] = RecursionError("it is nested too deep")
            continue
        except Exception as error:  # whatever an object's own pickling raises
            bad[name] = error
            continue
        size = len(head) + sum(b.raw().nbytes for b in buffers)
        if limit is not None and total + size > limit:
            bad[name] = _TooLarge(
                "%s is over the limit of %s for values that no step reads" % (human(size), human(limit))
            )
            continue
        total += size
        single[name] = (head, buffers, pickler)
    found: dict[str, dict[str, Any]] = {}
    for group in _groups(single, values, owners):
        head, buffers, _ = single[group[0]] if len(group) == 1 else dump({n: values[n] for n in group}, owners)
        address = store.put(head, [store.put_buffer(b) for b in buffers])
        for name in group:
            size = len(single[name][0]) + sum(b.raw().nbytes for b in single[name][1])
            found[name] = {
                "bundle": address,
                "type": type_name(values[name]),
                "preview": preview(values[name]),
                "bytes": size,
            }
    return found


def _shared_memory(values: dict[str, Any]) -> frozenset[int]:
    """Arrays whose memory more than one name shows."""
    seen: dict[int, int] = {}
    for value in values.values():
        if type(value).__name__ == "ndarray":
            owner = id(root_of(value))
            seen[owner] = seen.get(owner, 0) + 1
    return frozenset(o for o, count in seen.items() if count > 1)


def _groups(
    single: dict[str, tuple[bytes, list[Any], Any]], values: dict[str, Any], owners: frozenset[int]
) -> list[list[str]]:
    """Names whose values share an object that could be changed: they must stay in one bundle."""
    if len(single) < 2:
        return [[n] for n in single]
    parent = {n: n for n in single}

    def top(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    holder: dict[int, str] = {}
    for name, value in values.items():
        if name in single and not isinstance(value, HARMLESS[:7]):
            other = holder.setdefault(id(value), name)
            parent[top(name)] = top(other)
    memos = {n: pickler.memo.copy() for n, (_, _, pickler) in single.items() if not isinstance(values[n], HARMLESS[:5])}
    for name, memo in memos.items():
        for key, (_, value) in memo.items():
            if (
                isinstance(value, HARMLESS)
                or type(value).__module__ == "numpy"
                and type(value).__name__.endswith("DType")
            ):
                continue
            other = holder.setdefault(key, name)
            if other != name:
                parent[top(name)] = top(other)
    groups: dict[str, list[str]] = {}
    for name in single:
        groups.setdefault(top(name), []).append(name)
    return list(groups.values())


# -------------------------------------------------------------------- words for a value
def type_name(value: Any) -> str:
    kind = type(value)
    module = kind.__module__.split(".")[0]
    return kind.__name__ if module in ("builtins", "__main__") else "%s.%s" % (module, kind.__name__)


def preview(value: Any) -> Any:
    """The value itself when it is small and plain, else a short text. Never costly, never fails."""
    if value is None or type(value) in (bool, int, float):
        return value if type(value) is not int or abs(value) < 2**53 else str(value)
    if type(value) is str:
        return value if len(value) <= 200 else value[:200] + "…"
    shape = getattr(value, "shape", None)
    if shape == () and callable(getattr(value, "item", None)):
        value = value.item()
        return value if type(value) in (bool, int, float, str) else _short(value)
    if type(shape) is tuple and all(type(s) is int for s in shape):
        size = " × ".join(map(str, shape))
        kind = type(value).__name__
        if kind == "ndarray":
            return "%s array %s" % (value.dtype, tuple(shape)) if shape else _short(value)
        return "%s %s" % (kind, size) if shape else _short(value)
    if isinstance(value, (list, tuple, set, frozenset, dict, bytes, bytearray)) and len(value) > 20:
        return "%s of %d" % (type(value).__name__, len(value))
    return _short(value)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # the user's own __repr__ may raise anything
        return "<%s: repr raised %s>" % (type(value).__name__, type(error).__name__)
    if " at 0x" in text:
        text = text[: text.index(" at 0x")] + (">" if text.startswith("<") else "")
    return text if len(text) <= 120 else text[:119] + "…"


def human(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return "%d %s" % (size, unit) if unit == "B" else "%.1f %s" % (size, unit)
