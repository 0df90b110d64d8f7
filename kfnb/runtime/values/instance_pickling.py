"""Pickles instances of the notebook's classes that define hooks such as ``__getattr__`` or ``__new__``.

`pickle` reads and sets attributes of an object that is only half restored. A ``__getattr__`` that looks into the object
itself would recurse forever. A ``__new__`` or ``__setattr__`` of the class would lack its arguments, or refuse.
"""

from __future__ import annotations

from types import MemberDescriptorType

from kfnb.runtime.values import class_pickling

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

HOOKS = ("__getattr__", "__getattribute__", "__new__", "__setattr__")
OWN_WAYS = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__",
)  # fmt: skip


def is_delicate(kind: type) -> bool:
    """Whether instances of ``kind`` are plain objects with such hooks and without pickling methods of their own."""
    classes = [c for c in kind.__mro__ if c is not object]
    if not all(class_pickling.by_value(c) or c.__name__ in ("ABC", "Generic", "Protocol") for c in classes):
        return False
    names = {n for c in classes for n in vars(c)}
    return any(n in names for n in HOOKS) and not any(n in names for n in OWN_WAYS)


def reduce_instance(value: Any) -> tuple[Any, ...]:
    """Reduce an instance to its attributes, read without the hooks of its class."""
    kind = type(value)
    slots: dict[str, Any] = {}
    for cls in reversed(kind.__mro__):
        for name, slot in vars(cls).items():
            if type(slot) is MemberDescriptorType:
                try:
                    slots[name] = slot.__get__(value)
                except AttributeError:
                    continue  # not set
    try:
        attributes = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        attributes = {}
    return (make_instance, (kind,), (attributes, slots), None, None, fill_instance)


def make_instance(kind: Any) -> Any:
    return object.__new__(kind)


def fill_instance(value: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    if attributes:
        object.__getattribute__(value, "__dict__").update(attributes)
    for cls in type(value).__mro__:
        for name, slot in vars(cls).items():
            if type(slot) is MemberDescriptorType and name in slots:
                slot.__set__(value, slots[name])
