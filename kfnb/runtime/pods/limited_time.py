"""Runs a step that has a timeout in a process of its own, so that this process can end it and report that.

The time counts from the start of the step's code. The pod has a deadline too, but that one also counts the image and the packages.
"""

from __future__ import annotations

import os
import signal

from kfnb.runtime.light_json import loads
from kfnb.runtime.step_exit import adopt_orphans_of_later_processes, exit_status, flush, kill_children, leave
from kfnb.runtime.step_failures import Failure, death_error

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

KILL_AFTER = 3.0  #: seconds between asking a step to end and ending it, as on the local engine


class _TimeIsOver(Exception):
    """The alarm of `_wait`."""


def run_limited(
    run_step: Callable[[dict[str, Any]], int], spec: dict[str, Any], seconds: float
) -> tuple[int, dict[str, Any]]:
    """Run the step of ``spec``, end it after ``seconds``, and return its exit status and its result."""
    status, over = _run(run_step, spec, seconds)
    try:
        with open(os.path.join(spec["folder"], "result.json"), encoding="utf-8") as file:
            result: dict[str, Any] = loads(file.read())
    except OSError:  # it was ended before it wrote one
        result = {
            "state": "failed",
            "outputs": {},
            "results": {},
            "exports": {},
            "metrics": {},
            "error": death_error(status),
        }
    if over and result["state"] != "succeeded":
        result["error"] = timeout_error(seconds)
    if result["state"] != "succeeded" and result["error"]["kind"] in ("timeout", "died"):
        Failure(result["error"]["kind"], result["error"]["type"], result["error"]["message"]).show()
    return status, result


def _run(run_step: Callable[[dict[str, Any]], int], spec: dict[str, Any], seconds: float) -> tuple[int, bool]:
    """The exit status of the step, and whether it was ended.

    First its processes are asked to end, and after `KILL_AFTER` seconds they are killed. A status of a signal is 128 and its number,
    as in a shell.
    """
    flush()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        adopt_orphans_of_later_processes()
        leave(run_step(spec), spec["folder"])
    _let_group_begin(pid)
    # Whoever stops the pod asks this process to end, and means the step.
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(pid, signal.SIGTERM))
    status, over = _wait(pid, seconds), False
    if status is None:
        over = True
        _signal_group(pid, signal.SIGTERM)
        status = _wait(pid, KILL_AFTER)
        _signal_group(pid, signal.SIGKILL)
        if status is None:
            status = os.waitpid(pid, 0)[1]
    kill_children()
    return exit_status(status), over


def timeout_error(seconds: float) -> dict[str, Any]:
    """The error of a step that took longer than its timeout."""
    return {"kind": "timeout", "type": "TimeoutError", "message": "it took longer than its timeout of %g s" % seconds}


def _let_group_begin(pid: int) -> None:
    try:
        os.setpgid(pid, pid)  # the step does so too: whoever comes first
    except OSError:
        return


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except OSError:
        return  # all of them have ended


def _wait(pid: int, seconds: float) -> int | None:
    """The status with which a child ends, or ``None`` when it has not ended after ``seconds``."""

    def over(*_: Any) -> None:
        raise _TimeIsOver

    earlier = signal.signal(signal.SIGALRM, over)
    status = None
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        status = os.waitpid(pid, 0)[1]
        signal.setitimer(signal.ITIMER_REAL, 0)
    except _TimeIsOver:
        pass
    finally:
        signal.signal(signal.SIGALRM, earlier)
    return status
