"""Following a run of Kubeflow Pipelines by asking its API again and again, where Kubernetes itself cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kfnb.engines.argo.nodes import Seen, when
from kfnb.engines.cluster.blocks import Job
from kfnb.engines.cluster.kube import ClusterError
from kfnb.engines.cluster.rest import record_rest
from kfnb.engines.kfp.client import KfpClient
from kfnb.engines.kfp.nodes import told
from kfnb.runs.store import FINAL, STEP_FINAL, RunStore

EVERY = 2.0  #: seconds between two questions
RUN_STATES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELED": "cancelled", "SKIPPED": "succeeded"}


class PollFollower:
    """Brings one run's record up to date."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        client: KfpClient,
        remote: str,
        tasks: dict[str, tuple[Job, ...]],
        stopping: Callable[[], bool],
    ) -> None:
        self.store, self.run_id, self.client, self.remote = store, run_id, client, remote
        self.tasks, self.stopping = tasks, stopping
        self._known = {s["path"]: s["state"] for s in store.steps(run_id)}
        self._state = store.head(run_id)["state"]

    def run(self) -> None:
        while not self.stopping() and self._state not in FINAL:
            try:
                self.once()
            except ClusterError as error:
                if not error.again:
                    raise
            end = time.monotonic() + EVERY
            while self._state not in FINAL and time.monotonic() < end and not self.stopping():
                time.sleep(0.05)

    def once(self) -> None:
        found = self.client.run(self.remote)
        details = (found.get("run_details") or {}).get("task_details") or []
        if self._state == "pending" and found.get("state") not in (None, "PENDING"):
            self._state = "running"
            self.store.record_run(
                self.run_id, "running", started=when(found.get("created_at")) or time.time(), finished=None, error=None
            )
        for one in sorted(told(details, self.tasks), key=lambda s: s.job.position):
            self._step(one)
        if found.get("state") in RUN_STATES and found.get("finished_at"):
            self._end(found)

    def _step(self, one: Seen) -> None:
        if self._known.get(one.path) in STEP_FINAL or self._known.get(one.path) == one.state:
            return
        self._known[one.path] = one.state
        fields: dict[str, Any] = {"reason": one.message or None, "started": one.started}
        if one.state in STEP_FINAL:
            fields["finished"] = one.finished or time.time()
        if one.state == "failed":
            fields["error"] = {
                "kind": "died",
                "type": "Step",
                "message": one.message or "the step failed",
                "step": one.path,
            }
        self.store.record_step(
            self.run_id,
            one.path,
            one.job.name,
            one.state,
            position=one.job.position,
            attempts=len(one.attempts),
            **fields,
        )

    def _end(self, found: dict[str, Any]) -> None:
        state = RUN_STATES[found["state"]]
        record_rest(self.store, self.run_id, self.tasks, "skipped" if state == "succeeded" else "omitted")
        failed = [s for s in self.store.steps(self.run_id) if s["state"] == "failed"]
        error = failed[0]["error"] if failed and state == "failed" else None
        if state == "failed" and error is None:
            message = (found.get("error") or {}).get("message") or "the run failed"
            error = {"kind": "run", "type": "FAILED", "message": message}
        self._state = state
        self.store.record_run(self.run_id, state, finished=when(found.get("finished_at")) or time.time(), error=error)
