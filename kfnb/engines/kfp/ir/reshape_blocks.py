"""The blocks in the form that Kubeflow Pipelines needs: which branches become tasks, and which guards need a DAG around them."""

from __future__ import annotations

from dataclasses import replace

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Job, block_inputs, block_outputs, jobs_in


def is_closed(branch: Block, root: Block) -> bool:
    """Whether a branch can be a task of its own: one step evaluates its condition, and nothing outside reads or waits for its steps."""
    inside = {j.name for j in jobs_in(branch)}
    waited = {n for j in jobs_in(root) if j.name not in inside for n, _ in j.depends}
    return branch.gate is not None and branch.gate.decided and not block_outputs(branch, root) and not waited & inside


def flatten_branches(block: Block, root: Block) -> Block:
    """Replace each branch that cannot be a task by its nodes."""
    nodes: list[Job | Block] = []
    for node in block.nodes:
        if isinstance(node, Job):
            nodes.append(node)
            continue
        inner = flatten_branches(node, root)
        nodes += [inner] if node.kind != "branch" or is_closed(node, root) else inner.nodes
    handler = None if block.handler is None else flatten_branches(block.handler, root)
    return replace(block, nodes=tuple(nodes), handler=handler)


def wrap_guards(block: Block) -> Block:
    """Put a DAG around each guard whose handler reads outputs of its siblings: an exit task cannot refer to a sibling."""
    nodes: list[Job | Block] = []
    for node in block.nodes:
        if isinstance(node, Job):
            nodes.append(node)
            continue
        inner = wrap_guards(node)
        siblings = {
            c
            for n in block.nodes
            if n is not node
            for j in ([n] if isinstance(n, Job) else jobs_in(n))
            for c in j.outputs
        }
        sibling_inputs = set(block_inputs(inner.handler)) & siblings if inner.handler is not None else set()
        nodes.append(Block("group", f"{inner.name} group", (inner,)) if sibling_inputs else inner)
    return replace(block, nodes=tuple(nodes), handler=None if block.handler is None else wrap_guards(block.handler))
