"""Following a Workflow: what the cluster says goes into the record of runs, from where the record stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from kfnb.engines.argo.nodes import NODE_ID, Attempt, Seen, from_pods, seen, when
from kfnb.engines.argo.status import Offloaded, nodes_of
from kfnb.engines.cluster.blocks import Job
from kfnb.engines.cluster.kube import ClusterError, Kube
from kfnb.engines.cluster.podlogs import KeptLog
from kfnb.engines.cluster.rest import record_rest
from kfnb.runs.store import FINAL, STEP_FINAL, RunStore
from kfnb.runtime.store import Store

WATCH = 300  #: seconds of one watch
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  #: seconds between tries, longer each time
LOG_PATIENCE = 15.0  #: seconds that a finished pod's log is waited for
PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed"}
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"


class Follower:
    """Brings one run's record up to date, once or until its end."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        kube: Kube,
        name: str,
        tasks: dict[str, tuple[Job, ...]],
        stopping: Callable[[], bool] = lambda: False,
        before: dict[str, int] | None = None,
        see: Callable[[dict[str, Any], dict[str, tuple[Job, ...]]], list[Seen]] = seen,
    ) -> None:
        self.store, self.run_id, self.kube, self.name, self.tasks = store, run_id, kube, name, tasks
        self.stopping = stopping
        self._see = see
        self.before = before or {}  #: attempts that steps had in earlier workflows of the run
        self._known = {s["path"]: (s["state"], s["attempts"]) for s in store.steps(run_id)}
        self._logs: dict[str, _PodLog] = {}
        self._pods: dict[str, str] = {}
        self._state = store.head(run_id)["state"]

    def run(self) -> None:
        """Follow the workflow until it is final and its logs are read."""
        tries = 0
        while not self.stopping() and self._state not in FINAL:
            try:
                version = self._take(self.kube.get(self.name))
                tries = 0
                while self._state not in FINAL and not self.stopping():
                    for _, workflow in self.kube.watch(self.name, version, WATCH):
                        version = self._take(workflow)
                        if self._state in FINAL or self.stopping():
                            break
            except ClusterError as error:
                if error.kind == "missing":
                    self._lost(f"the workflow {self.name} is no longer there")
                elif not error.again and tries >= len(PAUSES):
                    raise
                else:
                    self._pause(PAUSES[min(tries, len(PAUSES) - 1)])
                    tries += 1
        for log in self._logs.values():
            log.stop()

    def once(self) -> None:
        """Bring the record up to date."""
        try:
            self._take(self.kube.get(self.name), follow=False)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self._lost(f"the workflow {self.name} is no longer there")

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping():
            time.sleep(0.05)

    # ---------------------------------------------------------------- taking in
    def _take(self, workflow: dict[str, Any], follow: bool = True) -> str:
        """Record what a workflow says; gives its version."""
        status = workflow.get("status") or {}
        try:
            nodes = nodes_of(workflow)
        except Offloaded:
            nodes = from_pods(self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"))
        if self._state == "pending" and status.get("phase") in ("Running", *PHASES):
            self._begin(status)
        for one in sorted(self._see(nodes, self.tasks), key=lambda s: s.job.position):
            self._step(one, follow)
        if status.get("phase") in PHASES and (not follow or self._state not in FINAL):
            self._end(workflow, status)
        return str(workflow["metadata"]["resourceVersion"])

    def _begin(self, status: dict[str, Any]) -> None:
        self._state = "running"
        self.store.record_run(
            self.run_id, "running", started=when(status.get("startedAt")) or time.time(), finished=None, error=None
        )

    def _step(self, one: Seen, follow: bool) -> None:
        state, attempts = self._known.get(one.path, (None, None))
        if state in STEP_FINAL:
            return
        number = self._number(one, len(one.attempts))
        for attempt in one.attempts:
            if follow and attempt.state == "running":
                self._log(one, attempt)
        if one.state in STEP_FINAL:
            self._finish(one)
        elif (one.state, number) != (state, attempts):
            self._record(one, one.state, number, {"reason": one.message or None})

    def _finish(self, one: Seen) -> None:
        """A step's end is recorded when its log is read: who sees it ended can see what it printed."""
        logs = [self._read(one, attempt) for attempt in one.attempts]
        told = logs[-1].told if logs else None
        fields: dict[str, Any] = {"reason": one.message or None, "finished": one.finished}
        state = one.state
        if told is not None and told.state is not None:
            result = told.result()
            self._keep(told.bundles())
            fields["result"] = result
            if state == "succeeded" and told.state == "skipped":
                state, fields["reason"] = "skipped", told.reason
        elif one.outputs:
            fields["result"] = {
                "exports": one.outputs,
                "outputs": {},
                "results": {},
                "metrics": {},
            }
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
            store._write(address, data)

    # ---------------------------------------------------------------- the end
    def _end(self, workflow: dict[str, Any], status: dict[str, Any]) -> None:
        state = PHASES[status["phase"]]
        if workflow.get("spec", {}).get("shutdown") and state == "failed":
            state = "cancelled"
        record_rest(self.store, self.run_id, self.tasks, "omitted" if state != "succeeded" else "skipped")
        failed = [s for s in self.store.steps(self.run_id) if s["state"] == "failed"]
        failed.sort(key=lambda s: s["finished"] or 0)
        error = failed[0]["error"] if failed and state == "failed" else None
        if state == "failed" and error is None:
            error = {
                "kind": "workflow",
                "type": status["phase"],
                "message": status.get("message") or "the workflow failed",
            }
        self._state = state
        self.store.record_run(self.run_id, state, finished=when(status.get("finishedAt")) or time.time(), error=error)

    def _lost(self, why: str) -> None:
        record_rest(self.store, self.run_id, self.tasks, "omitted")
        self._state = "failed"
        error = {
            "kind": "workflow",
            "type": "Deleted",
            "message": f"{why}; its time to live may be over, or somebody deleted it",
        }
        self.store.record_run(self.run_id, "failed", finished=time.time(), error=error)

    # ---------------------------------------------------------------- logs
    def _log(self, one: Seen, attempt: Attempt) -> None:
        """Begin to follow a running pod's log."""
        key = f"{one.path}/{attempt.number}"
        if key not in self._logs:
            kept = KeptLog(self.store.attempt_folder(self.run_id, one.path, self._number(one, attempt.number)))
            self._logs[key] = _PodLog(self.kube, kept, lambda: self._pod(attempt.node), self.stopping)
            self._logs[key].start()

    def _read(self, one: Seen, attempt: Attempt) -> KeptLog:
        """The whole log of a pod that has ended."""
        key = f"{one.path}/{attempt.number}"
        running = self._logs.pop(key, None)
        if running is not None:
            running.join(LOG_PATIENCE)
            kept = running.kept
        else:
            kept = KeptLog(self.store.attempt_folder(self.run_id, one.path, self._number(one, attempt.number)))
        if kept.told.state is None or running is None:
            self._read_rest(kept, attempt)
        return kept

    def _read_rest(self, kept: KeptLog, attempt: Attempt) -> None:
        end = time.monotonic() + (LOG_PATIENCE if attempt.state == "succeeded" else 2.0)
        while True:
            try:
                pod = self._pod(attempt.node)
                if pod:
                    kept.take(self.kube.log(pod))
                return
            except ClusterError as error:
                if not error.again or time.monotonic() > end or self.stopping():
                    return
                self._pause(0.3)

    def _pod(self, node: str) -> str | None:
        """The pod of a node; looked up, since how its name is made differs between versions."""
        if node not in self._pods:
            for pod in self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"):
                notes = pod["metadata"].get("annotations") or {}
                if notes.get(NODE_ID):
                    self._pods[notes[NODE_ID]] = pod["metadata"]["name"]
        return self._pods.get(node)


class _PodLog(threading.Thread):
    """Follows one pod's log until the container has ended."""

    def __init__(self, kube: Kube, kept: KeptLog, pod: Callable[[], str | None], stopping: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.kube, self.kept = kube, kept
        self._find, self._stopping, self._stopped = pod, stopping, False

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        while not self._stopped and not self._stopping() and self.kept.told.state is None:
            try:
                pod = self._find()
                if pod is not None:
                    self.kept.take(self._lines(pod))
                    return
            except ClusterError as error:
                if not error.again:
                    return
            time.sleep(0.3)

    def _lines(self, pod: str) -> Any:
        for line in self.kube.log(pod, follow=True):
            if self._stopped:
                return
            yield line
