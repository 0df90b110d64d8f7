"""The guards that a run has entered: how many nodes are open inside each, and when its exit handler begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kfnb.engines.local.scheduling.step_instances import Scope
from kfnb.pipeline.model import Guard


@dataclass(eq=False)
class OpenGuard:
    """A guard that was entered.

    Parameters
    ----------
    parent
        The guard around this one.
    open_count
        The number of waiting nodes, running steps and open guards directly inside it.
    in_handler
        Whether its body has ended and its handler runs.
    """

    node: Guard
    scope: Scope
    parent: OpenGuard | None
    open_count: int = 0
    in_handler: bool = False


def enclosing(guard: OpenGuard | None) -> Iterator[OpenGuard]:
    """A guard and those around it, innermost first."""
    while guard is not None:
        yield guard
        guard = guard.parent


def handler_around(guard: OpenGuard | None) -> OpenGuard | None:
    """The innermost guard whose handler contains a node."""
    return next((g for g in enclosing(guard) if g.in_handler), None)


def release(guard: OpenGuard | None, begin_handler: Callable[[OpenGuard], None]) -> None:
    """Count one node, step or guard in ``guard`` as ended.

    When it was the last of the body, ``begin_handler`` begins the handler. When it was the last of the handler, the
    guard itself ends, and counts as one thing less in its parent.
    """
    while guard is not None:
        guard.open_count -= 1
        if guard.open_count:
            return
        if not guard.in_handler:
            guard.in_handler = True
            guard.open_count = 1  # keeps the guard open while its handler begins
            begin_handler(guard)
            continue
        guard = guard.parent
