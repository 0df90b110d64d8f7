"""Keeps beside the logs what the cluster says of the pods of steps, because it forgets pods and their events soon after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from kfnb.engines.cluster.following.namespace_watch import FollowedWorkflow
from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.runs.attempt_pod import note_pod


class NotedPods:
    """Notes the pod of a step when something is to be said of the step or its pod that was not said before.

    Parameters
    ----------
    folder_of
        The folder of an attempt, by the path of its step and its number among the pods of this Workflow.
    """

    def __init__(self, folder_of: Callable[[str, int], Path]) -> None:
        self._folder_of = folder_of
        #: by the id of the node and the path of the step, what was said of it
        self._noted: dict[tuple[str, str], tuple[str, str, str, int]] = {}

    def note(self, followed: FollowedWorkflow, steps: Iterable[ObservedStep]) -> None:
        for step in steps:
            if not step.attempts or step.job.helps:
                continue
            attempt = step.attempts[-1]
            pod = followed.pod(attempt.node)
            if pod is None:
                continue
            node = (pod.get("spec") or {}).get("nodeName", "")
            name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "")
            events = followed.events(name)
            said = (attempt.state, step.message, node, len(events))
            if self._noted.get((attempt.node, step.path)) == said:
                continue
            self._noted[attempt.node, step.path] = said
            told = [asdict(event) for event in events]
            known = {"name": name, "namespace": namespace, "node": node, "events": told}
            note_pod(self._folder_of(step.path, attempt.number), known)
