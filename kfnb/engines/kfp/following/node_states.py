"""From the nodes of a Kubeflow Pipelines run to the states of steps.

The backend turns a step ``train`` into the tasks ``train-driver`` and ``train``, and the latter is a DAG around the pod. It turns a loop
into a DAG whose nodes ``iteration-iterations(N:N)`` are the iterations (kubeflow/pipelines `backend/src/v2/compiler/argocompiler`).
"""

from __future__ import annotations

from typing import Any

from kfnb.engines.argo.workflow_nodes import PHASES, indexes_of
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, mark_omitted, timestamp_of
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.step_settings import Settings

Nodes = dict[str, dict[str, Any]]
Jobs = dict[str, tuple[Job, ...]]


def observe_steps(nodes: Nodes, tasks: Jobs, blocks: Jobs) -> list[ObservedStep]:
    """The state of every step that has a node, or that is inside a skipped block. ``blocks`` are the jobs in every DAG task."""
    inside: dict[str, list[dict[str, Any]]] = {}
    for node in nodes.values():
        inside.setdefault(node.get("boundaryID", ""), []).append(node)
    steps: dict[str, ObservedStep] = {}
    for node in nodes.values():
        task = node["displayName"]
        if nodes.get(node.get("boundaryID", ""), {}).get("displayName") in tasks:
            continue  # This is the pod of a step, and its node may have the same name as another step.
        jobs = blocks.get(task, ()) if node["type"] == "Skipped" and task not in tasks else tasks.get(task, ())
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        for job in jobs:
            path = job.name + suffix
            steps[path] = _observe_step(node, job, path, inside.get(node["id"], []), nodes)
    return mark_omitted(steps)


def _observe_step(
    node: dict[str, Any], job: Job, path: str, inside: list[dict[str, Any]], nodes: Nodes
) -> ObservedStep:
    retry_node = next((n for n in inside if n["type"] == "Retry"), None)
    if retry_node is not None:
        pods = [nodes[c] for c in retry_node.get("children", ()) if c in nodes]
    else:
        pods = [n for n in (node, *inside) if n["type"] == "Pod"]
    attempts = tuple(_attempt(number, pod) for number, pod in enumerate(pods, 1))
    state = PHASES.get(node.get("phase", ""), "pending")
    if state == "succeeded" and not attempts and any(n["type"] == "Skipped" for n in inside):
        state = "cached"  # The driver found an earlier result, so no pod runs.
    return ObservedStep(
        path, job, state, timestamp_of(node.get("startedAt")), timestamp_of(node.get("finishedAt")), node.get("message", ""), attempts, {},
        node.get("phase") == "Omitted",
    )  # fmt: skip


def _attempt(number: int, pod: dict[str, Any]) -> Attempt:
    started, finished = timestamp_of(pod.get("startedAt")), timestamp_of(pod.get("finishedAt"))
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
