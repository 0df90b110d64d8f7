"""From what runs on Kubeflow Pipelines to the states of steps: from the Workflow's nodes, or from the API's task details.

The backend makes of a step ``train`` the tasks ``train-driver`` and ``train``, the latter a DAG around the pod; of a loop a DAG
whose ``iteration-iterations(N:N)`` are the iterations (kubeflow/pipelines `backend/src/v2/compiler/argocompiler`).
"""

from __future__ import annotations

from typing import Any

from kfnb.engines.argo.nodes import INDEX, PHASES, Attempt, Seen, indexes_of, omitted, when
from kfnb.engines.cluster.blocks import Job

STATES = {
    "PENDING": "pending", "RUNNING": "running", "SUCCEEDED": "succeeded", "SKIPPED": "skipped", "FAILED": "failed",
    "CANCELING": "running", "CANCELED": "cancelled", "PAUSED": "pending", "CACHED": "cached", "OMITTED": "skipped", "ERROR": "failed",
}  # fmt: skip


def seen(nodes: dict[str, dict[str, Any]], tasks: dict[str, tuple[Job, ...]]) -> list[Seen]:
    """Every step that has a node in the Workflow."""
    inside: dict[str, list[dict[str, Any]]] = {}
    for node in nodes.values():
        inside.setdefault(node.get("boundaryID", ""), []).append(node)
    found: dict[str, Seen] = {}
    for node in nodes.values():
        jobs = tasks.get(node["displayName"], ())
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        for job in jobs:
            path = job.name + suffix
            found[path] = _seen(node, job, path, inside.get(node["id"], []), nodes)
    return omitted(found)


def _seen(node: dict[str, Any], job: Job, path: str, inside: list[dict[str, Any]], nodes: dict[str, Any]) -> Seen:
    pods: list[dict[str, Any]] = []
    for one in [node] if node["type"] == "Pod" else inside:
        pods += (
            [nodes[c] for c in one.get("children", ()) if c in nodes]
            if one["type"] == "Retry"
            else [one]
            if one["type"] == "Pod"
            else []
        )
    attempts = tuple(
        Attempt(
            n,
            p["id"],
            PHASES.get(p.get("phase", ""), "pending"),
            when(p.get("startedAt")),
            when(p.get("finishedAt")),
            p.get("message", ""),
        )
        for n, p in enumerate(pods, 1)
    )
    state = PHASES.get(node.get("phase", ""), "pending")
    if state == "succeeded" and not attempts and any(n["type"] == "Skipped" for n in inside):
        state = "cached"  # the driver found an earlier result: the pod is not run
    return Seen(
        path,
        job,
        state,
        when(node.get("startedAt")),
        when(node.get("finishedAt")),
        node.get("message", ""),
        attempts,
        {},
        node.get("phase") == "Omitted",
    )


def told(details: list[dict[str, Any]], tasks: dict[str, tuple[Job, ...]]) -> list[Seen]:
    """Every step that has a task detail: they are the Workflow's nodes without what stands around them."""
    parents: dict[str, str] = {}
    by_id = {d.get("task_id", ""): d for d in details}
    for detail in details:
        for child in detail.get("child_tasks") or ():
            parents.setdefault(child.get("task_id") or child.get("pod_name") or "", detail.get("task_id", ""))
    found: dict[str, Seen] = {}
    for detail in details:
        state = STATES.get(detail.get("state", ""), "pending")
        for job in tasks.get(detail.get("display_name", ""), ()):
            path = job.name + "".join(f"[{i}]" for i in _indexes(detail, len(job.loops), parents, by_id))
            started, finished = when(detail.get("start_time")), when(detail.get("end_time"))
            message = (detail.get("error") or {}).get("message", "")
            ran = state in ("running", "succeeded", "failed", "cancelled")
            attempts = (Attempt(1, detail.get("task_id", ""), state, started, finished, message),) if ran else ()
            found[path] = Seen(
                path, job, state, started, finished, message, attempts, {}, detail.get("state") == "OMITTED"
            )
    return omitted(found)


def _indexes(
    detail: dict[str, Any], count: int, parents: dict[str, str], by_id: dict[str, dict[str, Any]]
) -> list[int]:
    found: list[int] = []
    at = parents.get(detail.get("task_id", ""))
    visited: set[str] = set()
    while at and len(found) < count and at not in visited:
        visited.add(at)
        match = INDEX.match(by_id.get(at, {}).get("display_name", ""))
        if match is not None:
            found.append(int(match["index"]))
        at = parents.get(at)
    return found[::-1]
