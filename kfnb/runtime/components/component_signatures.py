"""Signatures of components: several outputs as a named tuple, the signature that help shows, and errors of arguments."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

_classes: dict[tuple[str, tuple[str, ...]], Any] = {}


def outputs(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """A namedtuple of the class ``name``. It is pickled as a call of this function, since no import would find its class."""
    cls = _classes.get((name, fields))
    if cls is None:
        from collections import namedtuple

        make: Any = namedtuple
        cls = _classes[name, fields] = make(name, fields, module=__name__)
        cls.__reduce__ = _reduce
    return cls(*values)


def _reduce(value: Any) -> tuple[Any, ...]:
    return (outputs, (type(value).__name__, value._fields, tuple(value)))


def outputs_name(component: str) -> str:
    """The name of a component's named tuple: ``SplitDataOutputs`` for ``split_data``."""
    words = identifier(component).split("_")
    return "".join(w[:1].upper() + w[1:] for w in words) + "Outputs"


def identifier(text: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in text).split()
    name = "_".join(words) or "component"
    return name if name.isidentifier() else "component_" + name


def show_signature(call: Any, parameters: Callable[[Any], Any]) -> None:
    """Set the signature that a kernel's help shows, unless `inspect` is not imported: a step does not need it."""
    import sys

    inspect = sys.modules.get("inspect")
    if inspect is not None:
        call.__signature__ = inspect.Signature(parameters(inspect))


def kind_of(value: Any) -> str:
    cls = type(value).__name__
    return "%s %s" % ("an" if cls[0] in "aeiou" else "a", cls)


def raise_too_many_arguments(callee: str, expected: int, received: int) -> NoReturn:
    """Raise the `TypeError` that Python raises for too many positional arguments."""
    words = (callee, expected, "" if expected == 1 else "s", received, "was" if received == 1 else "were")
    raise TypeError("%s() takes %d positional argument%s but %d %s given" % words)
