"""The context in which a Workflow is emitted: the jobs, the names of tasks and parameters, and the container templates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.argo import container_templates
from kfnb.engines.argo.container_templates import ContainerTemplates
from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, jobs_in, steps_of_pod
from kfnb.engines.cluster.lowering.kubernetes_names import Names
from kfnb.engines.cluster.lowering.literal_texts import integer_defaults
from kfnb.engines.cluster.lowering.store_transport import store_transport
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline


@dataclass
class WorkflowContext:
    """The pipeline that is emitted, and the names that its parts have in the Workflow.

    Parameters
    ----------
    reused
        Outputs of steps that are not run again: by the step's name the value of each of its template's outputs.
    """

    pipeline: Pipeline
    root: Block
    options: ClusterOptions
    requirements: StepRequirements
    reused: dict[str, dict[str, str]]
    task_jobs: dict[str, tuple[Job, ...]] = field(default_factory=dict)  #: the jobs in every task
    dag_templates: list[dict[str, Any]] = field(default_factory=list)  #: those that are emitted

    def __post_init__(self) -> None:
        self.template_names, self._task_names, self._key_names = Names(), Names(), Names(longest=128)
        self.jobs = {j.name: j for j in jobs_in(self.root)}
        self._pods = {m.name: j.name for j in self.jobs.values() for m in j.members}
        self._keys = self._all_keys()
        self.runtime_specs = self._runtime_specs()
        packs = max((sum(c.kind == "pack" for c in j.inputs) for j in self.jobs.values()), default=0)
        small = max(
            (sum(c.kind != "pack" for c in j.outputs) for j in self.jobs.values() if not j.plain_container), default=0
        )
        bundle = container_templates.shared_runtime(list(self.runtime_specs.values()))
        self.containers = ContainerTemplates(self.options, self.template_names, bundle, packs, small)

    def _runtime_specs(self) -> dict[str, dict[str, Any]]:
        types = {p.name: p.type for p in self.pipeline.parameters}
        steps = [s.step for j in self.jobs.values() if not j.plain_container for s in steps_of_pod(j)]
        stored = store_transport(self.options, self.requirements, steps)
        transport = stored or container_templates.transport_of(self.options)
        integers = integer_defaults(self.pipeline)
        renamed = {k: f"{c.kind}-{c.name}" for c, k in self._keys.items() if k != f"{c.kind}-{c.name}"}
        return {
            j.name: container_templates.pod_spec(j, types, integers, renamed, transport, self.requirements)
            for j in self.jobs.values()
            if not j.plain_container
        }

    def _all_keys(self) -> dict[Channel, str]:
        """The name of each channel's parameter. Argo allows letters, digits, ``-`` and ``_``."""
        keys: dict[Channel, str] = {}
        for channel in dict.fromkeys(c for j in self.jobs.values() for c in (*j.inputs, *j.outputs)):
            key = f"{channel.kind}-{channel.name}"
            fits = key.isascii() and all(c.isalnum() or c in "-_" for c in key)
            keys[channel] = (
                key
                if fits
                else f"{channel.kind}-{self._key_names(channel.name)}-{hashlib.sha256(key.encode()).hexdigest()[:4]}"
            )
        for parameter in self.pipeline.parameters:
            keys.setdefault(Channel("parameter", parameter.name), f"parameter-{parameter.name}")
        return keys

    def key(self, channel: Channel) -> str:
        """The name of the parameter that carries a channel."""
        return self._keys[channel]

    def pod_of(self, step: str) -> str:
        """The name of the job in whose pod a step runs."""
        return self._pods.get(step, step)

    def argument_name(self, parameter: str) -> str:
        """The name of a pipeline's parameter among the Workflow's arguments."""
        return self.key(Channel("parameter", parameter))[len("parameter-") :]

    def task(self, node: Job | Block) -> str:
        """The name of the task of a job or block. A loop may have the same name as the step that produces its items."""
        same = isinstance(node, Block) and node.name in self.jobs
        return self._task_names(f"{node.name} block" if same else node.name)
