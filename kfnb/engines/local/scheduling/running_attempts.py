"""The attempts that run now: their processes, logs, deadlines and results."""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.local.limits.limit_keeper import KeptLimits, LimitKeeper
from kfnb.engines.local.processes.fork_server import PID
from kfnb.engines.local.scheduling.fork_safe_imports import needs_libraries
from kfnb.engines.local.scheduling.run_state import ReadyStep
from kfnb.engines.local.scheduling.step_starter import StepStarter
from kfnb.runs.attempt_logs import LogWriter
from kfnb.runs.record.private_record_files import DamagedRecord, read_object, write_file
from kfnb.runtime.pods.limited_time import KILL_AFTER, timeout_error
from kfnb.runtime.secret_mask import SecretMask
from kfnb.runtime.step_exit import LEFT_RUNNING
from kfnb.runtime.step_failures import death_error
from kfnb.runtime.values.value_store import remove_unfinished


@dataclass
class Attempt:
    """One attempt at a step."""

    ready: ReadyStep
    number: int
    key: str
    started: float
    folder: Path
    log: LogWriter
    pipe: int  #: the reading end of the pipe for its output; -1 when it is closed
    timeout: float | None = None  #: seconds until the deadline, which counts from the start of the step's code
    deadline: float | None = None
    kill_at: float | None = None
    ended_by: str = ""  #: ``timeout`` or ``cancel``
    limits: KeptLimits | None = None

    def begin(self) -> None:
        """The step's code begins now."""
        if self.timeout:
            self.deadline = time.monotonic() + self.timeout


@dataclass
class RunningAttempts:
    """Starts attempts and follows them to their end.

    Parameters
    ----------
    forks
        Starts and signals their processes.
    selector
        Where the pipes of their output are registered.
    store
        The folder of values, from which the unfinished files of dead attempts are removed.
    log_limit
        The largest size of a log.
    spawn
        Whether every step starts in a fresh interpreter.
    mask
        What hides the values of secrets in the logs.
    limits
        Keeps steps within their marks; ``None`` where containers do.
    """

    forks: StepStarter
    selector: selectors.BaseSelector
    store: Path
    log_limit: int
    spawn: bool
    prepares: bool  #: whether the image and the packages of a step have to be made ready before its code begins
    mask: SecretMask | None = None
    limits: LimitKeeper | None = None
    by_id: dict[int, Attempt] = field(default_factory=dict)
    count: int = 0

    # ---------------------------------------------------------------- starting
    def start(self, ready: ReadyStep, number: int, key: str, spec: dict[str, Any]) -> Attempt:
        """Start one attempt at a step."""
        folder = Path(spec["folder"])
        folder.mkdir(parents=True)
        path = folder / "spec.json"
        self.count += 1
        id_ = self.count
        limits = self.limits.keep(id_, ready.step.settings, folder) if self.limits is not None else None
        if limits is not None and limits.group is not None:
            spec = {**spec, "group": str(limits.group.folder)}
        write_file(path, json.dumps(spec))
        reading, writing = os.pipe()
        log = LogWriter(folder / "log", spec["mark"], self.log_limit, self.mask)
        attempt = Attempt(
            ready, number, key, time.time(), folder, log, reading, ready.step.settings.timeout, limits=limits
        )
        if not self.prepares:
            attempt.begin()
        self.by_id[id_] = attempt
        os.set_blocking(reading, False)
        self.selector.register(reading, selectors.EVENT_READ, lambda _: self._read_output(attempt))
        self.forks.start(id_, str(path), writing, needs_libraries(ready), self.spawn or "packages" in spec)
        os.close(writing)
        return attempt

    def paths(self) -> list[str]:
        """The paths of the steps that run."""
        return [a.ready.path for a in self.by_id.values()]

    # ---------------------------------------------------------------- time
    def next_deadline(self) -> float | None:
        """The next moment of the monotonic clock at which `check_deadlines` has something to do."""
        looks = [a.limits.next_look for a in self.by_id.values() if a.limits is not None]
        times = [*looks, *(t for a in self.by_id.values() for t in (a.deadline, a.kill_at))]
        return min((t for t in times if t is not None), default=None)

    def check_deadlines(self) -> None:
        """Ask attempts that are over their timeout to end, and kill those that have not ended in time, or that use too much memory."""
        now = time.monotonic()
        for id_, attempt in self.by_id.items():
            if attempt.deadline is not None and now >= attempt.deadline:
                attempt.deadline, attempt.ended_by = None, attempt.ended_by or "timeout"
                attempt.kill_at = now + KILL_AFTER
                self.forks.signal(id_, signal.SIGTERM)
            elif attempt.kill_at is not None and now >= attempt.kill_at:
                attempt.kill_at = None
                self.forks.signal(id_, signal.SIGKILL)
            if attempt.limits is not None and attempt.limits.must_end(now):
                self.forks.signal(id_, signal.SIGKILL)

    def cancel(self, keeps_running: Callable[[str], bool], at_once: bool) -> None:
        """End every attempt except those whose path ``keeps_running``. With ``at_once`` they are killed without a request to end."""
        for id_, attempt in self.by_id.items():
            if keeps_running(attempt.ready.path):
                continue
            attempt.ended_by = "cancel"
            attempt.kill_at = time.monotonic() + (0 if at_once else KILL_AFTER)
            self.forks.signal(id_, signal.SIGKILL if at_once else signal.SIGTERM)

    # ---------------------------------------------------------------- output and results
    def collect_ended(self) -> Iterator[tuple[Attempt, dict[str, Any]]]:
        """Every attempt whose process has ended since the last call, with its result."""
        for message in self.forks.messages():
            if "begun" in message:
                self.by_id[message["id"]].begin()
                continue
            attempt = self.by_id.pop(message["id"])
            while attempt.pipe >= 0 and self._read_output(attempt):
                pass
            self._close_pipe(attempt)
            result = self._result(attempt, message["status"], message.get("why"), message.get("error"))
            if message.get("lingered") and LEFT_RUNNING not in result.get("warnings", ()):
                result["warnings"] = [*result.get("warnings", []), LEFT_RUNNING]
            error = result.get("error") or {}
            if error.get("kind") in ("timeout", "died"):  # a process that was ended could not say so in its log
                attempt.log.feed(f"{error['type']}: {error['message']}\n".encode())
            attempt.log.close()
            if attempt.limits is not None:
                attempt.limits.end()
            (attempt.folder / PID).unlink(missing_ok=True)
            yield attempt, result

    def _read_output(self, attempt: Attempt) -> bool:
        """Write the new output of an attempt to its log. Return whether there was any."""
        try:
            data = os.read(attempt.pipe, 1 << 16)
        except BlockingIOError:
            return False
        if data:
            attempt.log.feed(data)
            return True
        self._close_pipe(attempt)
        return False

    def _close_pipe(self, attempt: Attempt) -> None:
        if attempt.pipe >= 0:
            self.selector.unregister(attempt.pipe)
            os.close(attempt.pipe)
            attempt.pipe = -1

    def _result(
        self, attempt: Attempt, status: int, server_error: str | None, container_error: dict[str, Any] | None
    ) -> dict[str, Any]:
        try:
            result: dict[str, Any] = read_object(attempt.folder / "result.json")
        except (OSError, DamagedRecord):
            remove_unfinished(str(self.store), attempt.folder)
            result = {"state": "failed", "outputs": {}, "results": {}, "exports": {}, "metrics": {}, "warnings": []}
            result["error"] = (
                death_error(128 - status if status < 0 else status)
                if server_error is None
                else {"kind": "python", "type": "OSError", "message": server_error}
            )
        if container_error is not None:
            result["error"] = container_error
        if attempt.limits is not None and result["state"] != "succeeded":
            result["error"] = attempt.limits.error() or result["error"]
        if attempt.ended_by == "timeout" and result["state"] != "succeeded":
            result["error"] = timeout_error(attempt.ready.step.settings.timeout or 0)
        return result
