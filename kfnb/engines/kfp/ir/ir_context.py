"""The context in which IR is emitted: the jobs, the names of tasks and channels, the inputs of each component, and the executors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import (
    Block,
    Channel,
    Gate,
    Job,
    blocks_in,
    jobs_in,
    runtime_spec_of,
    steps_of_pod,
)
from kfnb.engines.cluster.lowering.kubernetes_names import Names
from kfnb.engines.cluster.lowering.literal_texts import integer_defaults
from kfnb.engines.cluster.lowering.store_transport import store_transport
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.ir.component_executors import Executors, Json, Wiring, channel_definitions, output_of
from kfnb.engines.kfp.ir.reshape_blocks import observed_jobs
from kfnb.engines.kfp.ir.task_names import TaskNames
from kfnb.engines.kfp.runtime_delivery import RUNTIME
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline


@dataclass
class IrContext:
    """The pipeline that is emitted, and the names that its parts have in the IR.

    Parameters
    ----------
    reused
        The outputs of steps that are not run again: by the step's name its small outputs as texts, and as ``pack`` the URI of its
        pack.
    """

    pipeline: Pipeline
    root: Block
    options: ClusterOptions
    requirements: StepRequirements
    reused: dict[str, dict[str, str]]
    unsure: set[str]  #: the guards whose state the backend does not always learn
    entered: dict[str, tuple[Gate, ...]]  #: for each script in an image of its own, the branches that it enters itself
    dags: Json = field(default_factory=dict)  #: the DAG components that are emitted

    def __post_init__(self) -> None:
        self.task_names, self.dag_names = TaskNames(), Names()
        self.types = {p.name: p.type for p in self.pipeline.parameters}
        self.jobs = {j.name: j for j in jobs_in(self.root)}
        self.producers = {c: j for j in self.jobs.values() for c in j.outputs}
        self.observed = observed_jobs(self.root)
        self.loops = {b.name: b for b in blocks_in(self.root) if b.kind == "loop"}
        calls: dict[str, list[str]] = {}
        for job in self.jobs.values():
            if not job.plain_container and job.step.component:
                calls.setdefault(job.step.component, []).append(job.name)
        groups = {component: names for component, names in calls.items() if len(names) > 1}
        grouped = {n for names in groups.values() for n in names}
        # A command of an image cannot decode what it gets.
        commands = [j for j in self.jobs.values() if j.plain_container and not j.step.shell]
        self.raw = frozenset(c for j in commands for c in j.inputs if c.kind == "text")
        own = [j for j in self.jobs.values() if not j.plain_container and j.name != RUNTIME]
        steps = [s.step for j in own for s in steps_of_pod(j)]
        self.transport = store_transport(self.options, self.requirements, steps)
        self.wirings = {j.name: self._wiring(j, j.name in grouped) for j in self.jobs.values()}
        specs = {j.name: self._pod_spec(j, j.name in grouped) for j in self.jobs.values() if not j.plain_container}
        self.executors = Executors(self.options, self.types, specs, groups, self.raw, self.entered)

    def caches(self, job: Job) -> bool:
        """Whether the backend may take an earlier result for a step."""
        return self.options.caches(job.step.settings) and not job.in_handler and job.name not in self.observed

    def _wiring(self, job: Job, grouped: bool) -> Wiring:
        """The names of a job's inputs. Where several steps call one component, its inputs are numbered instead of named after steps."""
        keys: dict[Channel, str] = {}
        for channel in job.inputs:
            if channel.kind == "status":
                continue
            count = sum(c.kind == channel.kind for c in keys)
            keys[channel] = (
                f"{channel.kind}-{count + 1}"
                if grouped and channel.kind != "parameter"
                else f"{channel.kind}-{channel.name}"
            )
        return Wiring(keys, frozenset(c for c in keys if self.is_collected(c, job.loops)))

    def is_collected(self, channel: Channel, loops: tuple[str, ...]) -> bool:
        producer = self.producers.get(channel)
        return producer is not None and any(n not in loops for n in producer.loops)

    def _pod_spec(self, job: Job, grouped: bool) -> Json:
        """What the runtime reads in a pod: the spec of its step, or those of its steps as ``members``."""
        if not job.members:
            return {**self._runtime_spec(job, job, grouped), **self.requirements.of(job.step)}
        members = []
        for member in job.members:
            retry = member.step.settings.retry
            spec = {**self._runtime_spec(member, job, grouped), **self.requirements.of(member.step)}
            members.append({**spec, **({"retry": retry} if retry else {})})
        return {"members": members}

    def _runtime_spec(self, step: Job, job: Job, grouped: bool) -> Json:
        """The spec of a step in the pod of a job. It gets all inputs of the pod, so it knows the types of all of them."""
        spec = runtime_spec_of(step, lambda channel: output_of(job, channel))
        keys = self.wirings[job.name].keys
        types = {c.name: self.types[c.name] for c in job.inputs if c.kind == "parameter"}
        integers = {n: v for n, v in integer_defaults(self.pipeline).items() if n in types}
        unsure = [c.name for c in job.inputs if c.kind == "status" and c.name in self.unsure]
        spec.update({k: v for k, v in (("types", types), ("whole", integers), ("unsure", unsure)) if v})
        raw = [output_of(job, c) for c in step.outputs if c in self.raw]
        spec.update({"raw": raw} if raw else {})
        spec.update({"values": self.transport} if self.transport and job.name != RUNTIME else {})
        if grouped:
            return self._call_spec(job, spec)
        renamed = {k: f"{c.kind}-{c.name}" for c, k in keys.items() if k != f"{c.kind}-{c.name}"}
        return {**spec, **({"renamed": renamed} if renamed else {})}

    def _call_spec(self, job: Job, spec: Json) -> Json:
        """A spec that differs as little as possible between the calls of one component.

        Earlier steps are numbered. Their names are added only where one of them may be skipped.
        """
        keys = self.wirings[job.name].keys
        numbers = {c.name: k.partition("-")[2] for c, k in keys.items() if c.kind == "pack"}
        call_spec: Json = _number_packs(spec, numbers)
        call_spec["spec"] = {k: v for k, v in call_spec["spec"].items() if k != "needed"}
        renamed = {k: f"{c.kind}-{c.name}" for c, k in keys.items() if c.kind not in ("pack", "parameter")}
        skippable = bool(job.gates) or any(self.producers[Channel("pack", n)].gates for n in numbers)
        names = {number: name for name, number in numbers.items()} if skippable else {}
        return {**call_spec, **{k: v for k, v in (("renamed", renamed), ("names", names)) if v}}

    def loops_of(self, block: Block) -> tuple[str, ...]:
        """The loops around the jobs of a block; a loop counts as being around its own jobs."""
        first = next(jobs_in(block), None)
        if first is None:
            return ()
        inner = {b.name for b in blocks_in(block) if b.kind == "loop" and b is not block}
        return tuple(n for n in first.loops if n not in inner)

    def key(self, channel: Channel) -> str:
        """The name of a channel between DAGs: in the form of the SDK, which `kfp.local` reads."""
        if channel.kind == "parameter":
            return f"pipelinechannel--{channel.name}"
        if channel in self.producers:
            job = self.producers[channel]
            output = output_of(job, channel)
            return f"pipelinechannel--{self.task_names(job.name)}" + (
                "-Output" if output == "Output" else f"--{output}"
            )
        return f"pipelinechannel--{channel.kind}-{channel.name}"

    def task(self, node: Job | Block) -> str:
        same = isinstance(node, Block) and node.name in self.jobs
        return self.task_names(f"{node.name} block" if same else node.name)

    def input_definitions(self, inputs: dict[Channel, str], loops: tuple[str, ...]) -> Json:
        definitions = self.channel_definitions(inputs, loops)
        return {"inputDefinitions": definitions} if definitions else {}

    def channel_definitions(self, keys: dict[Channel, str], loops: tuple[str, ...]) -> Json:
        return channel_definitions(keys, self.types, {c for c in keys if self.is_collected(c, loops)})


def _number_packs(value: Any, numbers: dict[str, str]) -> Any:
    """The same value with the numbers of steps in references to their packs."""
    if isinstance(value, list):
        return [_number_packs(v, numbers) for v in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") in ("output", "export-value") and value.get("step") in numbers:
        return {**value, "step": numbers[value["step"]]}
    return {k: v if k in ("value", "run") else _number_packs(v, numbers) for k, v in value.items()}
