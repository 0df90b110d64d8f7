"""Follows a Workflow: it watches the Workflow and the logs of its pods, and writes their states into the record of runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.read_status_nodes import Offloaded, nodes_of
from kfnb.engines.argo.workflow_nodes import NODE_ID, from_pods, observe_steps
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, timestamp_of
from kfnb.engines.cluster.following.pod_logs import RecordedLog
from kfnb.engines.cluster.following.run_recorder import Recorder
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.runs.record.run_store import RunStore

WATCH = 300  #: seconds of one watch
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  #: seconds between attempts, longer each time
LOG_PATIENCE = 15.0  #: seconds to wait for the log of a finished pod
PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed"}
CANCELLED = 0  #: the time that Kubeflow Pipelines leaves to a Workflow when its run is cancelled
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"


class WorkflowFollower(Recorder):
    """Brings one run's record up to date, once or until its end.

    Parameters
    ----------
    name
        The name of the Workflow.
    earlier_attempts
        How many attempts each step had in earlier workflows of the run.
    observe
        Reads the states of steps from the nodes.
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
        earlier_attempts: dict[str, int] | None = None,
        observe: Callable[[dict[str, Any], dict[str, tuple[Job, ...]]], list[ObservedStep]] = observe_steps,
        server: ArgoServer | None = None,
    ) -> None:
        super().__init__(store, run_id, tasks, stopping, earlier_attempts)
        self.kube, self.name, self._observe, self._server = kube, name, observe, server
        self._logs: dict[str, _PodLog] = {}
        self._pods: dict[str, str] = {}

    def run(self) -> None:
        """Follow the workflow until it is final and its logs are read."""
        tries = 0
        while not self.stopping() and not self.final:
            try:
                version = self._record_workflow(workflow_of(self.kube, self.name, self._server))
                tries = 0
                while not self.final and not self.stopping():
                    for _, workflow in self.kube.watch(self.name, version, WATCH):
                        version = self._record_workflow(workflow)
                        if self.final or self.stopping():
                            break
            except ClusterError as error:
                if error.kind == "missing":
                    self.record_deleted(f"the workflow {self.name} is no longer there")
                elif not error.retryable and tries >= len(PAUSES):
                    raise
                else:
                    self.pause(PAUSES[min(tries, len(PAUSES) - 1)])
                    tries += 1
        for log in self._logs.values():
            log.stop()

    def update(self) -> None:
        """Bring the record up to date."""
        try:
            self._record_workflow(workflow_of(self.kube, self.name, self._server), follow=False)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self.record_deleted(f"the workflow {self.name} is no longer there")

    def _nodes(self, workflow: dict[str, Any]) -> dict[str, Any]:
        try:
            return nodes_of(workflow, self._server)
        except Offloaded:
            return from_pods(self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"))

    # ---------------------------------------------------------------- the Workflow
    def _record_workflow(self, workflow: dict[str, Any], follow: bool = True) -> str:
        """Record the state of a workflow, and return its resource version."""
        status = workflow.get("status") or {}
        nodes = self._nodes(workflow)
        if self.state == "pending" and status.get("phase") in ("Running", *PHASES):
            self.record_start(timestamp_of(status.get("startedAt")))
        self.record_steps(self._observe(nodes, self.tasks), follow)
        if status.get("phase") in PHASES and (not follow or not self.final):
            self._end(workflow, status)
        return str(workflow["metadata"]["resourceVersion"])

    def _end(self, workflow: dict[str, Any], status: dict[str, Any]) -> None:
        state = PHASES[status["phase"]]
        spec = workflow.get("spec", {})
        if state == "failed" and (spec.get("shutdown") or spec.get("activeDeadlineSeconds") == CANCELLED):
            state = "cancelled"
        message = status.get("message") or "the workflow failed"
        self.record_end(
            state, timestamp_of(status.get("finishedAt")), {"kind": "run", "type": status["phase"], "message": message}
        )

    # ---------------------------------------------------------------- logs
    def watch_log(self, step: ObservedStep, attempt: Attempt) -> None:
        """Begin to follow a running pod's log."""
        key = f"{step.path}/{attempt.number}"
        if key not in self._logs:
            recorded = self.recorded_log(step, attempt)
            self._logs[key] = _PodLog(self.kube, recorded, lambda: self._pod(attempt.node), self.stopping)
            self._logs[key].start()

    def read_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        running = self._logs.pop(f"{step.path}/{attempt.number}", None)
        if running is not None:
            running.join(LOG_PATIENCE)
        recorded = running.recorded if running is not None else self.recorded_log(step, attempt)
        if recorded.report.state is None or running is None:
            self._read_rest(recorded, attempt)
        return recorded

    def _read_rest(self, recorded: RecordedLog, attempt: Attempt) -> None:
        end = time.monotonic() + (LOG_PATIENCE if attempt.state == "succeeded" else 2.0)
        while True:
            try:
                pod = self._pod(attempt.node)
                if pod:
                    recorded.append(self.kube.log(pod))
                else:
                    self._read_archived(recorded, attempt)
                return
            except ClusterError as error:
                if not error.retryable or time.monotonic() > end or self.stopping():
                    return
                self.pause(0.3)

    def _read_archived(self, recorded: RecordedLog, attempt: Attempt) -> None:
        """The log that the artifact repository keeps, when the pod is gone."""
        if self._server is not None:
            recorded.append_untimed(self._server.log(attempt.node), attempt.finished or time.time())

    def _pod(self, node: str) -> str | None:
        """The pod of a node. It is looked up, because versions of Argo form its name in different ways."""
        if node not in self._pods:
            for pod in self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"):
                annotations = pod["metadata"].get("annotations") or {}
                if annotations.get(NODE_ID):
                    self._pods[annotations[NODE_ID]] = pod["metadata"]["name"]
        return self._pods.get(node)


class _PodLog(threading.Thread):
    """Follows one pod's log until the container has ended."""

    def __init__(
        self, kube: Kube, recorded: RecordedLog, pod: Callable[[], str | None], stopping: Callable[[], bool]
    ) -> None:
        super().__init__(daemon=True)
        self.kube, self.recorded = kube, recorded
        self._find, self._stopping, self._stopped = pod, stopping, False

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        while not self._stopped and not self._stopping() and self.recorded.report.state is None:
            try:
                pod = self._find()
                if pod is not None:
                    self.recorded.append(self._lines(pod))
                    return
            except ClusterError as error:
                if not error.retryable:
                    return
            time.sleep(0.3)

    def _lines(self, pod: str) -> Any:
        for line in self.kube.log(pod, follow=True):
            if self._stopped:
                return
            yield line
