"""The most that a step may use of the processors and the memory, and the error of one that went over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfnb.setting_marks.quantities import amount
from kfnb.step_settings import Settings


@dataclass(frozen=True)
class StepLimits:
    """The limits of one step.

    Parameters
    ----------
    cpus, memory
        The most processors and bytes, or 0 for no limit.
    memory_mark
        The limit of the memory as the mark has it, for messages.
    """

    cpus: float
    memory: int
    memory_mark: str

    @staticmethod
    def of(settings: Settings) -> StepLimits:
        """The limits that the marks of a step set."""
        cpus, memory = settings.cpu or "", settings.memory or ""
        return StepLimits(float(amount(cpus)), int(amount(memory)), memory)


def memory_error(limit: str) -> dict[str, Any]:
    """The error of a step that was killed for its memory. ``limit`` is the mark, if there is one."""
    message = "the system was out of memory, and killed the step"
    if limit:
        message = f"the step used more memory than its mark `memory:{limit}` allows, and was killed: raise the mark, or work on smaller parts of the data"
    return {"kind": "died", "type": "OutOfMemory", "message": message}
