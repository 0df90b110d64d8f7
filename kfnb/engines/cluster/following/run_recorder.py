"""What a cluster tells of a run goes into the record of runs, from where the record stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from kfnb.engines.cluster.following.observed_steps import Attempt, Seen
from kfnb.engines.cluster.following.pod_logs import KeptLog
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_summary import is_let_fail
from kfnb.runtime.values.value_store import Store
from kfnb.states import FINAL, STEP_FINAL


class Recorder:
    """Keeps one run's record. Who follows the run says how logs are read, and stops when ``stopping`` says so."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        tasks: dict[str, tuple[Job, ...]],
        stopping: Callable[[], bool],
        before: dict[str, int] | None = None,
    ) -> None:
        self.store, self.run_id, self.tasks, self.stopping = store, run_id, tasks, stopping
        self.before = before or {}  #: attempts that steps had when the run was taken up before
        self.state: str = store.head(run_id)["state"]
        self._known = {s["path"]: (s["state"], s["attempts"]) for s in store.steps(run_id)}

    @property
    def final(self) -> bool:
        return self.state in FINAL

    def watch_log(self, one: Seen, attempt: Attempt) -> None:
        """Bring the log of a pod that runs up to date, or begin to follow it."""
        raise NotImplementedError

    def read_log(self, one: Seen, attempt: Attempt) -> KeptLog:
        """The whole log of a pod that has ended."""
        raise NotImplementedError

    def kept_log(self, one: Seen, attempt: Attempt) -> KeptLog:
        """What the record has of an attempt's log."""
        return KeptLog(self.store.attempt_folder(self.run_id, one.path, self._number(one, attempt.number)))

    def pause(self, seconds: float) -> None:
        """Wait, unless the following is to stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping():
            time.sleep(0.05)

    # ---------------------------------------------------------------- taking in
    def begin(self, started: float | None) -> None:
        """The run has begun."""
        self.state = "running"
        self.store.record_run(self.run_id, "running", started=started or time.time(), finished=None, error=None)

    def take(self, found: Iterable[Seen], follow: bool) -> None:
        """Record where steps stand. ``follow``: with the logs of those that run."""
        for one in sorted(found, key=lambda s: s.job.position):
            self._step(one, follow)

    def _step(self, one: Seen, follow: bool) -> None:
        state, attempts = self._known.get(one.path, (None, None))
        if state in STEP_FINAL:
            return
        number = self._number(one, len(one.attempts))
        for attempt in one.attempts:
            if follow and attempt.state == "running":
                self.watch_log(one, attempt)
        if one.state in STEP_FINAL:
            self._finish(one)
        elif (one.state, number) != (state, attempts):
            self._record(one, one.state, number, {"reason": one.message or None})

    def _finish(self, one: Seen) -> None:
        """A step's end is recorded when its log is read: who sees it ended can see what it printed."""
        logs = [self.read_log(one, attempt) for attempt in one.attempts]
        told = logs[-1].told if logs else None
        fields: dict[str, Any] = {"reason": one.message or None, "finished": one.finished or time.time()}
        state = one.state
        if told is not None and told.state is not None:
            self._keep(told.bundles())
            fields["result"] = told.result()
            if state == "succeeded" and told.state == "skipped":
                state, fields["reason"] = "skipped", told.reason
            elif state == "succeeded" and told.state == "failed":
                state = "failed"  # and its run goes on
        elif one.outputs:
            fields["result"] = {"exports": one.outputs, "outputs": {}, "results": {}, "metrics": {}}
        if state == "failed":
            error = (told.error if told is not None else None) or {
                "kind": "died",
                "type": "Pod",
                "message": one.message or "the pod failed",
            }
            fields["error"] = {**error, "step": one.path}
            fields["reason"] = f"{error['type']}: {error['message']}"
        if state == "skipped" and one.state == "skipped" and not fields["reason"]:
            fields["reason"] = "its condition was false, or what it needs was skipped"
        self._record(one, state, 0 if state == "skipped" else self._number(one, len(one.attempts)), fields)

    def _number(self, one: Seen, count: int) -> int:
        return count + self.before.get(one.path, 0) if count else 0

    def _record(self, one: Seen, state: str, attempts: int, fields: dict[str, Any]) -> None:
        self._known[one.path] = (state, attempts)
        self.store.record_step(
            self.run_id,
            one.path,
            one.job.name,
            state,
            position=one.job.position,
            started=one.started,
            attempts=attempts,
            **fields,
        )

    def _keep(self, bundles: dict[str, tuple[str, bytes]]) -> None:
        store = Store(str(self.store.values))
        for address, data in bundles.values():
            store.write(address, data)

    # ---------------------------------------------------------------- the end
    def end(self, state: str, finished: float | None, failure: dict[str, Any]) -> None:
        """The run has ended. ``failure``: what to say when it failed and no step did."""
        self._rest("skipped" if state == "succeeded" else "omitted")
        failed = [s for s in self.store.steps(self.run_id) if s["state"] == "failed" and not is_let_fail(s)]
        failed.sort(key=lambda s: s["finished"] or 0)
        error = None
        if state == "failed":
            error = failed[0]["error"] if failed else failure
        self._final(state, finished, error)

    def lost(self, why: str) -> None:
        """The run is no longer there."""
        self._rest("omitted")
        message = f"{why}; its time to live may be over, or somebody deleted it"
        self._final("failed", None, {"kind": "run", "type": "Deleted", "message": message})

    def _final(self, state: str, finished: float | None, error: dict[str, Any] | None) -> None:
        self.state = state
        self.store.record_run(self.run_id, state, finished=finished or time.time(), error=error)

    def _rest(self, state: str) -> None:
        """Move every step that never came up, or was on its way when the run ended, to ``state``."""
        states = {s["path"]: s["state"] for s in self.store.steps(self.run_id)}
        jobs = {j.name: j for jobs in self.tasks.values() for j in jobs}
        for job in sorted(jobs.values(), key=lambda j: j.position):
            paths = [p for p in states if p == job.name or p.startswith(f"{job.name}[")]
            for path in paths or [job.name]:
                if states.get(path) not in STEP_FINAL:
                    self.store.record_step(
                        self.run_id, path, job.name, state, position=job.position, finished=time.time()
                    )
