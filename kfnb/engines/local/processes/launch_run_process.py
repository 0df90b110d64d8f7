"""Starts the process of a run: a fresh one, or a warm one that waits for its run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from kfnb.runs.record.private_record_files import append_to

#: starts the process of a run, from the home, the run's id and the path of its log
Launch = Callable[[Path, str, Path], "subprocess.Popen[bytes]"]

ENTRY = str(Path(__file__).with_name("run_process_entry.py"))
PAUSE = 1.0  #: seconds from the start of a run until the next warm process starts, so that the run comes first


def launch(home: Path, run_id: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a process for a run."""
    with append_to(log) as output:
        process = _start(output)
    _send_run(process, home, run_id, log)
    return process


class WarmProcess:
    """Keeps a process that has finished its imports, which take the longest, and waits for a run. It is safe to use from several threads.

    The waiting process ends when this process ends, also when this process is killed.

    Parameters
    ----------
    pause
        Seconds from the start of a run until the next process starts.
    limit
        The number of processes in all. Default: no limit.
    """

    def __init__(self, pause: float = PAUSE, limit: int | None = None) -> None:
        self._pause, self._remaining = pause, limit
        self._waiting: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Start the waiting process, unless there is one."""
        with self._lock:
            if self._closed or self._remaining == 0:
                return
            if self._waiting is None or self._waiting.poll() is not None:
                self._waiting = _start(None)
                self._remaining = None if self._remaining is None else self._remaining - 1

    def launch(self, home: Path, run_id: str, log: Path) -> subprocess.Popen[bytes]:
        """Pass a run to the waiting process, or to a fresh one."""
        with self._lock:
            process, self._waiting = self._waiting, None
        later = threading.Timer(self._pause, self.prepare)
        later.daemon = True
        later.start()
        append_to(log).close()
        if process is not None and process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                _send_run(process, home, run_id, log)
                return process
        return launch(home, run_id, log)

    def close(self) -> None:
        """End the waiting process."""
        with self._lock:
            self._closed = True
            if self._waiting is not None and self._waiting.stdin is not None:
                self._waiting.stdin.close()


def _start(log: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """A process that waits for its run. Until then its errors go to ``log``, or to this process's standard error."""
    return subprocess.Popen(
        [sys.executable, ENTRY], stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd=os.sep,
        env=environment(),
    )  # fmt: skip


def environment() -> dict[str, str]:
    """The environment for a process that starts in another folder and must import nothing from this one.

    Python takes an empty entry of ``PYTHONPATH`` for the current folder, which is often there by mistake. Relative entries
    are made absolute.
    """
    variables = {"PYTHONHASHSEED": "0", **os.environ}
    entries = [
        e
        for e in variables.pop("PYTHONPATH", "").split(os.pathsep)
        if e and os.path.abspath(e) != os.getcwd() or os.path.isabs(e)
    ]
    if entries:
        variables["PYTHONPATH"] = os.pathsep.join(os.path.abspath(e) for e in entries)
    return variables


def _send_run(process: subprocess.Popen[bytes], home: Path, run_id: str, log: Path) -> None:
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(json.dumps([str(home), run_id, str(log)]).encode())
