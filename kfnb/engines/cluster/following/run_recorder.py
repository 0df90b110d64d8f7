"""A recorder that writes the observed states of a run into the record of runs. It continues where the record ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.following.helper_steps import tell_of_helped
from kfnb.engines.cluster.following.logs.log_markers import StepReport
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.following.logs.shared_pods import MemberAttempt, SharedPodLog
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep
from kfnb.engines.cluster.following.words.condition_words import condition_error
from kfnb.engines.cluster.following.words.ending_words import DELETED, ending_words
from kfnb.engines.cluster.following.words.skip_words import UNKNOWN, SkipWords
from kfnb.engines.cluster.following.words.stop_words import CANCELLED, ended_by_stop
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, distinct_jobs
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_summary import is_let_fail
from kfnb.runtime.secret_mask import mask_of
from kfnb.runtime.values.value_store import Store
from kfnb.states import FINAL, STEP_FINAL

ENDED = "the cluster ended the run while the step ran"
POD_LOST = "its pod was lost, so all steps of the pod run again"


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
        self.store, self.run_id, self.stopping = store, run_id, stopping
        self.tasks, self.jobs = tasks, {j.name: j for j in distinct_jobs(tasks)}
        self.earlier_attempts = (
            earlier_attempts or {}
        )  #: how many attempts each step had in earlier submissions of the run
        variables = {s.env for j in self.jobs.values() for s in j.step.settings.secrets}
        self._mask = mask_of(sorted(variables))  #: of the secrets that this machine knows too
        self.state: str = store.head(run_id)["state"]
        self._thread, self._members = threading.get_ident(), threading.RLock()
        self._pods_begun: dict[str, int] = {}  #: by the first step of a shared pod, which of its pods was seen last
        self._started: dict[str, float] = {}  #: when the first attempt of a step in a shared pod began
        self.stopped = ""  #: why the run was asked to end, if it was
        self._skip_words = skip_words
        self._observed: dict[str, ObservedStep] = {}
        steps = store.steps(run_id)
        self._recorded = {s["path"]: (s["state"], s["attempts"], s["reason"]) for s in steps}
        #: the steps that have succeeded and of which no value is known
        self._without_values = {s["path"] for s in steps if s["state"] == "succeeded" and not s["result"]}

    @property
    def final(self) -> bool:
        return self.state in FINAL

    def has_ended(self, path: str) -> bool:
        """Whether the record has a final state of a step."""
        return self._recorded.get(path, ("",))[0] in STEP_FINAL

    def waits_in_pod(self, step: ObservedStep) -> bool:
        """Whether a step has not begun while its pod runs the steps before it."""
        return (
            bool(step.pod) and step.path != step.pod[0] and self._recorded.get(step.path, ("pending",))[0] == "pending"
        )

    def watch_log(self, step: ObservedStep, attempt: Attempt) -> None:
        """Record the new lines of a running pod's log, or begin to follow it."""
        raise NotImplementedError

    def read_log_so_far(self, step: ObservedStep, attempt: Attempt) -> None:
        """Record what a running pod has printed, once."""
        raise NotImplementedError

    def read_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        """The whole log of a pod that has ended."""
        raise NotImplementedError

    def recorded_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        """The recorded log of an attempt. The log of a pod with several steps is recorded step by step, each where its own log is."""
        if step.pod:
            return SharedPodLog(step.pod, self._attempt_log, partial(self._record_member, step.pod))
        return self._attempt_log(step.path, attempt.number)

    def _attempt_log(self, path: str, number: int) -> RecordedLog:
        return RecordedLog(self._attempt_folder(path, number), self._mask)

    def _attempt_folder(self, path: str, number: int) -> Path:
        """The folder of an attempt, which is counted from the beginning of this submission on."""
        return self.store.attempt_folder(self.run_id, path, self._number(path, number))

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
        in_order = sorted(tell_of_helped(steps, self.jobs), key=lambda s: s.job.position)
        for step in in_order:
            if step.path not in self._observed or self._recorded.get(step.path, ("",))[0] not in STEP_FINAL:
                self._observed[step.path] = step
        for step in in_order:
            if step.job.helps and not step.pod:
                self._helper(step)
            elif not step.pod or not step.attempts:
                self._step(step, follow)
            elif step.path == step.pod[0]:
                members = {s.path: s for s in in_order if s.pod == step.pod}
                self._shared_pod([members[p] for p in step.pod if p in members], follow)

    def record_log_so_far(self, path: str) -> None:
        """Record what a step has printed, if it runs."""
        step = self._observed.get(path)
        if step is not None and step.state == "running" and step.attempts and not step.pod:
            self.read_log_so_far(step, step.attempts[-1])

    def _step(self, step: ObservedStep, follow: bool) -> None:
        recorded = self._recorded.get(step.path, (None, None, None))
        if recorded[0] in STEP_FINAL:
            if step.outputs and step.path in self._without_values:
                self._without_values.discard(step.path)
                self.store.record_result(self.run_id, step.path, _result_of_texts(step.outputs))
            return
        number = self._number(step.path, len(step.attempts))
        for attempt in step.attempts:
            if follow and attempt.state == "running":
                self.watch_log(step, attempt)
        if step.state in STEP_FINAL:
            self._finish(step)
        elif (step.state, number, step.message or None) != recorded:
            self._record(step, step.state, number, {"reason": step.message or None})

    def _helper(self, step: ObservedStep) -> None:
        """Keep the log of a step that kfnb added. It has the outputs that a retry reuses."""
        if step.state == "succeeded" and step.path not in self._recorded:
            self._recorded[step.path] = (step.state, len(step.attempts), None)
            for attempt in step.attempts:
                self.read_log(step, attempt)

    def _finish(self, step: ObservedStep) -> None:
        """Record the end of a step. Its log is read first, so that the log is complete when the record says that the step has ended."""
        logs = [self.read_log(step, attempt) for attempt in step.attempts]
        last_words = logs[-1].last_words if logs else ""
        self._record_final(step, logs[-1].report if logs else None, len(step.attempts), last_words)

    def _record_final(self, step: ObservedStep, report: StepReport | None, count: int, last_words: str = "") -> None:
        """Record the end of a step that has had so many attempts.

        Parameters
        ----------
        last_words
            What the cluster's tools said in the log of the last attempt when they gave up.
        """
        fields: dict[str, Any] = {"reason": None, "finished": step.finished or time.time()}
        state = step.state
        if report is not None and report.state is not None:
            self._store_bundles(report.bundles())
            fields["result"] = report.result()
            if state == "succeeded" and report.state == "skipped":
                state, fields["reason"] = "skipped", report.reason
            elif state == "succeeded" and report.state == "failed":
                state = "failed"  # the run continues, because the step may fail
        elif texts := step.outputs or (report.texts() if report is not None else {}):
            fields["result"] = _result_of_texts(texts)
        if state == "failed" and self.stopped and (report is None or report.error is None):
            state = ended_by_stop(step, self._recorded.get(step.path, ("",))[0] == "running")
        if state == "failed":
            error = (report.error if report is not None else None) or self.death(step, last_words)
            fields["error"] = {**error, "step": step.path}
            fields["reason"] = f"{error['type']}: {error['message']}"
        elif state in ("cancelled", "omitted") and self.stopped:
            fields["reason"] = self.stopped
        elif state == "cached":
            fields["reason"] = step.message or None
        elif state == step.state and state in ("skipped", "omitted"):
            fields["reason"] = self._skip_words.of(step, self._observed) if self._skip_words is not None else UNKNOWN
        if state == "succeeded" and "result" not in fields:
            self._without_values.add(step.path)
        self._observed[step.path] = replace(step, state=state)
        self._record(step, state, 0 if state == "skipped" else self._number(step.path, count), fields)

    def death(self, step: ObservedStep, last_words: str) -> dict[str, Any]:
        """The error of a step whose pod has ended without a report, or that the cluster could not start."""
        broken = condition_error(step.job, last_words or step.message)
        if broken is not None:
            return broken
        message = ending_words(step.message) or "the pod failed"
        return {"kind": "died", "type": "Pod", "message": f"{message}: {last_words}" if last_words else message}

    # ---------------------------------------------------------------- pods with several steps
    def _shared_pod(self, members: list[ObservedStep], follow: bool) -> None:
        """Record the steps of a pod. What its log says of them is recorded as it is read."""
        first, attempt = members[0], members[0].attempts[-1]
        begun = self._pods_begun.get(first.path, 1)
        for earlier in first.attempts[begun - 1 : -1]:  # what they say comes before what the pod after them says
            self.read_log(first, earlier)
        if first.state in STEP_FINAL:
            self._finish_shared_pod(members, self.read_log(first, attempt))
            return
        for member in members:
            state = "running" if member is first and first.state == "running" else "pending"
            reason = first.message or None if member is first else None
            with self._members:
                recorded = self._recorded.get(member.path, (None, None, None))
                if recorded[0] in (None, "pending") and (recorded[0], recorded[2]) != (state, reason):
                    number = self._number(member.path, 1) if state == "running" else 0
                    self._record(member, state, number, {"reason": reason})
        if attempt.state == "running":
            self.watch_log(first, attempt) if follow else self.read_log(first, attempt)
        made_again = attempt.state == "running" and attempt.message == DELETED
        if made_again or begun < len(first.attempts):
            self._tell_of_loss(members)
        self._pods_begun[first.path] = len(first.attempts)

    def _tell_of_loss(self, members: list[ObservedStep]) -> None:
        """Record that the pod of steps was lost and is made again. What has succeeded stays so."""
        with self._members:
            for member in members:
                recorded = self._recorded.get(member.path, (None, 0, None))
                if recorded[0] == "running" and recorded[2] != POD_LOST:
                    self._record(member, "running", recorded[1] or 1, {"reason": POD_LOST})

    def _finish_shared_pod(self, members: list[ObservedStep], log: RecordedLog) -> None:
        """Record the steps of a pod that has ended, of which its log did not say how they ended."""
        begun = log.attempts if isinstance(log, SharedPodLog) else {}
        for member in members:
            if self._recorded.get(member.path, (None, None, None))[0] in STEP_FINAL:
                continue
            if member.path in begun or member.state == "succeeded":
                attempt = begun.get(member.path)
                number = attempt.number if attempt is not None else 1
                report = attempt.report if attempt is not None else None
                self._record_final(member, report, number, log.last_words)
            else:
                reason = self.stopped or f"{list(begun)[-1] if begun else members[0].path} failed"
                self._observed[member.path] = replace(member, state="omitted")
                self._record(member, "omitted", 0, {"finished": member.finished, "reason": reason})

    def _record_member(self, pod: tuple[str, ...], attempt: MemberAttempt) -> None:
        """Record that a step of a pod has begun, or how it has ended. A failed attempt that is tried again is not its end."""
        job = self.jobs[attempt.path.partition("[")[0]]
        report = attempt.report
        started = self._started.setdefault(attempt.path, attempt.started)
        step = ObservedStep(attempt.path, job, "running", started, attempt.ended, "", (), {}, False, pod)
        with self._members:
            if self._recorded.get(attempt.path, (None, None, None))[0] in STEP_FINAL:
                return
            if attempt.ended is None:
                number = self._number(attempt.path, attempt.number)
                if self._recorded.get(attempt.path) != ("running", number, None):
                    self._record(step, "running", number, {"reason": None})
            elif report.state != "failed" or attempt.number % ((job.step.settings.retry or 0) + 1) == 0:
                state = "failed" if report.state == "failed" else "succeeded"
                self._record_final(replace(step, state=state), report, attempt.number)

    def _number(self, path: str, count: int) -> int:
        return count + self.earlier_attempts.get(path, 0) if count else 0

    def _record(self, step: ObservedStep, state: str, attempts: int, fields: dict[str, Any]) -> None:
        self._recorded[step.path] = (state, attempts, fields.get("reason"))
        if step.job.helps and state != "failed":
            return
        if step.job.helps:
            step = replace(step, path=step.shown_path, job=self.jobs[step.job.helps])
            self._recorded[step.path] = (state, attempts, fields.get("reason"))
        with self._store_of_thread() as store:
            store.record_step(
                self.run_id,
                step.path,
                step.job.name,
                state,
                position=step.job.position,
                started=step.started,
                attempts=attempts,
                **fields,
            )

    @contextmanager
    def _store_of_thread(self) -> Iterator[RunStore]:
        """The record. A thread that reads a log opens it for itself, because a connection to SQLite belongs to its thread."""
        if threading.get_ident() == self._thread:
            yield self.store
            return
        store = RunStore(self.store.home)
        try:
            yield store
        finally:
            store.close()

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
        if state == "failed":
            self._fail_running()
        self._finish_remaining("skipped" if state == "succeeded" else "omitted", partial(_why, state, failed))
        error = None
        if state == "succeeded" and failed:
            state = "failed"
        if state == "failed":
            error = failed[0]["error"] if failed else failure
        self._write_end(state, finished, error)

    def record_deleted(self, reason: str) -> None:
        """Record that the cluster no longer has the run."""
        self._finish_remaining("omitted", lambda _: reason)
        message = f"{reason}; its time to live is over, or somebody deleted it: run the notebook again"
        self._write_end("failed", None, {"kind": "run", "type": "Deleted", "message": message})

    def _write_end(self, state: str, finished: float | None, error: dict[str, Any] | None) -> None:
        self.state = state
        self.store.record_run(self.run_id, state, finished=finished or time.time(), error=error)

    def _fail_running(self) -> None:
        """Record the steps as failed that ran when the run failed as a whole, as an exit handler does whose Workflow ends with an error."""
        for step in self.store.steps(self.run_id):
            if step["state"] == "running":
                error = {"kind": "died", "type": "Run", "message": ENDED, "step": step["path"]}
                name, reason = step["path"].partition("[")[0], f"{error['type']}: {ENDED}"
                self.store.record_step(
                    self.run_id, step["path"], name, "failed", position=self.jobs[name].position, finished=time.time(),
                    error=error, reason=reason,
                )  # fmt: skip

    def _finish_remaining(self, state: str, reason_of: Callable[[Job], str]) -> None:
        """Set every step that has no final state when the run ends to ``state``, for the reason of its job."""
        states = {s["path"]: s["state"] for s in self.store.steps(self.run_id)}
        for job in sorted((j for j in self.jobs.values() if not j.helps), key=lambda j: j.position):
            paths = [p for p in states if p == job.name or p.startswith(f"{job.name}[")]
            for path in paths or [job.name]:
                if states.get(path) not in STEP_FINAL:
                    self.store.record_step(
                        self.run_id,
                        path,
                        job.name,
                        state,
                        position=job.position,
                        finished=time.time(),
                        reason=reason_of(job),
                    )


#: A step that nothing decides about has run when its run has succeeded.
NOT_TOLD = "the cluster has not told what became of it, although the run succeeded: look at the run's own page"


def _why(state: str, failed: list[dict[str, Any]], job: Job) -> str:
    """Why a step of a job has no state when its run ends."""
    if state == "cancelled":
        return CANCELLED
    if failed:
        return f"{failed[0]['path']} failed"
    if state != "succeeded":
        return "the run ended before it"
    return UNKNOWN if job.gates or job.loops or job.depends else NOT_TOLD


def _result_of_texts(texts: dict[str, str]) -> dict[str, Any]:
    """The result of a script or command, in the form of the record of runs."""
    return {"exports": texts, "outputs": {}, "results": {}, "metrics": {}}
