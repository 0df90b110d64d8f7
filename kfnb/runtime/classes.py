"""Classes of the notebook travel by value, and exist once in a step however often they arrive."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

LEFT_OUT = frozenset(
    (
        "__dict__",
        "__weakref__",
        "__module__",
        "__qualname__",
        "__slots__",
        "__orig_bases__",
        "_abc_impl",
        "__abstractmethods__",
        "__classcell__",
        "__firstlineno__",
        "__static_attributes__",
    )  # fmt: skip
)

LOCKS = frozenset(("lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore", "_local"))

_by_identity: dict[str, type] = {}
_identities: dict[type, tuple[str, dict[str, int]]] = {}


def by_value(cls: type) -> bool:
    """Whether no import in another process would find the class."""
    if cls.__module__ == "__main__":
        return True
    module: Any = sys.modules.get(cls.__module__)
    if module is None:
        return False
    found = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not cls and "<locals>" in cls.__qualname__


def track(cls: type, identity: str) -> None:
    """Give a class an identity that is the same in every step: where in the notebook it was made."""
    identity += " " + _content(cls)
    while _by_identity.get(identity, cls) is not cls:
        identity += "'"
    _by_identity[identity] = cls
    _identities[cls] = (identity, {k: id(v) for k, v in vars(cls).items()})


def _content(cls: type) -> str:
    """A digest of the class's own code: two classes of one place and one content are the same class."""
    import marshal

    from kfnb.runtime.store import digest

    parts = [cls.__name__.encode(), str([b.__qualname__ for b in cls.__bases__]).encode()]
    for name, value in sorted(vars(cls).items(), key=lambda pair: pair[0]):
        code = getattr(getattr(value, "__func__", value), "__code__", None)
        if code is not None:
            parts += [name.encode(), marshal.dumps(code)]
        elif isinstance(value, (int, float, str, bytes, tuple)) and name not in LEFT_OUT:
            parts.append(("%s=%r" % (name, value)).encode())
    return digest(b"\0".join(parts))[:16]


def identity_of(cls: type) -> tuple[str, frozenset[str]]:
    """The class's identity, and its attributes that were set or deleted since it got it."""
    if cls not in _identities:
        codes = [getattr(v, "__code__", None) for v in vars(cls).values()]
        lines = ["%s:%d" % (c.co_filename, c.co_firstlineno) for c in codes if c is not None]
        track(cls, "%s %s" % (cls.__qualname__, lines[0] if lines else ""))
    identity, before = _identities[cls]
    now = {k: id(v) for k, v in vars(cls).items() if k not in LEFT_OUT}
    altered = {k for k, v in now.items() if before.get(k) != v}
    return identity, frozenset(altered | {k for k in before if k not in now and k not in LEFT_OUT})


def reduce_class(cls: type, handed_on: bool = False) -> tuple[Any, ...]:
    """In two phases, as functions: a bare class, then its attributes.

    ``handed_on``: the step hands on the class itself, with the state that it keeps and the classes derived from it.
    """
    tracked = cls in _identities
    identity, changed = identity_of(cls)
    enum = _enum(cls)
    attributes = {k: v for k, v in vars(cls).items() if k not in LEFT_OUT}
    derived: list[type] = []
    if handed_on:
        # a lock that stands as the class was made is made again with the class
        same = [k for k, v in attributes.items() if k not in changed and type(v).__name__ in LOCKS and tracked]
        attributes = {k: v for k, v in attributes.items() if k not in same}
        changed = changed - set(same) | {k for k, v in attributes.items() if _may_change(v)}
        derived += filter(by_value, [*type.__subclasses__(cls), *_registered(cls)])
    slots = vars(cls).get("__slots__")
    for name in [slots] if isinstance(slots, str) else list(slots or ()):
        attributes.pop(name, None)
        attributes.pop("_%s%s" % (cls.__name__.lstrip("_"), name), None)
    if enum is not None:
        members = {name: member.value for name, member in cls.__members__.items()}  # type: ignore[attr-defined]
        attributes = {k: v for k, v in attributes.items() if k not in members and _own(k, v)}
        bare: tuple[Any, ...] = (
            identity,
            type(cls),
            cls.__bases__,
            cls.__name__,
            cls.__qualname__,
            cls.__module__,
            members,
        )
        changed = frozenset(n for n in changed if n in attributes or n not in vars(cls))
        return (make_enum, bare, (changed, attributes, derived), None, None, fill_class)
    body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for name in ("__slots__", "__orig_bases__"):
        if name in vars(cls):
            body[name] = vars(cls)[name]
    return (
        make_class,
        (identity, type(cls), cls.__bases__, cls.__name__, body),
        (changed, attributes, derived),
        None,
        None,
        fill_class,
    )


def _registered(cls: type) -> list[type]:
    """The classes that an abstract class counts as its own."""
    abc = sys.modules.get("abc")
    if abc is None or not isinstance(cls, abc.ABCMeta) or not hasattr(abc, "_get_dump"):
        return []
    return [c for c in (r() for r in abc._get_dump(cls)[0]) if c is not None]


def parts_of(cls: type) -> list[type]:
    """The class, and the classes in its body."""
    inner = [v for v in vars(cls).values() if isinstance(v, type) and v.__qualname__.startswith(cls.__qualname__ + ".")]
    return [cls, *(p for c in inner for p in parts_of(c))]


def _may_change(value: Any) -> bool:
    """Whether a class's attribute may have changed without being set anew."""
    fixed = (str, bytes, int, float, complex, type(None), staticmethod, classmethod, property)
    if isinstance(value, type):
        return by_value(value) and "." in value.__qualname__
    return not isinstance(value, fixed) and not hasattr(value, "__code__")


def _enum(cls: type) -> Any:
    module = sys.modules.get("enum")
    return cls if module is not None and isinstance(cls, module.EnumMeta) else None


def _own(name: str, value: Any) -> bool:
    """What the user wrote in an enumeration, without what `enum` adds by itself."""
    described = isinstance(value, (property, classmethod, staticmethod))
    mine = getattr(value, "__module__", None) == "__main__" and hasattr(value, "__code__")
    return described or mine or not name.startswith("_")


def make_class(identity: str, meta: type, bases: tuple[type, ...], name: str, body: dict[str, Any]) -> type:
    known = _by_identity.get(identity)
    if known is not None:
        return known
    import types

    if by_value(meta):
        # the user's own metaclass has done its work already, with names that may not be here
        library: Any = next(m for m in meta.__mro__ if not by_value(m))
        made: type = library.__new__(meta, name, bases, dict(body))
    else:
        keywords = {"metaclass": meta} if meta is not type else {}
        made = types.new_class(name, bases, keywords, lambda names: names.update(body))
    _by_identity[identity] = made
    return made


def make_enum(
    identity: str, meta: Any, bases: tuple[type, ...], name: str, qualname: str, module: str, members: dict[str, Any]
) -> type:
    known = _by_identity.get(identity)
    if known is not None:
        return known
    names = meta.__prepare__(name, bases)
    for member, value in members.items():
        names[member] = value
    names["__module__"], names["__qualname__"] = module, qualname
    made: type = meta(name, bases, names)
    _by_identity[identity] = made
    return made


def fill_class(cls: type, state: tuple[frozenset[str], dict[str, Any], list[type]]) -> None:
    changed, attributes, derived = state
    for other in derived:
        if cls not in other.__mro__:
            cls.register(other)  # type: ignore[attr-defined]  # an abstract class
    if cls in _identities:  # it is here already, as it was made
        attributes = {k: v for k, v in attributes.items() if k in changed}
        for name in changed:
            if name not in attributes and name in vars(cls):
                type.__delattr__(cls, name)
        if not changed:
            return
    for name, value in attributes.items():
        if name == "__doc__" and value is None:
            continue
        try:
            type.__setattr__(cls, name, value)
        except (AttributeError, TypeError):
            if name not in ("__doc__", "__dict__"):
                raise
    abc = sys.modules.get("abc")
    if abc is not None and isinstance(cls, abc.ABCMeta):
        abc.update_abstractmethods(cls) if hasattr(abc, "update_abstractmethods") else None
    identity = next(i for i, c in _by_identity.items() if c is cls)
    # what was changed once differs from the definition in every step after
    now = {k: 0 if cls in _identities and k in changed else id(v) for k, v in vars(cls).items()}
    before = _identities[cls][1] if cls in _identities else {}
    _identities[cls] = (identity, {**{k: 0 for k in before if k not in now}, **now})
