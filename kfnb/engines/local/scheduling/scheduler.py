"""Carries one run: it starts what can run, writes down what happens, and ends with the run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Any

from kfnb.engines.engine_interface import options_kept
from kfnb.engines.local.processes.fork_client import Forks
from kfnb.engines.local.processes.fork_server import FORK_SAFE, PID
from kfnb.engines.local.scheduling.concurrent_cache import LOOK_EVERY, Sharing
from kfnb.engines.local.scheduling.run_state import Change, Core, Ready
from kfnb.engines.local.scheduling.spec_and_cache_key import Specs
from kfnb.pipeline.model import ItemRef, Pipeline, Replay, StatusRef
from kfnb.pipeline.parameters.mark_placeholders import resolved
from kfnb.runs.attempt_logs import LogWriter
from kfnb.runs.kept_pipeline import kept_pipeline
from kfnb.runs.record.private_record_files import DamagedRecord, read_object, write_file
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.retention.missing_values import Values, again_words, maker_of
from kfnb.runtime.step_exit import LEFT_RUNNING
from kfnb.runtime.values.value_store import remove_unfinished

KILL_AFTER = 3.0  #: seconds between asking a step to end and ending it
IMPORT = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_][\w.]*)", re.MULTILINE)


@dataclass
class Attempt:
    """One attempt at a step that is running."""

    ready: Ready
    number: int
    key: str
    started: float
    log: LogWriter
    pipe: int
    deadline: float | None = None
    kill_at: float | None = None
    ended_by: str = ""  #: ``timeout`` or ``cancel``


@dataclass
class Progress:
    """What is known of the run as a whole."""

    error: dict[str, Any] | None = None
    cancelled: int = 0
    queue: list[Ready] = field(default_factory=list)
    running: dict[int, Attempt] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    attempts_made: dict[str, int] = field(
        default_factory=dict
    )  #: the number of each step's last attempt, in this try or before it
    count: int = 0


class Scheduler:
    """One run, from its folder to its end."""

    def __init__(self, store: RunStore, run_id: str, mask: int, log_limit: int) -> None:
        self.store, self.run_id = store, run_id
        self.folder = store.folder(run_id)
        self.options = options_kept(self.folder)
        self.pipeline: Pipeline = resolved(kept_pipeline(store, run_id), self.options.parameters)
        self.specs = Specs(self.pipeline, self.options, store.values, self.folder)
        self.core = Core(self.pipeline, dict(self.options.parameters), about=self._about)
        self.progress = Progress()
        self.kept = store.kept(run_id)
        self.log_limit = log_limit
        self.values = Values(str(store.values))
        self.sharing = Sharing(store.home / "making")
        self.limit = self.options.max_parallel or max(8, 4 * (os.cpu_count() or 1))
        self.selector = selectors.DefaultSelector()
        given = self.options.environment.items()
        os.environ.update({k: Template(v).safe_substitute(os.environ) for k, v in given})
        self.forks = Forks(
            self.selector, _libraries(self.pipeline, Path(self.options.folder)), self.options.python, mask
        )
        self._wake, self._wakened = os.pipe()

    # ---------------------------------------------------------------- the loop
    def run(self) -> None:
        """Carry the run to its end."""
        self._listen()
        self._advance()
        self._asked()  # whoever cancelled before anybody listened
        while self.progress.running or self.progress.queue:
            self._turn()
        self._wind_up()
        error = self.progress.error
        state = "cancelled" if self.progress.cancelled else "failed" if error else "succeeded"
        self.store.record_run(self.run_id, state, finished=time.time(), error=error)

    def _about(self) -> dict[str, Any]:
        """What an exit handler is told of its run, beside how it ended."""
        started = self.store.head(self.run_id)["started"]
        running = dict.fromkeys((a.ready.path for a in self.progress.running.values()), "running")
        return {
            "run": self.run_id,
            "pipeline": self.pipeline.name,
            "parameters": dict(self.options.parameters),
            "started": started,
            "duration": time.time() - started,
            "steps": {**self.core.standing(), **running},
        }

    def _listen(self) -> None:
        for handle in (self._wake, self._wakened):
            os.set_blocking(handle, False)
        signal.set_wakeup_fd(self._wakened, warn_on_full_buffer=False)
        self.selector.register(self._wake, selectors.EVENT_READ, self._signalled)

    def _turn(self) -> None:
        """Wait for what happens next, and answer it."""
        times = [t for a in self.progress.running.values() for t in (a.deadline, a.kill_at) if t is not None]
        if self.progress.queue and len(self.progress.running) < self.limit:  # another run makes it
            times.append(time.monotonic() + LOOK_EVERY)
        wait = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self.selector.select(wait):
            key.data(key.fileobj)
        for id_, attempt in list(self.progress.running.items()):
            self._check_time(id_, attempt)
        for message in self.forks.messages():
            self._ended(message)
        self._start_queued()

    def _check_time(self, id_: int, attempt: Attempt) -> None:
        now = time.monotonic()
        if attempt.deadline is not None and now >= attempt.deadline:
            attempt.deadline, attempt.ended_by = None, attempt.ended_by or "timeout"
            attempt.kill_at = now + KILL_AFTER
            self.forks.signal(id_, signal.SIGTERM)
        elif attempt.kill_at is not None and now >= attempt.kill_at:
            attempt.kill_at = None
            self.forks.signal(id_, signal.SIGKILL)

    def _signalled(self, _: Any) -> None:
        os.read(self._wake, 64)
        if not self._asked():
            self._cancel(1)

    def _asked(self) -> bool:
        """Cancel as often as it was asked."""
        asked = self.folder / "cancel"
        if asked.exists():
            self._cancel(asked.stat().st_size)
        return asked.exists()

    def _cancel(self, asked: int) -> None:
        """The first time: end the steps, then the exit handler runs. The second time: end everything at once."""
        self.progress.cancelled = max(asked, self.progress.cancelled)
        self.core.closed = self.progress.cancelled > 1
        for id_, attempt in self.progress.running.items():
            if not self.core.closed and self.core.in_handler(attempt.ready.path):
                continue  # a handler at work is let
            attempt.ended_by = "cancel"
            attempt.kill_at = time.monotonic() + (0 if self.core.closed else KILL_AFTER)
            self.forks.signal(id_, signal.SIGKILL if self.core.closed else signal.SIGTERM)
        self.core.ended = {**self.core.ended, "state": "cancelled"}
        self._stop()
        self._advance()

    def _stop(self, failed: str | None = None) -> None:
        """Nothing new begins but the handlers of guards that were entered."""
        goes_on = {r.path for r in self.progress.queue if self.core.goes_on(r.path, failed)}
        self.core.stop(failed)
        for ready in [r for r in self.progress.queue if r.path not in goes_on]:
            self.progress.queue.remove(ready)
            self.core.drop(ready.path)

    # ---------------------------------------------------------------- what can run
    def _advance(self) -> None:
        """Take up everything that has become clear."""
        again = True
        while again:
            again, sound = False, self.progress.error is None
            for found in list(self.core.advance()):
                if isinstance(found, Change):
                    self._changed(found)
                elif not self._taken(found):
                    self.store.record_step(self.run_id, found.path, found.step.name, "pending", position=found.position)
                    self.progress.queue.append(found)
                else:
                    again = True
            if sound and self.progress.error is not None:
                self._stop()
                again = True
        self._start_queued()

    def _changed(self, change: Change) -> None:
        error = None
        if change.state == "failed":
            error = {"kind": "condition", "type": "TypeError", "message": change.reason, "step": change.path}
            self._remember(error)
        self.store.record_step(
            self.run_id, change.path, change.step, change.state, position=change.position, reason=change.reason,
            finished=time.time(), attempts=0, error=error, result={"failure": change.failure} if change.failure else {},
        )  # fmt: skip

    def _taken(self, ready: Ready) -> bool:
        """Whether an earlier result stands for this step."""
        key = self._key(ready)
        kept = self.kept.get(ready.path)
        if kept is not None and not (kept["key"] in (key, None) and self.values.has_all(kept["result"])):
            kept = None
        if kept is not None:
            state, result = kept["state"], kept["result"]
        else:
            found = self.store.cached(key) if self._caches(ready) else None
            if found is None or not self.values.has_all(found):
                return False
            state, result = "cached", found
        self.progress.attempts_made[ready.path] = kept["attempts"] or 0 if kept else 0
        self.core.finish(ready.path, state, result)
        self.store.record_step(
            self.run_id, ready.path, ready.step.name, state, position=ready.position, key=key, result=result,
            reason=kept["reason"] if kept else "the same code had the same inputs before",
            started=kept["started"] if kept else None, finished=kept["finished"] if kept else time.time(),
            attempts=kept["attempts"] if kept else 0,
        )  # fmt: skip
        return True

    def _key(self, ready: Ready) -> str:
        """Of an exit handler also which attempts it follows: it has run for them, or for others."""
        before = self.core.handled(ready.path)
        if before is None:
            return self.specs.key(ready)
        key = self.specs.key(_without_times(ready))
        told = [key, *(f"{p} {self.progress.attempts_made.get(p, 0)}" for p in sorted(before))]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def _caches(self, ready: Ready) -> bool:
        """Whether an earlier result may be taken: never of an exit handler's, which is there for what it does."""
        asked = ready.step.settings.cache
        return not self.core.in_handler(ready.path) and (self.options.cache if asked is None else asked)

    def _made_elsewhere(self, ready: Ready) -> bool:
        """Whether to wait for a result that is being made for the cache."""
        return self._caches(ready) and not self.sharing.take(self.specs.key(ready))

    # ---------------------------------------------------------------- starting and ending
    def _start_queued(self) -> None:
        while len(self.progress.running) < self.limit:
            ready = next((r for r in self.progress.queue if not self._made_elsewhere(r)), None)
            if ready is None:
                return
            self.progress.queue.remove(ready)
            if self._caches(ready) and self._taken(ready):
                self.sharing.release(self.specs.key(ready))
                self._advance()
                continue
            if (
                self.options.only is not None
                and ready.step.name != self.options.only
                and not self.core.in_handler(ready.path)
            ):
                reason = f"only `{self.options.only}` was asked for"
                self.sharing.release(self.specs.key(ready))
                self.core.finish(ready.path, "skipped", {})
                self.store.record_step(self.run_id, ready.path, ready.step.name, "omitted", reason=reason)
                self._advance()
                continue
            self._start(ready)

    def _start(self, ready: Ready) -> None:
        previous = [int(p.name) for p in (self.folder / "steps" / ready.path).glob("*") if p.name.isdecimal()]
        number = max(previous, default=0) + 1
        spec = self.specs.spec(ready, number)
        folder = Path(spec["folder"])
        folder.mkdir(parents=True)
        path = folder / "spec.json"
        write_file(path, json.dumps(spec))
        reading, writing = os.pipe()
        self.progress.count += 1
        id_ = self.progress.count
        now = time.monotonic()
        timeout = ready.step.settings.timeout
        attempt = Attempt(
            ready, number, self._key(ready), time.time(), LogWriter(folder / "log", spec["mark"], self.log_limit), reading,
            now + timeout if timeout else None,
        )  # fmt: skip
        self.progress.running[id_] = attempt
        self.progress.attempts[ready.path] = self.progress.attempts.get(ready.path, 0) + 1
        self.progress.attempts_made[ready.path] = number
        os.set_blocking(reading, False)
        self.selector.register(reading, selectors.EVENT_READ, lambda _: self._printed(attempt))
        self.forks.start(id_, str(path), writing, _imports(ready), self.options.spawn)
        os.close(writing)
        self.store.record_step(
            self.run_id, ready.path, ready.step.name, "running", position=ready.position, started=attempt.started,
            finished=None, attempts=number, reason=None, error=None,
        )  # fmt: skip

    def _printed(self, attempt: Attempt) -> bool:
        try:
            data = os.read(attempt.pipe, 1 << 16)
        except BlockingIOError:
            return False
        if data:
            attempt.log.feed(data)
            return True
        self._hang_up(attempt)
        return False

    def _hang_up(self, attempt: Attempt) -> None:
        if attempt.pipe >= 0:
            self.selector.unregister(attempt.pipe)
            os.close(attempt.pipe)
            attempt.pipe = -1

    def _ended(self, message: dict[str, Any]) -> None:
        """An attempt's process has ended, and with it whatever it left running."""
        attempt = self.progress.running.pop(message["id"])
        while attempt.pipe >= 0 and self._printed(attempt):
            pass
        self._hang_up(attempt)
        result = self._result(attempt, message["status"], message.get("why"))
        if message.get("lingered") and LEFT_RUNNING not in result.get("warnings", ()):
            result["warnings"] = [*result.get("warnings", []), LEFT_RUNNING]
        attempt.log.close()
        (self._attempt_folder(attempt) / PID).unlink(missing_ok=True)
        ready = attempt.ready
        if result["state"] == "succeeded":
            self.core.finish(ready.path, "succeeded", result)
            self._record(attempt, "succeeded", result, None)
            self.store.remember(attempt.key, result)
            self._advance()
        elif attempt.ended_by == "cancel":
            self.core.finish(ready.path, "cancelled", result)
            self._record(attempt, "cancelled", result, "the run was cancelled")
            self._advance()
        else:
            self._failed(attempt, result)
        self.sharing.release(attempt.key)

    def _result(self, attempt: Attempt, status: int, why: str | None) -> dict[str, Any]:
        try:
            result: dict[str, Any] = read_object(self._attempt_folder(attempt) / "result.json")
        except (OSError, DamagedRecord):
            remove_unfinished(str(self.store.values), self._attempt_folder(attempt))
            result = {"state": "failed", "outputs": {}, "results": {}, "exports": {}, "metrics": {}, "warnings": []}
            result["error"] = _death(status) if why is None else {"kind": "python", "type": "OSError", "message": why}
        if attempt.ended_by == "timeout" and result["state"] != "succeeded":
            seconds = attempt.ready.step.settings.timeout
            message = f"it took longer than its timeout of {seconds:g} s"
            result["error"] = {"kind": "timeout", "type": "TimeoutError", "message": message}
        if "bundle" in (result.get("error") or {}):
            maker = maker_of(self.core.results, result["error"]["bundle"])
            result["error"]["message"] += again_words(self.run_id, maker)
        return result

    def _attempt_folder(self, attempt: Attempt) -> Path:
        return self.store.attempt_folder(self.run_id, attempt.ready.path, attempt.number)

    def _failed(self, attempt: Attempt, result: dict[str, Any]) -> None:
        ready, error = attempt.ready, {**result["error"], "step": attempt.ready.path}
        tries = (ready.step.settings.retry or 0) + 1
        again = error["kind"] in ("exception", "shell", "timeout", "died") and not self.progress.cancelled
        if (
            again
            and self.progress.attempts[ready.path] < tries
            and (self.progress.error is None or self.core.in_handler(ready.path))
        ):
            reason = (
                f"attempt {self.progress.attempts[ready.path]} of {tries} failed: {error['type']}: {error['message']}"
            )
            self._record(attempt, "pending", result, reason, error)
            self.progress.queue.insert(0, ready)
            return
        if ready.step.settings.may_fail:
            self._let_fail(attempt, result, error)
            return
        self._remember(error)
        self._stop(ready.path)
        self.core.finish(ready.path, "failed", result)
        self._record(attempt, "failed", result, f"{error['type']}: {error['message']}", error)
        self._advance()

    def _let_fail(self, attempt: Attempt, result: dict[str, Any], error: dict[str, Any]) -> None:
        """The step has failed, and the run goes on."""
        ready = attempt.ready
        failure = {k: error[k] for k in ("type", "message")}
        names = {i.name for i in ready.step.inputs if isinstance(i.ref, ItemRef) and not i.name.startswith("_")}
        items = [{"item": p["json"]} for p in ready.prepare if p.get("value") in names]
        failure = {"step": ready.step.name, **failure, **(items[0] if items else {})}
        self.core.let_fail(ready.path, result, failure)
        reason = f"{error['type']}: {error['message']}"
        self._record(attempt, "failed", {**result, "failure": failure}, reason, {**error, "let": True})
        self._advance()

    def _remember(self, error: dict[str, Any]) -> None:
        """The first error is the run's."""
        if self.progress.error is None:
            self.progress.error = error
            if not self.progress.cancelled:
                self.core.ended = {"state": "failed", "step": error.get("step"), "message": error.get("message", "")}

    def _record(
        self, attempt: Attempt, state: str, result: dict[str, Any], reason: str | None, error: Any = None
    ) -> None:
        self.store.record_step(
            self.run_id, attempt.ready.path, attempt.ready.step.name, state, finished=time.time(), result=result,
            reason=reason, error=error, key=attempt.key if state == "succeeded" else None, attempts=attempt.number,
        )  # fmt: skip

    # ---------------------------------------------------------------- the end
    def _wind_up(self) -> None:
        """Everything that never started is omitted; the record says why."""
        progress = self.progress
        reason = "the run was cancelled" if progress.cancelled else "the run ended before it"
        if progress.error is not None and not progress.cancelled:
            reason = f"{progress.error.get('step')} failed"
        known = {s["path"] for s in self.store.steps(self.run_id) if s["state"] not in ("pending",)}
        waiting = [
            *self.core.pending(),
            *((p, p.split("[")[0], 0) for p, s in self.core.states.items() if s == "pending"),
        ]
        for path, step, position in waiting:
            if path not in known:
                self.core.states[path] = "omitted"
                fields = {"position": position} if position else {}
                self.store.record_step(
                    self.run_id, path, step, "omitted", reason=reason, finished=time.time(), attempts=0, **fields
                )


def _without_times(ready: Ready) -> Ready:
    """A handler's step without what its run's status says of times: it has run for the attempts before it, whenever that was."""
    names = {i.name for i in ready.step.inputs if isinstance(i.ref, StatusRef)}
    prepare = [
        {**p, "json": {k: v for k, v in p["json"].items() if k not in ("started", "duration")}}
        if p.get("value") in names
        else p
        for p in ready.prepare
    ]
    return replace(ready, prepare=tuple(prepare))


def _death(status: int) -> dict[str, Any]:
    """What to say of a process that ended without a result."""
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
        hint = "; the system may have been out of memory" if -status == signal.SIGKILL else ""
        return {"kind": "died", "type": name, "message": f"the step's process was ended by {name}{hint}"}
    return {"kind": "died", "type": "exit", "message": f"the step's process left with status {status} before its end"}


def _libraries(pipeline: Pipeline, folder: Path) -> list[str]:
    """Fork-safe libraries that the pipeline's code imports, by the modules it names; none that the notebook's folder has one in place of."""
    found: dict[str, None] = {}
    for step in pipeline.steps():
        sources = [c.source for c in step.cells] + [p.code.source for p in step.prepare if isinstance(p, Replay)]
        for source in sources:
            for name in IMPORT.findall(source):
                if name.split(".")[0] in FORK_SAFE:
                    found[name] = None
    return [n for n in found if not any((folder / f"{n.split('.')[0]}{e}").exists() for e in ("", ".py"))]


def _imports(ready: Ready) -> bool:
    """Whether a step imports something that the parent with libraries has ready."""
    sources = [c.source for c in ready.step.cells] + [i["run"]["source"] for i in ready.prepare if "run" in i]
    return any(n.split(".")[0] in FORK_SAFE for s in sources for n in IMPORT.findall(s)) or any(
        "load" in i for i in ready.prepare
    )
