"""The instances of a pipeline's steps, one for each iteration of the loops around them, with their states and results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.local.scheduling.step_graph import Place
from kfnb.runtime.pods.handover.resolve_references import Skipped
from kfnb.states import ENDED

Scope = tuple[tuple[str, int, Any], ...]  #: loop, index and item of every loop around, outermost first


class NotReady(Exception):
    """Something that a node needs has not been produced yet."""


def suffix_of(scope: Scope) -> str:
    """The indexes of a scope in the form of the end of a path: ``[2][0]``."""
    return "".join(f"[{index}]" for _, index, _ in scope)


@dataclass
class StepInstances:
    """The states and results of all instances, by their paths."""

    places: dict[str, Place]
    states: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Failures of steps with ``on-failure:continue``. A step that was skipped because of one has the same entry.
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The number of items of each loop that was expanded, by loop and scope; ``None`` for a loop that was skipped.
    loop_sizes: dict[tuple[str, str], int | None] = field(default_factory=dict)

    def path(self, name: str, scope: Scope) -> str:
        """``train`` or ``train[2]``: the step's name with the indexes of the expanded loops around it."""
        loops = self.places[name].loops
        return name + "".join(f"[{i}]" for loop, i, _ in scope if loop in loops)

    def paths(self, name: str, scope: Scope) -> list[str]:
        """The step's instances that a reader in ``scope`` sees, in order.

        Raises
        ------
        NotReady
            While a loop around the step is not expanded.
        Skipped
            When such a loop was skipped.
        """
        inner = [loop for loop in self.places[name].loops if loop not in {s[0] for s in scope}]
        shared = tuple(s for s in scope if s[0] in self.places[name].loops)
        suffixes = [suffix_of(shared)]
        for loop in inner:
            longer: list[str] = []
            for suffix in suffixes:
                if (loop, suffix) not in self.loop_sizes:
                    raise NotReady
                size = self.loop_sizes[(loop, suffix)]
                if size is None:
                    raise Skipped(f"{name} was skipped")
                longer += [f"{suffix}[{i}]" for i in range(size)]
            suffixes = longer
        return [name + suffix for suffix in suffixes]

    def require_final(self, name: str, scope: Scope) -> None:
        """Raise `NotReady` until every instance of the step that ``scope`` sees has ended or was skipped."""
        if name not in self.places:
            return
        try:
            paths = self.paths(name, scope)
        except Skipped:
            return
        if any(self.states.get(p) not in (*ENDED, "skipped") and p not in self.failures for p in paths):
            raise NotReady

    def reading_order(self, path: str) -> tuple[int, list[int]]:
        """A sort key: steps in the order of the notebook, their iterations by index."""
        name, *indexes = path.replace("]", "").split("[")
        return self.places[name].position, [int(i) for i in indexes]
