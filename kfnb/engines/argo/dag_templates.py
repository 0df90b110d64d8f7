"""DAG templates of a Workflow: one for the root, and one for every loop, guard and exit handler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kfnb.engines.argo.coded_expressions import coded_output, quoted
from kfnb.engines.argo.container_templates import output_of
from kfnb.engines.argo.dag_template_tasks import Source, TaskEmitter
from kfnb.engines.argo.workflow_context import WorkflowContext
from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Gate, Job, jobs_in, steps_of_pod
from kfnb.runtime.pods.handover.coded_text import always_coded

#: An output that every guard has. Older controllers resolve a hook's arguments only where the task of the hook has outputs. With
#: this output, a status that was not resolved means in a handler that the guard failed (argo-workflows
#: `workflow/controller/exit_handler.go`).
ENDED = {"name": "ended", "valueFrom": {"parameter": "{{workflow.name}}", "default": "yes"}}


@dataclass
class DagTemplates:
    """Emits DAG templates into the context. A template comes before those of the blocks inside it."""

    context: WorkflowContext

    def emit(
        self,
        block: Block,
        name: str,
        inputs: tuple[Channel, ...] = (),
        outputs: tuple[Channel, ...] = (),
    ) -> None:
        """Emit the template of a block, and those of the blocks inside it."""
        index = len(self.context.dag_templates)
        self.context.dag_templates.append({})
        nodes = [(n, gates) for n, gates in without_branches(block) if n.name not in self.context.reused]
        emitter = self._task_emitter(nodes, inputs)
        tasks = [emitter.task(node, gates) for node, gates in nodes]
        body: dict[str, Any] = {"name": name}
        if inputs:
            body["inputs"] = {"parameters": [{"name": self.context.key(c)} for c in inputs]}
        parameters = [
            {"name": self.context.key(c), "valueFrom": {**emitter.sources[c].output, "default": ""}} for c in outputs
        ]
        if block.kind == "guard":
            parameters.append(ENDED)
        if parameters:
            body["outputs"] = {"parameters": parameters}
        body["dag"] = {
            "failFast": False,
            "tasks": tasks,
        }  # what does not come after a failed task runs, whatever the time
        self.context.dag_templates[index] = body

    def _task_emitter(
        self, nodes: list[tuple[Job | Block, tuple[Gate, ...]]], inputs: tuple[Channel, ...]
    ) -> TaskEmitter:
        """The emitter of the tasks of one template. It knows where each channel comes from in this template."""
        context = self.context
        sources = {
            c: Source(
                f"inputs.parameters['{context.key(c)}']", {"parameter": f"{{{{inputs.parameters.{context.key(c)}}}}}"}
            )
            for c in inputs
        }
        for job in context.jobs.values():
            for channel in job.outputs if job.name in context.reused else ():
                value = context.reused[job.name].get(output_of(job, channel), "")
                value = quoted(always_coded(value) if job.plain_container else value)
                sources[channel] = Source(value, {"expression": value})
        task_of: dict[str, str] = {}
        for node, _ in nodes:
            task = context.task(node)
            jobs = (node,) if isinstance(node, Job) else tuple(jobs_in(node))
            steps = tuple(s for j in jobs for s in steps_of_pod(j))
            context.task_jobs[task] = _joined(context.task_jobs.get(task, ()), steps)
            for job in jobs:
                task_of[job.name] = task
                for channel in job.outputs:
                    output = output_of(job, channel) if isinstance(node, Job) else context.key(channel)
                    sources[channel] = _output_source(node, task, output)
        step_tasks = {context.task(n) for n, _ in nodes if isinstance(n, Job)}
        return TaskEmitter(context, sources, task_of, step_tasks, self.emit)


def _output_source(node: Job | Block, task: str, output: str) -> Source:
    """An output of a task. What a container without our runtime wrote is coded here, before anything reads it."""
    expression = f"tasks['{task}'].outputs.parameters['{output}']"
    if isinstance(node, Job) and node.plain_container:
        coded = coded_output(expression)
        # The output of a container that was skipped is its default, which the code would make a text.
        return Source(coded, {"expression": f"tasks['{task}'].status == 'Succeeded' ? {coded} : ''"}, task)
    return Source(expression, {"parameter": f"{{{{tasks.{task}.outputs.parameters.{output}}}}}"}, task)


def without_branches(block: Block, gates: tuple[Gate, ...] = ()) -> Iterator[tuple[Job | Block, tuple[Gate, ...]]]:
    """The jobs, loops and guards of a block, each with the gates of the branches around it: Argo needs no template for a branch."""
    for node in block.nodes:
        if isinstance(node, Block) and node.kind == "branch":
            yield from without_branches(node, (*gates, node.gate) if node.gate is not None else gates)
        else:
            yield node, gates


def _joined(first: tuple[Job, ...], second: tuple[Job, ...]) -> tuple[Job, ...]:
    names = {j.name for j in first}
    return (*first, *(j for j in second if j.name not in names))
