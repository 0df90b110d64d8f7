"""From a Workflow's nodes to the states of steps.

A node's name is its way from the root: ``wf.train``, ``wf.loop(2:item).train``, ``wf.train(1)`` for the second attempt,
``wf.try.onExit.clean`` in a handler (argo-workflows `workflow/controller/dag.go`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kfnb.engines.argo.container_templates import outputs_of_member
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, mark_omitted, timestamp_of
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job

#: The annotations of a pod that name its node. The pod's own name depends on the version of Argo.
NODE_ID, NODE_NAME = "workflows.argoproj.io/node-id", "workflows.argoproj.io/node-name"
INDEX = re.compile(r"^(?P<task>[^(]*)\((?P<index>\d+):?.*\)$", re.DOTALL)
PHASES = {
    "Pending": "pending", "Running": "running", "Succeeded": "succeeded", "Failed": "failed", "Error": "failed",
    "Skipped": "skipped", "Omitted": "skipped", "Daemoned": "running",
}  # fmt: skip


def observe_steps(nodes: dict[str, dict[str, Any]], tasks: dict[str, tuple[Job, ...]]) -> list[ObservedStep]:
    """The state of every step that has a node, or that is inside a skipped block. ``tasks`` are the jobs in every task."""
    children = {c for n in nodes.values() if n["type"] == "Retry" for c in n.get("children", ())}
    steps: dict[str, ObservedStep] = {}
    for node in nodes.values():
        jobs = tasks.get(task_of(node), ())
        if node["id"] in children or node["type"] in ("DAG", "TaskGroup", "StepGroup", "Steps"):
            continue
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        shared = len(jobs) > 1 and node["type"] in ("Pod", "Retry")
        pod = tuple(j.name + suffix for j in jobs) if shared else ()
        for job in jobs:
            step = _observe_step(node, job, job.name + suffix, nodes)
            steps[step.path] = (
                replace(step, pod=pod, outputs=outputs_of_member(job, jobs, step.outputs)) if pod else step
            )
    return mark_omitted(steps)


def task_of(node: dict[str, Any]) -> str:
    """The name of the task that a node belongs to."""
    last = node["displayName"]
    match = INDEX.match(last)
    return match["task"] if match and node["type"] != "Skipped" else last


def indexes_of(node: dict[str, Any], nodes: dict[str, Any]) -> list[int]:
    """The iterations around a node, outermost first."""
    indexes: list[int] = []
    boundary = nodes.get(node.get("boundaryID", ""))
    while boundary is not None:
        match = INDEX.match(boundary["displayName"])
        if match is not None:
            indexes.append(int(match["index"]))
        boundary = nodes.get(boundary.get("boundaryID", ""))
    return indexes[::-1]


def _observe_step(node: dict[str, Any], job: Job, path: str, nodes: dict[str, Any]) -> ObservedStep:
    if node["type"] == "Retry":
        pods = [nodes[c] for c in node.get("children", ()) if c in nodes]
        pods.sort(key=lambda n: int(match["index"]) if (match := INDEX.match(n["displayName"])) else 0)
    else:
        pods = [node] if node["type"] == "Pod" else []
    attempts = tuple(
        Attempt(
            number,
            pod["id"],
            PHASES.get(pod.get("phase", ""), "pending"),
            timestamp_of(pod.get("startedAt")),
            timestamp_of(pod.get("finishedAt")),
            pod.get("message", ""),
        )
        for number, pod in enumerate(pods, 1)
    )
    outputs = {p["name"]: p.get("value", "") for p in node.get("outputs", {}).get("parameters", ())}
    return ObservedStep(
        path, job, PHASES.get(node.get("phase", ""), "pending"), timestamp_of(node.get("startedAt")), timestamp_of(node.get("finishedAt")),
        node.get("message", ""), attempts, outputs, node.get("phase") == "Omitted",
    )  # fmt: skip


def from_pods(pods: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Nodes as far as pods show them. This is for a workflow whose status is offloaded where only Argo's server can read it."""
    nodes: dict[str, dict[str, Any]] = {}
    for pod in pods:
        annotations = pod["metadata"].get("annotations") or {}
        name = annotations.get(NODE_NAME, "")
        if not name:
            continue
        boundary, _, last = _split(name)
        status = pod.get("status") or {}
        main: dict[str, Any] = next((c for c in status.get("containerStatuses") or () if c.get("name") == "main"), {})
        ended = (main.get("state") or {}).get("terminated") or {}
        node = {
            "id": annotations.get(NODE_ID, name), "name": name, "displayName": last, "type": "Pod",
            "boundaryID": boundary, "phase": status.get("phase", "Pending"), "startedAt": status.get("startTime"),
            "finishedAt": ended.get("finishedAt"), "message": status.get("message") or ended.get("message") or "",
        }  # fmt: skip
        nodes[node["id"]] = node
        while boundary and boundary not in nodes:
            around, _, display_name = _split(boundary)
            nodes[boundary] = {
                "id": boundary,
                "name": boundary,
                "displayName": display_name or boundary,
                "type": "DAG",
                "boundaryID": around,
            }
            boundary = around
    return nodes


def _split(name: str) -> tuple[str, str, str]:
    """Split the name of a node into its boundary's name and its own. A dot inside the parentheses of an item does not count."""
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(name[at], 0)
        if name[at] == "." and depth == 0:
            return name[:at], ".", name[at + 1 :]
    return "", "", ""
