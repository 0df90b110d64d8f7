"""Keeps beside the logs what the cluster says of the pods of steps, because it forgets pods and their events soon after a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.following.namespace_watch import FollowedWorkflow
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep
from kfnb.runs.attempt_pod import note_pod, noted_pod

Facts = dict[
    str, Any
]  #: ``name``, ``namespace`` and ``node`` of a pod, empty where they are not known, and its ``events``


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

    def note(self, steps: Iterable[ObservedStep], facts_of: Callable[[ObservedStep, Attempt], Facts]) -> None:
        for step in steps:
            if not step.attempts or step.job.helps:
                continue
            attempt = step.attempts[-1]
            facts = facts_of(step, attempt)
            said = (attempt.state, step.message, facts["node"], len(facts["events"]))
            if self._noted.get((attempt.node, step.path)) == said:
                continue
            self._noted[attempt.node, step.path] = said
            folder = self._folder_of(step.path, attempt.number)
            if facts["name"] or noted_pod(folder) is None:  # an earlier look may have seen more
                note_pod(folder, {"id": attempt.node, **facts})


def watched_pod(followed: FollowedWorkflow, node: str) -> Facts:
    """What the watch knows of the pod of a node."""
    pod = followed.pod(node)
    if pod is None:
        return {"name": "", "namespace": "", "node": "", "events": []}
    name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "")
    events = [asdict(event) for event in followed.events(name)]
    return {
        "name": name, "namespace": namespace, "node": (pod.get("spec") or {}).get("nodeName", ""), "events": events,
    }  # fmt: skip
