"""Tasks of a DAG: steps, loops, branches, and guards with their exit handlers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, block_inputs, block_outputs, jobs_in
from kfnb.engines.cluster.lowering.literal_texts import parameter_text
from kfnb.engines.kfp.ir.component_executors import Json, choice_input
from kfnb.engines.kfp.ir.ir_context import IrContext
from kfnb.pipeline.model import Constant, ParameterRef
from kfnb.runtime.pods.handover.resolve_references import NO_ITEM

#: Emits the DAG component of a block, given the names of its inputs and the channels that it exports.
EmitDag = Callable[[Block, dict[Channel, str], tuple[Channel, ...]], Json]
RETRY = {"backoffDuration": "5s", "backoffFactor": 2.0, "backoffMaxDuration": "3600s"}


@dataclass(frozen=True)
class Source:
    """Where a DAG finds a channel.

    It is an output of a task, an input of the DAG itself (``task`` is empty), or a ``constant`` from an earlier run. ``collected`` says
    that the channel carries a list with one value for each iteration.
    """

    task: str
    key: str
    collected: bool = False
    constant: Any = None


@dataclass
class TaskEmitter:
    """Emits the tasks of one DAG.

    Parameters
    ----------
    task_of
        For each step of this DAG, and of the blocks inside it, the task that contains it.
    """

    context: IrContext
    sources: dict[Channel, Source]
    task_of: dict[str, str]
    emit_dag: EmitDag

    def tasks(self, node: Job | Block) -> Iterator[tuple[str, Json]]:
        if isinstance(node, Job):
            yield self.context.task(node), self.step(node)
        elif node.kind == "guard":
            yield from self._guard(node)
        else:
            yield self.context.task(node), self._block(node)

    def step(self, job: Job, exit_of: str = "") -> Json:
        """The task of a step. ``exit_of``: the task whose exit handler it is."""
        context = self.context
        wiring = context.wirings[job.name]
        status = next((f"status-{c.name}" for c in job.inputs if c.kind == "status"), "")
        inputs = self._plain_inputs(job) if job.plain_container else self._inputs(wiring.keys)
        if context.executors.grouped(job):
            inputs.setdefault("parameters", {})["step"] = {"runtimeValue": {"constant": context.executors.delta(job)}}
        if status:
            value: Json = {"taskFinalStatus": {"producerTask": exit_of}}
            if not exit_of:
                value = self._value(next(c for c in job.inputs if c.kind == "status"))
            inputs.setdefault("parameters", {})[status] = value
        task: Json = {"componentRef": {"name": context.executors.component(job, wiring, status)}}
        waits = (
            [exit_of]
            if exit_of
            else sorted({self.task_of[n] for n, _ in job.depends if n in self.task_of} - {context.task(job)})
        )
        if waits:
            task["dependentTasks"] = waits
        if inputs:
            task["inputs"] = inputs
        if context.caches(job):
            task["cachingOptions"] = {"enableCache": True}
        if job.step.settings.retry:
            task["retryPolicy"] = {"maxRetryCount": job.step.settings.retry, **RETRY}
        if exit_of:
            task["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        return {**task, "taskInfo": {"name": context.task(job)}}

    def _plain_inputs(self, job: Job) -> Json:
        parameters: Json = {}
        for item in job.step.inputs:
            ref = item.ref
            if isinstance(ref, Constant):
                parameters[item.name] = {"runtimeValue": {"constant": _constant_text(ref.value)}}
            elif isinstance(ref, ParameterRef):
                parameters[item.name] = self._value(Channel("parameter", ref.name))
            else:
                parameters[item.name] = self._value(Channel("text", f"{ref.step}.{ref.name}"))  # type: ignore[union-attr]  # a plain container has no other references
        for gate in self.context.executors.entered.get(job.name, ()):
            parameters[choice_input(gate)] = self._value(Channel("choice", gate.condition))
        return {"parameters": parameters} if parameters else {}

    def _inputs(self, keys: dict[Channel, str]) -> Json:
        artifacts = {k: self._value(c) for c, k in keys.items() if c.kind == "pack"}
        parameters = {k: self._value(c) for c, k in keys.items() if c.kind != "pack"}
        return {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}

    def _value(self, channel: Channel) -> Json:
        source = self.sources[channel]
        word = "Artifact" if channel.kind == "pack" else "Parameter"
        if source.constant is not None:
            return {"runtimeValue": {"constant": source.constant}}
        if not source.task:
            return {f"componentInput{word}": source.key}
        return {f"taskOutput{word}": {"producerTask": source.task, f"output{word}Key": source.key}}

    def _reused_value(self, channel: Channel) -> Any:
        """The value of a channel that an earlier run handed on; ``None`` when the channel is produced in this run."""
        return self.sources[channel].constant if channel in self.sources else None

    # ---------------------------------------------------------------- blocks
    def _block(self, block: Block, handles: str = "") -> Json:
        """The task of a loop, a branch, a guard's body or a handler. ``handles``: the task whose handler it is."""
        context = self.context
        loops = context.loops_of(block)
        own = Channel("item", block.name)
        needs = {c: context.key(c) for c in block_inputs(block) if c != own}
        if block.gate is not None:
            channel = Channel("choice", block.gate.condition)
            needs.setdefault(channel, context.key(channel))
        if isinstance(block.items, Channel) and self._reused_value(block.items) is None:
            needs.setdefault(block.items, context.key(block.items))
        outer = {**needs, own: context.key(own)} if block.kind == "loop" else needs
        name = f"comp-{context.dag_names.new(f'{block.name} {block.kind}')}"
        context.dags[name] = {}
        definitions = context.input_definitions(outer, loops)
        body = self.emit_dag(block, outer, block_outputs(block, context.root))
        context.dags[name] = {**body, **definitions}
        status = next((c for c in needs if c.kind == "status" and handles), None)
        inputs = self._inputs({c: k for c, k in needs.items() if c != status})
        if status is not None:
            key = context.key(status)
            inputs.setdefault("parameters", {})[key] = {"taskFinalStatus": {"producerTask": handles}}
            context.dags[name].setdefault("inputDefinitions", {}).setdefault("parameters", {})[key] = {
                "parameterType": "TASK_FINAL_STATUS",
                "isOptional": True,
            }
        task: Json = {"componentRef": {"name": name}}
        inside = {j.name for j in jobs_in(block)}
        waits = {self.task_of[n] for j in jobs_in(block) for n, _ in j.depends if n in self.task_of and n not in inside}
        waits |= {self.sources[c].task for c in needs if c in self.sources and self.sources[c].task}
        if handles:
            waits = {handles}
        if waits:
            task["dependentTasks"] = sorted(waits)
        if inputs:
            task["inputs"] = inputs
        if block.kind == "loop":
            task["parameterIterator"] = {"itemInput": context.key(own), "items": self._items(block)}
            if block.parallelism:
                task["iteratorPolicy"] = {"parallelismLimit": block.parallelism}
        if block.gate is not None and block.kind == "branch":
            task["triggerPolicy"] = {"condition": self._condition(block)}
        if handles:
            task["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        return {**task, "taskInfo": {"name": context.task(block)}}

    def _items(self, block: Block) -> Json:
        if isinstance(block.items, Channel):
            reused = self._reused_value(block.items)
            return {"inputParameter": self.context.key(block.items)} if reused is None else {"raw": json.dumps(reused)}
        return {"raw": json.dumps([str(i) for i in range(len(block.items or ()))] or [NO_ITEM])}

    def _condition(self, block: Block) -> str:
        """The condition of a branch in CEL.

        When it cannot be evaluated, the steps of the first branch fail with the reason. Containers without our runtime would run, so where the
        branch has one, its driver fails: the reason is none of the choices, and the driver says so with its text.
        """
        assert block.gate is not None
        value = f"inputs.parameter_values['{self.context.key(Channel('choice', block.gate.condition))}']"
        numbers = [g.branch for j in self.context.jobs.values() for g in j.gates if g.condition == block.gate.condition]
        if any(j.plain_container for j in jobs_in(block)):
            taken = {"none": False, **{str(n): n == block.gate.branch for n in range(max(numbers) + 1)}}
            return "{%s}[%s]" % (", ".join(f"'{c}': {str(t).lower()}" for c, t in taken.items()), value)
        if block.gate.branch:
            return f"{value} == '{block.gate.branch}'"
        return " && ".join(f"{value} != '{c}'" for c in ("none", *map(str, range(1, max(numbers) + 1))))

    def _guard(self, block: Block) -> Iterator[tuple[str, Json]]:
        """A guard's body and its handler."""
        context = self.context
        assert block.handler is not None
        body = replace(block, handler=None)
        yield context.task(block), self._block(body)
        if not block.handler.nodes:
            return
        first = block.handler.nodes[0]
        if len(block.handler.nodes) == 1 and isinstance(first, Job):
            yield context.task(first), self.step(first, context.task(block))
        else:
            yield context.task(block.handler), self._block(block.handler, context.task(block))


def _constant_text(value: Any) -> str:
    return parameter_text(value, "str" if isinstance(value, str) else "any")
