"""Pickles members of the notebook's enumerations. Each exists once in a step, and loading it does not call ``__new__``."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def is_enumeration(cls: type) -> bool:
    """Whether ``cls`` is an enumeration."""
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(type(cls), enum.EnumMeta)


def is_member(value: Any) -> bool:
    """Whether ``value`` is a member of an enumeration, or a combination of flags."""
    return is_enumeration(type(value))


def reduce_member(value: Any) -> tuple[Any, ...]:
    """Reduce a named member to its name and content, and a combination of flags to its value."""
    cls = type(value)
    name = vars(value).get("_name_")
    if vars(cls).get("_member_map_", {}).get(name) is not value:
        return (_by_value, (cls, value._value_))
    data = vars(cls).get("_member_type_", object)
    content = None
    if data.__new__ is not object.__new__:
        content = data.__getnewargs__(value) if hasattr(data, "__getnewargs__") else (value._value_,)
    return (_make_member, (cls, name, data, content), dict(vars(value)), None, None, _fill_member)


def _by_value(cls: Any, value: Any) -> Any:
    return cls(value)


def _make_member(cls: Any, name: str, data: Any, content: Any) -> Any:
    known = vars(cls).get("_member_map_", {}).get(name)
    if known is not None:
        return known
    return object.__new__(cls) if content is None else data.__new__(cls, *content)


def _fill_member(member: Any, state: dict[str, Any]) -> None:
    if not vars(member):
        vars(member).update(state)


def rebuilt_maps(cls: type) -> None:
    """Build the table from values to members again, without combinations of flags."""
    members = vars(cls)["_member_map_"].values()
    table: dict[Any, Any] = {}
    for member in members:
        try:
            table.setdefault(member._value_, member)
        except TypeError:
            continue  # its value cannot be a key
    type.__setattr__(cls, "_value2member_map_", table)
