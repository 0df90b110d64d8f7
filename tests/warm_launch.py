"""Starts the processes of runs as forks of one process that has kfnb imported already: the same process, without its imports.

A test that is about the process itself (its start, its end, its environment as the system shows it) uses the engine's own launch.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ENTRY = Path(__file__).parents[1] / "kfnb" / "engines" / "local" / "processes" / "run_process_entry.py"


@dataclass
class ForkedRun:
    """What an engine may ask of a run's process: whether it has ended."""

    pidfd: int

    def poll(self) -> int | None:
        return 1 if select.select([self.pidfd], [], [], 0)[0] else None

    def __del__(self) -> None:
        os.close(self.pidfd)


class RunForks:
    """The process that forks, and the socket over which it is asked."""

    def __init__(self) -> None:
        from kfnb.engines.local.processes.launch_run_process import environment

        self.environment = environment()
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, __file__, str(theirs.fileno())]
        subprocess.Popen(command, pass_fds=[theirs.fileno()], env=self.environment, cwd=os.sep)
        theirs.close()

    def fork(self, home: Path, run_id: str, log: Path, environment: dict[str, str]) -> ForkedRun:
        mask = os.umask(0)
        os.umask(mask)
        request = {"run": [str(home), run_id, str(log)], "environment": environment, "mask": mask}
        with self._lock:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            _, handles, _, _ = socket.recv_fds(self._socket, 1, 1)
        return ForkedRun(handles[0])


@cache
def run_forks() -> RunForks:
    return RunForks()


def warm_launch(home: Path, run_id: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a process for a run, as the engine's own ``launch`` does."""
    from kfnb.engines.local.processes.launch_run_process import environment, launch

    now, forks = environment(), run_forks()
    changed = {name for name in now.keys() | forks.environment.keys() if now.get(name) != forks.environment.get(name)}
    if any(name.startswith(("PYTHON", "LD_")) for name in changed):  # what only a new interpreter reads
        return launch(home, run_id, log)
    return forks.fork(home, run_id, log, now)  # type: ignore[return-value]


# -------------------------------------------------------------------- the process that forks
def serve(connection: socket.socket) -> None:
    """Fork a run's process for every line that comes; end when the tests have ended."""
    import gc
    import importlib
    import importlib.util

    del sys.path[0]  # the folder of the tests
    spec = importlib.util.spec_from_file_location("run_process_entry", ENTRY)
    assert spec is not None and spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry._register_kfnb()
    run_process = importlib.import_module("kfnb.engines.local.processes.run_process")
    for name in run_process.RUNTIME:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system itself forgets those that have ended
    with connection.makefile("r", encoding="utf-8") as requests:
        for line in requests:
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(writing)
                become_run(json.loads(line), reading, run_process.main)
            os.close(reading)
            pidfd = os.pidfd_open(pid)
            with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w") as stdin:
                stdin.write(json.dumps(json.loads(line)["run"]))
            socket.send_fds(connection, [b"."], [pidfd])
            os.close(pidfd)


def become_run(request: dict, stdin: int, main) -> None:  # type: ignore[no-untyped-def, type-arg]
    """In the fork: what a process has that was started for this run."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.umask(request["mask"])
        os.environ.clear()
        os.environ.update(request["environment"])
        log = os.open(request["run"][2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for handle, stream in ((stdin, 0), (log, 1), (log, 2)):
            os.dup2(handle, stream)
        os.closerange(3, 256)
        sys.argv = [str(ENTRY)]
        main()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            os.write(2, end.code.encode() + b"\n")
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
