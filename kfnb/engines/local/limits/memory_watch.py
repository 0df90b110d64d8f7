"""Looks at how much memory a step and the processes that it has started use.

What counts is memory that only the end of the step gives back: anonymous and shared memory, also when it is swapped out. Pages of files that
are mapped, such as arrays of other steps, do not count, because the system takes them back when it needs them. It is so in a container too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kfnb.engines.local.processes.fork_server import PID, process_status

LOOK_EVERY = 0.1  #: seconds
#: Lines of /proc/PID/status. A page that processes share counts for each of them, and they are quick to read.
WHOLE = ("RssAnon", "RssShmem", "VmSwap")
#: Lines of /proc/PID/smaps_rollup, in which a process has its part of a page that several share.
PARTS = ("Pss_Anon", "SwapPss")
#: How the names of mappings begin that are shared memory, and no files.
SHARED_MEMORY = ("/dev/shm/", "/memfd:", "/SYSV", "/dev/zero")


def can_watch() -> bool:
    """Whether this system tells how much memory its processes use."""
    return sys.platform == "linux" and memory_of([Path("/proc/self").resolve().name]) > 0


@dataclass
class MemoryWatch:
    """Watches one attempt at a step.

    Parameters
    ----------
    folder
        The folder of the attempt, in which the step has left the number of its process.
    limit
        The most bytes.
    """

    folder: Path
    limit: int
    next_look: float = 0.0  #: of the monotonic clock

    def is_exceeded(self, now: float) -> bool:
        """Whether the step uses more than its limit. Before `next_look` the answer is no."""
        if now < self.next_look:
            return False
        exceeded = self._exceeds_limit()
        self.next_look = time.monotonic() + LOOK_EVERY
        return exceeded

    def _exceeds_limit(self) -> bool:
        try:
            pid = (self.folder / PID).read_text("ascii").split()[0]
        except (OSError, IndexError):
            return False  # it has not begun yet
        processes = list(_processes_of(pid))
        return memory_of(processes) > self.limit and proportional_memory_of(processes) > self.limit


def memory_of(processes: list[str]) -> int:
    """The bytes of some processes. A page that they share counts for each of them, and files on a disk of memory count too."""
    return sum(sum(_lines_of(p, "status", WHOLE).values()) for p in processes)


def proportional_memory_of(processes: list[str]) -> int:
    """The bytes of some processes. Of a page that several processes share, each has its part."""
    found = 0
    for process in processes:
        parts = _lines_of(process, "smaps_rollup", (*PARTS, "Pss_Shmem"))
        if "Pss_Anon" not in parts:  # before Linux 5.5
            found += memory_of([process])
            continue
        found += parts["Pss_Anon"] + parts["SwapPss"]
        found += _shared_memory_of(process) if parts["Pss_Shmem"] else 0
    return found


def _shared_memory_of(process: str) -> int:
    """The bytes of the shared memory of a process, without files on a disk of memory: such a file is mapped for this process alone."""
    found, counts = 0, False
    for line in _read(process, "smaps").splitlines():
        name, _, text = line.partition(":")
        if " " in name:  # the head of a mapping: its addresses, rights, place in the file, device, inode, and name
            fields = line.split(None, 5)
            counts = fields[1].endswith("s") and len(fields) > 5 and fields[5].startswith(SHARED_MEMORY)
        elif name == "Pss" and counts:
            found += int(text.split()[0]) * 1024
    return found


def _lines_of(process: str, file: str, names: tuple[str, ...]) -> dict[str, int]:
    """Lines of a file of a process, in bytes."""
    lines = (line.partition(":") for line in _read(process, file).splitlines())
    return {name: int(text.split()[0]) * 1024 for name, _, text in lines if name in names}


def _read(process: str, file: str) -> str:
    """A file of a process; empty when that has just ended."""
    try:
        return Path("/proc", process, file).read_text("utf-8", "replace")
    except OSError:
        return ""


def _processes_of(pid: str) -> Iterator[str]:
    """A step's process, those that it has started, and those among them that lost their parent, which the fork server has adopted."""
    status = process_status(int(pid))
    adopted = [p for p in _children_of(status[1]) if p != pid and _session_of(p) == pid] if status else []
    queue = [pid, *adopted]
    while queue:
        process = queue.pop()
        yield process
        queue += _children_of(process)


def _children_of(pid: str) -> list[str]:
    """The children that the threads of a process have started."""
    found: list[str] = []
    for file in Path("/proc", pid, "task").glob("*/children"):
        try:
            found += file.read_text("ascii").split()
        except OSError:
            continue  # the thread has just ended
    return found


def _session_of(pid: str) -> str:
    status = process_status(int(pid))
    return status[3] if status else ""
