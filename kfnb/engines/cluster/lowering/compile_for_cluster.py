"""Compilation for a cluster engine: the documents, and the problems that a cluster would have with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.lowering.checks.cluster_checks import (
    check_command_texts,
    check_jobs,
    check_size,
    check_system_packages,
)
from kfnb.engines.cluster.lowering.checks.pipeline_checks import check_pipeline
from kfnb.engines.cluster.lowering.jobs_and_blocks import distinct_jobs
from kfnb.engines.cluster.packaging.embedded_files import embed_files
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.mark_placeholders import fixed_values
from kfnb.problems import Problem


@dataclass(frozen=True)
class WorkflowForm:
    """The kind of Argo's document: a Workflow, a WorkflowTemplate, or a CronWorkflow with a schedule."""

    cron: str = ""
    template: bool = False


def compile_documents(
    pipeline: Pipeline,
    engine: str,
    options: ClusterOptions,
    folder: Path,
    values: dict[str, Any],
    form: WorkflowForm = WorkflowForm(),
    python: str | None = None,
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Compile a pipeline to documents, and find its problems. Errors among them mean that a cluster would refuse the documents.

    Parameters
    ----------
    options
        The target's settings. Steps are pinned to its ``images``, which were built for them.
    folder
        The folder of the notebook.
    values
        Values of parameters. They become arguments of an Argo Workflow, and defaults in Kubeflow Pipelines' IR.
    python
        The interpreter of the notebook's environment. Default: the current one.
    """
    fixed = list(fixed_values(pipeline))
    pipeline = fit_to_target(pipeline, options, values)
    requirements = find_requirements(
        pipeline, folder, options.packages, options.sources, values, python, options.travel_limit
    )
    requirements = with_lock(requirements, pipeline, folder, options.image).in_images(options.images)
    problems = [
        *fixed,
        *check_pipeline(pipeline, options, requirements, engine),
        *check_system_packages(pipeline, options.images),
    ]
    pipeline = embed_files(pipeline, requirements.files)
    if engine == "argo":
        from kfnb.engines.argo import workflow_kinds, workflow_manifest

        emitted = workflow_manifest.compile_workflow(pipeline, options, requirements, values)
        workflow = emitted.workflow
        jobs = distinct_jobs(emitted.task_jobs)
        if form.cron:
            workflow = workflow_kinds.as_cron(workflow, form.cron)
        elif form.template:
            workflow = workflow_kinds.as_template(workflow)
        problems += [*check_jobs(jobs, engine, requirements.python), *check_size(workflow, "Workflow")]
        return [workflow], problems
    from kfnb.engines.kfp.ir import pipeline_ir

    compiled = pipeline_ir.compile_ir(pipeline_ir.with_defaults(pipeline, values), options, requirements)
    given = {p.name: values.get(p.name, p.default) for p in pipeline.parameters}
    problems += [*check_command_texts(distinct_jobs(compiled.task_jobs), given)]
    problems += [
        *check_jobs(distinct_jobs(compiled.task_jobs), engine, requirements.python),
        *check_size(compiled.ir, "pipeline"),
    ]
    return compiled.documents, problems
