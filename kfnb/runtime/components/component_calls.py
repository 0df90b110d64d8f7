"""What every component's call shares: its outputs as a named tuple, its signature, and the words of its errors."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

_kinds: dict[tuple[str, tuple[str, ...]], Any] = {}


def outputs(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """A namedtuple of the class ``name``. It is pickled as a call of this function, for no import would find its class."""
    kind = _kinds.get((name, fields))
    if kind is None:
        from collections import namedtuple

        make: Any = namedtuple
        kind = _kinds[name, fields] = make(name, fields, module=__name__)
        kind.__reduce__ = _reduce
    return kind(*values)


def _reduce(value: Any) -> tuple[Any, ...]:
    return (outputs, (type(value).__name__, value._fields, tuple(value)))


def outputs_name(component: str) -> str:
    """``split_data`` gives ``SplitDataOutputs``."""
    words = identifier(component).split("_")
    return "".join(w[:1].upper() + w[1:] for w in words) + "Outputs"


def identifier(text: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in text).split()
    name = "_".join(words) or "component"
    return name if name.isidentifier() else "component_" + name


def show_signature(call: Any, parameters: Callable[[Any], Any]) -> None:
    """What a kernel's help shows; a step, where nobody asks, does not pay for importing `inspect`."""
    import sys

    inspect = sys.modules.get("inspect")
    if inspect is not None:
        call.__signature__ = inspect.Signature(parameters(inspect))


def kind_of(value: Any) -> str:
    kind = type(value).__name__
    return "%s %s" % ("an" if kind[0] in "aeiou" else "a", kind)


def too_many(who: str, takes: int, given: int) -> NoReturn:
    """Raise Python's own words for it."""
    words = (who, takes, "" if takes == 1 else "s", given, "was" if given == 1 else "were")
    raise TypeError("%s() takes %d positional argument%s but %d %s given" % words)
