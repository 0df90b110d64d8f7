"""The blocks in the form that Kubeflow Pipelines needs: which branches become tasks, and which guards need a DAG around them.

The backend learns how a guard's body ended from the steps that ran in it (kubeflow/pipelines `metadata/client.go`,
``UpdateDAGExecutionsState``): the last one that ends counts the tasks of its DAG. A branch that is not taken has no step, so a body in
which it comes last is `RUNNING` for ever. Therefore, where a handler reads how its guard ended, the steps of the guard's branches
evaluate the condition themselves.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace

from kfnb.engines.cluster.lowering.jobs_and_blocks import (
    Block,
    Channel,
    Gate,
    Job,
    block_inputs,
    block_outputs,
    blocks_in,
    branch_name,
    jobs_in,
)
from kfnb.pipeline.references import STATUS, StatusRef


def task_branches(root: Block) -> frozenset[str]:
    """The names of the branches that become tasks."""
    observed = {b.name for g in observed_guards(root) for b in _body_blocks(g) if not _has_plain_container(b)}
    return frozenset(
        b.name for b in blocks_in(root) if b.kind == "branch" and b.name not in observed and _is_closed(b, root)
    )


def observed_guards(root: Block) -> list[Block]:
    """The guards whose handler reads how they ended."""
    return [b for b in blocks_in(root) if any(_names_status(j) for j in _takers_of_status(b))]


def _takers_of_status(guard: Block) -> list[Job]:
    """The steps of a guard's handler that get the status of the guard."""
    status = Channel("status", guard.name)
    return [] if guard.handler is None else [j for j in jobs_in(guard.handler) if status in j.inputs]


def _names_status(job: Job) -> bool:
    """Whether a step that gets a status reads it. A step with the mark ``exit`` always gets one, as the input `kfnb_status`."""
    inputs = [i.name for i in job.step.inputs if isinstance(i.ref, StatusRef)]
    return inputs != [STATUS] or json.dumps(job.runtime_spec).count(STATUS) > 1


def unsure_guards(root: Block, branches: Collection[str]) -> set[str]:
    """The guards whose state the backend does not always learn, because one of the branches that are tasks stands in them."""
    return {g.name for g in observed_guards(root) if any(b.name in branches for b in _body_blocks(g))}


def observed_jobs(root: Block) -> set[str]:
    """The steps in guards whose handler reads how they ended. Without a pod of their own, the backend would not count them."""
    return {j.name for g in observed_guards(root) for j in jobs_in(replace(g, handler=None))}


def _body_blocks(guard: Block) -> Iterator[Block]:
    return blocks_in(replace(guard, handler=None))


def _has_plain_container(block: Block) -> bool:
    """Whether a script or command in a block runs in an image of its own, which may have no Python to evaluate a condition."""
    return any(j.plain_container for j in jobs_in(block))


def _is_closed(branch: Block, root: Block) -> bool:
    """Whether a branch can be a task of its own: one step evaluates its condition, and nothing outside reads or waits for its steps."""
    inside = {j.name for j in jobs_in(branch)}
    waited = {n for j in jobs_in(root) if j.name not in inside for n, _ in j.depends}
    return branch.gate is not None and branch.gate.decided and not block_outputs(branch, root) and not waited & inside


def entered_by_scripts(root: Block, branches: Collection[str]) -> dict[str, tuple[Gate, ...]]:
    """For each script in an image of its own, the branches around it that are no tasks. It enters them itself."""
    scripts = (j for j in jobs_in(root) if j.plain_container)
    entered = {j.name: tuple(g for g in j.gates if branch_name(g) not in branches) for j in scripts}
    return {name: gates for name, gates in entered.items() if gates}


def flatten_branches(block: Block, branches: Collection[str]) -> Block:
    """Replace each branch that is not one of ``branches`` by its nodes."""
    nodes: list[Job | Block] = []
    for node in block.nodes:
        if isinstance(node, Job):
            nodes.append(node)
            continue
        inner = flatten_branches(node, branches)
        nodes += [inner] if node.kind != "branch" or node.name in branches else inner.nodes
    handler = None if block.handler is None else flatten_branches(block.handler, branches)
    return replace(block, nodes=tuple(nodes), handler=handler)


def wrap_guards(block: Block) -> Block:
    """Put a DAG around each guard that the backend would not run as it stands.

    An exit task cannot refer to a sibling. And a driver does not find the task whose final status it needs in an iteration of a loop,
    where the metadata have another name for each task (`metadata/client.go`, ``GetExecutionsInDAG``).
    """
    nodes: list[Job | Block] = []
    for node in block.nodes:
        if isinstance(node, Job):
            nodes.append(node)
            continue
        inner = wrap_guards(node)
        lost = block.kind == "loop" and bool(_takers_of_status(inner))
        nodes.append(
            Block("group", f"{inner.name} group", (inner,)) if lost or _reads_siblings(inner, block) else inner
        )
    return replace(block, nodes=tuple(nodes), handler=None if block.handler is None else wrap_guards(block.handler))


def _reads_siblings(guard: Block, block: Block) -> bool:
    if guard.handler is None:
        return False
    others = [n for n in block.nodes if n.name != guard.name]
    made = {c for n in others for j in ([n] if isinstance(n, Job) else jobs_in(n)) for c in j.outputs}
    return bool(set(block_inputs(guard.handler)) & made)
