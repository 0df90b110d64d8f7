"""What a step leaves: names that share objects together, others apart; everything that cannot travel named at once."""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from kfnb.runtime.values.class_pickling import parts_of
from kfnb.runtime.values.pickling import dump, root_of
from kfnb.runtime.values.value_previews import human, preview, type_name
from kfnb.runtime.values.value_store import Store

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
    for name in [n for n in bad if n in spec.get("unnamed", ())]:
        why = "`%s` is not there for later steps, none of which reads it by its name: %s"
        result["warnings"].append(why % (name, bad.pop(name)))
    if bad:
        from kfnb.runtime.values.unpicklable_values import refusal

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
        from kfnb.runtime.ambient.ambient_state import capture

        return capture(name)
    return namespace[name]


class _TooLarge(Exception):
    pass


def _store(
    store: Store, values: dict[str, Any], bad: dict[str, BaseException], limit: int | None = None
) -> dict[str, dict[str, Any]]:
    classes = [c for v in values.values() if issubclass(type(v), type) for c in parts_of(v)]
    owners = _shared_memory(values) | {id(c) for c in classes}
    single: dict[str, tuple[bytes, list[Any], Any]] = {}
    total = 0
    for name, value in values.items():
        try:
            head, buffers, pickler = dump({name: value}, owners)
        except RecursionError:
            bad[name] = RecursionError("it is nested too deep: pass it as a list of its parts")
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
                "preview": preview(values[name], size),
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
        if name in single and not issubclass(type(value), HARMLESS[:7]):
            other = holder.setdefault(id(value), name)
            parent[top(name)] = top(other)
    memos = {
        n: pickler.memo.copy() for n, (_, _, pickler) in single.items() if not issubclass(type(values[n]), HARMLESS[:5])
    }
    for name, memo in memos.items():
        for key, (_, value) in memo.items():
            if (
                issubclass(type(value), HARMLESS)
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
