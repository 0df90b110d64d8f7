"""DAG components of IR: one for the root, and one for every loop, guard, branch and handler that needs a DAG of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, jobs_in
from kfnb.engines.kfp.ir.component_executors import IMPORTER_OUTPUT, Json, output_of
from kfnb.engines.kfp.ir.dag_tasks import Source, TaskEmitter
from kfnb.engines.kfp.ir.ir_context import IrContext
from kfnb.engines.kfp.runtime_delivery import RUNTIME


@dataclass
class DagComponents:
    """Emits DAG components."""

    context: IrContext

    def emit(self, block: Block, inputs: dict[Channel, str], exports: tuple[Channel, ...] = ()) -> Json:
        """Emit the component of a block. ``inputs`` are its names for the channels that come from outside."""
        sources = {
            c: Source("", k, self.context.is_collected(c, self.context.loops_of(block))) for c, k in inputs.items()
        }
        task_of: dict[str, str] = {}
        nodes, tasks = self._nodes_to_run(block, sources, task_of)
        for node in nodes:
            for job in (node,) if isinstance(node, Job) else jobs_in(node):
                task_of[job.name] = self.context.task(node)
                for channel in job.outputs:
                    key = output_of(job, channel) if isinstance(node, Job) else self.context.key(channel)
                    sources[channel] = Source(
                        self.context.task(node),
                        key,
                        isinstance(node, Block) and self.context.is_collected(channel, self.context.loops_of(block)),
                    )
        emitter = TaskEmitter(self.context, sources, task_of, self.emit)
        for node in nodes:
            tasks.update(emitter.tasks(node))
        component: Json = {"dag": {"tasks": tasks}}
        outputs = self._outputs(exports, sources)
        if outputs:
            component["dag"]["outputs"] = outputs
            outer = tuple(n for n in self.context.loops_of(block) if block.kind != "loop" or n != block.name)
            component["outputDefinitions"] = self.context.channel_definitions(
                {c: self.context.key(c) for c in exports}, outer
            )
        return component

    def _nodes_to_run(
        self, block: Block, sources: dict[Channel, Source], task_of: dict[str, str]
    ) -> tuple[list[Job | Block], Json]:
        """The nodes of a block that are run, and importer tasks for the packs of reused steps that some step reads."""
        read = {c for j in self.context.jobs.values() if j.name not in self.context.reused for c in j.inputs}
        nodes: list[Job | Block] = []
        tasks: Json = {}
        for node in block.nodes:
            if not isinstance(node, Job) or node.name not in self.context.reused:
                if node.name != RUNTIME or Channel("pack", RUNTIME) in read:
                    nodes.append(node)
                continue
            task, handed_on = self.context.task(node), self.context.reused[node.name]
            for channel in node.outputs:
                if channel.kind == "pack" and channel in read:
                    sources[channel], task_of[node.name] = Source(task, IMPORTER_OUTPUT), task
                    tasks[task] = self.context.executors.importer_task(task, handed_on["pack"])
                elif channel.kind != "pack":
                    text = handed_on[output_of(node, channel)]
                    sources[channel] = Source("", "", constant=json.loads(text) if channel.kind == "list" else text)
        return nodes, tasks

    def _outputs(self, exports: tuple[Channel, ...], sources: dict[Channel, Source]) -> Json:
        artifacts: Json = {}
        parameters: Json = {}
        for channel in exports:
            source = sources[channel]
            if channel.kind == "pack":
                artifacts[self.context.key(channel)] = {
                    "artifactSelectors": [{"producerSubtask": source.task, "outputArtifactKey": source.key}]
                }
            else:
                parameters[self.context.key(channel)] = {
                    "valueFromParameter": {"producerSubtask": source.task, "outputParameterKey": source.key}
                }
        return {k: v for k, v in (("artifacts", artifacts), ("parameters", parameters)) if v}
