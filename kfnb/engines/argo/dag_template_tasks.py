"""Tasks of a DAG template: steps, loops, guards and their exit hooks, with their ``depends`` and ``when``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from kfnb.engines.argo.coded_expressions import quoted
from kfnb.engines.argo.container_templates import compress_spec
from kfnb.engines.argo.task_conditions import TaskConditions, failure_of, is_error, unless_broken
from kfnb.engines.argo.workflow_context import WorkflowContext
from kfnb.engines.cluster.lowering.jobs_and_blocks import (
    Block,
    Channel,
    Gate,
    Job,
    block_inputs,
    block_outputs,
    jobs_in,
)
from kfnb.engines.cluster.lowering.literal_texts import parameter_text
from kfnb.pipeline.model import Constant, Input, ParameterRef
from kfnb.runtime.pods.handover.resolve_references import NO_ITEM

#: An argument of Workflows with exit handlers. `kfnb cancel` sets it to `CANCELLED`, because Argo's state of a cancelled block is Failed.
CANCEL_PARAMETER = "kfnb-cancelled"

#: Emits the DAG template of a block under a name, with its inputs and outputs.
EmitDag = Callable[[Block, str, tuple[Channel, ...], tuple[Channel, ...]], None]


@dataclass(frozen=True)
class Source:
    """Where a DAG template finds a channel.

    Parameters
    ----------
    expression
        The channel in Argo's expression language.
    output
        The channel as an output of the template: Argo's ``valueFrom``.
    task
        The task of the template that produces the channel; empty when it comes from outside.
    """

    expression: str
    output: dict[str, str]
    task: str = ""


@dataclass
class TaskEmitter:
    """Emits the tasks of one DAG template.

    Parameters
    ----------
    task_of
        For each step of this template, and of the blocks inside it, the task that contains it.
    steps
        The tasks that are steps.
    """

    context: WorkflowContext
    sources: dict[Channel, Source]
    task_of: dict[str, str]
    steps: set[str]
    emit_dag: EmitDag
    conditions: TaskConditions = field(default_factory=TaskConditions)

    def task(self, node: Job | Block, gates: tuple[Gate, ...]) -> dict[str, Any]:
        return self._job(node, gates) if isinstance(node, Job) else self._block(node, gates)

    def _job(self, job: Job, gates: tuple[Gate, ...]) -> dict[str, Any]:
        task: dict[str, Any] = {"name": self.context.task(job), "template": self.context.containers.of(job)}
        strict = {n for n, s in job.depends if s}
        depends = {
            self.task_of[n]: n in strict and self.task_of[n] in self.steps for n, _ in job.depends if n in self.task_of
        }
        when = [self._branch_runs(g, depends) for g in gates if g.decided]
        for channel in job.inputs:
            if channel.kind in ("pack", "text") and self.context.pod_of(channel.name.split(".")[0]) in strict:
                source = self.sources[channel]
                if source.task not in self.steps and channel.kind == "pack":
                    when.append(f"{self._value(channel, depends)} != ''")
        self.conditions.add(task, depends, when, broken=self._broken(gates, depends))
        task["arguments"] = self._arguments(job, depends)
        return task

    def _arguments(self, job: Job, depends: dict[str, bool]) -> dict[str, Any]:
        if job.plain_container:
            texts = [{"name": i.name, "value": self._input_text(job, i, depends)} for i in job.step.inputs]
            return {"parameters": texts} if texts else {}
        pairs = [f"'{self.context.key(c)}': {self._value(c, depends)}" for c in job.inputs]
        spec = self.context.runtime_specs[job.name]
        parameters = [{"name": "given", "value": tag("toJson({%s})" % ", ".join(pairs)) if pairs else "{}"}]
        if self.context.containers.cached(job):
            parameters.append(
                {"name": "code", "value": hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()}
            )
        artifacts: list[dict[str, Any]] = [{"name": "step", "raw": {"data": compress_spec(spec)}}]
        passing = self.context.options.values
        if passing != "parameters":
            parameters.append({"name": "task", "value": self.context.task(job)})
            by_artifact = self.context.options.artifact_kind
            steps = [c.name for c in job.inputs if c.kind == "pack"] if by_artifact else []
            for number, name in enumerate(steps, 1):
                key = f"kfnb/{{{{workflow.uid}}}}/{self.context.task(self.context.jobs[self.context.pod_of(name)])}"
                artifacts.append({"name": f"pack-{number}", "optional": True, by_artifact: {"key": key}})
        return {"parameters": parameters, "artifacts": artifacts}

    def _input_text(self, job: Job, item: Input, depends: dict[str, bool]) -> str:
        ref = item.ref
        if isinstance(ref, Constant):
            return parameter_text(ref.value, "str" if isinstance(ref.value, str) else "any")
        if isinstance(ref, ParameterRef):
            return tag(f"workflow.parameters['{self.context.argument_name(ref.name)}']")
        channel = Channel("text", f"{ref.step}.{ref.name}")  # type: ignore[union-attr]  # a plain container has no other references
        return tag(self._value(channel, depends))

    def _value(self, channel: Channel, depends: dict[str, bool]) -> str:
        """The expression of a channel: an empty text where its task was skipped."""
        if channel.kind == "parameter":
            return f"workflow.parameters['{self.context.argument_name(channel.name)}']"
        source = self.sources[channel]
        if not source.task or depends.get(source.task):
            return source.expression
        return f"(tasks['{source.task}'].status == 'Succeeded' ? {source.expression} : '')"

    def _branch_runs(self, gate: Gate, depends: dict[str, bool]) -> str:
        """The expression that says whether a branch is taken."""
        return f"{self._value(Channel('choice', gate.condition), depends)} == '{gate.branch}'"

    def _broken(self, gates: tuple[Gate, ...], depends: dict[str, bool]) -> dict[str, str]:
        """By an expression that says that a condition cannot be evaluated, the one with what the controller then says."""
        choices = {g: self._value(Channel("choice", g.condition), depends) for g in gates if g.decided}
        return {is_error(c): failure_of(g.condition, c) for g, c in choices.items()}

    # ---------------------------------------------------------------- loops and guards
    def _block(self, block: Block, gates: tuple[Gate, ...]) -> dict[str, Any]:
        context = self.context
        name = context.template_names.new(f"{block.name}-{block.kind}")
        needs, exports = template_inputs(block), block_outputs(block, context.root)
        depends = self._block_depends(block, needs)
        task: dict[str, Any] = {"name": context.task(block), "template": name}
        has_items = isinstance(block.items, tuple) and bool(block.items)
        when = [self._branch_runs(g, depends) for g in gates if g.decided]
        broken = self._broken(gates, depends)
        self.conditions.add(task, depends, when, block.kind == "loop" and not has_items, broken)
        arguments = {c: tag(self._value(c, depends)) for c in needs}
        if block.kind == "guard":
            body = replace(block, handler=None)
            self.emit_dag(body, name, template_inputs(body), exports)
            arguments = {c: a for c, a in arguments.items() if c in template_inputs(body)}
            if block.handler is not None and block.handler.nodes:
                task["hooks"] = {"exit": self._hook(block, block.handler, depends)}
        else:
            # Of a task with items, the controller reads the items although its `when` is no condition.
            task["withParam"], item = tag(unless_broken(broken, self._items(block))), Channel("item", block.name)
            arguments = {c: a for c, a in arguments.items() if c != block.items}
            inner = tuple(c for c in needs if c != block.items)
            if block.parallelism:
                self._limit_parallelism(block, name, inner, item, exports, task, arguments)
                return task
            arguments[item] = "{{item}}"
            self.emit_dag(block, name, (*inner, item), exports)
        if arguments:
            task["arguments"] = {"parameters": [{"name": context.key(c), "value": a} for c, a in arguments.items()]}
        return task

    def _limit_parallelism(
        self, block: Block, name: str, inner: tuple[Channel, ...], item: Channel, exports: tuple[Channel, ...],
        task: dict[str, Any], arguments: dict[Channel, str],
    ) -> None:  # fmt: skip
        """Put a template with the limit around a loop that has one: ``parallelism`` limits the tasks of a whole template."""
        context = self.context
        each = context.template_names.new(f"{block.name}-each")
        passed = [{"name": context.key(c), "value": tag(f"inputs.parameters['{context.key(c)}']")} for c in inner]
        task = {
            "name": "each",
            "template": each,
            "withParam": "{{inputs.parameters.items}}",
            "arguments": {"parameters": [*passed, {"name": context.key(item), "value": "{{item}}"}]},
        }
        body: dict[str, Any] = {
            "name": name,
            "inputs": {"parameters": [{"name": context.key(c)} for c in inner] + [{"name": "items"}]},
        }
        if exports:
            body["outputs"] = {
                "parameters": [
                    {
                        "name": context.key(c),
                        "valueFrom": {
                            "parameter": f"{{{{tasks.each.outputs.parameters.{context.key(c)}}}}}",
                            "default": "[]",
                        },
                    }
                    for c in exports
                ]
            }
        context.dag_templates.append(
            {**body, "parallelism": block.parallelism, "dag": {"failFast": False, "tasks": [task]}}
        )
        self.emit_dag(block, each, (*inner, item), exports)
        parameters = [{"name": context.key(c), "value": a} for c, a in arguments.items()]
        task["arguments"] = {"parameters": [*parameters, {"name": "items", "value": task.pop("withParam")}]}

    def _block_depends(self, block: Block, needs: tuple[Channel, ...]) -> dict[str, bool]:
        inside = {j.name for j in jobs_in(block)}
        steps = dict.fromkeys(n for j in jobs_in(block) for n, _ in j.depends if n not in inside)
        depends = {self.task_of[n]: False for n in steps if n in self.task_of}
        for channel in needs:
            task = self.sources[channel].task
            if task:
                depends.setdefault(task, False)
        if (
            isinstance(block.items, Channel)
            and block.items.kind == "list"
            and self.sources[block.items].task in self.steps
        ):
            depends[self.sources[block.items].task] = True
        return depends

    def _items(self, block: Block) -> str:
        """The expression of the items of a loop."""
        if isinstance(block.items, Channel):
            if block.items.kind == "parameter":
                # The indexes of the list's elements. Argo would insert the elements themselves into the template, and read them.
                items = f"workflow.parameters['{self.context.argument_name(block.items.name)}']"
                return f"toJson(0..(len(fromJSON({items})) - 1))"
            return self.sources[block.items].expression
        return quoted(json.dumps([str(i) for i in range(len(block.items or ()))] or [NO_ITEM]))

    def _hook(self, block: Block, handler: Block, depends: dict[str, bool]) -> dict[str, Any]:
        context = self.context
        name = context.template_names.new(handler.name)
        status = Channel("status", block.name)
        inner = template_inputs(handler)
        self.emit_dag(handler, name, inner, ())
        arguments = []
        for channel in inner:
            if channel == status:
                value = "{{tasks.%s.status}}{{workflow.parameters.%s}}" % (context.task(block), CANCEL_PARAMETER)
            else:
                value = tag(self._value(channel, depends))
            arguments.append({"name": context.key(channel), "value": value})
        return {"template": name, **({"arguments": {"parameters": arguments}} if arguments else {})}


def tag(expression: str) -> str:
    """A template tag with an expression. A tag with a name alone breaks the template where the value has certain control characters."""
    return "{{=%s}}" % expression


def template_inputs(block: Block) -> tuple[Channel, ...]:
    """The channels that a block gets from outside of it. Parameters are not among them: every template reads those directly."""
    return tuple(c for c in block_inputs(block) if c.kind != "parameter")
