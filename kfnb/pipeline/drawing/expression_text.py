"""Writes tests and references as Python text for people to read."""

from __future__ import annotations

from collections.abc import Sequence

from kfnb.pipeline.model import (
    All,
    Any_,
    Branch,
    Collected,
    Compare,
    Constant,
    ItemRef,
    Loop,
    Merge,
    Not,
    Ref,
    StatusRef,
    Step,
    Test,
    Truth,
)
from kfnb.pipeline.references import STATUS


def branch_condition(branch: Branch) -> str:
    """The condition of a branch, as the user wrote it where that is known; empty for ``else``."""
    return branch.text or (test_text(branch.when) if branch.when is not None else "")


def loop_items(loop: Loop) -> str:
    """The items of a loop, as the user wrote them where that is known."""
    return loop.text or reference_text(loop.items)


def cells(step: Step) -> str:
    """The cells of a step, as in ``cells_text``."""
    return cells_text(cell_numbers(step))


def cell_numbers(step: Step) -> tuple[int, ...]:
    """The numbers of a step's cells, each once."""
    return tuple(dict.fromkeys(c.cell for c in step.cells))


def cells_text(numbers: Sequence[int]) -> str:
    """``cell 3`` or ``cells 3, 4``; an empty text for a step that kfnb adds."""
    return f"cell{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}" if numbers else ""


def test_text(test: Test) -> str:
    """A test as Python text."""
    if isinstance(test, Truth):
        return reference_text(test.ref)
    if isinstance(test, Not):
        return f"not {test_text(test.test)}"
    if isinstance(test, (All, Any_)):
        sign = " and " if isinstance(test, All) else " or "
        return sign.join(test_text(t) if isinstance(t, (Compare, Truth)) else f"({test_text(t)})" for t in test.tests)
    assert isinstance(test, Compare)
    return f"{reference_text(test.left)} {test.op.replace('-', ' ')} {reference_text(test.right)}"


def reference_text(ref: Ref) -> str:
    """A reference under its name in the notebook."""
    if isinstance(ref, Constant):
        return repr(ref.value)
    if isinstance(ref, ItemRef):
        return "item"
    if isinstance(ref, Merge):
        return reference_text(ref.candidates[0])
    if isinstance(ref, Collected):
        return reference_text(ref.ref)
    if isinstance(ref, StatusRef):
        return STATUS
    return ref.name
