"""Ends the orphaned processes of a run whose scheduler was killed, before the run continues."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from kfnb.engines.local.processes.fork_server import PID, boot_id, process_status, start_time_of

PATIENCE = 2.0  #: seconds that a killed process may take to end


def end_leftovers(run_folder: Path) -> None:
    """Kill the remaining processes of a run's steps, wait for their end, and remove their unfinished files."""
    for file in run_folder.glob(f"steps/*/*/{PID}"):
        group = _group(file)
        if group is not None:
            _end(group)
        file.unlink(missing_ok=True)
    for file in (*run_folder.glob("steps/*/*/*.new"), *run_folder.glob("*.new")):
        file.unlink(missing_ok=True)


def _group(file: Path) -> int | None:
    """The process group in a file, unless another process has its number now."""
    try:
        pid, start_time, boot = file.read_text("ascii").split()
        os.killpg(int(pid), 0)
    except (OSError, ValueError):
        return None
    if boot != boot_id() or start_time_of(int(pid)) not in (start_time, ""):
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
    members = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal():
            fields = process_status(int(name))
            if len(fields) > 2 and fields[2] == str(group):
                members.append(int(name))
    return members


def _is_dead(pid: int) -> bool:
    fields = process_status(pid)
    return not fields or fields[0] in "ZX"
