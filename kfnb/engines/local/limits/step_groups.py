"""Control groups for steps, where the system has delegated a part of its groups to this user (cgroup v2).

The kernel then keeps a step and all that it starts within its limits, as in a container: Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from kfnb.engines.local.limits.step_limits import StepLimits

PROCESSES = "cgroup.procs"
PERIOD = 100_000  #: microseconds, in which a step may use its processors for so long


@dataclass(frozen=True)
class StepGroup:
    """The group of one attempt."""

    folder: Path

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of the group for its memory."""
        try:
            lines = (self.folder / "memory.events").read_text("ascii").splitlines()
        except OSError:
            return False
        return dict(line.split() for line in lines).get("oom_kill", "0") != "0"

    def remove(self) -> None:
        """Remove the group. While a process of it has not quite ended, it stays, and the end of the run removes it."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


@dataclass(frozen=True)
class StepGroups:
    """Where groups can be made.

    Parameters
    ----------
    parent
        The folder of the group in which they are made: one that holds this process too, because a process may only be moved inside of what
        its user may write.
    controllers
        What can be limited in them: ``cpu``, ``memory``, or both.
    """

    parent: Path
    controllers: frozenset[str]

    @staticmethod
    def find(root: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self/cgroup")) -> StepGroups | None:
        """The nearest group above this process in which it may make others that limit something."""
        try:
            own = next(line[3:] for line in process.read_text().splitlines() if line.startswith("0::"))
        except (OSError, StopIteration):
            return None
        for group in (root / own.strip("/"), *(root / own.strip("/")).parents):
            if not group.is_relative_to(root):
                return None
            controllers = _limited_below(group)
            if controllers and all(os.access(p, os.W_OK) for p in (group, group / PROCESSES)):
                return StepGroups(group, controllers)
        return None

    def make(self, name: str, limits: StepLimits) -> StepGroup | None:
        """Make a group with the limits of a step; ``None`` when there are none that it could keep, or the system refuses after all."""
        files = dict(_limit_files(limits, self.controllers))
        if not files:
            return None
        group = StepGroup(self.parent / name)
        try:
            group.folder.mkdir(exist_ok=True)
            for file, text in files.items():
                if (group.folder / file).exists():  # not every kernel has all of them
                    (group.folder / file).write_text(text)
        except OSError:
            group.remove()
            return None
        return group

    def remove(self, prefix: str) -> None:
        """Remove the groups whose names begin so, which no process has any more."""
        for folder in self.parent.glob(f"{prefix}*"):
            StepGroup(folder).remove()


def _limited_below(group: Path) -> frozenset[str]:
    """The controllers that the groups in a group have."""
    try:
        return frozenset((group / "cgroup.subtree_control").read_text("ascii").split()) & {"cpu", "memory"}
    except OSError:
        return frozenset()


def _limit_files(limits: StepLimits, controllers: frozenset[str]) -> list[tuple[str, str]]:
    """The files of a group that set limits, and their texts."""
    files = []
    if limits.cpus and "cpu" in controllers:
        files.append(("cpu.max", f"{max(1000, round(limits.cpus * PERIOD))} {PERIOD}"))
    if limits.memory and "memory" in controllers:
        # No swap on top of it, and the step ends as a whole, as a pod does.
        files += [("memory.max", str(limits.memory)), ("memory.swap.max", "0"), ("memory.oom.group", "1")]
    return files
