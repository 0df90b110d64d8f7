"""Guards that were entered: what is still open in each, and when its handler's turn has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kfnb.pipeline.model import Guard

Scope = tuple[tuple[str, int, Any], ...]  #: loop, index and item of every loop around, outermost first


@dataclass(eq=False)
class Open:
    """An entered guard. ``count``: nodes that wait, steps that run and guards that are open right inside it."""

    node: Guard
    scope: Scope
    around: Open | None
    count: int = 0
    handling: bool = False


def chain(guard: Open | None) -> Iterator[Open]:
    """A guard and those around it, innermost first."""
    while guard is not None:
        yield guard
        guard = guard.around


def handling(guard: Open | None) -> Open | None:
    """The innermost guard in whose handler something stands."""
    return next((g for g in chain(guard) if g.handling), None)


def close(guard: Open | None, begin: Callable[[Open], None]) -> None:
    """One thing less is open in ``guard``: ``begin`` its handler when it was the last of the body; after the handler it is over."""
    while guard is not None:
        guard.count -= 1
        if guard.count:
            return
        if not guard.handling:
            guard.handling = True
            guard.count = 1  # held open while the handler begins
            begin(guard)
            continue
        guard = guard.around
