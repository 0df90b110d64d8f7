"""From jobs and blocks to a Workflow.

Three facts about the controller (argo-workflows 3.7 to 4.1) decide its form. A dependency on a bare task name is also satisfied when
that task is skipped. An output of a skipped task is an error, unless nothing reads it or it has a default. Of the lifecycle hooks,
only the one named ``exit`` runs in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfnb.engines.argo.dag_template_tasks import CANCEL_PARAMETER
from kfnb.engines.argo.dag_templates import DagTemplates, without_branches
from kfnb.engines.argo.workflow_context import WorkflowContext
from kfnb.engines.argo.workflow_kinds import API
from kfnb.engines.cluster.fusing.fuse_jobs import fuse
from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Job, steps_of_pod
from kfnb.engines.cluster.lowering.kubernetes_names import label
from kfnb.engines.cluster.lowering.literal_texts import parameter_text
from kfnb.engines.cluster.lowering.lower_pipeline import lower
from kfnb.engines.cluster.lowering.pod_security import context_of_pod, patch_of_added_containers
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions, kfnb_version
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import described, schema_of
from kfnb.pipeline.parameters.value_schema import choices
from kfnb.step_settings import Settings


@dataclass(frozen=True)
class CompiledWorkflow:
    """A pipeline compiled to a Workflow.

    Parameters
    ----------
    workflow
        The Workflow.
    task_jobs
        The jobs in each task, by the task's name.
    outermost
        The jobs that stand in no loop, guard or handler.
    root
        The pipeline as jobs and blocks.
    requirements
        The packages and files that the steps get.
    """

    workflow: dict[str, Any]
    task_jobs: dict[str, tuple[Job, ...]]
    outermost: tuple[Job, ...]
    root: Block
    requirements: StepRequirements

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [self.workflow]


def compile_workflow(
    pipeline: Pipeline,
    options: ClusterOptions,
    requirements: StepRequirements,
    values: dict[str, Any] | None = None,
    reused: dict[str, dict[str, str]] | None = None,
) -> CompiledWorkflow:
    """Compile a pipeline to a Workflow.

    Parameters
    ----------
    values
        Values of parameters; the others have their defaults.
    reused
        Outputs of steps that are not run again: by the step's name the value of each of its template's outputs.
    """
    root = fuse(lower(pipeline), options, reused or ())
    context = WorkflowContext(pipeline, root, options, requirements, reused or {})
    DagTemplates(context).emit(root, context.template_names("main"))
    workflow = {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": _metadata(pipeline, options),
        "spec": _spec(
            options,
            pipeline,
            _arguments(pipeline, context, values or {}),
            [*context.dag_templates, *context.containers.templates],
        ),
    }
    outermost = tuple(s for n, _ in without_branches(root) if isinstance(n, Job) for s in steps_of_pod(n))
    return CompiledWorkflow(workflow, context.task_jobs, outermost, root, requirements)


def _metadata(pipeline: Pipeline, options: ClusterOptions) -> dict[str, Any]:
    name = label(pipeline.name)
    return {
        "generateName": f"{name[:50].rstrip('-')}-",
        **({"namespace": options.namespace} if options.namespace else {}),
        "labels": {"kfnb.dev/pipeline": name},
        "annotations": {
            "kfnb.dev/version": kfnb_version(),
            **({"kfnb.dev/description": pipeline.description} if pipeline.description else {}),
        },
    }


def _spec(
    options: ClusterOptions, pipeline: Pipeline, arguments: list[dict[str, Any]], templates: list[dict[str, Any]]
) -> dict[str, Any]:
    # A template has no field for them, and a node that has one too many takes the one that fits.
    of_steps = (n for s in pipeline.steps() for n in s.settings.pull_secrets)
    pull_secrets = tuple(dict.fromkeys((*options.pull_secrets, *of_steps)))
    return {
        "entrypoint": "main",
        **({"arguments": {"parameters": arguments}} if arguments else {}),
        **({"serviceAccountName": options.service_account} if options.service_account else {}),
        **_security(options),
        **({"parallelism": options.parallelism} if options.parallelism else {}),
        **({"priority": options.priority} if options.priority else {}),
        **({"imagePullSecrets": [{"name": n} for n in pull_secrets]} if pull_secrets else {}),
        # Pods stay for a day, because whoever follows the run later reads its logs from them.
        "podGC": {"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "24h"},
        "ttlStrategy": {"secondsAfterCompletion": options.ttl},
        "templates": templates,
    }


def _security(options: ClusterOptions) -> dict[str, Any]:
    context, patch = context_of_pod(options, Settings()), patch_of_added_containers(options)
    return {**({"securityContext": context} if context else {}), **({"podSpecPatch": patch} if patch else {})}


def _arguments(pipeline: Pipeline, context: WorkflowContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = [
        {
            "name": context.argument_name(p.name),
            "value": parameter_text(values.get(p.name, p.default), p.type),
            **_description(p),
        }
        for p in pipeline.parameters
    ]
    if any(c.kind == "status" for j in context.jobs.values() for c in j.inputs):
        said = "kfnb sets it when it cancels the run, so that exit handlers know."
        arguments.append({"name": CANCEL_PARAMETER, "value": "", "description": said})
    return arguments


def _description(parameter: Parameter) -> dict[str, Any]:
    """What Argo's pages show about a parameter: its choices as a list, other limits as text."""
    options = choices(schema_of(parameter))
    text = described(parameter).replace("{{", "{ {")  # Argo would read it as a template tag
    return {
        **({"description": text} if text else {}),
        **({"enum": [parameter_text(v, parameter.type) for v in options]} if options else {}),
    }
