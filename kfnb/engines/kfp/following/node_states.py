"""From the nodes of a Kubeflow Pipelines run to the states of steps.

The backend turns a step ``train`` into the tasks ``train-driver`` and ``train``, and the latter is a DAG around the pod. It turns a loop
into a DAG whose nodes ``iteration-iterations(N:N)`` are the iterations (kubeflow/pipelines `backend/src/v2/compiler/argocompiler`).
When a driver fails, its step or block is omitted, and only the driver's node says that something failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kfnb.engines.argo.following.workflow_nodes import PHASES, indexes_of
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, mark_omitted, timestamp_of
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.step_settings import Settings

DRIVER = "-driver"
DRIVER_TEMPLATE = "system-container-driver"  #: the template of the pods of the drivers of steps
ITERATION = ("iteration", "iteration-item")  #: what the drivers of loops and of iterations prepare
STOPPED = (
    "Step exceeded its deadline"  #: the controller's message for a pod of a run that was cancelled (`exec_control.go`)
)
CANCELLED = "the run was cancelled"
PREPARES = "Kubeflow Pipelines prepares it"
FOUND = "Kubeflow Pipelines found its result in an earlier run, whose record has its log and its values"
COULD_NOT_PREPARE = "Kubeflow Pipelines could not prepare it, because the driver of the step failed"
Nodes = dict[str, dict[str, Any]]
Jobs = dict[str, tuple[Job, ...]]


def observe_steps(nodes: Nodes, tasks: Jobs, blocks: Jobs) -> list[ObservedStep]:
    """The state of every step that has a node, or whose driver or block has one. ``blocks`` are the jobs in every DAG task."""
    inside: dict[str, list[dict[str, Any]]] = {}
    for node in nodes.values():
        inside.setdefault(node.get("boundaryID", ""), []).append(node)
    steps: dict[str, ObservedStep] = {}
    prepared: dict[str, ObservedStep] = {}
    for node in nodes.values():
        task = node["displayName"]
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        if task in tasks:
            pod = tuple(j.name + suffix for j in tasks[task]) if len(tasks[task]) > 1 else ()
            for job in tasks[task]:
                path = job.name + suffix
                steps[path] = replace(_observe_step(node, job, path, inside.get(node["id"], []), nodes), pod=pod)
        elif node["type"] == "Skipped":
            for job in blocks.get(task, ()):
                steps[job.name + suffix] = _observe_step(node, job, job.name + suffix, [], nodes)
        elif task.endswith(DRIVER) and node.get("phase") != "Succeeded":
            prepared.update((s.path, s) for s in _prepared_steps(node, suffix, nodes, tasks, blocks))
    unsettled = {p: s for p, s in prepared.items() if s.state != "pending" or p not in steps}
    return mark_omitted({**steps, **unsettled})


def _prepared_steps(
    driver: dict[str, Any], suffix: str, nodes: Nodes, tasks: Jobs, blocks: Jobs
) -> Iterator[ObservedStep]:
    """The steps that a driver prepares, or could not prepare: the failure is that of the first one, and the others are omitted."""
    task = driver["displayName"].removesuffix(DRIVER)
    jobs, template = tasks.get(task, ()), DRIVER_TEMPLATE
    if not jobs:
        jobs, template = _jobs_of_block(task, driver, nodes, blocks), "system-dag-driver"
    attempt = replace(_attempt(1, driver), template=template)
    if attempt.state != "failed":
        known = [
            j for j in jobs if len(j.loops) == suffix.count("[")
        ]  # the iterations of inner loops are not known yet
        for job in known:
            yield ObservedStep(job.name + suffix, job, "pending", None, None, PREPARES, (), {}, False)
        return
    for job in jobs[:1]:
        stopped = attempt.message == STOPPED
        state, message = ("cancelled", CANCELLED) if stopped else ("failed", COULD_NOT_PREPARE)
        yield ObservedStep(
            job.name + suffix, job, state, attempt.started, attempt.finished, message, (attempt,), {}, False
        )
    for job in jobs[1:]:
        yield ObservedStep(job.name + suffix, job, "omitted", None, attempt.finished, "", (), {}, True)


def _jobs_of_block(task: str, driver: dict[str, Any], nodes: Nodes, blocks: Jobs) -> tuple[Job, ...]:
    """The jobs of the block that a driver prepares. The drivers of a loop and of its iterations do not have the loop's name."""
    node: dict[str, Any] | None = driver
    while task in ITERATION and node is not None:
        node = nodes.get(node.get("boundaryID", ""))
        if node is not None and node["displayName"] in blocks:
            return blocks[node["displayName"]]
    return blocks.get(task, ())


def _observe_step(
    node: dict[str, Any], job: Job, path: str, inside: list[dict[str, Any]], nodes: Nodes
) -> ObservedStep:
    retry_node = next((n for n in inside if n["type"] == "Retry"), None)
    if retry_node is not None:
        pods = [nodes[c] for c in retry_node.get("children", ()) if c in nodes]
    else:
        pods = [n for n in (node, *inside) if n["type"] == "Pod"]
    attempts = tuple(_attempt(number, pod) for number, pod in enumerate(pods, 1))
    if job.helps:  # its pods may be told as those of the step that it helps
        attempts = tuple(replace(a, template=_template(job.step.settings)) for a in attempts)
    state, message = PHASES.get(node.get("phase", ""), "pending"), node.get("message", "")
    if state == "succeeded" and not attempts and any(n["type"] == "Skipped" for n in inside):
        state, message = "cached", FOUND  # The driver found an earlier result, so no pod runs.
    if state == "failed" and attempts:
        message = attempts[-1].message or message
        state, message = ("cancelled", CANCELLED) if message == STOPPED else (state, message)
    return ObservedStep(
        path, job, state, timestamp_of(node.get("startedAt")), timestamp_of(node.get("finishedAt")), message, attempts, {},
        node.get("phase") == "Omitted",
    )  # fmt: skip


def _attempt(number: int, pod: dict[str, Any]) -> Attempt:
    started, finished = timestamp_of(pod.get("startedAt")), timestamp_of(pod.get("finishedAt"))
    return Attempt(
        number, pod["id"], PHASES.get(pod.get("phase", ""), "pending"), started, finished, pod.get("message", "")
    )


def pod_of(attempt: Attempt, settings: Settings) -> str:
    """The name of an attempt's pod, from the id of its node.

    Source: argo-workflows `workflow/util/pod_name.go` (the workflow, the template and the hash); kubeflow/pipelines
    `argocompiler/container.go` (the template).
    """
    workflow, _, number = attempt.node.rpartition("-")
    return f"{workflow}-{attempt.template or _template(settings)}-{number}"


def _template(settings: Settings) -> str:
    template = f"{'retry-' if settings.retry else ''}system-container-impl"
    if settings.labels or settings.annotations:
        template = f"metadata-{len(settings.annotations)}-{len(settings.labels)}-{template}"
    return template
