"""Which pack brings a step the runtime: it need not stand in the step's own arguments then.

The backend writes the arguments of every step several times into the Workflow, which etcd limits to 1.5 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, blocks_in, jobs_in
from kfnb.pipeline.model import Step

RUNTIME = "kfnb-runtime"  #: the step that brings the runtime where many steps begin with nothing
INLINE = 4  #: steps that may have the runtime in their arguments


def carried(root: Block) -> Block:
    """The same blocks, where every step that waits for another takes its pack, whether it needs a value of it or not."""
    jobs = {j.name: j for j in jobs_in(root)}
    carriers = {j.name: name for j in jobs.values() if not _has_pack(j) and (name := _carrier(j, jobs)) is not None}
    handlers = {j.name for b in _handlers(root) for j in jobs_in(b)}
    bare = [
        j.name
        for j in jobs.values()
        if not j.native and not _has_pack(j) and j.name not in carriers and j.name not in handlers
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
    givers = set(carriers.values())

    def changed(job: Job) -> Job:
        takes, gives, waits = job.takes, job.gives, job.waits
        if job.name in carriers:
            takes = (*takes, Channel("pack", carriers[job.name]))
            waits = waits if carriers[job.name] in dict(waits) else (*waits, (carriers[job.name], True))
        if job.name in givers and Channel("pack", job.name) not in gives:
            gives = (Channel("pack", job.name), *gives)
        return replace(job, takes=takes, gives=gives, waits=waits)

    found = _mapped(root, changed)
    return found if first is None else replace(found, nodes=(first, *found.nodes))


def _has_pack(job: Job) -> bool:
    return any(c.kind == "pack" for c in job.takes)


def _carrier(job: Job, jobs: dict[str, Job]) -> str | None:
    """A step that surely has run before this one, in no loop that this one does not stand in."""
    if job.native:
        return None
    for name, _ in job.waits:
        other = jobs[name]
        if not other.native and other.loops == job.loops[: len(other.loops)]:
            return name
    return None


def _handlers(block: Block) -> list[Block]:
    return [b.handler for b in blocks_in(block) if b.handler is not None]


def _mapped(block: Block, change: Callable[[Job], Job]) -> Block:
    nodes = tuple(change(n) if isinstance(n, Job) else _mapped(n, change) for n in block.nodes)
    return replace(block, nodes=nodes, handler=None if block.handler is None else _mapped(block.handler, change))
