"""From what runs on Kubeflow Pipelines to the states of steps.

The backend makes of a step ``train`` the tasks ``train-driver`` and ``train``, the latter a DAG around the pod; of a loop a DAG
whose ``iteration-iterations(N:N)`` are the iterations (kubeflow/pipelines `backend/src/v2/compiler/argocompiler`).
"""

from __future__ import annotations

from typing import Any

from kfnb.engines.argo.workflow_nodes import PHASES, indexes_of
from kfnb.engines.cluster.following.observed_steps import Attempt, Seen, omitted, when
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.step_settings import Settings

Nodes = dict[str, dict[str, Any]]
Jobs = dict[str, tuple[Job, ...]]


def seen(nodes: Nodes, tasks: Jobs, blocks: Jobs) -> list[Seen]:
    """Every step that has a node, or stands in a block that was skipped. ``blocks``: the jobs in every task that is a DAG."""
    inside: dict[str, list[dict[str, Any]]] = {}
    for node in nodes.values():
        inside.setdefault(node.get("boundaryID", ""), []).append(node)
    found: dict[str, Seen] = {}
    for node in nodes.values():
        task = node["displayName"]
        if nodes.get(node.get("boundaryID", ""), {}).get("displayName") in tasks:
            continue  # of a step: its pod, whose node may be called as another step is
        jobs = blocks.get(task, ()) if node["type"] == "Skipped" and task not in tasks else tasks.get(task, ())
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        for job in jobs:
            path = job.name + suffix
            found[path] = _seen(node, job, path, inside.get(node["id"], []), nodes)
    return omitted(found)


def _seen(node: dict[str, Any], job: Job, path: str, inside: list[dict[str, Any]], nodes: Nodes) -> Seen:
    tried = next((n for n in inside if n["type"] == "Retry"), None)
    if tried is not None:
        pods = [nodes[c] for c in tried.get("children", ()) if c in nodes]
    else:
        pods = [n for n in (node, *inside) if n["type"] == "Pod"]
    attempts = tuple(_attempt(number, pod) for number, pod in enumerate(pods, 1))
    state = PHASES.get(node.get("phase", ""), "pending")
    if state == "succeeded" and not attempts and any(n["type"] == "Skipped" for n in inside):
        state = "cached"  # the driver found an earlier result: the pod is not run
    return Seen(
        path, job, state, when(node.get("startedAt")), when(node.get("finishedAt")), node.get("message", ""), attempts, {},
        node.get("phase") == "Omitted",
    )  # fmt: skip


def _attempt(number: int, pod: dict[str, Any]) -> Attempt:
    started, finished = when(pod.get("startedAt")), when(pod.get("finishedAt"))
    return Attempt(
        number, pod["id"], PHASES.get(pod.get("phase", ""), "pending"), started, finished, pod.get("message", "")
    )


def pod_of(node: str, settings: Settings) -> str:
    """The name of a step's pod, from the id of its node.

    Source: argo-workflows `workflow/util/pod_name.go` (the workflow, the template and the hash); kubeflow/pipelines
    `argocompiler/container.go` (the template).
    """
    workflow, _, number = node.rpartition("-")
    template = f"{'retry-' if settings.retry else ''}system-container-impl"
    if settings.labels or settings.annotations:
        template = f"metadata-{len(settings.annotations)}-{len(settings.labels)}-{template}"
    return f"{workflow}-{template}-{number}"
