"""Keeps the steps of a run within their marks `cpu` and `memory`: by a control group where the system lets us, and by looking at their memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.local.limits.memory_watch import MemoryWatch, can_watch
from kfnb.engines.local.limits.step_groups import StepGroup, StepGroups
from kfnb.engines.local.limits.step_limits import StepLimits, memory_error
from kfnb.step_settings import Settings


@dataclass
class KeptLimits:
    """What keeps one attempt within its limits."""

    limits: StepLimits
    watch: MemoryWatch | None
    group: StepGroup | None
    exceeded: bool = False

    @property
    def next_look(self) -> float | None:
        """The moment of the monotonic clock at which `must_end` has something to do."""
        return None if self.watch is None or self.exceeded else self.watch.next_look

    def must_end(self, now: float) -> bool:
        """Whether the step uses too much memory now. It is said once."""
        if self.watch is not None and not self.exceeded:
            self.exceeded = self.watch.is_exceeded(now)
            return self.exceeded
        return False

    def error(self) -> dict[str, Any] | None:
        """The error of a step that was killed for its memory; ``None`` for one that was not."""
        killed = self.exceeded or (self.group is not None and self.group.ran_out_of_memory())
        return memory_error(self.limits.memory_mark) if killed else None

    def end(self) -> None:
        """The step has ended."""
        if self.group is not None:
            self.group.remove()


class LimitKeeper:
    """Keeps the steps of one run within their limits. ``run`` is its id."""

    def __init__(self, run: str) -> None:
        self._groups, self._watches = StepGroups.find(), can_watch()
        self._prefix = f"kfnb-{run}-"
        self.close()  # of a scheduler that was killed

    def keep(self, number: int, settings: Settings, folder: Path) -> KeptLimits | None:
        """Begin to keep an attempt within the limits of its marks, when it has some.

        Parameters
        ----------
        number
            Tells the attempts of the run apart.
        folder
            The folder of the attempt.
        """
        limits = StepLimits.of(settings)
        if not limits.cpus and not limits.memory:
            return None
        # It is watched in a group too: a step that could not be moved into it must not be without a limit.
        watch = MemoryWatch(folder, limits.memory) if limits.memory and self._watches else None
        group = self._groups.make(f"{self._prefix}{number}", limits) if self._groups is not None else None
        return KeptLimits(limits, watch, group)

    def close(self) -> None:
        """Remove the groups that could not be removed when their steps had ended."""
        if self._groups is not None:
            self._groups.remove(self._prefix)
