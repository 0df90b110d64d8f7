"""From jobs and blocks to a Workflow: a DAG template for the root, every loop, guard and handler; conditions are `when`s.

Facts of the controller's (argo-workflows 3.7 to 4.1) that this follows: a bare dependency also fires on Skipped; an output of a
skipped task is an error unless it is not asked for or has a default; only the lifecycle hook named ``exit`` is sure to run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.engines.argo import container_templates as leaf
from kfnb.engines.argo.container_templates import Templates
from kfnb.engines.argo.workflow_kinds import API
from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Gate, Job, exports_of, jobs_in, needs_of
from kfnb.engines.cluster.lowering.kubernetes_names import Names, label
from kfnb.engines.cluster.lowering.literal_texts import parameter_text, whole_defaults
from kfnb.engines.cluster.lowering.lower_pipeline import lowered
from kfnb.engines.cluster.packaging.step_requirements import Travelling
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions, kfnb_version
from kfnb.pipeline.model import Constant, Input, Parameter, ParameterRef, Pipeline
from kfnb.pipeline.parameters.bind_values import described, schema_of
from kfnb.pipeline.parameters.value_schema import choices
from kfnb.runtime.pods.resolve_references import NO_ITEM

#: An output that every guard has: older controllers resolve a hook's arguments only where its task has outputs, so that in a
#: handler a status that was not resolved means a failure (argo-workflows `workflow/controller/exit_handler.go`).
ENDED = {"name": "ended", "valueFrom": {"parameter": "{{workflow.name}}", "default": "yes"}}


@dataclass(frozen=True)
class Compiled:
    """A Workflow, for each of its tasks the jobs in it, the jobs that stand in no loop, guard or handler, and what travels."""

    workflow: dict[str, Any]
    tasks: dict[str, tuple[Job, ...]]
    outermost: tuple[Job, ...]
    root: Block
    travelling: Travelling


def compiled(
    pipeline: Pipeline,
    options: ClusterOptions,
    travelling: Travelling,
    given: dict[str, Any] | None = None,
    kept: dict[str, dict[str, str]] | None = None,
) -> Compiled:
    """The Workflow of a pipeline.

    Parameters
    ----------
    given
        Values of parameters; the others have their defaults.
    kept
        Outputs of steps that are not run again: by the step's name the value of each of its template's outputs.
    """
    root = lowered(pipeline)
    made = _Manifest(pipeline, root, options, travelling, kept or {})
    made.dag(root, made.names("main"))
    values = {p.name: p.default for p in pipeline.parameters} | (given or {})
    types = {p.name: p.type for p in pipeline.parameters}
    arguments = [
        {
            "name": made.key(Channel("parameter", p.name))[len("parameter-") :],
            "value": parameter_text(values[p.name], types[p.name]),
            **_about(p),
        }
        for p in pipeline.parameters
    ]
    name = label(pipeline.name)
    spec: dict[str, Any] = {
        "entrypoint": "main",
        **({"arguments": {"parameters": arguments}} if arguments else {}),
        **({"serviceAccountName": options.service_account} if options.service_account else {}),
        **({"imagePullSecrets": [{"name": n} for n in options.pull_secrets]} if options.pull_secrets else {}),
        # not at once: whoever follows the run later reads its logs from the pods
        "podGC": {"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "24h"},
        "ttlStrategy": {"secondsAfterCompletion": options.ttl},
        "templates": [*made.dags, *made.leaves.made],
    }
    metadata: dict[str, Any] = {"generateName": f"{name[:50].rstrip('-')}-"}
    if options.namespace:
        metadata["namespace"] = options.namespace
    metadata["labels"] = {"kfnb.dev/pipeline": name}
    metadata["annotations"] = {
        "kfnb.dev/version": kfnb_version(),
        **({"kfnb.dev/description": pipeline.description} if pipeline.description else {}),
    }
    found = {"apiVersion": API, "kind": "Workflow", "metadata": metadata, "spec": spec}
    outermost = tuple(n for n, _ in _flat(root, ()) if isinstance(n, Job))
    return Compiled(found, made.inside, outermost, root, travelling)


def _about(parameter: Parameter) -> dict[str, Any]:
    """What Argo's pages show of a parameter: its choices as a list, what it may be else as words."""
    options = choices(schema_of(parameter))
    found: dict[str, Any] = {"description": described(parameter)} if described(parameter) else {}
    return {**found, **({"enum": [parameter_text(v, parameter.type) for v in options]} if options else {})}


@dataclass(frozen=True)
class _Source:
    """Where a DAG template finds a channel: an expression, and the task of its own that gives it."""

    expression: str
    plain: str
    task: str = ""


@dataclass
class _Manifest:
    pipeline: Pipeline
    root: Block
    options: ClusterOptions
    travelling: Travelling
    kept: dict[str, dict[str, str]]
    dags: list[dict[str, Any]] = field(default_factory=list)

    inside: dict[str, tuple[Job, ...]] = field(default_factory=dict)  #: the jobs of every task

    def __post_init__(self) -> None:
        self.names, self.tasks, self._keys = Names(), Names(), Names(longest=128)
        self.types = {p.name: p.type for p in self.pipeline.parameters}
        self.whole = whole_defaults(self.pipeline)
        self.jobs = {j.name: j for j in jobs_in(self.root)}
        self.keys = self._all_keys()
        self.renamed = {v: f"{c.kind}-{c.name}" for c, v in self.keys.items() if v != f"{c.kind}-{c.name}"}
        self.told = {
            j.name: {
                **leaf.told(j, self.types, self.whole, self.renamed, self.options.values),
                **self.travelling.of(j.step),
            }
            for j in self.jobs.values()
            if not j.native
        }
        packs = max((sum(c.kind == "pack" for c in j.takes) for j in self.jobs.values()), default=0)
        small = max((sum(c.kind != "pack" for c in j.gives) for j in self.jobs.values() if not j.native), default=0)
        self.leaves = Templates(self.options, self.names, leaf.shared_runtime(list(self.told.values())), packs, small)

    def _all_keys(self) -> dict[Channel, str]:
        """Argo's names of parameters: letters, digits, ``-`` and ``_``."""
        found: dict[Channel, str] = {}
        for channel in dict.fromkeys(c for j in self.jobs.values() for c in (*j.takes, *j.gives)):
            whole = f"{channel.kind}-{channel.name}"
            fits = whole.isascii() and all(c.isalnum() or c in "-_" for c in whole)
            found[channel] = (
                whole
                if fits
                else f"{channel.kind}-{self._keys(channel.name)}-{hashlib.sha256(whole.encode()).hexdigest()[:4]}"
            )
        for parameter in self.pipeline.parameters:
            found.setdefault(Channel("parameter", parameter.name), f"parameter-{parameter.name}")
        return found

    def task(self, node: Job | Block) -> str:
        """The name of the task; a loop may have the name of the step that makes its items."""
        same = isinstance(node, Block) and node.name in self.jobs
        return self.tasks(f"{node.name} block" if same else node.name)

    def key(self, channel: Channel) -> str:
        return self.keys[channel]

    # ---------------------------------------------------------------- one DAG template
    def dag(
        self,
        block: Block,
        name: str,
        inputs: tuple[Channel, ...] = (),
        outputs: tuple[Channel, ...] = (),
    ) -> None:
        """Write the template of a block, and those of the blocks in it."""
        sources = {
            c: _Source(f"inputs.parameters['{self.key(c)}']", f"{{{{inputs.parameters.{self.key(c)}}}}}")
            for c in inputs
        }
        placed = [(n, g) for n, g in _flat(block, ()) if n.name not in self.kept]
        for job in self.jobs.values():
            for channel in job.gives if job.name in self.kept else ():
                value = self.kept[job.name].get(leaf.output_of(job, channel), "")
                sources[channel] = _Source(quoted(value), value)
        homes: dict[str, str] = {}
        for node, _ in placed:
            task = self.task(node)
            jobs = (node,) if isinstance(node, Job) else tuple(jobs_in(node))
            self.inside[task] = _joined(self.inside.get(task, ()), jobs)
            for job in jobs:
                homes[job.name] = task
                for channel in job.gives:
                    output = leaf.output_of(job, channel) if isinstance(node, Job) else self.key(channel)
                    sources[channel] = _Source(
                        f"tasks['{task}'].outputs.parameters['{output}']",
                        f"{{{{tasks.{task}.outputs.parameters.{output}}}}}",
                        task,
                    )
        scope = _Scope(self, sources, homes, {self.task(n) for n, _ in placed if isinstance(n, Job)})
        index = len(self.dags)
        self.dags.append({})
        tasks = [scope.task(node, gates) for node, gates in placed]
        body: dict[str, Any] = {"name": name}
        if inputs:
            body["inputs"] = {"parameters": [{"name": self.key(c)} for c in inputs]}
        given = [{"name": self.key(c), "valueFrom": {"parameter": sources[c].plain, "default": ""}} for c in outputs]
        if block.kind == "guard":
            given.append(ENDED)
        if given:
            body["outputs"] = {"parameters": given}
        body["dag"] = {"tasks": tasks}
        self.dags[index] = body

    def needs(self, block: Block) -> tuple[Channel, ...]:
        """What a block takes from around it; parameters are everywhere."""
        return tuple(c for c in needs_of(block) if c.kind != "parameter")


@dataclass
class _Scope:
    """One DAG template while its tasks are written."""

    made: _Manifest
    sources: dict[Channel, _Source]
    homes: dict[str, str]  #: the task in which a step of this template or of its blocks stands
    leaves: set[str]  #: tasks that are steps

    def task(self, node: Job | Block, gates: tuple[Gate, ...]) -> dict[str, Any]:
        return self._job(node, gates) if isinstance(node, Job) else self._block(node, gates)

    def _job(self, job: Job, gates: tuple[Gate, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.made.task(job), "template": self.made.leaves.of(job)}
        strict = {n for n, s in job.waits if s}
        depends = {self.homes[n]: n in strict and self.homes[n] in self.leaves for n, _ in job.waits if n in self.homes}
        when = [self._open(g, depends) for g in gates if g.decided]
        for channel in job.takes:
            if channel.kind in ("pack", "text") and channel.name.split(".")[0] in strict:
                source = self.sources[channel]
                if source.task not in self.leaves and channel.kind == "pack":
                    when.append(f"{self._value(channel, depends)} != ''")
        self._order(found, depends, when)
        found["arguments"] = self._arguments(job, depends)
        return found

    def _arguments(self, job: Job, depends: dict[str, bool]) -> dict[str, Any]:
        if job.native:
            texts = [{"name": i.name, "value": self._text(job, i, depends)} for i in job.step.inputs]
            return {"parameters": texts} if texts else {}
        pairs = [f"'{self.made.key(c)}': {self._value(c, depends)}" for c in job.takes]
        told = self.made.told[job.name]
        parameters = [{"name": "given", "value": "{{=toJson({%s})}}" % ", ".join(pairs) if pairs else "{}"}]
        if self.made.leaves.cached(job):
            parameters.append(
                {"name": "code", "value": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}
            )
        artifacts: list[dict[str, Any]] = [{"name": "step", "raw": {"data": leaf.code(told)}}]
        way = self.made.options.values
        if way != "parameters":
            parameters.append({"name": "task", "value": self.made.task(job)})
            steps = [c.name for c in job.takes if c.kind == "pack"] if not way.startswith("volume:") else []
            for number, name in enumerate(steps, 1):
                key = f"kfnb/{{{{workflow.uid}}}}/{self.made.task(self.made.jobs[name])}"
                artifacts.append({"name": f"pack-{number}", "optional": True, way: {"key": key}})
        return {"parameters": parameters, "artifacts": artifacts}

    def _text(self, job: Job, item: Input, depends: dict[str, bool]) -> str:
        ref = item.ref
        if isinstance(ref, Constant):
            return parameter_text(ref.value, "str" if isinstance(ref.value, str) else "any")
        if isinstance(ref, ParameterRef):
            return "{{workflow.parameters.%s}}" % self.made.key(Channel("parameter", ref.name))[len("parameter-") :]
        channel = Channel("text", f"{ref.step}.{ref.name}")  # type: ignore[union-attr]  # see lowering: native steps take no others
        return "{{=%s}}" % self._value(channel, depends)

    def _value(self, channel: Channel, depends: dict[str, bool]) -> str:
        """The expression of a channel; nothing where its task was skipped."""
        if channel.kind == "parameter":
            return f"workflow.parameters['{self.made.key(channel)[len('parameter-') :]}']"
        source = self.sources[channel]
        if not source.task or depends.get(source.task):
            return source.expression
        return f"(tasks['{source.task}'].status == 'Succeeded' ? {source.expression} : '')"

    def _open(self, gate: Gate, depends: dict[str, bool]) -> str:
        """Whether a branch is taken. The first one also runs when the condition is broken: its steps say so."""
        channel = Channel("choice", gate.condition)
        choice = self._value(channel, depends)
        if gate.branch:
            return f"{choice} == '{gate.branch}'"
        count = self._branches(gate.condition)
        sure = depends.get(self.sources[channel].task, False)
        return " && ".join(f"{choice} != '{c}'" for c in (*(() if sure else ("",)), "none", *map(str, range(1, count))))

    def _branches(self, condition: str) -> int:
        numbers = [g.branch for j in self.made.jobs.values() for g in j.gates if g.condition == condition]
        return max(numbers) + 1

    def _order(self, found: dict[str, Any], depends: dict[str, bool], when: list[str]) -> None:
        terms = [
            f"{t}.Succeeded" if strict else f"({t}.Succeeded || {t}.Skipped || {t}.Omitted)"
            for t, strict in depends.items()
        ]
        if terms:
            found["depends"] = " && ".join(terms)
        if when:
            found["when"] = "{{= %s }}" % " && ".join(dict.fromkeys(when))

    # ---------------------------------------------------------------- loops and guards
    def _block(self, block: Block, gates: tuple[Gate, ...]) -> dict[str, Any]:
        made = self.made
        name = made.names.new(f"{block.name}-{block.kind}")
        needs, exports = made.needs(block), exports_of(block, made.root)
        depends = self._block_waits(block, needs)
        found: dict[str, Any] = {"name": made.task(block), "template": name}
        self._order(found, depends, [self._open(g, depends) for g in gates if g.decided])
        arguments = {
            c: f"{{{{={self._value(c, depends)}}}}}" if self.sources[c].task else self.sources[c].plain for c in needs
        }
        if block.kind == "guard":
            body = replace(block, handler=None)
            made.dag(body, name, made.needs(body), exports)
            arguments = {c: a for c, a in arguments.items() if c in made.needs(body)}
            if block.handler is not None and block.handler.nodes:
                found["hooks"] = {"exit": self._hook(block, block.handler, depends)}
        else:
            found["withParam"], item = self._items(block), Channel("item", block.name)
            arguments = {c: a for c, a in arguments.items() if c != block.items}
            inner = tuple(c for c in needs if c != block.items)
            if block.parallelism:
                self._limited(block, name, inner, item, exports, found, arguments)
                return found
            arguments[item] = "{{item}}"
            made.dag(block, name, (*inner, item), exports)
        if arguments:
            found["arguments"] = {"parameters": [{"name": made.key(c), "value": a} for c, a in arguments.items()]}
        return found

    def _limited(
        self, block: Block, name: str, inner: tuple[Channel, ...], item: Channel, exports: tuple[Channel, ...],
        found: dict[str, Any], arguments: dict[Channel, str],
    ) -> None:  # fmt: skip
        """A loop of its own pace: a template around it that has the limit."""
        made = self.made
        each = made.names.new(f"{block.name}-each")
        passed = [{"name": made.key(c), "value": f"{{{{inputs.parameters.{made.key(c)}}}}}"} for c in inner]
        task = {
            "name": "each",
            "template": each,
            "withParam": "{{inputs.parameters.items}}",
            "arguments": {"parameters": [*passed, {"name": made.key(item), "value": "{{item}}"}]},
        }
        body: dict[str, Any] = {
            "name": name,
            "inputs": {"parameters": [{"name": made.key(c)} for c in inner] + [{"name": "items"}]},
        }
        if exports:
            body["outputs"] = {
                "parameters": [
                    {
                        "name": made.key(c),
                        "valueFrom": {
                            "parameter": f"{{{{tasks.each.outputs.parameters.{made.key(c)}}}}}",
                            "default": "[]",
                        },
                    }
                    for c in exports
                ]
            }
        made.dags.append({**body, "parallelism": block.parallelism, "dag": {"tasks": [task]}})
        made.dag(block, each, (*inner, item), exports)
        given = [{"name": made.key(c), "value": a} for c, a in arguments.items()]
        found["arguments"] = {"parameters": [*given, {"name": "items", "value": found.pop("withParam")}]}

    def _block_waits(self, block: Block, needs: tuple[Channel, ...]) -> dict[str, bool]:
        inside = {j.name for j in jobs_in(block)}
        steps = dict.fromkeys(n for j in jobs_in(block) for n, _ in j.waits if n not in inside)
        depends = {self.homes[n]: False for n in steps if n in self.homes}
        for channel in needs:
            task = self.sources[channel].task
            if task:
                depends.setdefault(task, False)
        if (
            isinstance(block.items, Channel)
            and block.items.kind == "list"
            and self.sources[block.items].task in self.leaves
        ):
            depends[self.sources[block.items].task] = True
        return depends

    def _items(self, block: Block) -> str:
        if isinstance(block.items, Channel):
            if block.items.kind == "parameter":
                return "{{workflow.parameters.%s}}" % self.made.key(block.items)[len("parameter-") :]
            return self.sources[block.items].plain
        return json.dumps([str(i) for i in range(len(block.items or ()))] or [NO_ITEM])

    def _hook(self, block: Block, handler: Block, depends: dict[str, bool]) -> dict[str, Any]:
        made = self.made
        name = made.names.new(handler.name)
        status = Channel("status", block.name)
        inner = made.needs(handler)
        made.dag(handler, name, inner)
        arguments = []
        for channel in inner:
            if channel == status:
                value = "{{tasks.%s.status}}" % made.task(block)
            else:
                source = self.sources[channel]
                value = source.plain if not source.task else f"{{{{={self._value(channel, depends)}}}}}"
            arguments.append({"name": made.key(channel), "value": value})
        return {"template": name, **({"arguments": {"parameters": arguments}} if arguments else {})}


def quoted(text: str) -> str:
    """A text in Argo's expression language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _flat(block: Block, gates: tuple[Gate, ...]) -> Any:
    """The jobs, loops and guards of a block, each with the branches it stands in; Argo needs no template for a branch."""
    for node in block.nodes:
        if isinstance(node, Block) and node.kind == "branch":
            yield from _flat(node, (*gates, node.gate) if node.gate is not None else gates)
        else:
            yield node, gates


def _joined(first: tuple[Job, ...], second: tuple[Job, ...]) -> tuple[Job, ...]:
    known = {j.name for j in first}
    return (*first, *(j for j in second if j.name not in known))
