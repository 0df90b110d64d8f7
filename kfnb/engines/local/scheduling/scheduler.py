"""The scheduler of one run: it dispatches the steps that are ready, and records their states until the run ends."""

from __future__ import annotations

import os
import selectors
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.engine_interface import recorded_options
from kfnb.engines.local.limits.limit_keeper import LimitKeeper
from kfnb.engines.local.scheduling.concurrent_cache import LOOK_EVERY, ResultLocks
from kfnb.engines.local.scheduling.run_state import ReadyStep, RunState, StateChange
from kfnb.engines.local.scheduling.running_attempts import Attempt, RunningAttempts
from kfnb.engines.local.scheduling.spec_and_cache_key import StepSpecs
from kfnb.engines.local.scheduling.step_starter import step_starter
from kfnb.pipeline.model import ItemRef, Pipeline
from kfnb.pipeline.parameters.mark_placeholders import resolved
from kfnb.runs.kept_pipeline import kept_pipeline
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.retention.missing_values import Values, again_words, maker_of
from kfnb.runs.run_environment import record_environment
from kfnb.runtime.secret_mask import mask_of

RETRIED = ("exception", "shell", "timeout", "died")  #: kinds of errors after which a step is tried again


@dataclass
class Progress:
    """What happened to the run as a whole."""

    error: dict[str, Any] | None = None
    cancel_requests: int = 0
    queue: list[ReadyStep] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)  #: how often each step was started in this process
    last_attempts: dict[str, int] = field(default_factory=dict)  #: the number of each step's last attempt


class Scheduler:
    """One run, from its folder to its end."""

    def __init__(self, store: RunStore, run_id: str, mask: int, log_limit: int) -> None:
        self.store, self.run_id = store, run_id
        self.folder = store.folder(run_id)
        self.options = recorded_options(self.folder)
        self.pipeline: Pipeline = resolved(kept_pipeline(store, run_id), self.options.parameters)
        self.specs = StepSpecs(self.pipeline, self.options, store.values, self.folder)
        if self.specs.environment is not None:
            record_environment(self.folder, self.specs.environment)
        self.state = RunState(self.pipeline, dict(self.options.parameters), handler_facts=self._handler_facts)
        self.progress = Progress()
        self.earlier_results = store.kept(run_id)
        self.values = Values(str(store.values))
        self.locks = ResultLocks(store.home / "making")
        self.limit = self.options.max_parallel or max(8, 4 * (os.cpu_count() or 1))
        self.selector = selectors.DefaultSelector()
        self.forks = step_starter(self.pipeline, self.options, self.selector, mask, run_id, store.home)
        hidden = mask_of(s.env for step in self.pipeline.steps() for s in step.settings.secrets)
        prepares = self.options.containers is not None
        self.limits = None if prepares else LimitKeeper(run_id)
        self.attempts = RunningAttempts(
            self.forks, self.selector, store.values, log_limit, self.options.spawn, prepares, hidden, self.limits
        )
        self._wake, self._wakened = os.pipe()

    # ---------------------------------------------------------------- the loop
    def run(self) -> None:
        """Run until the run has ended."""
        self._listen()
        self._advance()
        self._read_cancel_requests()  # the user may have cancelled before this process listened
        while self.attempts.by_id or self.progress.queue:
            self._handle_events()
        if self.limits is not None:
            self.limits.close()
        self._record_omitted()
        error = self.progress.error
        state = "cancelled" if self.progress.cancel_requests else "failed" if error else "succeeded"
        self.store.record_run(self.run_id, state, finished=time.time(), error=error)

    def _handler_facts(self) -> dict[str, Any]:
        """What an exit handler can read about its run, besides the outcome."""
        started = self.store.head(self.run_id)["started"]
        running = dict.fromkeys(self.attempts.paths(), "running")
        return {
            "run": self.run_id,
            "pipeline": self.pipeline.name,
            "parameters": dict(self.options.parameters),
            "started": started,
            "duration": time.time() - started,
            "steps": {**self.state.current_states(), **running},
        }

    def _listen(self) -> None:
        for handle in (self._wake, self._wakened):
            os.set_blocking(handle, False)
        signal.set_wakeup_fd(self._wakened, warn_on_full_buffer=False)
        self.selector.register(self._wake, selectors.EVENT_READ, self._signalled)

    def _handle_events(self) -> None:
        """Wait for the next event: output, the end of a process, a signal or a deadline."""
        deadline = self.attempts.next_deadline()
        times = [deadline] if deadline is not None else []
        if self.progress.queue and len(self.attempts.by_id) < self.limit:  # another run produces its result
            times.append(time.monotonic() + LOOK_EVERY)
        wait = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self.selector.select(wait):
            key.data(key.fileobj)
        self.attempts.check_deadlines()
        for attempt, result in self.attempts.collect_ended():
            self._attempt_ended(attempt, result)
        self._dispatch()

    # ---------------------------------------------------------------- cancelling
    def _signalled(self, _: Any) -> None:
        os.read(self._wake, 64)
        if not self._read_cancel_requests():
            self._cancel(1)

    def _read_cancel_requests(self) -> bool:
        """Cancel the run once for each cancel request that its folder has."""
        requests = self.folder / "cancel"
        if requests.exists():
            self._cancel(requests.stat().st_size)
        return requests.exists()

    def _cancel(self, requests: int) -> None:
        """The first request ends the steps and lets exit handlers run. The second one ends everything at once."""
        self.progress.cancel_requests = max(requests, self.progress.cancel_requests)
        at_once = self.state.closed = self.progress.cancel_requests > 1
        self.attempts.cancel(lambda path: not at_once and self.state.in_handler(path), at_once)
        self.state.outcome = {**self.state.outcome, "state": "cancelled"}
        self._stop()
        self._advance()

    def _stop(self, failed: str | None = None) -> None:
        """Begin nothing new, except the handlers of guards that were entered."""
        continuing = {r.path for r in self.progress.queue if self.state.continues_after_stop(r.path, failed)}
        self.state.stop(failed)
        for ready in [r for r in self.progress.queue if r.path not in continuing]:
            self.progress.queue.remove(ready)
            self.state.drop(ready.path)

    # ---------------------------------------------------------------- what is ready
    def _advance(self) -> None:
        """Queue, reuse or record each step whose next state follows from the results so far."""
        repeat = True
        while repeat:
            repeat, had_no_error = False, self.progress.error is None
            for decided in list(self.state.advance()):
                if isinstance(decided, StateChange):
                    self._record_change(decided)
                elif not self._reuse_result(decided):
                    self.store.record_step(
                        self.run_id, decided.path, decided.step.name, "pending", position=decided.position
                    )
                    self.progress.queue.append(decided)
                else:
                    repeat = True
            if had_no_error and self.progress.error is not None:
                self._stop()
                repeat = True
        self._dispatch()

    def _record_change(self, change: StateChange) -> None:
        error = None
        if change.state == "failed":
            error = {"kind": "condition", "type": "TypeError", "message": change.reason, "step": change.path}
            self._remember_error(error)
        self.store.record_step(
            self.run_id, change.path, change.step, change.state, position=change.position, reason=change.reason,
            finished=time.time(), attempts=0, error=error, result={"failure": change.failure} if change.failure else {},
        )  # fmt: skip

    def _reuse_result(self, ready: ReadyStep) -> bool:
        """Finish a step with an earlier result, of this run or from the cache. Return whether there was one."""
        key = self._key(ready)
        earlier = self.earlier_results.get(ready.path)
        if earlier is not None and not (earlier["key"] in (key, None) and self.values.has_all(earlier["result"])):
            earlier = None
        if earlier is not None:
            state, result = earlier["state"], earlier["result"]
        else:
            cached = self.store.cached(key) if self._uses_cache(ready) else None
            if cached is None or not self.values.has_all(cached):
                return False
            state, result = "cached", cached
        self.progress.last_attempts[ready.path] = earlier["attempts"] or 0 if earlier else 0
        self.state.finish(ready.path, state, result)
        self.store.record_step(
            self.run_id, ready.path, ready.step.name, state, position=ready.position, key=key, result=result,
            reason=earlier["reason"] if earlier else "an earlier run had the same code and inputs",
            started=earlier["started"] if earlier else None, finished=earlier["finished"] if earlier else time.time(),
            attempts=earlier["attempts"] if earlier else 0,
        )  # fmt: skip
        return True

    def _key(self, ready: ReadyStep) -> str:
        guarded = self.state.guarded_paths(ready.path)
        if guarded is None:
            return self.specs.key(ready)
        return self.specs.handler_key(ready, {p: self.progress.last_attempts.get(p, 0) for p in guarded})

    def _uses_cache(self, ready: ReadyStep) -> bool:
        """Whether an earlier result may be reused. Exit handlers always run, because they run for their effects."""
        setting = ready.step.settings.cache
        return not self.state.in_handler(ready.path) and (self.options.cache if setting is None else setting)

    def _produced_elsewhere(self, ready: ReadyStep) -> bool:
        """Whether another run produces this step's result now, so that this run waits for it."""
        return self._uses_cache(ready) and not self.locks.acquire(self.specs.key(ready))

    # ---------------------------------------------------------------- dispatch
    def _dispatch(self) -> None:
        """Start queued steps, as many as may run side by side."""
        while len(self.attempts.by_id) < self.limit:
            ready = next((r for r in self.progress.queue if not self._produced_elsewhere(r)), None)
            if ready is None:
                return
            self.progress.queue.remove(ready)
            if self._uses_cache(ready) and self._reuse_result(ready):
                self.locks.release(self.specs.key(ready))
                self._advance()
            elif self.options.only not in (None, ready.step.name) and not self.state.in_handler(ready.path):
                self.locks.release(self.specs.key(ready))
                self.state.finish(ready.path, "skipped", {})
                reason = f"the run was started for `{self.options.only}` only"
                self.store.record_step(self.run_id, ready.path, ready.step.name, "omitted", reason=reason)
                self._advance()
            else:
                self._start(ready)

    def _start(self, ready: ReadyStep) -> None:
        previous = [int(p.name) for p in (self.folder / "steps" / ready.path).glob("*") if p.name.isdecimal()]
        number = max(previous, default=0) + 1
        attempt = self.attempts.start(ready, number, self._key(ready), self.specs.spec(ready, number))
        self.progress.tries[ready.path] = self.progress.tries.get(ready.path, 0) + 1
        self.progress.last_attempts[ready.path] = number
        self.store.record_step(
            self.run_id, ready.path, ready.step.name, "running", position=ready.position, started=attempt.started,
            finished=None, attempts=number, reason=None, error=None,
        )  # fmt: skip

    # ---------------------------------------------------------------- ends of attempts
    def _attempt_ended(self, attempt: Attempt, result: dict[str, Any]) -> None:
        if "bundle" in (result.get("error") or {}):
            producer = maker_of(self.state.instances.results, result["error"]["bundle"])
            result["error"]["message"] += again_words(self.run_id, producer)
        path = attempt.ready.path
        if result["state"] == "succeeded":
            self.state.finish(path, "succeeded", result)
            self._record(attempt, "succeeded", result, None)
            self.store.remember(attempt.key, result)
            self._advance()
        elif attempt.ended_by == "cancel":
            self.state.finish(path, "cancelled", result)
            self._record(attempt, "cancelled", result, "the run was cancelled")
            self._advance()
        else:
            self._attempt_failed(attempt, result)
        self.locks.release(attempt.key)

    def _attempt_failed(self, attempt: Attempt, result: dict[str, Any]) -> None:
        """Start the step again, continue the run without it, or end the run."""
        ready, error = attempt.ready, {**result["error"], "step": attempt.ready.path}
        reason = f"{error['type']}: {error['message']}"
        tries, allowed = self.progress.tries[ready.path], (ready.step.settings.retry or 0) + 1
        stopped = self.progress.error is not None and not self.state.in_handler(ready.path)
        if error["kind"] in RETRIED and not self.progress.cancel_requests and tries < allowed and not stopped:
            self._record(attempt, "pending", result, f"attempt {tries} of {allowed} failed: {reason}", error)
            self.progress.queue.insert(0, ready)
        elif ready.step.settings.may_fail:
            failure = _failure_of(ready, error)
            self.state.tolerate_failure(ready.path, result, failure)
            self._record(attempt, "failed", {**result, "failure": failure}, reason, {**error, "let": True})
            self._advance()
        else:
            self._remember_error(error)
            self._stop(ready.path)
            self.state.finish(ready.path, "failed", result)
            self._record(attempt, "failed", result, reason, error)
            self._advance()

    def _remember_error(self, error: dict[str, Any]) -> None:
        """Keep the first error as the error of the run."""
        if self.progress.error is None:
            self.progress.error = error
            if not self.progress.cancel_requests:
                self.state.outcome = {
                    "state": "failed",
                    "step": error.get("step"),
                    "message": error.get("message", ""),
                }

    def _record(
        self, attempt: Attempt, state: str, result: dict[str, Any], reason: str | None, error: Any = None
    ) -> None:
        self.store.record_step(
            self.run_id, attempt.ready.path, attempt.ready.step.name, state, finished=time.time(), result=result,
            reason=reason, error=error, key=attempt.key if state == "succeeded" else None, attempts=attempt.number,
        )  # fmt: skip

    def _record_omitted(self) -> None:
        """Record every step that never started as omitted, with the reason."""
        progress, states = self.progress, self.state.instances.states
        reason = "the run was cancelled" if progress.cancel_requests else "the run ended before it"
        if progress.error is not None and not progress.cancel_requests:
            reason = f"{progress.error.get('step')} failed"
        recorded = {s["path"] for s in self.store.steps(self.run_id) if s["state"] not in ("pending",)}
        pending = [*self.state.pending(), *((p, p.split("[")[0], 0) for p, s in states.items() if s == "pending")]
        for path, step, position in pending:
            if path not in recorded:
                states[path] = "omitted"
                fields = {"position": position} if position else {}
                self.store.record_step(
                    self.run_id, path, step, "omitted", reason=reason, finished=time.time(), attempts=0, **fields
                )


def _failure_of(ready: ReadyStep, error: dict[str, Any]) -> dict[str, Any]:
    """The entry of a collected list in place of a missing value, with the item of the loop when it is known."""
    names = {i.name for i in ready.step.inputs if isinstance(i.ref, ItemRef) and not i.name.startswith("_")}
    items = [{"item": p["json"]} for p in ready.prepare if p.get("value") in names]
    return {"step": ready.step.name, "type": error["type"], "message": error["message"], **(items[0] if items else {})}
