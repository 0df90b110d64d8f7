"""Stores the outputs of a step. Names that share objects go into one bundle, all others into bundles of their own."""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from kfnb.runtime.values.plain_values import dump_plain, is_plain
from kfnb.runtime.values.table_files import are_shared
from kfnb.runtime.values.value_previews import human, preview, type_name
from kfnb.runtime.values.value_store import Store

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: Types whose objects may be in several bundles: they cannot be changed, or exist once in a process anyway.
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
RESULT_LIMIT = 100 * 1000 * 1000  #: bytes of all results together, which no step reads


def store_outputs(
    spec: dict[str, Any], namespace: dict[str, Any], outputs: list[str], results: list[str], result: dict[str, Any]
) -> None:
    """Store the outputs, and fail when one cannot be stored. Then store the results as far as possible.

    One failure names every output that cannot be stored.
    """
    store = Store(spec.get("new_values", spec["store"]), durable=not spec.get("temporary"))
    values = {n: _value_of(n, namespace) for n in outputs if n.startswith("@") or n in namespace}
    errors: dict[str, BaseException] = {}
    tables, mask = are_shared(spec.get("tables", "")), spec.get("secret_mask")
    result["outputs"] = _store(store, values, errors, tables, mask=mask)
    for name in [n for n in errors if n in spec.get("unnamed", ())]:
        warning = "`%s` cannot be stored, so later steps do not have it, and none of them reads it by its name: %s"
        result["warnings"].append(warning % (name, errors.pop(name)))
    if errors:
        from kfnb.runtime.values.unpicklable_values import refusal

        raise refusal(spec, {n: (values[n], e) for n, e in errors.items()})
    result_values = {n: namespace[n] for n in results if n in namespace}
    result_errors: dict[str, BaseException] = {}
    result["results"] = _store(store, result_values, result_errors, tables, RESULT_LIMIT, mask)
    store.sync()
    for name, error in result_errors.items():
        result["results"][name] = {
            "skipped": str(error),
            "type": type_name(result_values[name]),
            "preview": preview(result_values[name]),
        }


def _value_of(name: str, namespace: dict[str, Any]) -> Any:
    if name.startswith("@"):
        from kfnb.runtime.ambient.ambient_state import capture

        return capture(name)
    return namespace[name]


class _TooLarge(Exception):
    pass


class _HoldsSecret(Exception):
    pass


def _store(
    store: Store,
    values: dict[str, Any],
    errors: dict[str, BaseException],
    tables: bool,
    limit: int | None = None,
    mask: Any = None,
) -> dict[str, dict[str, Any]]:
    owners = _shared_memory(values) | _class_parts(values)
    pickled: dict[str, tuple[bytes, list[Any], Any]] = {}
    total = 0
    for name, value in values.items():
        try:
            head, buffers, pickler = _dump({name: value}, owners, tables)
        except RecursionError:
            errors[name] = RecursionError("it is nested too deeply: pass it as a list of its parts")
            continue
        except Exception as error:  # whatever an object's own pickling raises
            errors[name] = error
            continue
        size = len(head) + sum(b.raw().nbytes for b in buffers)
        if limit is not None and total + size > limit:
            errors[name] = _TooLarge(
                "%s is over the limit of %s for values that no step reads" % (human(size), human(limit))
            )
            continue
        if limit is not None and _is_secret(mask, head, buffers):
            errors[name] = _HoldsSecret("the value of a secret is in it")
            continue
        total += size
        pickled[name] = (head, buffers, pickler)
    found: dict[str, dict[str, Any]] = {}
    for group in _groups(pickled, values, owners):
        head, buffers, _ = (
            pickled[group[0]] if len(group) == 1 else _dump({n: values[n] for n in group}, owners, tables)
        )
        address = store.put(head, [store.put_buffer(b) for b in buffers])
        secret = {"secret": True} if limit is None and _is_secret(mask, head, buffers) else {}
        for name in group:
            size = len(pickled[name][0]) + sum(b.raw().nbytes for b in pickled[name][1])
            found[name] = {
                "bundle": address,
                "type": type_name(values[name]),
                "preview": preview(values[name], size),
                "bytes": size,
                **secret,
            }
    return found


def _is_secret(mask: Any, head: bytes, buffers: list[Any]) -> bool:
    if mask is None:
        return False
    from kfnb.runtime.values.secret_search import holds_secret

    return holds_secret(mask, head, buffers)


def _dump(values: dict[str, Any], owners: frozenset[int], tables: bool) -> tuple[bytes, list[Any], Any]:
    if all(is_plain(v) for v in values.values()):
        return dump_plain(values)
    from kfnb.runtime.values.pickling import dump

    return dump(values, owners, tables)


def _class_parts(values: dict[str, Any]) -> frozenset[int]:
    """The ids of the classes among the values, and of what belongs to them."""
    classes = [v for v in values.values() if issubclass(type(v), type)]
    if not classes:
        return frozenset()
    from kfnb.runtime.values.class_pickling import parts_of

    return frozenset(id(c) for v in classes for c in parts_of(v))


def _shared_memory(values: dict[str, Any]) -> frozenset[int]:
    """The ids of the arrays whose memory belongs to more than one name."""
    counts: dict[int, int] = {}
    for value in values.values():
        if type(value).__name__ == "ndarray":
            from kfnb.runtime.values.pickling import root_of

            owner = id(root_of(value))
            counts[owner] = counts.get(owner, 0) + 1
    return frozenset(o for o, count in counts.items() if count > 1)


def _groups(
    pickled: dict[str, tuple[bytes, list[Any], Any]], values: dict[str, Any], owners: frozenset[int]
) -> list[list[str]]:
    """Names grouped by bundle: values that share an object that could be changed must be in one bundle."""
    if len(pickled) < 2:
        return [[n] for n in pickled]
    parent = {n: n for n in pickled}

    def top(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    holder: dict[int, str] = {}
    for name, value in values.items():
        if name in pickled and not issubclass(type(value), HARMLESS[:7]):
            other = holder.setdefault(id(value), name)
            parent[top(name)] = top(other)
    memos = {
        n: pickler.memo.copy()
        for n, (_, _, pickler) in pickled.items()
        if not issubclass(type(values[n]), HARMLESS[:5])
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
    for name in pickled:
        groups.setdefault(top(name), []).append(name)
    return list(groups.values())
