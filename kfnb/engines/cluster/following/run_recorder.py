"""A recorder that writes the observed states of a run into the record of runs. It continues where the record ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep
from kfnb.engines.cluster.following.pod_logs import RecordedLog
from kfnb.engines.cluster.following.words.ending_words import ending_words
from kfnb.engines.cluster.following.words.skip_words import UNKNOWN, SkipWords
from kfnb.engines.cluster.following.words.stop_words import CANCELLED, ended_by_stop
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_summary import is_let_fail
from kfnb.runtime.values.value_store import Store
from kfnb.states import FINAL, STEP_FINAL


class Recorder:
    """Writes the record of one run until ``stopping`` returns true. A subclass reads the logs."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        tasks: dict[str, tuple[Job, ...]],
        stopping: Callable[[], bool],
        earlier_attempts: dict[str, int] | None = None,
        skip_words: SkipWords | None = None,
    ) -> None:
        self.store, self.run_id, self.tasks, self.stopping = store, run_id, tasks, stopping
        self.earlier_attempts = (
            earlier_attempts or {}
        )  #: how many attempts each step had in earlier submissions of the run
        self.state: str = store.head(run_id)["state"]
        self.stopped = ""  #: why the run was asked to end, if it was
        self._skip_words = skip_words
        self._observed: dict[str, ObservedStep] = {}
        self._recorded = {s["path"]: (s["state"], s["attempts"], s["reason"]) for s in store.steps(run_id)}

    @property
    def final(self) -> bool:
        return self.state in FINAL

    def watch_log(self, step: ObservedStep, attempt: Attempt) -> None:
        """Record the new lines of a running pod's log, or begin to follow it."""
        raise NotImplementedError

    def read_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        """The whole log of a pod that has ended."""
        raise NotImplementedError

    def recorded_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        """The recorded log of an attempt."""
        return RecordedLog(self.store.attempt_folder(self.run_id, step.path, self._number(step, attempt.number)))

    def pause(self, seconds: float) -> None:
        """Wait, but return early when the follower should stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping():
            time.sleep(0.05)

    # ---------------------------------------------------------------- the steps
    def record_start(self, started: float | None) -> None:
        """Record that the run has begun."""
        self.state = "running"
        self.store.record_run(self.run_id, "running", started=started or time.time(), finished=None, error=None)

    def record_steps(self, steps: Iterable[ObservedStep], follow: bool) -> None:
        """Record the states of steps. ``follow`` includes the logs of running steps."""
        in_order = sorted(steps, key=lambda s: s.job.position)
        for step in in_order:
            if step.path not in self._observed or self._recorded.get(step.path, ("",))[0] not in STEP_FINAL:
                self._observed[step.path] = step
        for step in in_order:
            self._step(step, follow)

    def _step(self, step: ObservedStep, follow: bool) -> None:
        recorded = self._recorded.get(step.path, (None, None, None))
        if recorded[0] in STEP_FINAL:
            return
        number = self._number(step, len(step.attempts))
        for attempt in step.attempts:
            if follow and attempt.state == "running":
                self.watch_log(step, attempt)
        if step.state in STEP_FINAL:
            self._finish(step)
        elif (step.state, number, step.message or None) != recorded:
            self._record(step, step.state, number, {"reason": step.message or None})

    def _finish(self, step: ObservedStep) -> None:
        """Record the end of a step. Its log is read first, so that the log is complete when the record says that the step has ended."""
        logs = [self.read_log(step, attempt) for attempt in step.attempts]
        report = logs[-1].report if logs else None
        fields: dict[str, Any] = {"reason": None, "finished": step.finished or time.time()}
        state = step.state
        if report is not None and report.state is not None:
            self._store_bundles(report.bundles())
            fields["result"] = report.result()
            if state == "succeeded" and report.state == "skipped":
                state, fields["reason"] = "skipped", report.reason
            elif state == "succeeded" and report.state == "failed":
                state = "failed"  # the run continues, because the step may fail
        elif step.outputs:
            fields["result"] = {"exports": step.outputs, "outputs": {}, "results": {}, "metrics": {}}
        if state == "failed" and self.stopped and (report is None or report.error is None):
            state = ended_by_stop(step)
        if state == "failed":
            error = (report.error if report is not None else None) or _with_last_words(self.death(step), logs)
            fields["error"] = {**error, "step": step.path}
            fields["reason"] = f"{error['type']}: {error['message']}"
        elif state in ("cancelled", "omitted") and self.stopped:
            fields["reason"] = self.stopped
        elif state == step.state and state in ("skipped", "omitted"):
            fields["reason"] = self._skip_words.of(step, self._observed) if self._skip_words is not None else UNKNOWN
        self._observed[step.path] = replace(step, state=state)
        self._record(step, state, 0 if state == "skipped" else self._number(step, len(step.attempts)), fields)

    def death(self, step: ObservedStep) -> dict[str, Any]:
        """The error of a step whose pod has ended without a report."""
        return {"kind": "died", "type": "Pod", "message": ending_words(step.message) or "the pod failed"}

    def _number(self, step: ObservedStep, count: int) -> int:
        return count + self.earlier_attempts.get(step.path, 0) if count else 0

    def _record(self, step: ObservedStep, state: str, attempts: int, fields: dict[str, Any]) -> None:
        self._recorded[step.path] = (state, attempts, fields.get("reason"))
        self.store.record_step(
            self.run_id,
            step.path,
            step.job.name,
            state,
            position=step.job.position,
            started=step.started,
            attempts=attempts,
            **fields,
        )

    def _store_bundles(self, bundles: dict[str, tuple[str, bytes]]) -> None:
        store = Store(str(self.store.values))
        for address, data in bundles.values():
            store.write(address, data)

    # ---------------------------------------------------------------- the end
    def record_end(self, state: str, finished: float | None, failure: dict[str, Any]) -> None:
        """Record the end of the run. ``failure`` is the error to record when the run failed although no step did.

        A controller does not count a failed exit handler. Here such a run has failed, as on the local engine.
        """
        failed = [s for s in self.store.steps(self.run_id) if s["state"] == "failed" and not is_let_fail(s)]
        failed.sort(key=lambda s: s["finished"] or 0)
        self._finish_remaining("skipped" if state == "succeeded" else "omitted", _why(state, failed))
        error = None
        if state == "succeeded" and failed:
            state = "failed"
        if state == "failed":
            error = failed[0]["error"] if failed else failure
        self._write_end(state, finished, error)

    def record_deleted(self, reason: str) -> None:
        """Record that the cluster no longer has the run."""
        self._finish_remaining("omitted", reason)
        message = f"{reason}; its time to live is over, or somebody deleted it: run the notebook again"
        self._write_end("failed", None, {"kind": "run", "type": "Deleted", "message": message})

    def _write_end(self, state: str, finished: float | None, error: dict[str, Any] | None) -> None:
        self.state = state
        self.store.record_run(self.run_id, state, finished=finished or time.time(), error=error)

    def _finish_remaining(self, state: str, reason: str) -> None:
        """Set every step that has no final state when the run ends to ``state``, for a ``reason``."""
        states = {s["path"]: s["state"] for s in self.store.steps(self.run_id)}
        jobs = {j.name: j for jobs in self.tasks.values() for j in jobs}
        for job in sorted(jobs.values(), key=lambda j: j.position):
            paths = [p for p in states if p == job.name or p.startswith(f"{job.name}[")]
            for path in paths or [job.name]:
                if states.get(path) not in STEP_FINAL:
                    self.store.record_step(
                        self.run_id, path, job.name, state, position=job.position, finished=time.time(), reason=reason
                    )


def _why(state: str, failed: list[dict[str, Any]]) -> str:
    """Why a step has no state when its run ends."""
    if state == "cancelled":
        return CANCELLED
    if failed:
        return f"{failed[0]['path']} failed"
    return UNKNOWN if state == "succeeded" else "the run ended before it"


def _with_last_words(error: dict[str, Any], logs: list[RecordedLog]) -> dict[str, Any]:
    """The error, with what the cluster's tools said in the log of the last attempt when they gave up."""
    words = logs[-1].last_words if logs else ""
    return {**error, "message": f"{error['message']}: {words}"} if words else error
