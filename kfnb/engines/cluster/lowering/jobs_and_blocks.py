"""Jobs and blocks: the form of a pipeline between its model and an engine's document.

A cluster cannot read Python values. Whatever depends on them is therefore decided inside a step: which version of a merged value
exists, whether a condition holds, and which items a loop has. Each step hands on one *pack* with its values (see
`kfnb.runtime.pods.handover.handover_pack`). When one step can evaluate a condition, the number of the branch that is taken travels as a small
output (a `choice`). The items of a loop travel as a list of JSON texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kfnb.pipeline.model import (
    Step,
)

SMALL_OUTPUTS = ("decides", "lists", "texts")  #: parts of a runtime spec whose entries are small outputs
BESIDE = " + "  #: stands between the names of steps in the name of the job of their pod
Kind = Literal["pack", "text", "choice", "list", "parameter", "item", "status"]


@dataclass(frozen=True, order=True)
class Channel:
    """Something that passes from one step to another, or into a step from outside.

    A step produces its pack, a text or a list for a loop (both named ``step.name``), and the choice of a condition. From outside come
    a parameter, the item of a loop around the step, and the status of a guard's body.
    """

    kind: Kind
    name: str


@dataclass(frozen=True)
class Gate:
    """A branch around a step.

    ``decided`` says that an earlier step evaluates the condition, and its choice is a channel. Otherwise the step evaluates the
    condition itself when it starts.
    """

    condition: str
    branch: int
    decided: bool


def branch_name(gate: Gate) -> str:
    """The name of the block of a branch."""
    return f"{gate.condition}-{gate.branch}"


@dataclass(frozen=True)
class Job:
    """A step with the channels that it reads and produces, and the steps that it depends on.

    Parameters
    ----------
    runtime_spec
        What the runtime reads inside the pod (see `kfnb.runtime.pods.pod_step`).
    depends
        The steps that must be final before it. ``True`` means that it is skipped when they are skipped.
    plain_container
        Whether it is a script or command that runs in its image unchanged, without Python and without kfnb's runtime.
    in_handler
        Whether it is part of an exit handler. Such a step runs for its effects, so no earlier result replaces it.
    members
        The jobs of the steps that run one after the other in this job's pod; empty when it has only its own step.
    helps
        The user's step for which kfnb added this one; empty for the user's own.
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
    members: tuple[Job, ...] = ()
    helps: str = ""

    @property
    def name(self) -> str:
        return self.step.name


@dataclass(frozen=True)
class Block:
    """A group of jobs and inner blocks.

    Parameters
    ----------
    kind
        ``guard`` is a body with an exit ``handler``. ``group`` is a DAG that only one engine needs.
    items
        The constant items of a loop, or the channel that carries them.
    """

    kind: Literal["root", "loop", "guard", "handler", "branch", "group"]
    name: str
    nodes: tuple[Job | Block, ...]
    handler: Block | None = None
    items: tuple[Any, ...] | Channel | None = None
    parallelism: int = 0
    gate: Gate | None = None


def condition_text(job: Job, condition: str) -> str:
    """A condition around a job, as the user wrote it."""
    found: str = next(c["words"] for c in job.runtime_spec["conditions"] if c["name"] == condition)
    return found


def distinct_jobs(task_jobs: Mapping[str, Iterable[Job]]) -> list[Job]:
    """The jobs of all tasks, each of them once, although a job may be part of several tasks."""
    return list({j.name: j for jobs in task_jobs.values() for j in jobs}.values())


def steps_of_pod(job: Job) -> tuple[Job, ...]:
    """The jobs of the steps that run in the pod of a job: its members, or itself."""
    return job.members or (job,)


def names_before(job: Job) -> set[str]:
    """The names of the steps that a job depends on. A shared pod stands for all its steps."""
    return {name for pod, _ in job.depends for name in pod.split(BESIDE)}


def jobs_in(block: Block) -> Iterator[Job]:
    """Every job in a block. The jobs of a guard's handler come after those of its body."""
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
    """The channels that a block reads from outside. The items of its own loops and the status of its own guards are not among them."""
    inside = list(jobs_in(block))
    blocks = list(blocks_in(block))
    outputs = {c for j in inside for c in j.outputs}
    own = {Channel("item", b.name) for b in blocks if b.kind == "loop"}
    own |= {Channel("status", b.name) for b in blocks if b.handler is not None}
    channels = dict.fromkeys(c for j in inside for c in j.inputs)
    channels.update(dict.fromkeys(b.items for b in blocks if isinstance(b.items, Channel)))
    return tuple(c for c in channels if c not in outputs and c not in own)


def block_outputs(block: Block, root: Block) -> tuple[Channel, ...]:
    """The outputs of a block that something else in ``root`` reads."""
    inside = {j.name for j in jobs_in(block)}
    inner_blocks = {b.name for b in blocks_in(block)}
    outputs = dict.fromkeys(c for j in jobs_in(block) for c in j.outputs)
    read = {c for j in jobs_in(root) if j.name not in inside for c in j.inputs}
    read |= {b.items for b in blocks_in(root) if isinstance(b.items, Channel) and b.name not in inner_blocks}
    return tuple(c for c in outputs if c in read)


def runtime_spec_of(job: Job, output_of: Callable[[Channel], str]) -> dict[str, Any]:
    """The runtime spec of a job, with the names that an engine gives to its small outputs."""
    outputs = {f"{c.kind}-{c.name}": output_of(c) for c in job.outputs}
    small = {p: {outputs[k]: v for k, v in job.runtime_spec[p].items()} for p in SMALL_OUTPUTS if p in job.runtime_spec}
    return {**job.runtime_spec, **small}
