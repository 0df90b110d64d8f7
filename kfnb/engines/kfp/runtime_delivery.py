"""Delivery of the runtime to steps: from the pack of an earlier step, so that it need not be in their own arguments.

The backend writes the arguments of a step into the Workflow's specification once, and into its status four times for each pod of the
step: twice for its driver, for the DAG around the pod, and for the pod. A step with retries has a node more, and a pod for each attempt. The controller keeps a Workflow only below 1 MiB (argo-workflows `workflow/packer`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Job, blocks_in, jobs_in, steps_of_pod
from kfnb.pipeline.model import Step

RUNTIME = "kfnb-runtime"  #: the step that delivers the runtime when many pods wait for no other step
COPIES = 4  #: how often the status of a Workflow has the arguments of a pod
INLINE = 3 * COPIES  #: how often it may have the runtime
LOOP = 10  #: how many items a loop is taken to have when only the run knows them


def deliver_runtime(root: Block) -> Block:
    """The same blocks, in which every step that runs after another step reads its pack, even when it needs no value from it."""
    jobs = {j.name: j for j in jobs_in(root)}
    loops = {b.name: b for b in blocks_in(root) if b.kind == "loop"}
    makers = {c: j.name for j in jobs.values() for c in j.outputs if c.kind == "list"}
    carriers = {
        j.name: name
        for j in jobs.values()
        if not _has_pack(j) and (name := _carrier(j, jobs, loops, makers)) is not None
    }
    bare = [j for j in jobs.values() if not j.plain_container and not _has_pack(j) and j.name not in carriers]
    first = None
    if sum(pods_of(j, loops, LOOP) * _copies(j) for j in bare) > INLINE:
        # outside of loops, an exit handler has the runtime itself: a driver more for its guard would cost as much
        delivered_to = [j.name for j in bare if j.loops or not j.in_handler]
        carriers.update(dict.fromkeys(delivered_to, RUNTIME))
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
            carrier = jobs[carriers[job.name]] if carriers[job.name] != RUNTIME else None
            inputs = (*inputs, Channel("pack", RUNTIME) if carrier is None else _first_pack(carrier))
            depends = depends if carriers[job.name] in dict(depends) else (*depends, (carriers[job.name], True))
        members = job.members
        if job.name in carriers_used and _first_pack(job) not in outputs:
            outputs = (_first_pack(job), *outputs)
            first_outputs = (_first_pack(job), *members[0].outputs) if members else ()
            members = (replace(members[0], outputs=first_outputs), *members[1:]) if members else ()
        return replace(job, inputs=inputs, outputs=outputs, depends=depends, members=members)

    delivered = _mapped(root, changed)
    return delivered if first is None else replace(delivered, nodes=(first, *delivered.nodes))


def with_all_packs(root: Block) -> Block:
    """The same blocks, in which every step hands on a pack. In a value store at a URL, a step has its place by the URI of its pack."""

    def changed(job: Job) -> Job:
        pack = Channel("pack", job.name)
        return job if job.plain_container or pack in job.outputs else replace(job, outputs=(pack, *job.outputs))

    return _mapped(root, changed)


def _first_pack(job: Job) -> Channel:
    """The pack of a step, or of the first step of a pod."""
    return Channel("pack", steps_of_pod(job)[0].name)


def _has_pack(job: Job) -> bool:
    return any(c.kind == "pack" for c in job.inputs)


def _carrier(job: Job, jobs: dict[str, Job], loops: dict[str, Block], makers: dict[Channel, str]) -> str | None:
    """A step that always runs before this one, and whose loops are also around this one: it depends on it, or loops over its list."""
    if job.plain_container:
        return None
    items = [loops[n].items for n in job.loops]
    for name in (*(n for n, _ in job.depends), *(makers[c] for c in items if isinstance(c, Channel) and c in makers)):
        other = jobs[name]
        if not other.plain_container and other.loops == job.loops[: len(other.loops)]:
            return name
    return None


def _copies(job: Job) -> int:
    """How often the status has the arguments of a step when all attempts are needed."""
    retries = job.step.settings.retry or 0
    return COPIES + (1 + retries if retries else 0)


def pods_of(job: Job, loops: dict[str, Block], unknown: int) -> int:
    """How many pods a step has when no attempt fails. ``unknown`` is the number of items of a loop where only the run knows it."""
    items = [loops[n].items for n in job.loops]
    return prod(unknown if i is None or isinstance(i, Channel) else max(1, len(i)) for i in items)


def _mapped(block: Block, change: Callable[[Job], Job]) -> Block:
    nodes = tuple(change(n) if isinstance(n, Job) else _mapped(n, change) for n in block.nodes)
    return replace(block, nodes=nodes, handler=None if block.handler is None else _mapped(block.handler, change))
