"""From jobs and blocks to Kubeflow Pipelines' IR: a DAG component for the root, each loop, guard and branch that needs one.

Facts of the backend's (kubeflow/pipelines 2.17) that this follows: every reference that crosses into a DAG is an input of each
DAG on the way; an exit task is a hook of each of its dependent tasks, so it has exactly one, and takes nothing from its siblings
(the compiler makes dependencies of such inputs); what waits for a skipped task never runs. So a branch is a task with a condition
only where nobody outside looks at what is in it; elsewhere its steps ask for themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, blocks_in, jobs_in, told_with
from kfnb.engines.cluster.lowering.kubernetes_names import Names, label
from kfnb.engines.cluster.lowering.literal_texts import native_value, whole_defaults
from kfnb.engines.cluster.lowering.lower_pipeline import lowered
from kfnb.engines.cluster.packaging.step_requirements import Travelling
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions, kfnb_version
from kfnb.engines.kfp.ir.component_executors import IMPORTED, TYPES, Executors, Json, Wiring, defined, output_of
from kfnb.engines.kfp.ir.dag_shape import flattened, is_closed, wrapped
from kfnb.engines.kfp.ir.dag_tasks import Scope, Source
from kfnb.engines.kfp.runtime_delivery import RUNTIME, carried
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import described

SCHEMA = "2.1.0"


@dataclass(frozen=True)
class Compiled:
    """The IR, and the platform document (empty when nothing asks for one).

    ``tasks``: the job of each task by its name; ``blocks``: of each task that is a DAG, the jobs in it.
    """

    ir: Json
    platform: Json
    tasks: dict[str, Job]
    blocks: dict[str, tuple[Job, ...]]
    outermost: tuple[Job, ...]  #: the steps' jobs that stand in no loop, no guard and no branch of its own
    travelling: Travelling

    @property
    def jobs(self) -> dict[str, tuple[Job, ...]]:
        """The steps by the names of their tasks."""
        return {task: (job,) for task, job in self.tasks.items() if job.name != RUNTIME}


def compiled(
    pipeline: Pipeline,
    options: ClusterOptions,
    travelling: Travelling,
    kept: dict[str, dict[str, str]] | None = None,
) -> Compiled:
    """The IR of a pipeline.

    Parameters
    ----------
    kept
        What steps left that are not run again: by the step's name the texts of its small outputs, and as ``pack`` its pack's URI.
    """
    root = lowered(pipeline)
    outside = frozenset(
        j.name for b in blocks_in(root) if b.kind == "branch" and not is_closed(b, root) for j in jobs_in(b) if j.native
    )
    if outside:
        root = lowered(pipeline, outside)
    made = Ir(pipeline, wrapped(carried(flattened(root, root))), options, travelling, kept or {})
    spec = made.dag(made.root, {Channel("parameter", p.name): p.name for p in pipeline.parameters})
    if pipeline.parameters:
        spec["inputDefinitions"] = {
            "parameters": {p.name: _parameter(p.type, p.default, described(p)) for p in pipeline.parameters}
        }
    ir: Json = {
        "pipelineInfo": {"name": label(pipeline.name), **({"description": pipeline.description} if pipeline.description else {})},
        "schemaVersion": SCHEMA, "sdkVersion": f"kfnb-{kfnb_version()}",
        "components": {**made.dags, **made.executors.components},
        "deploymentSpec": {"executors": made.executors.executors},
        "root": spec,
    }  # fmt: skip
    platform = made.executors.platform
    document = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}} if platform else {}
    blocks = {made.task(b): tuple(jobs_in(b)) for b in blocks_in(made.root) if b is not made.root}
    tasks = {made.names(j.name): j for j in jobs_in(made.root) if j.name not in made.kept}
    outermost = tuple(_own(n) for n in made.root.nodes if isinstance(n, Job) and n.name != RUNTIME)
    return Compiled(ir, document, tasks, blocks, outermost, travelling)


def with_defaults(pipeline: Pipeline, given: dict[str, Any]) -> Pipeline:
    """The pipeline with other defaults for its parameters."""
    changed = tuple(replace(p, default=given.get(p.name, p.default)) for p in pipeline.parameters)
    return replace(pipeline, parameters=changed)


def _own(job: Job) -> Job:
    """The job as the pipeline has it: it does not wait for what brings the runtime, which is no step."""
    return replace(job, waits=tuple(w for w in job.waits if w[0] != RUNTIME))


def _parameter(kind: str, default: Any, description: str) -> Json:
    found: Json = {"parameterType": TYPES[kind], "isOptional": True}
    if kind in ("str", "any") or default is not None:
        found["defaultValue"] = native_value(default, kind)
    return {**found, **({"description": description} if description else {})}


@dataclass
class Ir:
    pipeline: Pipeline
    root: Block
    options: ClusterOptions
    travelling: Travelling
    kept: dict[str, dict[str, str]]
    dags: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names, self.dag_names = Names(), Names()
        self.types = {p.name: p.type for p in self.pipeline.parameters}
        self.jobs = {j.name: j for j in jobs_in(self.root)}
        self.givers = {c: j for j in self.jobs.values() for c in j.gives}
        self.loops = {b.name: b for b in blocks_in(self.root) if b.kind == "loop"}
        calls: dict[str, list[str]] = {}
        for job in self.jobs.values():
            if not job.native and job.step.component:
                calls.setdefault(job.step.component, []).append(job.name)
        groups = {component: names for component, names in calls.items() if len(names) > 1}
        grouped = {n for names in groups.values() for n in names}
        self.wirings = {j.name: self._wiring(j, j.name in grouped) for j in self.jobs.values()}
        told = {
            j.name: {**self._told(j, j.name in grouped), **self.travelling.of(j.step)}
            for j in self.jobs.values()
            if not j.native
        }
        self.executors = Executors(self.options, self.types, told, groups)

    def _wiring(self, job: Job, grouped: bool) -> Wiring:
        """A component that is called several times has inputs without the names of the steps before it."""
        keys: dict[Channel, str] = {}
        for channel in job.takes:
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
        giver = self.givers.get(channel)
        return giver is not None and any(n not in loops for n in giver.loops)

    def _told(self, job: Job, grouped: bool) -> Json:
        found = told_with(job, lambda channel: output_of(job, channel))
        keys = self.wirings[job.name].keys
        types = {c.name: self.types[c.name] for c in job.takes if c.kind == "parameter"}
        whole = {n: v for n, v in whole_defaults(self.pipeline).items() if n in types}
        found.update({k: v for k, v in (("types", types), ("whole", whole)) if v})
        if grouped:
            return self._alike(job, found)
        renamed = {k: f"{c.kind}-{c.name}" for c, k in keys.items() if k != f"{c.kind}-{c.name}"}
        return {**found, **({"renamed": renamed} if renamed else {})}

    def _alike(self, job: Job, told: Json) -> Json:
        """The calls of a component differ as little as they can: steps before have numbers, and names where they may be skipped."""
        keys = self.wirings[job.name].keys
        numbers = {c.name: k.partition("-")[2] for c, k in keys.items() if c.kind == "pack"}
        found: Json = _numbered(told, numbers)
        found["spec"] = {k: v for k, v in found["spec"].items() if k != "needed"}
        renamed = {k: f"{c.kind}-{c.name}" for c, k in keys.items() if c.kind not in ("pack", "parameter")}
        skippable = bool(job.gates) or any(self.jobs[n].gates for n in numbers)
        names = {number: name for name, number in numbers.items()} if skippable else {}
        return {**found, **{k: v for k, v in (("renamed", renamed), ("names", names)) if v}}

    # ---------------------------------------------------------------- one DAG
    def dag(self, block: Block, inputs: dict[Channel, str], exports: tuple[Channel, ...] = ()) -> Json:
        """The component of a block. ``inputs``: its own names of what comes from around it."""
        sources = {c: Source("", k, self.is_collected(c, self.loops_of(block))) for c, k in inputs.items()}
        homes: dict[str, str] = {}
        placed, tasks = self._left(block, sources, homes)
        for node in placed:
            for job in (node,) if isinstance(node, Job) else jobs_in(node):
                homes[job.name] = self.task(node)
                for channel in job.gives:
                    key = output_of(job, channel) if isinstance(node, Job) else self.key(channel)
                    sources[channel] = Source(
                        self.task(node),
                        key,
                        isinstance(node, Block) and self.is_collected(channel, self.loops_of(block)),
                    )
        scope = Scope(self, sources, homes)
        for node in placed:
            tasks.update(scope.tasks(node))
        found: Json = {"dag": {"tasks": tasks}}
        outputs = self._outputs(exports, sources)
        if outputs:
            found["dag"]["outputs"] = outputs
            outer = tuple(n for n in self.loops_of(block) if block.kind != "loop" or n != block.name)
            found["outputDefinitions"] = self._defined({c: self.key(c) for c in exports}, outer)
        return found

    def _left(
        self, block: Block, sources: dict[Channel, Source], homes: dict[str, str]
    ) -> tuple[list[Job | Block], Json]:
        """What of a block is run, and the tasks that bring the packs of what is not, as far as somebody takes them."""
        wanted = {c for j in self.jobs.values() if j.name not in self.kept for c in j.takes}
        placed: list[Job | Block] = []
        tasks: Json = {}
        for node in block.nodes:
            if not isinstance(node, Job) or node.name not in self.kept:
                if node.name != RUNTIME or Channel("pack", RUNTIME) in wanted:
                    placed.append(node)
                continue
            task, left = self.task(node), self.kept[node.name]
            for channel in node.gives:
                if channel.kind == "pack" and channel in wanted:
                    sources[channel], homes[node.name] = Source(task, IMPORTED), task
                    tasks[task] = self.executors.imported(task, left["pack"])
                elif channel.kind != "pack":
                    text = left[output_of(node, channel)]
                    sources[channel] = Source("", "", constant=json.loads(text) if channel.kind == "list" else text)
        return placed, tasks

    def loops_of(self, block: Block) -> tuple[str, ...]:
        """The loops around what stands in a block: its own too."""
        first = next(jobs_in(block), None)
        if first is None:
            return ()
        inner = {b.name for b in blocks_in(block) if b.kind == "loop" and b is not block}
        return tuple(n for n in first.loops if n not in inner)

    def _outputs(self, exports: tuple[Channel, ...], sources: dict[Channel, Source]) -> Json:
        artifacts: Json = {}
        parameters: Json = {}
        for channel in exports:
            source = sources[channel]
            if channel.kind == "pack":
                artifacts[self.key(channel)] = {
                    "artifactSelectors": [{"producerSubtask": source.task, "outputArtifactKey": source.key}]
                }
            else:
                parameters[self.key(channel)] = {
                    "valueFromParameter": {"producerSubtask": source.task, "outputParameterKey": source.key}
                }
        return {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}

    def key(self, channel: Channel) -> str:
        """The name of a channel between DAGs: in the SDK's fashion, which `kfp.local` reads."""
        if channel.kind == "parameter":
            return f"pipelinechannel--{channel.name}"
        if channel in self.givers:
            job = self.givers[channel]
            output = output_of(job, channel)
            return f"pipelinechannel--{self.names(job.name)}" + ("-Output" if output == "Output" else f"--{output}")
        return f"pipelinechannel--{channel.kind}-{channel.name}"

    def task(self, node: Job | Block) -> str:
        same = isinstance(node, Block) and node.name in self.jobs
        return self.names(f"{node.name} block" if same else node.name)

    def definitions(self, inputs: dict[Channel, str], loops: tuple[str, ...]) -> Json:
        found = self._defined(inputs, loops)
        return {"inputDefinitions": found} if found else {}

    def _defined(self, keys: dict[Channel, str], loops: tuple[str, ...]) -> Json:
        return defined(keys, self.types, {c for c in keys if self.is_collected(c, loops)})


def _numbered(value: Any, numbers: dict[str, str]) -> Any:
    """References to the packs of steps, by number."""
    if isinstance(value, list):
        return [_numbered(v, numbers) for v in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") in ("output", "export-value") and value.get("step") in numbers:
        return {**value, "step": numbers[value["step"]]}
    return {k: v if k in ("value", "run") else _numbered(v, numbers) for k, v in value.items()}
