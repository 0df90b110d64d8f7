"""What the steps of a run wait for, from what is known of its Workflow, its pods and their events."""

from __future__ import annotations

import time
from typing import Any

from kfnb.engines.cluster.following.namespace_watch import FollowedWorkflow
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, timestamp_of
from kfnb.engines.cluster.following.words.waiting_words import Wait, waiting_for
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, distinct_jobs

CONTROLLER_PATIENCE = 8.0  #: seconds after which a controller that has done nothing is said to be silent
END_PATIENCE = 20.0  #: seconds after which a pod that has ended should have been noticed
NOT_BEGUN = "Argo's controller has not begun the run: it is down, or it does not look after this namespace"
NOT_NOTICED = "its pod has ended, and Argo's controller has not noticed it: the controller may be down"


class WaitingSteps:
    """Explains the steps that wait, and remembers those that something stands in the way of."""

    def __init__(self, followed: FollowedWorkflow) -> None:
        self._followed = followed
        self._has_begun = True
        self._first: dict[str, float] = {}  #: when something was first seen in the way of a step
        self.blocked: dict[str, tuple[str, float]] = {}  #: for each such step, what it is, and since when

    def is_due(self) -> bool:
        """Whether the steps must be looked at although nothing has changed, because time changes what is to be said."""
        return bool(self.blocked) or not self._has_begun

    def explain(
        self, steps: list[ObservedStep], workflow: dict[str, Any], tasks: dict[str, tuple[Job, ...]]
    ) -> list[ObservedStep]:
        """The steps with what they wait for."""
        self.blocked = {}
        self._has_begun = bool((workflow.get("status") or {}).get("phase"))
        if not self._has_begun and not steps:
            return self._silent(workflow, tasks)
        return [self._explained(step) for step in steps]

    def _silent(self, workflow: dict[str, Any], tasks: dict[str, tuple[Job, ...]]) -> list[ObservedStep]:
        """The first steps of a Workflow that no controller has begun."""
        created = timestamp_of(workflow["metadata"].get("creationTimestamp"))
        if created is None or time.time() - created < CONTROLLER_PATIENCE:
            return []
        first = [j for j in distinct_jobs(tasks) if not j.depends and not j.loops]
        return [ObservedStep(j.name, j, "pending", None, None, NOT_BEGUN, (), {}, False) for j in first]

    def _explained(self, step: ObservedStep) -> ObservedStep:
        if step.state not in ("pending", "running") or not step.attempts:
            return step
        attempt = step.attempts[-1]
        pod = self._followed.pod(attempt.node)
        if pod is not None and _ended_long_ago(pod):
            return step.noted(NOT_NOTICED)
        if attempt.state == "pending":
            return self._waiting(step, attempt, pod)
        self._first.pop(step.path, None)
        lost = _lost_node(pod, self._followed) if attempt.state == "running" and pod is not None else ""
        return step.noted(lost)

    def _waiting(self, step: ObservedStep, attempt: Attempt, pod: dict[str, Any] | None) -> ObservedStep:
        events = self._followed.events(pod["metadata"]["name"]) if pod is not None else []
        wait: Wait = waiting_for(attempt.message, pod, events)
        if wait.is_blocked:
            now = time.time()
            first = self._first.setdefault(step.path, now)
            self.blocked[step.shown_path] = (wait.text, min(first, attempt.started or first))
        else:
            self._first.pop(step.path, None)
        return step.waiting(wait.text)


def _ended_long_ago(pod: dict[str, Any]) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return False
    states = [(c.get("state") or {}).get("terminated") or {} for c in status.get("containerStatuses") or ()]
    ends = [timestamp_of(s.get("finishedAt")) or 0.0 for s in states]
    return bool(ends) and 0.0 < max(ends) < time.time() - END_PATIENCE


def _lost_node(pod: dict[str, Any], followed: FollowedWorkflow) -> str:
    """What is to be said of a running pod whose node does not answer (kubernetes `pkg/controller/nodelifecycle`)."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    events = followed.events(pod["metadata"]["name"])
    if is_ready or not any(e.reason == "NodeNotReady" for e in events):
        return ""
    node = (pod.get("spec") or {}).get("nodeName", "")
    return f"its node `{node}` does not answer any more: its pod is lost unless the node comes back"
