"""Delivery of the runtime to steps: from the pack of an earlier step, so that it need not be in their own arguments.

The backend writes the arguments of every step several times into the Workflow, which etcd limits to 1.5 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, blocks_in, jobs_in
from kfnb.pipeline.model import Step

RUNTIME = "kfnb-runtime"  #: the step that delivers the runtime when many steps depend on no other step
INLINE = 4  #: how many steps may have the runtime in their arguments


def deliver_runtime(root: Block) -> Block:
    """The same blocks, in which every step that depends on another step reads its pack, even when it needs no value from it."""
    jobs = {j.name: j for j in jobs_in(root)}
    carriers = {j.name: name for j in jobs.values() if not _has_pack(j) and (name := _carrier(j, jobs)) is not None}
    handlers = {j.name for b in _handlers(root) for j in jobs_in(b)}
    bare = [
        j.name
        for j in jobs.values()
        if not j.plain_container and not _has_pack(j) and j.name not in carriers and j.name not in handlers
    ]
    first = None
    if len(bare) > INLINE:
        carriers.update(dict.fromkeys(bare, RUNTIME))
        first = Job(
            Step(RUNTIME, ()),
            -1,
            (),
            (),
            (),
            (Channel("pack", RUNTIME),),
            (),
            {"prepare": [], "spec": {"step": RUNTIME}},
        )
    carriers_used = set(carriers.values())

    def changed(job: Job) -> Job:
        inputs, outputs, depends = job.inputs, job.outputs, job.depends
        if job.name in carriers:
            inputs = (*inputs, Channel("pack", carriers[job.name]))
            depends = depends if carriers[job.name] in dict(depends) else (*depends, (carriers[job.name], True))
        if job.name in carriers_used and Channel("pack", job.name) not in outputs:
            outputs = (Channel("pack", job.name), *outputs)
        return replace(job, inputs=inputs, outputs=outputs, depends=depends)

    delivered = _mapped(root, changed)
    return delivered if first is None else replace(delivered, nodes=(first, *delivered.nodes))


def _has_pack(job: Job) -> bool:
    return any(c.kind == "pack" for c in job.inputs)


def _carrier(job: Job, jobs: dict[str, Job]) -> str | None:
    """A step that always runs before this one, and whose loops are also around this one."""
    if job.plain_container:
        return None
    for name, _ in job.depends:
        other = jobs[name]
        if not other.plain_container and other.loops == job.loops[: len(other.loops)]:
            return name
    return None


def _handlers(block: Block) -> list[Block]:
    return [b.handler for b in blocks_in(block) if b.handler is not None]


def _mapped(block: Block, change: Callable[[Job], Job]) -> Block:
    nodes = tuple(change(n) if isinstance(n, Job) else _mapped(n, change) for n in block.nodes)
    return replace(block, nodes=nodes, handler=None if block.handler is None else _mapped(block.handler, change))
