"""The fork server: a small single-threaded process that has imported the notebook's libraries and forks steps.

The scheduler sends requests over a socket, each a JSON line with the log's pipe attached. The server answers with a JSON
line when a step has ended. When the socket closes, because the scheduler has ended, the server kills its steps and ends.

``PYTHON kfnb/engines/local/processes/fork_server.py SOCKET LIBRARY…`` does the same in another interpreter (3.9 or newer), which need not
have kfnb installed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import Any, NoReturn

#: Libraries that can be imported before a fork: their import starts no threads, or they restart them after a fork.
FORK_SAFE = frozenset(
    "numpy pandas scipy sklearn matplotlib seaborn statsmodels networkx PIL sympy requests yaml".split()
)
RUNTIME = tuple(
    f"kfnb.runtime.{name}"
    for name in (
        "run_step",
        "cells.run_cells",
        "step_exit",
        "step_outputs",
        "values.value_store",
        "values.pickling",
        "ambient.ambient_state",
        "cells.ipython_syntax",
    )
)
DEATH_SIGNAL, SUBREAPER = 1, 36  #: PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER, linux/prctl.h
PID = "pid"  #: file in the folder of a running attempt: its process group, the start time of that, and the boot id of the machine
MARK = "KFNB_STEP_ID"
END_SIGNALS = (signal.SIGTERM,)  #: signals that ask a step to end


@dataclass
class Child:
    """A forked step: the id of its attempt, its process group, and the mark in its environment."""

    id: int
    pid: int
    mark: str


def serve(connection: socket.socket, imports: list[str]) -> NoReturn:
    """Import the libraries, send ``ready``, and fork steps until the socket closes."""
    _adopt_orphans()
    for name in (*RUNTIME, *imports):
        _import(name)
    if imports:
        _look_for_formats()
    gc.collect()
    gc.freeze()
    threads = threading.active_count() + (_native_threads() > 1)
    wake, wakened = os.pipe()
    os.set_blocking(wakened, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _send(connection, {"ready": threads <= 2})
    children: dict[int, Child] = {}
    while True:
        readable, _, _ = select.select([connection.fileno(), wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
            _reap(connection, children)
        if connection.fileno() in readable:
            data, handles, _, _ = socket.recv_fds(connection, 65536, 4)
            if not data:
                _exit(children)
            for line in data.decode().splitlines():
                _handle_request(json.loads(line), handles, connection, children)


def _handle_request(
    request: dict[str, Any], handles: list[int], connection: socket.socket, children: dict[int, Child]
) -> None:
    if "signal" in request:
        child = next((c for c in children.values() if c.id == request["id"]), None)
        if child is not None:
            _kill(child, request["signal"])
        return
    mark, parent = f"{os.getpid()}-{request['id']}", os.getpid()
    signal.pthread_sigmask(
        signal.SIG_BLOCK, END_SIGNALS
    )  # a signal during the fork is delivered to the step when it has started
    pid = os.fork()
    if pid == 0:
        _end_with_parent(parent)
        _become_step(request, handles[0], mark)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
    for handle in handles:
        os.close(handle)
    children[pid] = Child(request["id"], pid, mark)
    _send(connection, {"id": request["id"], "pid": pid})


def _become_step(request: dict[str, Any], log: int, mark: str) -> NoReturn:
    """Become a step in the forked process: start a session, send all output to the log, and run the step."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
        _record_process(os.path.join(os.path.dirname(request["spec"]), PID))
        os.umask(request["mask"])
        os.dup2(log, 1)
        os.dup2(log, 2)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.closerange(3, 256)
        os.environ[MARK] = mark
        if request["spawn"]:
            import kfnb.runtime

            main = os.path.join(os.path.dirname(kfnb.runtime.__file__), "__main__.py")
            os.execv(sys.executable, [sys.executable, main, request["spec"]])
        _run(request["spec"])
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(2)


def _end_with_parent(parent: int) -> None:
    """Make this process end with the one that forked it (Linux only; elsewhere the scheduler ends it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # the parent has ended already


def _record_process(path: str) -> None:
    """Record the process of this attempt, for a scheduler that finds it after another one was killed."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(f"{os.getpid()} {start_time_of(os.getpid()) or '-'} {boot_id()}")


def start_time_of(pid: int) -> str:
    """The start time of a process in clock ticks of the system; empty when it is gone or unknown."""
    fields = process_status(pid)
    return fields[19] if len(fields) > 19 else ""


def process_status(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on. The name before them may have any characters."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def boot_id() -> str:
    """The id of the current boot of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "-"


def _run(path: str) -> NoReturn:
    from kfnb.runtime import run
    from kfnb.runtime.ambient import ambient_state
    from kfnb.runtime.step_exit import leave

    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # without this all forked generators would give the same numbers
    sys.argv = [""]
    ambient_state.begin()
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    leave(run(spec), spec["folder"])


# -------------------------------------------------------------------- ends
def _reap(connection: socket.socket, children: dict[int, Child]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        child = children.pop(pid, None)
        if child is None:
            continue  # an adopted orphan of a step has ended
        lingered = _kill_leftovers(child)
        _send(connection, {"id": child.id, "status": os.waitstatus_to_exitcode(status), "lingered": lingered})


def _kill(child: Child, number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:  # it was forked just now and has no process group yet
        os.kill(child.pid, number)


def _kill_leftovers(child: Child) -> int:
    """Kill the remaining processes of a step: its process group, and other processes with its mark. Return their number."""
    killed = 0
    try:
        os.killpg(child.pid, signal.SIGKILL)
        killed += 1
    except (ProcessLookupError, PermissionError):
        killed += 0
    for pid in _adopted():
        if _has_mark(pid, child.mark):
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue
    return killed


def _adopted() -> list[int]:
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(p) for p in file.read().split()]
    except OSError:
        return []


def _has_mark(pid: int, mark: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0")
    except OSError:
        return False


def _exit(children: dict[int, Child]) -> NoReturn:
    for child in children.values():
        _kill(child, signal.SIGKILL)
        _kill_leftovers(child)
    os._exit(0)


def _adopt_orphans() -> None:
    """Make processes that a step detaches children of this one, so that they are found (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def _native_threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _import(name: str) -> None:
    """Import a module before steps need it. When the import fails, it fails in the step again, where the user sees the error."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        importlib.import_module(name)
    except Exception as error:
        sys.stderr.write(f"not imported ahead: {name}: {error}\n")


def _look_for_formats() -> None:
    """Look for the formats of packages. Steps with libraries store values that need to know them."""
    from kfnb.runtime.values.registered_formats import look_ahead

    look_ahead()


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return  # the scheduler is gone; the closed socket ends this server next


def _register_kfnb() -> None:
    """Make this kfnb importable in an interpreter that may have none, without adding the folder that contains it."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == folder:
        del sys.path[0]  # Python puts the folder of a program first, and every file in it would be a module
    root = os.path.dirname(os.path.dirname(os.path.dirname(folder)))
    spec = importlib.util.spec_from_file_location(
        "kfnb", os.path.join(root, "__init__.py"), submodule_search_locations=[root]
    )
    assert spec is not None and spec.loader is not None
    sys.modules["kfnb"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["kfnb"])


if __name__ == "__main__":
    _register_kfnb()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
