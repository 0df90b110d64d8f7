"""Steps as a cluster runs them: what each takes from the others, and the blocks they stand in.

A cluster knows no Python values, so what can only be decided with them is decided inside a step: which version of a merged
value there is, whether a condition holds, what a loop goes over. Each step hands on one *pack* (see `kfnb.runtime.pods.handover_pack`); a
condition that one step can work out travels as the number of the branch taken (`choice`), a loop's items as a list of JSON texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kfnb.pipeline.model import (
    Step,
)

SMALL_OUTPUTS = ("decides", "lists", "texts")  #: parts of what the runtime is told that go by a small output each
Kind = Literal["pack", "text", "choice", "list", "parameter", "item", "status"]


@dataclass(frozen=True, order=True)
class Channel:
    """Something that passes between steps: the pack of a step, one text of a step (``step.name``), the choice of a
    condition, a list for loops (``step.name``); or a parameter, the item of a loop around, the status of a guard's body."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Gate:
    """A branch that a step stands in. ``decided``: its condition's choice is a channel; else the step asks itself."""

    condition: str
    branch: int
    decided: bool


@dataclass(frozen=True)
class Job:
    """A step, what it takes and gives, and what it waits for.

    Parameters
    ----------
    told
        What the runtime is told (see `kfnb.runtime.pods.pod_step`).
    waits
        The steps that must be final before it; ``True``: it is skipped when they are.
    native
        A script or command that runs in its image as it is, without Python and without the runtime.
    handles
        It stands in an exit handler: it is there for what it does, so that no earlier result is taken for it.
    """

    step: Step
    position: int
    loops: tuple[str, ...]
    gates: tuple[Gate, ...]
    inputs: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    depends: tuple[tuple[str, bool], ...]
    runtime_spec: dict[str, Any]
    plain_container: bool = False
    in_handler: bool = False

    @property
    def name(self) -> str:
        return self.step.name


@dataclass(frozen=True)
class Block:
    """Nodes that an engine puts together.

    ``kind`` is ``root``, ``loop``, ``guard`` (its ``handler`` is the second body), ``handler``, ``branch``, or ``group`` for what an
    engine must put together. ``items``: a loop's
    constant items, or the channel that has them.
    """

    kind: Literal["root", "loop", "guard", "handler", "branch", "group"]
    name: str
    nodes: tuple[Job | Block, ...]
    handler: Block | None = None
    items: tuple[Any, ...] | Channel | None = None
    parallelism: int = 0
    gate: Gate | None = None


def jobs_in(block: Block) -> Iterator[Job]:
    """Every job in a block, a guard's handler after its body."""
    for node in block.nodes:
        if isinstance(node, Job):
            yield node
        else:
            yield from jobs_in(node)
    if block.handler is not None:
        yield from jobs_in(block.handler)


def blocks_in(block: Block) -> Iterator[Block]:
    """A block and every block inside it."""
    yield block
    for node in (*block.nodes, *((block.handler,) if block.handler is not None else ())):
        if isinstance(node, Block):
            yield from blocks_in(node)


def block_inputs(block: Block) -> tuple[Channel, ...]:
    """What a block takes from around it; its own items and the status of its own guards come from itself."""
    inside = list(jobs_in(block))
    blocks = list(blocks_in(block))
    outputs = {c for j in inside for c in j.outputs}
    own = {Channel("item", b.name) for b in blocks if b.kind == "loop"}
    own |= {Channel("status", b.name) for b in blocks if b.handler is not None}
    wanted = dict.fromkeys(c for j in inside for c in j.inputs)
    wanted.update(dict.fromkeys(b.items for b in blocks if isinstance(b.items, Channel)))
    return tuple(c for c in wanted if c not in outputs and c not in own)


def block_outputs(block: Block, root: Block) -> tuple[Channel, ...]:
    """What others in ``root`` take of what a block gives."""
    inside = {j.name for j in jobs_in(block)}
    mine = {b.name for b in blocks_in(block)}
    outputs = dict.fromkeys(c for j in jobs_in(block) for c in j.outputs)
    taken = {c for j in jobs_in(root) if j.name not in inside for c in j.inputs}
    taken |= {b.items for b in blocks_in(root) if isinstance(b.items, Channel) and b.name not in mine}
    return tuple(c for c in outputs if c in taken)


def runtime_spec_of(job: Job, output_of: Callable[[Channel], str]) -> dict[str, Any]:
    """What the runtime is told of a job, its small outputs by the names that an engine gives them."""
    outputs = {f"{c.kind}-{c.name}": output_of(c) for c in job.outputs}
    small = {p: {outputs[k]: v for k, v in job.runtime_spec[p].items()} for p in SMALL_OUTPUTS if p in job.runtime_spec}
    return {**job.runtime_spec, **small}
