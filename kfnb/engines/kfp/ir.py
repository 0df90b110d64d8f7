"""From jobs and blocks to Kubeflow Pipelines' IR: a DAG component for the root, each loop, guard and branch that needs one.

Facts of the backend's (kubeflow/pipelines 2.17) that this follows: every reference that crosses into a DAG is an input of each
DAG on the way; an exit task is a hook of each of its dependent tasks, so it has exactly one, and takes nothing from its siblings
(the compiler makes dependencies of such inputs); what waits for a skipped task never runs. So a branch is a task with a condition
only where nobody outside looks at what is in it; elsewhere its steps ask for themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.engines.cluster.blocks import Block, Channel, Job, blocks_in, exports_of, jobs_in, needs_of, told_with
from kfnb.engines.cluster.lowering import lowered
from kfnb.engines.cluster.names import Names, label
from kfnb.engines.cluster.options import ClusterOptions, kfnb_version
from kfnb.engines.cluster.requirements import Travelling
from kfnb.engines.cluster.texts import native_value
from kfnb.engines.kfp.carriers import carried
from kfnb.engines.kfp.executors import ARTIFACT, TYPES, Executors, Json, Wiring, output_of, type_of
from kfnb.engines.kfp.shape import flattened, is_closed, wrapped
from kfnb.pipeline.model import Constant, ParameterRef, Pipeline
from kfnb.runtime.resolve import NO_ITEM

SCHEMA = "2.1.0"
RETRY = {"backoffDuration": "5s", "backoffFactor": 2.0, "backoffMaxDuration": "3600s"}


@dataclass(frozen=True)
class Compiled:
    """The IR, the platform document (empty when nothing asks for one), and the job of each task by its name."""

    ir: Json
    platform: Json
    tasks: dict[str, Job]


def compiled(pipeline: Pipeline, options: ClusterOptions, travelling: Travelling) -> Compiled:
    """The IR of a pipeline."""
    root = lowered(pipeline)
    outside = frozenset(
        j.name for b in blocks_in(root) if b.kind == "branch" and not is_closed(b, root) for j in jobs_in(b) if j.native
    )
    if outside:
        root = lowered(pipeline, outside)
    made = _Ir(pipeline, wrapped(carried(flattened(root, root))), options, travelling)
    spec = made.dag(made.root, {Channel("parameter", p.name): p.name for p in pipeline.parameters})
    if pipeline.parameters:
        spec["inputDefinitions"] = {
            "parameters": {p.name: _parameter(p.type, p.default, p.description) for p in pipeline.parameters}
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
    return Compiled(ir, document, {made.names(j.name): j for j in jobs_in(made.root)})


def with_defaults(pipeline: Pipeline, given: dict[str, Any]) -> Pipeline:
    """The pipeline with other defaults for its parameters."""
    changed = tuple(replace(p, default=given.get(p.name, p.default)) for p in pipeline.parameters)
    return replace(pipeline, parameters=changed)


def _parameter(kind: str, default: Any, description: str) -> Json:
    found: Json = {"parameterType": TYPES[kind], "isOptional": True}
    if kind in ("str", "any") or default is not None:
        found["defaultValue"] = native_value(default, kind)
    return {**found, **({"description": description} if description else {})}


@dataclass(frozen=True)
class _Source:
    """Where a DAG finds a channel: an output of a task, or an input of its own; ``collected``: as a list."""

    task: str
    key: str
    collected: bool = False


@dataclass
class _Ir:
    pipeline: Pipeline
    root: Block
    options: ClusterOptions
    travelling: Travelling
    dags: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names, self.dag_names = Names(), Names()
        self.types = {p.name: p.type for p in self.pipeline.parameters}
        self.jobs = {j.name: j for j in jobs_in(self.root)}
        self.givers = {c: j for j in self.jobs.values() for c in j.gives}
        self.loops = {b.name: b for b in blocks_in(self.root) if b.kind == "loop"}
        groups: dict[str, list[str]] = {}
        for job in self.jobs.values():
            if not job.native and job.step.component:
                groups.setdefault(job.step.component, []).append(job.name)
        self.wirings = {j.name: self._wiring(j, len(groups.get(j.step.component, ())) > 1) for j in self.jobs.values()}
        grouped = {n for names in groups.values() if len(names) > 1 for n in names}
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
        return Wiring(keys, frozenset(c for c in keys if self._collected(c, job.loops)))

    def _collected(self, channel: Channel, loops: tuple[str, ...]) -> bool:
        giver = self.givers.get(channel)
        return giver is not None and any(n not in loops for n in giver.loops)

    def _told(self, job: Job, grouped: bool) -> Json:
        found = told_with(job, lambda channel: output_of(job, channel))
        keys = self.wirings[job.name].keys
        types = {c.name: self.types[c.name] for c in job.takes if c.kind == "parameter"}
        found.update({"types": types} if types else {})
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
        sources = {c: _Source("", k, self._collected(c, self._loops(block))) for c, k in inputs.items()}
        homes: dict[str, str] = {}
        for node in block.nodes:
            for job in (node,) if isinstance(node, Job) else jobs_in(node):
                homes[job.name] = self.task(node)
                for channel in job.gives:
                    key = output_of(job, channel) if isinstance(node, Job) else self.key(channel)
                    sources[channel] = _Source(
                        self.task(node), key, isinstance(node, Block) and self._collected(channel, self._loops(block))
                    )
        scope = _Scope(self, sources, homes)
        tasks: Json = {}
        for node in block.nodes:
            tasks.update(scope.tasks(node))
        found: Json = {"dag": {"tasks": tasks}}
        outputs = self._outputs(exports, sources)
        if outputs:
            found["dag"]["outputs"] = outputs
            found["outputDefinitions"] = self._output_definitions(exports, self._loops(block), block)
        return found

    def _loops(self, block: Block) -> tuple[str, ...]:
        """The loops around what stands in a block: its own too."""
        first = next(jobs_in(block), None)
        if first is None:
            return ()
        inner = {b.name for b in blocks_in(block) if b.kind == "loop" and b is not block}
        return tuple(n for n in first.loops if n not in inner)

    def _outputs(self, exports: tuple[Channel, ...], sources: dict[Channel, _Source]) -> Json:
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

    def _output_definitions(self, exports: tuple[Channel, ...], loops: tuple[str, ...], block: Block) -> Json:
        outer = tuple(n for n in loops if block.kind != "loop" or n != block.name)
        artifacts = {
            self.key(c): {"artifactType": ARTIFACT, **({"isArtifactList": True} if self._collected(c, outer) else {})}
            for c in exports
            if c.kind == "pack"
        }
        parameters = {
            self.key(c): {"parameterType": type_of(c, self.types, self._collected(c, outer))}
            for c in exports
            if c.kind != "pack"
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
        artifacts: Json = {}
        parameters: Json = {}
        for channel, key in inputs.items():
            collected = self._collected(channel, loops)
            if channel.kind == "pack":
                artifacts[key] = {"artifactType": ARTIFACT, **({"isArtifactList": True} if collected else {})}
            else:
                parameters[key] = {"parameterType": type_of(channel, self.types, collected)}
        found = {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}
        return {"inputDefinitions": found} if found else {}


def _numbered(value: Any, numbers: dict[str, str]) -> Any:
    """References to the packs of steps, by number."""
    if isinstance(value, list):
        return [_numbered(v, numbers) for v in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") in ("output", "export-value") and value.get("step") in numbers:
        return {**value, "step": numbers[value["step"]]}
    return {k: v if k in ("value", "run") else _numbered(v, numbers) for k, v in value.items()}


@dataclass
class _Scope:
    """One DAG while its tasks are written."""

    made: _Ir
    sources: dict[Channel, _Source]
    homes: dict[str, str]

    def tasks(self, node: Job | Block) -> Iterator[tuple[str, Json]]:
        if isinstance(node, Job):
            yield self.made.task(node), self.step(node)
        elif node.kind == "guard":
            yield from self._guard(node)
        else:
            yield self.made.task(node), self._block(node)

    def step(self, job: Job, exit_of: str = "") -> Json:
        """The task of a step. ``exit_of``: the task whose exit handler it is."""
        made = self.made
        wiring = made.wirings[job.name]
        status = next((f"status-{c.name}" for c in job.takes if c.kind == "status"), "status" if exit_of else "")
        inputs = self._native_inputs(job) if job.native else self._inputs(wiring.keys)
        if made.executors.grouped(job):
            inputs.setdefault("parameters", {})["step"] = {"runtimeValue": {"constant": made.executors.delta(job)}}
        if status:
            value: Json = {"taskFinalStatus": {"producerTask": exit_of}}
            if not exit_of:
                value = self._value(next(c for c in job.takes if c.kind == "status"))
            inputs.setdefault("parameters", {})[status] = value
        found: Json = {"componentRef": {"name": made.executors.component(job, wiring, status)}}
        waits = (
            [exit_of]
            if exit_of
            else sorted({self.homes[n] for n, _ in job.waits if n in self.homes} - {made.task(job)})
        )
        if waits:
            found["dependentTasks"] = waits
        if inputs:
            found["inputs"] = inputs
        if made.options.caches(job.step.settings):
            found["cachingOptions"] = {"enableCache": True}
        if job.step.settings.retry:
            found["retryPolicy"] = {"maxRetryCount": job.step.settings.retry, **RETRY}
        if exit_of:
            found["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        return {**found, "taskInfo": {"name": made.task(job) if exit_of == "" else made.names(job.name)}}

    def _native_inputs(self, job: Job) -> Json:
        parameters: Json = {}
        for item in job.step.inputs:
            ref = item.ref
            if isinstance(ref, Constant):
                parameters[item.name] = {
                    "runtimeValue": {"constant": ref.value if isinstance(ref.value, str) else json.dumps(ref.value)}
                }
            elif isinstance(ref, ParameterRef):
                parameters[item.name] = self._value(Channel("parameter", ref.name))
            else:
                parameters[item.name] = self._value(Channel("text", f"{ref.step}.{ref.name}"))  # type: ignore[union-attr]  # see lowering
        return {"parameters": parameters} if parameters else {}

    def _inputs(self, keys: dict[Channel, str]) -> Json:
        artifacts = {k: self._value(c) for c, k in keys.items() if c.kind == "pack"}
        parameters = {k: self._value(c) for c, k in keys.items() if c.kind != "pack"}
        return {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}

    def _value(self, channel: Channel) -> Json:
        source = self.sources[channel]
        word = "Artifact" if channel.kind == "pack" else "Parameter"
        if not source.task:
            return {f"componentInput{word}": source.key}
        return {f"taskOutput{word}": {"producerTask": source.task, f"output{word}Key": source.key}}

    # ---------------------------------------------------------------- blocks
    def _block(self, block: Block, handles: str = "") -> Json:
        """The task of a loop, a branch, a guard's body or a handler. ``handles``: the task whose handler it is."""
        made = self.made
        loops = made._loops(block)
        own = Channel("item", block.name)
        needs = {c: made.key(c) for c in needs_of(block) if c != own}
        if block.gate is not None:
            channel = Channel("choice", block.gate.condition)
            needs.setdefault(channel, made.key(channel))
        if isinstance(block.items, Channel):
            needs.setdefault(block.items, made.key(block.items))
        outer = {**needs, own: made.key(own)} if block.kind == "loop" else needs
        name = f"comp-{made.dag_names.new(f'{block.name} {block.kind}')}"
        made.dags[name] = {}
        definitions = made.definitions(outer, loops)
        body = made.dag(block, outer, exports_of(block, made.root))
        made.dags[name] = {**body, **definitions}
        status = next((c for c in needs if c.kind == "status" and handles), None)
        inputs = self._inputs({c: k for c, k in needs.items() if c != status})
        if handles:
            key = made.key(status) if status is not None else "status"
            inputs.setdefault("parameters", {})[key] = {"taskFinalStatus": {"producerTask": handles}}
            made.dags[name].setdefault("inputDefinitions", {}).setdefault("parameters", {})[key] = {
                "parameterType": "TASK_FINAL_STATUS",
                "isOptional": True,
            }
        found: Json = {"componentRef": {"name": name}}
        inside = {j.name for j in jobs_in(block)}
        waits = {self.homes[n] for j in jobs_in(block) for n, _ in j.waits if n in self.homes and n not in inside}
        waits |= {self.sources[c].task for c in needs if c in self.sources and self.sources[c].task}
        if handles:
            waits = {handles}
        if waits:
            found["dependentTasks"] = sorted(waits)
        if inputs:
            found["inputs"] = inputs
        if block.kind == "loop":
            found["parameterIterator"] = {"itemInput": made.key(own), "items": self._items(block)}
            if block.parallelism:
                found["iteratorPolicy"] = {"parallelismLimit": block.parallelism}
        if block.gate is not None and block.kind == "branch":
            found["triggerPolicy"] = {"condition": self._condition(block)}
        if handles:
            found["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        return {**found, "taskInfo": {"name": made.task(block)}}

    def _items(self, block: Block) -> Json:
        if isinstance(block.items, Channel):
            return {"inputParameter": self.made.key(block.items)}
        return {"raw": json.dumps([str(i) for i in range(len(block.items or ()))] or [NO_ITEM])}

    def _condition(self, block: Block) -> str:
        """CEL. The first branch also runs when the condition is broken: its steps say so."""
        assert block.gate is not None
        value = f"inputs.parameter_values['{self.made.key(Channel('choice', block.gate.condition))}']"
        if block.gate.branch:
            return f"{value} == '{block.gate.branch}'"
        numbers = [g.branch for j in self.made.jobs.values() for g in j.gates if g.condition == block.gate.condition]
        return " && ".join(f"{value} != '{c}'" for c in ("none", *map(str, range(1, max(numbers) + 1))))

    def _guard(self, block: Block) -> Iterator[tuple[str, Json]]:
        """A guard's body and its handler."""
        made = self.made
        assert block.handler is not None
        body = replace(block, handler=None)
        yield made.task(block), self._block(body)
        if not block.handler.nodes:
            return
        first = block.handler.nodes[0]
        if len(block.handler.nodes) == 1 and isinstance(first, Job):
            yield made.task(first), self.step(first, made.task(block))
        else:
            yield made.task(block.handler), self._block(block.handler, made.task(block))
