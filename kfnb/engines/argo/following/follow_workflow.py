"""Follows a Workflow, its pods and their logs, and writes their states into the record of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.following.pod_log_thread import PodLogThread
from kfnb.engines.argo.following.read_status_nodes import Offloaded, nodes_of
from kfnb.engines.argo.following.workflow_nodes import from_pods, observe_steps
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.following.namespace_watch import WORKFLOW_LABEL, FollowedWorkflow, NamespaceWatch
from kfnb.engines.cluster.following.noted_pods import NotedPods, watched_pod
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, timestamp_of
from kfnb.engines.cluster.following.resource_watch import PAUSES
from kfnb.engines.cluster.following.run_recorder import Recorder
from kfnb.engines.cluster.following.start_timeout import StartTimeout
from kfnb.engines.cluster.following.waiting_steps import WaitingSteps
from kfnb.engines.cluster.following.words.ending_words import DELETED
from kfnb.engines.cluster.following.words.skip_words import SkipWords
from kfnb.engines.cluster.following.words.stop_words import CANCELLED
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.runs.record.run_store import RunStore

LOOK_EVERY = 0.5  #: seconds after which a follower looks whether it should stop, although nothing has changed
PODS_EVERY = 1.0  #: seconds between two looks when only pods and events have changed
LIST_EVERY = 5.0  #: seconds between two lists of the Workflow's pods, for pods that the watch does not have
LOG_PATIENCE = 15.0  #: seconds to wait for the log of a finished pod
ENDED_BADLY = ("failed", "skipped", "omitted")  #: states of a step whose pod the controller took away before it began
PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed"}

Observe = Callable[[dict[str, Any], dict[str, tuple[Job, ...]]], list[ObservedStep]]


@dataclass(frozen=True)
class WorkflowSource:
    """Where a Workflow is found.

    Parameters
    ----------
    name
        The name of the Workflow.
    watch
        The watch of its namespace.
    server
        Argo's own server, where the target names one.
    observe
        Reads the states of steps from the nodes.
    """

    kube: Kube
    name: str
    watch: NamespaceWatch
    server: ArgoServer | None = None
    observe: Observe = observe_steps


class WorkflowFollower(Recorder):
    """Brings one run's record up to date, once or until its end.

    Parameters
    ----------
    start_timeout
        Ends the run when a step cannot start for too long.
    earlier_attempts
        How many attempts each step had in earlier workflows of the run.
    """

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        source: WorkflowSource,
        tasks: dict[str, tuple[Job, ...]],
        stopping: Callable[[], bool],
        start_timeout: StartTimeout,
        earlier_attempts: dict[str, int] | None = None,
        skip_words: SkipWords | None = None,
    ) -> None:
        super().__init__(store, run_id, tasks, stopping, earlier_attempts, skip_words)
        self.source, self.kube, self.name = source, source.kube, source.name
        self._start_timeout = start_timeout
        self._logs: dict[str, PodLogThread] = {}
        self._followed = FollowedWorkflow(source.name)  #: stays empty while nothing is watched
        self._waiting = WaitingSteps(self._followed)
        self._noted_pods = NotedPods(self._attempt_folder)
        self._workflow: dict[str, Any] | None = None
        self._looks, self._listed_at, self._listed_in = 0, float("-inf"), -1

    # ---------------------------------------------------------------- following
    def run(self) -> None:
        """Follow the workflow until it is final and its logs are read."""
        with self.source.watch.following(self.name) as followed:
            self._followed = followed
            self._waiting = WaitingSteps(followed)
            try:
                self._ask()
                self._follow(followed)
            finally:
                for log in self._logs.values():
                    log.stop()

    def _follow(self, followed: FollowedWorkflow) -> None:
        looked = time.monotonic()
        while not self.final and not self.stopping():
            changed = followed.wait(LOOK_EVERY)
            workflows, is_absent = followed.take_workflows()
            for workflow in workflows:
                if not self.final:
                    self._record_workflow(workflow)
            if is_absent and not self.final:
                self._ask()
            if self.final:
                return
            if workflows or is_absent:
                looked = time.monotonic()
            elif self._workflow is not None and (changed or self._waiting.is_due()):
                self.pause(looked + PODS_EVERY - time.monotonic())
                looked = time.monotonic()
                self._record_workflow(self._workflow)

    def _ask(self) -> None:
        """Ask for the Workflow itself. The watch does not have those that have ended."""
        tries = 0
        while not self.stopping():
            try:
                self._record_workflow(workflow_of(self.kube, self.name, self.source.server))
                return
            except ClusterError as error:
                if error.kind == "missing":
                    self.record_deleted(f"the workflow {self.name} is no longer there")
                    return
                if not error.retryable and tries >= len(PAUSES):
                    raise
                self.pause(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1

    def update(self, log_of: str = "") -> None:
        try:
            workflow = workflow_of(self.kube, self.name, self.source.server)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self.record_deleted(f"the workflow {self.name} is no longer there")
            return
        if (workflow.get("status") or {}).get("phase") not in PHASES:
            self._followed.look_once(self.kube)
        self._record_workflow(workflow, follow=False)
        self.record_log_so_far(log_of)

    def _nodes(self, workflow: dict[str, Any]) -> dict[str, Any]:
        try:
            return nodes_of(workflow, self.source.server)
        except Offloaded:
            return from_pods(self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"))

    # ---------------------------------------------------------------- the Workflow
    def _record_workflow(self, workflow: dict[str, Any], follow: bool = True) -> None:
        """Record the state of a workflow."""
        status = workflow.get("status") or {}
        self._workflow, self._looks = workflow, self._looks + 1
        self.stopped = self._why_stopped(workflow.get("spec") or {})
        nodes = self._nodes(workflow)
        if self.state == "pending" and status.get("phase") in ("Running", *PHASES):
            self.record_start(timestamp_of(status.get("startedAt")))
        steps = self.source.observe(nodes, self.tasks)
        if status.get("phase") not in PHASES:
            steps = self._waiting.explain(steps, workflow, self.tasks)
            if follow and not self.stopped:
                with suppress(ClusterError):  # the next look tries again
                    self._start_timeout.check(self._waiting.blocked)
        own_pod = (s for s in steps if not self.has_ended(s.path) and not self.waits_in_pod(s))
        self._noted_pods.note(own_pod, lambda _, attempt: watched_pod(self._followed, attempt.node))
        self.record_steps(self._with_failed_start(steps), follow)
        if status.get("phase") in PHASES and (not follow or not self.final):
            self._end(status)

    def _why_stopped(self, spec: dict[str, Any]) -> str:
        """Why the Workflow was asked to end. Kubeflow Pipelines ends one by a deadline of 0 seconds."""
        if not spec.get("shutdown") and spec.get("activeDeadlineSeconds") != 0:
            return ""
        failed = self._start_timeout.failure()
        return CANCELLED if failed is None else f"{failed.path} failed"

    def _with_failed_start(self, steps: Iterable[ObservedStep]) -> list[ObservedStep]:
        """The steps. The one that could not start, and so ended the run, has failed as soon as its pod is gone."""
        failed = self._start_timeout.failure()
        if failed is None:
            return list(steps)
        return [s.failed(failed.text) if s.shown_path == failed.path and s.state in ENDED_BADLY else s for s in steps]

    def death(self, step: ObservedStep, last_words: str) -> dict[str, Any]:
        failed = self._start_timeout.failure()
        if failed is not None and failed.path == step.path:
            return {"kind": "start", "type": "StartTimeout", "message": failed.text}
        return super().death(step, last_words)

    def _end(self, status: dict[str, Any]) -> None:
        state = PHASES[status["phase"]]
        if self.stopped == CANCELLED and state == "failed":
            state = "cancelled"
        message = status.get("message") or "the workflow failed"
        failure = {"kind": "run", "type": status["phase"], "message": message}
        self.record_end(state, timestamp_of(status.get("finishedAt")), failure)

    # ---------------------------------------------------------------- logs
    def watch_log(self, step: ObservedStep, attempt: Attempt) -> None:
        """Begin to follow a running pod's log, or that of the pod that was made again under its name."""
        key = f"{step.path}/{attempt.number}"
        if key not in self._logs or attempt.message == DELETED and not self._logs[key].is_alive():
            recorded = self.recorded_log(step, attempt)
            self._logs[key] = PodLogThread(self.kube, recorded, lambda: self._pod(attempt.node), self.stopping)
            self._logs[key].start()

    def read_log_so_far(self, step: ObservedStep, attempt: Attempt) -> None:
        pod = self._pod(attempt.node)
        if pod is not None:
            with suppress(ClusterError):  # its container has not started yet
                self.recorded_log(step, attempt).append(self.kube.log(pod))

    def read_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        running = self._logs.pop(f"{step.path}/{attempt.number}", None)
        if running is not None and not running.stop_waiting():
            running.join(LOG_PATIENCE)
        recorded = running.recorded if running is not None else self.recorded_log(step, attempt)
        if recorded.report.state is None or running is None:
            self._read_rest(recorded, attempt)
        return recorded

    def _read_rest(self, recorded: RecordedLog, attempt: Attempt) -> None:
        end = time.monotonic() + (LOG_PATIENCE if attempt.state == "succeeded" else 2.0)
        while True:
            try:
                pod = self._pod(attempt.node, has_ended=True)
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
        if self.source.server is not None:
            recorded.append_untimed(self.source.server.log(attempt.node), attempt.finished or time.time())

    def _pod(self, node: str, has_ended: bool = False) -> str | None:
        """The pod of a node. The watch has the pods that have not ended, and a list has the others.

        ``has_ended``: whether a list that is as new as the state of the node says for sure that there is no such pod.
        """
        pod = self._followed.pod(node)
        is_due = self._listed_in < self._looks if has_ended else time.monotonic() - self._listed_at >= LIST_EVERY
        if pod is None and is_due:
            self._listed_at, self._listed_in = time.monotonic(), self._looks
            self._followed.remember_pods(self.kube.pods(f"{WORKFLOW_LABEL}={self.name}"))
            pod = self._followed.pod(node)
        return None if pod is None else str(pod["metadata"]["name"])
