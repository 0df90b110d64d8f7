"""From jobs and blocks to Kubeflow Pipelines' IR: the whole specification and its platform document.

Six facts about the backend (kubeflow/pipelines 2.17) decide its form. A reference that crosses into a DAG must be an input of each
DAG on the way. An exit task is a hook of each task that it depends on, so it depends on exactly one. An exit task cannot take an
output of a sibling, because the compiler makes a dependency of such an input. A task that waits for a skipped task never runs.
So a branch becomes a task with a condition only where nothing outside of it reads what is inside. Elsewhere the steps of the
branch evaluate the condition themselves. What the backend knows of a guard's end, and where it looks for it: see `reshape_blocks`.
Components with equal containers share one interface: see `component_executors`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.fusing.fuse_jobs import fuse
from kfnb.engines.cluster.lowering.jobs_and_blocks import Channel, Job, blocks_in, jobs_in, steps_of_pod
from kfnb.engines.cluster.lowering.kubernetes_names import label
from kfnb.engines.cluster.lowering.literal_texts import kfp_value
from kfnb.engines.cluster.lowering.lower_pipeline import lower
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions, kfnb_version
from kfnb.engines.kfp.ir.component_executors import TYPES, Json
from kfnb.engines.kfp.ir.dag_components import DagComponents
from kfnb.engines.kfp.ir.ir_context import IrContext
from kfnb.engines.kfp.ir.reshape_blocks import (
    entered_by_scripts,
    flatten_branches,
    task_branches,
    unsure_guards,
    wrap_guards,
)
from kfnb.engines.kfp.runtime_delivery import RUNTIME, deliver_runtime, pods_of, with_all_packs
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import described

SCHEMA = "2.1.0"


@dataclass(frozen=True)
class CompiledIr:
    """A pipeline compiled to IR.

    Parameters
    ----------
    platform
        The platform document. It is empty when no step needs one.
    task_jobs
        The job of each task that runs a step, by the task's name.
    blocks
        The jobs in each task that is a DAG, by the task's name.
    outermost
        The jobs that stand in no loop, no guard and no branch that is a task of its own.
    requirements
        The packages and files that the steps get.
    pods
        How many pods the task of a step has at least.
    """

    ir: Json
    platform: Json
    task_jobs: dict[str, tuple[Job, ...]]
    blocks: dict[str, tuple[Job, ...]]
    outermost: tuple[Job, ...]
    requirements: StepRequirements
    pods: dict[str, int]

    @property
    def documents(self) -> list[Json]:
        return [self.ir, self.platform] if self.platform else [self.ir]


def compile_ir(
    pipeline: Pipeline,
    options: ClusterOptions,
    requirements: StepRequirements,
    reused: dict[str, dict[str, str]] | None = None,
) -> CompiledIr:
    """Compile a pipeline to IR.

    Parameters
    ----------
    reused
        The outputs of steps that are not run again: by the step's name the texts of its small outputs, and as ``pack`` the URI of its pack.
    """
    root = lower(pipeline)
    branches = task_branches(root)
    outside = frozenset(
        j.name
        for b in blocks_in(root)
        if b.kind == "branch" and b.name not in branches
        for j in jobs_in(b)
        if j.plain_container and not j.step.shell
    )
    if outside:
        root = lower(pipeline, outside)
        branches = task_branches(root)
    if options.values_by_url:
        root = with_all_packs(root)
    root = fuse(root, options, reused or ())
    branches = task_branches(root)
    unsure = unsure_guards(root, branches)
    reshaped = wrap_guards(deliver_runtime(flatten_branches(root, branches)))
    entered = entered_by_scripts(root, branches)
    context = IrContext(pipeline, reshaped, options, requirements, reused or {}, unsure, entered)
    spec = DagComponents(context).emit(
        context.root, {Channel("parameter", p.name): p.name for p in pipeline.parameters}
    )
    if pipeline.parameters:
        spec["inputDefinitions"] = {
            "parameters": {p.name: _parameter(p.type, p.default, described(p)) for p in pipeline.parameters}
        }
    ir: Json = {
        "pipelineInfo": {"name": label(pipeline.name), **({"description": pipeline.description} if pipeline.description else {})},
        "schemaVersion": SCHEMA, "sdkVersion": f"kfnb-{kfnb_version()}",
        "components": {**context.dags, **context.executors.components},
        "deploymentSpec": {"executors": context.executors.executors},
        "root": spec,
    }  # fmt: skip
    platform = context.executors.platform
    document = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}} if platform else {}
    blocks = {
        context.task(b): tuple(s for j in jobs_in(b) for s in steps_of_pod(j))
        for b in blocks_in(context.root)
        if b is not context.root
    }
    task_jobs: dict[str, tuple[Job, ...]] = {
        context.task_names(j.name): steps_of_pod(j)
        for j in jobs_in(context.root)
        if j.name not in context.reused and j.name != RUNTIME
    }
    outermost = tuple(
        _own(s) for n in context.root.nodes if isinstance(n, Job) and n.name != RUNTIME for s in steps_of_pod(n)
    )
    pods = {t: pods_of(jobs[0], context.loops, 1) for t, jobs in task_jobs.items()}
    return CompiledIr(ir, document, task_jobs, blocks, outermost, requirements, pods)


def with_defaults(pipeline: Pipeline, values: dict[str, Any]) -> Pipeline:
    """The pipeline with other defaults for its parameters."""
    changed = tuple(replace(p, default=values.get(p.name, p.default)) for p in pipeline.parameters)
    return replace(pipeline, parameters=changed)


def _own(job: Job) -> Job:
    """The job without its dependency on the task that only delivers the runtime."""
    return replace(job, depends=tuple(w for w in job.depends if w[0] != RUNTIME))


def _parameter(kind: str, default: Any, description: str) -> Json:
    definition: Json = {"parameterType": TYPES[kind], "isOptional": True}
    if kind in ("str", "any") or default is not None:
        definition["defaultValue"] = kfp_value(default, kind)
    return {**definition, **({"description": description} if description else {})}
