"""The pipeline as a graph of steps: their positions, the loops around them, and their dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kfnb.pipeline.model import (
    Condition,
    Guard,
    Loop,
    Node,
    Pipeline,
    Ref,
    Step,
    bodies_of,
    operands,
    sources,
    steps_of,
)


@dataclass(frozen=True)
class Place:
    """A step, its place in reading order, and the loops around it, outermost first."""

    step: Step
    position: int
    loops: tuple[str, ...]


def places_of(pipeline: Pipeline) -> dict[str, Place]:
    """Every step of the pipeline by name."""
    return {place.step.name: place for place in _places(pipeline.body, (), iter(range(10**9)))}


def _places(body: tuple[Node, ...], loops: tuple[str, ...], count: Iterator[int]) -> Iterator[Place]:
    for node in body:
        if isinstance(node, Step):
            yield Place(node, next(count), loops)
        elif isinstance(node, Condition):
            for branch in node.branches:
                yield from _places(branch.body, loops, count)
        elif isinstance(node, Guard):
            yield from _places(node.body, loops, count)
            yield from _places(node.handler, loops, count)
        else:
            yield from _places(node.body, (*loops, node.name), count)


def downstream(pipeline: Pipeline, start: str) -> set[str]:
    """``start`` and every step that depends on it, directly or through others."""
    following: dict[str, set[str]] = {}
    for edge in pipeline.edges:
        following.setdefault(edge.source, set()).add(edge.to)
    for step in pipeline.steps():
        for name in step.after:
            following.setdefault(name, set()).add(step.name)
    reached, stack = {start}, [start]
    while stack:
        for name in following.get(stack.pop(), ()):
            if name not in reached:
                reached.add(name)
                stack.append(name)
    return reached


def required_steps(guard: Guard) -> tuple[str, ...]:
    """The steps outside ``guard`` that a node inside it needs. The guard is entered when they have ended."""
    own_steps = {s.name for s in steps_of((guard,))}
    return tuple(
        dict.fromkeys(n for node in (*guard.body, *guard.handler) for n in _required_by(node) if n not in own_steps)
    )


def _required_by(node: Node) -> Iterator[str]:
    if isinstance(node, Step):
        yield from node.after
        yield from _steps(i.ref for i in node.inputs)
        return
    if isinstance(node, Loop):
        yield from _steps((node.items,))
    elif isinstance(node, Condition):
        yield from _steps(ref for branch in node.branches if branch.when is not None for ref in operands(branch.when))
    for body in bodies_of(node):
        for inner in body:
            yield from _required_by(inner)


def _steps(refs: Iterable[Ref]) -> Iterator[str]:
    return (source.step for ref in refs for source in sources(ref))
