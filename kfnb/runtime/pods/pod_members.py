"""Runs several steps one after the other in one pod, each in a process of its own, as if it had a pod of its own.

Before each attempt a line for the engine says which step begins. All lines up to the next such line belong to that attempt. A pod that comes
after one that was lost runs all its steps again, and goes on with the numbers of their attempts.
"""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps
from kfnb.runtime.pods.pod_step import ATTEMPT
from kfnb.runtime.pods.report_lines import MARK, end_line
from kfnb.runtime.step_exit import exit_status, run_and_leave

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

BACKOFF = 5.0  #: seconds before the second attempt of a step; twice as many before each further one


def numbered(name: str, number: int) -> str:
    """The name of an output of the step of a number, counted from 1, among the steps of a pod."""
    return name if number == 1 else "%s-%d" % (name, number)


def run_members(members: list[dict[str, Any]], run: Callable[[int, dict[str, Any]], int]) -> int:
    """Run the steps in their order until one of them fails. Return the exit status of the pod.

    Parameters
    ----------
    members
        The specs of the steps.
    run
        Runs the step of a number, counted from 1, and returns its exit status. It is called in a process of its own.
    """
    from functools import partial

    child, pods_before = _Child(), int(os.environ.get(ATTEMPT) or 0)
    for number, member in enumerate(members, 1):
        status, attempts = 0, member.get("retry", 0) + 1
        for attempt in range(attempts):
            if attempt and not child.ended:
                child.pause(BACKOFF * 2 ** (attempt - 1))
            if child.ended:
                return child.ended
            end_line()
            begun = {"begin": member["spec"]["step"], "attempt": pods_before * attempts + attempt + 1}
            sys.stdout.write(MARK + dumps(begun) + "\n")
            sys.stdout.flush()
            status = child.run(attempt, partial(run, number, member))
            if status > 128 and not child.ended:
                _report_death(member["spec"]["step"], status)
            if not status:
                break
        if status:
            return status
    return 0


class _Child:
    """The process of the step that runs now. It gets the signals that this process gets."""

    def __init__(self) -> None:
        import signal

        self.ended = 0  #: the exit status of the pod, once something outside has asked it to end
        self._pid = 0
        signal.signal(signal.SIGTERM, self._pass_on)

    def _pass_on(self, number: int, frame: Any) -> None:
        self.ended = 128 + number
        if self._pid:
            try:
                os.kill(self._pid, number)
            except ProcessLookupError:
                pass  # it has ended, and nobody has asked how yet

    def pause(self, seconds: float) -> None:
        import time

        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))

    def run(self, attempt: int, run: Callable[[], int]) -> int:
        sys.stderr.flush()
        self._pid = os.fork()
        if not self._pid:
            _run_in_child(attempt, run)
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return exit_status(status)


def _run_in_child(attempt: int, run: Callable[[], int]) -> NoReturn:
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ[ATTEMPT] = str(attempt)
    run_and_leave(run)


def _report_death(step: str, status: int) -> None:
    """Report a step whose process something outside of it has killed, so that it could not report itself."""
    from kfnb.runtime.step_failures import death_error

    end_line()
    report = {"step": step, "state": "failed", "error": death_error(status)}
    sys.stdout.write(MARK + dumps(report) + "\n")
    sys.stdout.flush()
