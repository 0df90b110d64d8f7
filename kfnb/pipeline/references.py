"""References to values, and conditions over them: trees that every engine prints in its own language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Json = Any  # None, bool, int, float, str, list or dict of the same


@dataclass(frozen=True)
class Constant:
    """A JSON value written in the notebook."""

    value: Json


@dataclass(frozen=True)
class ParameterRef:
    """The run's value of a pipeline parameter."""

    name: str


@dataclass(frozen=True)
class OutputRef:
    """The Python value of ``name`` as ``step`` left it (pickled, any type)."""

    step: str
    name: str


@dataclass(frozen=True)
class ExportRef:
    """A small JSON value that ``step`` exports under ``name`` (conditions, loop items, shell steps)."""

    step: str
    name: str


@dataclass(frozen=True)
class ItemRef:
    """The item of the enclosing loop ``loop`` in this iteration (JSON)."""

    loop: str


STATUS = "kfnb_status"  #: the name under which an exit handler reads how its run ended


@dataclass(frozen=True)
class StatusRef:
    """How the body of ``guard`` ended, for its handler: ``{"state", "step", "message"}`` (JSON).

    ``state`` is ``succeeded``, ``failed`` or ``cancelled``; ``step`` the first failing step's path, or null.
    """

    guard: str


@dataclass(frozen=True)
class Collected:
    """The values of ``ref`` over the iterations of the loops around its step that are not around the reader.

    The value is a list in the order of the items. Skipped iterations are left out; a loop without items gives ``[]``.
    """

    ref: OutputRef | ExportRef


@dataclass(frozen=True)
class Merge:
    """The first of ``candidates`` whose step was not skipped; the newest stands first.

    If all of them were skipped, the step that reads the value is skipped as well.
    """

    candidates: tuple[Ref, ...]


Ref = Constant | ParameterRef | OutputRef | ExportRef | ItemRef | StatusRef | Collected | Merge


def sources(ref: Ref) -> Iterator[OutputRef | ExportRef]:
    """The outputs of steps that a reference may stand for."""
    if isinstance(ref, (OutputRef, ExportRef)):
        yield ref
    elif isinstance(ref, Collected):
        yield ref.ref
    elif isinstance(ref, Merge):
        for candidate in ref.candidates:
            yield from sources(candidate)


# ---------------------------------------------------------------- conditions
@dataclass(frozen=True)
class Compare:
    """``left op right`` with ``op`` one of ``== != < <= > >= in not-in is is-not``, Python's meaning, typed.

    ``is`` and ``is-not`` compare with ``None``, ``True`` or ``False`` only.
    """

    left: Ref
    op: str
    right: Ref


@dataclass(frozen=True)
class Truth:
    """Python's truth of a value."""

    ref: Ref


@dataclass(frozen=True)
class Not:
    test: Test


@dataclass(frozen=True)
class All:
    """``a and b and ...``"""

    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Any_:
    """``a or b or ...``"""

    tests: tuple[Test, ...]


Test = Compare | Truth | Not | All | Any_


def with_operands(test: Test, change: Callable[[Ref], Ref]) -> Test:
    """The test with each of its references changed."""
    if isinstance(test, Compare):
        return replace(test, left=change(test.left), right=change(test.right))
    if isinstance(test, Truth):
        return replace(test, ref=change(test.ref))
    if isinstance(test, Not):
        return replace(test, test=with_operands(test.test, change))
    return replace(test, tests=tuple(with_operands(t, change) for t in test.tests))


def operands(test: Test) -> Iterator[Ref]:
    """The references that a test uses, from left to right."""
    if isinstance(test, Compare):
        yield from (test.left, test.right)
    elif isinstance(test, Truth):
        yield test.ref
    elif isinstance(test, Not):
        yield from operands(test.test)
    else:
        for inner in test.tests:
            yield from operands(inner)
