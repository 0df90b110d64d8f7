"""Pickles the notebook's classes by value. Each exists once in a step, however often it is loaded."""

from __future__ import annotations

import sys
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType

from kfnb.runtime.values import enum_pickling

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

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
        "__slotnames__",
        "_value2member_map_",
    )  # fmt: skip
)
HEAP, IMMUTABLE = 1 << 9, 1 << 8  #: Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE
PLAIN = (int, float, str, bytes, tuple, type(None))

LOCKS = frozenset(("lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore", "_local"))

# keyed by id: the user's metaclasses may have no hash, or an odd equality
_by_identity: dict[str, type] = {}
_identities: dict[int, tuple[type, str, dict[str, int]]] = {}


def by_value(cls: type) -> bool:
    """Whether the class must be pickled by value, since no import in another process would find it."""
    if not cls.__flags__ & HEAP or cls.__flags__ & IMMUTABLE:
        return False
    if cls.__module__ == "__main__":
        return True
    if not isinstance(cls.__module__, str):
        return False
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not cls


# -------------------------------------------------------------------- identity
def track(cls: type, identity: str) -> None:
    """Give a class an identity that is the same in every step: where the notebook defines it, and its content."""
    identity += " " + _content(cls)
    while _by_identity.get(identity, cls) is not cls:
        identity += "'"
    _remember(cls, identity)


def _remember(cls: type, identity: str) -> None:
    _by_identity[identity] = cls
    _identities[id(cls)] = (cls, identity, {k: id(v) for k, v in vars(cls).items()})


def _content(cls: type) -> str:
    """A digest of the class's own code. Two classes with one place and one content are the same class."""
    from kfnb.runtime.values.value_store import digest

    parts = [cls.__name__.encode(), str([b.__qualname__ for b in cls.__bases__]).encode()]
    for name, value in sorted(vars(cls).items(), key=lambda pair: pair[0]):
        function = getattr(value, "__func__", value) if type(value) in (classmethod, staticmethod) else value
        code = getattr(function, "__code__", None) if callable(function) else None
        if code is not None:
            parts += [name.encode(), _code_text(code).encode("utf-8", "backslashreplace"), *_closure(function)]
        elif type(value) in PLAIN and name not in LEFT_OUT:
            parts.append(("%s=%r" % (name, value)).encode("utf-8", "backslashreplace"))
    return digest(b"\0".join(parts))[:16]


def _code_text(code: CodeType) -> str:
    """What the code does, without the file it stands in: each pod installs libraries into a folder of its own.

    `marshal` would write the file, and its bytes depend on how often an object is referred to.
    """
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    constants = [_constant_text(c) for c in code.co_consts]
    return repr((code.co_name, code.co_firstlineno, code.co_flags, code.co_code, names, constants))


def _constant_text(constant: Any) -> str:
    if isinstance(constant, CodeType):
        return _code_text(constant)
    if isinstance(constant, frozenset):  # in an order that does not depend on the hashes of texts
        return "frozenset(%s)" % sorted(repr(c) for c in constant)
    return repr(constant)


def _closure(function: Any) -> list[bytes]:
    """The values in a closure, which distinguish the classes that one function creates."""
    found = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            content = cell.cell_contents
        except ValueError:
            continue  # not bound yet
        if type(content) in PLAIN[:4]:
            found.append(repr(content).encode("utf-8", "backslashreplace"))
    return found


def identity_of(cls: type) -> tuple[str, frozenset[str]]:
    """The class's identity, and the attributes that were set or deleted since the class got it."""
    if id(cls) not in _identities:
        codes = [getattr(v, "__code__", None) for v in vars(cls).values() if callable(v)]
        lines = ["%s:%d" % (c.co_filename, c.co_firstlineno) for c in codes if c is not None]
        track(cls, "%s %s" % (cls.__qualname__, lines[0] if lines else ""))
    _, identity, before = _identities[id(cls)]
    current = {k: id(v) for k, v in vars(cls).items() if k not in LEFT_OUT}
    altered = {k for k, v in current.items() if before.get(k) != v}
    return identity, frozenset(altered | {k for k in before if k not in current and k not in LEFT_OUT})


def known_as(name: str) -> type | None:
    """The newest class of the notebook with this name that was loaded with a value."""
    found = [c for c in _by_identity.values() if c.__qualname__ == name and c.__module__ == "__main__"]
    return found[-1] if found else None


# -------------------------------------------------------------------- to bytes
def reduce_class(cls: type, is_output: bool = False) -> tuple[Any, ...]:
    """Reduce a class in two phases, so that it may refer to itself: first a bare class, then its attributes.

    With ``is_output`` the class itself is an output of the step. Its state and the classes derived from it come along.
    """
    tracked = id(cls) in _identities
    identity, changed = identity_of(cls)
    attributes = {k: v for k, v in vars(cls).items() if k not in LEFT_OUT and not _is_slot(v, cls)}
    state: dict[str, Any] = _abstract(cls)
    if is_output:
        # a lock that the class was defined with is created again with the class
        same = [k for k, v in attributes.items() if k not in changed and type(v).__name__ in LOCKS and tracked]
        attributes = {k: v for k, v in attributes.items() if k not in same}
        changed -= set(same)
        if not enum_pickling.is_enumeration(cls):
            changed |= {k for k, v in attributes.items() if _may_change(v)}
        # `attrs` replaces a class by one with slots, and the first one may exist until the garbage collector runs
        below: list[type] = type.__subclasses__(cls)
        state["derived"] = [c for c in below if "__attrs_base_of_slotted__" not in vars(c) and by_value(c)]
    body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for name in ("__slots__", "__orig_bases__"):
        if name in vars(cls):
            body[name] = vars(cls)[name]
    state.update(changed=changed, attributes=attributes)
    return (make_class, (identity, type(cls), cls.__bases__, cls.__name__, body), state, None, None, fill_class)


def _may_change(value: Any) -> bool:
    """Whether an attribute of a class may have changed in place."""
    fixed = (str, bytes, int, float, complex, type(None), staticmethod, classmethod, property, FunctionType)
    if issubclass(type(value), type):
        return by_value(value) and "." in value.__qualname__
    return not issubclass(type(value), fixed)


def parts_of(cls: type) -> list[type]:
    """The class and the classes that its body defines."""
    inner = [v for v in vars(cls).values() if issubclass(type(v), type)]
    return [cls, *(p for c in inner if c.__qualname__.startswith(cls.__qualname__ + ".") for p in parts_of(c))]


def _is_slot(value: Any, cls: type) -> bool:
    return type(value) in (MemberDescriptorType, GetSetDescriptorType) and value.__objclass__ is cls


def _abstract(cls: type) -> dict[str, Any]:
    """The abstract methods and registered classes of an abstract base class."""
    abc = sys.modules["abc"]
    if not issubclass(type(cls), abc.ABCMeta):
        return {}
    references = abc._get_dump(cls)[0] if hasattr(abc, "_get_dump") else ()
    found = {"abstract": sorted(getattr(cls, "__abstractmethods__", ()))}
    registered = [c for c in (r() for r in references) if c is not None]
    return {**found, "registered": registered} if registered else found


# -------------------------------------------------------------------- and back
def make_class(identity: str, meta: Any, bases: tuple[type, ...], name: str, body: dict[str, Any]) -> type:
    known = _by_identity.get(identity)
    if known is not None:
        return known

    def make() -> type:
        if _only_sets_attributes(meta):
            library: Any = next(m for m in meta.__mro__ if m in (type, sys.modules["abc"].ABCMeta))
            return library.__new__(meta, name, bases, dict(body))  # type: ignore[no-any-return]
        import types

        keywords = {"metaclass": meta} if meta is not type else {}
        return types.new_class(name, bases, keywords, lambda names: names.update(body))

    try:
        created = _without_hooks(bases, by_value, make)
    except TypeError:
        created = _without_hooks(bases, lambda base: bool(base.__flags__ & HEAP), make)
    _by_identity[identity] = created
    return created


def _only_sets_attributes(meta: Any) -> bool:
    """Whether a metaclass must not run again when the class is loaded.

    It has set attributes, which are loaded with the class. To run, it may need names that this step lacks.
    """
    return (
        by_value(meta)
        or meta.__name__ in ("EnumMeta", "EnumType", "_TypedDictMeta")
        or meta.__module__.partition(".")[0] == "pydantic"
        or any(by_value(m) or m.__name__ in ("EnumMeta", "EnumType") for m in meta.__mro__)
    )


def _without_hooks(bases: tuple[type, ...], which: Callable[[type], bool], make: Callable[[], type]) -> type:
    """Create a class without calling ``__init_subclass__`` of some bases, which ran when the class was defined."""
    hook = "__init_subclass__"
    silenced = [b for base in bases for b in base.__mro__ if hook in vars(b) and which(b)]
    hooks = [(b, vars(b)[hook]) for b in silenced]
    for base, _ in hooks:
        type.__setattr__(base, hook, classmethod(lambda cls, **_: None))
    try:
        return make()
    finally:
        for base, original in hooks:
            type.__setattr__(base, hook, original)


def fill_class(cls: type, state: dict[str, Any]) -> None:
    for registered in state.get("registered", ()):
        sys.modules["abc"].ABCMeta.register(cls, registered)
    attributes, changed = state["attributes"], state["changed"]
    if id(cls) in _identities:  # the step has the class already, as the notebook defines it
        for name in changed:
            if name not in attributes and name in vars(cls):
                type.__delattr__(cls, name)
        if not changed:
            return
        attributes = {k: v for k, v in attributes.items() if k in changed}
    for name, value in attributes.items():
        if name == "__doc__" and value is None:
            continue
        try:
            type.__setattr__(cls, name, value)
        except (AttributeError, TypeError):
            if name not in ("__doc__", "__dict__"):
                raise
    if "abstract" in state:
        cls.__abstractmethods__ = frozenset(state["abstract"])  # type: ignore[attr-defined]
    if enum_pickling.is_enumeration(cls):
        enum_pickling.rebuilt_maps(cls)
    _remember(cls, next(i for i, c in _by_identity.items() if c is cls))
    # an attribute that was changed once differs from the definition in every later step
    _identities[id(cls)][2].update(dict.fromkeys(changed, 0))
