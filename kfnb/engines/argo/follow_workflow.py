"""Following a Workflow: what the cluster says goes into the record of runs, from where the record stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.workflow_nodes import NODE_ID, from_pods, seen
from kfnb.engines.argo.workflow_status import Offloaded, nodes_of
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.observed_steps import Attempt, Seen, when
from kfnb.engines.cluster.following.pod_logs import KeptLog
from kfnb.engines.cluster.following.run_recorder import Recorder
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.runs.record.run_store import RunStore

WATCH = 300  #: seconds of one watch
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  #: seconds between tries, longer each time
LOG_PATIENCE = 15.0  #: seconds that a finished pod's log is waited for
PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed"}
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"


class Follower(Recorder):
    """Brings one run's record up to date, once or until its end.

    Parameters
    ----------
    name
        The workflow's.
    before
        Attempts that steps had in earlier workflows of the run.
    see
        Reads the nodes.
    server
        Argo's own server, where the target names one.
    """

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
        server: ArgoServer | None = None,
    ) -> None:
        super().__init__(store, run_id, tasks, stopping, before)
        self.kube, self.name, self._see, self._server = kube, name, see, server
        self._logs: dict[str, _PodLog] = {}
        self._pods: dict[str, str] = {}

    def run(self) -> None:
        """Follow the workflow until it is final and its logs are read."""
        tries = 0
        while not self.stopping() and not self.final:
            try:
                version = self._take(workflow_of(self.kube, self.name, self._server))
                tries = 0
                while not self.final and not self.stopping():
                    for _, workflow in self.kube.watch(self.name, version, WATCH):
                        version = self._take(workflow)
                        if self.final or self.stopping():
                            break
            except ClusterError as error:
                if error.kind == "missing":
                    self.lost(f"the workflow {self.name} is no longer there")
                elif not error.again and tries >= len(PAUSES):
                    raise
                else:
                    self.pause(PAUSES[min(tries, len(PAUSES) - 1)])
                    tries += 1
        for log in self._logs.values():
            log.stop()

    def once(self) -> None:
        """Bring the record up to date."""
        try:
            self._take(workflow_of(self.kube, self.name, self._server), follow=False)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self.lost(f"the workflow {self.name} is no longer there")

    def _nodes(self, workflow: dict[str, Any]) -> dict[str, Any]:
        try:
            return nodes_of(workflow, self._server)
        except Offloaded:
            return from_pods(self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"))

    # ---------------------------------------------------------------- taking in
    def _take(self, workflow: dict[str, Any], follow: bool = True) -> str:
        """Record what a workflow says; gives its version."""
        status = workflow.get("status") or {}
        nodes = self._nodes(workflow)
        if self.state == "pending" and status.get("phase") in ("Running", *PHASES):
            self.begin(when(status.get("startedAt")))
        self.take(self._see(nodes, self.tasks), follow)
        if status.get("phase") in PHASES and (not follow or not self.final):
            self._end(workflow, status)
        return str(workflow["metadata"]["resourceVersion"])

    def _end(self, workflow: dict[str, Any], status: dict[str, Any]) -> None:
        state = PHASES[status["phase"]]
        if workflow.get("spec", {}).get("shutdown") and state == "failed":
            state = "cancelled"
        message = status.get("message") or "the workflow failed"
        self.end(state, when(status.get("finishedAt")), {"kind": "run", "type": status["phase"], "message": message})

    # ---------------------------------------------------------------- logs
    def watch_log(self, one: Seen, attempt: Attempt) -> None:
        """Begin to follow a running pod's log."""
        key = f"{one.path}/{attempt.number}"
        if key not in self._logs:
            kept = self.kept_log(one, attempt)
            self._logs[key] = _PodLog(self.kube, kept, lambda: self._pod(attempt.node), self.stopping)
            self._logs[key].start()

    def read_log(self, one: Seen, attempt: Attempt) -> KeptLog:
        running = self._logs.pop(f"{one.path}/{attempt.number}", None)
        if running is not None:
            running.join(LOG_PATIENCE)
        kept = running.kept if running is not None else self.kept_log(one, attempt)
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
                else:
                    self._read_archived(kept, attempt)
                return
            except ClusterError as error:
                if not error.again or time.monotonic() > end or self.stopping():
                    return
                self.pause(0.3)

    def _read_archived(self, kept: KeptLog, attempt: Attempt) -> None:
        """The log that the artifact repository keeps, when the pod is gone."""
        if self._server is not None:
            kept.take_plain(self._server.log(attempt.node), attempt.finished or time.time())

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
