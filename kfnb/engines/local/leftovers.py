"""What is left of a run whose scheduler was killed: its processes end before the run is taken up again, and write nothing beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

PID = "pid"  #: in the folder of an attempt while it runs: its process group, when that began, and since when the machine is up
PATIENCE = 2.0  #: seconds that a killed process may take to go


def end_leftovers(run_folder: Path) -> None:
    """Kill what is left of the steps of a run, wait until it is gone, and remove what it had begun to write."""
    for file in run_folder.glob(f"steps/*/*/{PID}"):
        group = _group(file)
        if group is not None:
            _end(group)
        file.unlink(missing_ok=True)
    for file in (*run_folder.glob("steps/*/*/*.new"), *run_folder.glob("*.new")):
        file.unlink(missing_ok=True)


def _group(file: Path) -> int | None:
    """The process group that a file tells of, where it is still the same."""
    try:
        pid, began, boot = file.read_text("ascii").split()
        os.killpg(int(pid), 0)
    except (OSError, ValueError):
        return None
    if boot != boot_id() or began_at(int(pid)) not in (began, ""):
        return None
    return int(pid)


def _end(group: int) -> None:
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            os.killpg(group, signal.SIGKILL)
            if all(_is_dead(p) for p in _members(group)):
                return
            time.sleep(0.005)


def _members(group: int) -> list[int]:
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal():
            fields = _stat(int(name))
            if len(fields) > 2 and fields[2] == str(group):
                found.append(int(name))
    return found


def _is_dead(pid: int) -> bool:
    fields = _stat(pid)
    return not fields or fields[0] in "ZX"


def began_at(pid: int) -> str:
    """When a process began, in the kernel's own measure; nothing where it is gone or the system does not tell."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; the name before it may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def boot_id() -> str:
    """What tells this start of the machine from others."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "-"
