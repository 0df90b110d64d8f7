"""A pass over the pipeline that moves every node into the branch without which it cannot run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kfnb.pipeline.model import (
    All,
    Branch,
    Collected,
    Compare,
    Condition,
    Constant,
    Export,
    ExportRef,
    Guard,
    Input,
    Loop,
    Merge,
    Node,
    OutputRef,
    ParameterRef,
    Pipeline,
    Ref,
    Step,
    Test,
    Truth,
    bodies_of,
    operands,
    sources,
    steps_of,
    with_operands,
)
from kfnb.thread_safe_parser import parse


def move_into_branches(pipeline: Pipeline) -> Pipeline:
    """The same pipeline with dependents inside of branches, and with a step that provides the items of each loop that no engine can read."""
    readers = {c.ref.step for s in pipeline.steps() for i in s.inputs for c in collected_refs(i.ref)}
    body = _nest_dependents(tuple(_extract_loop_items(pipeline.body, readers)))
    return replace(pipeline, body=_MergeResolver(body).nodes(body, ()))


def collected_refs(ref: Ref) -> Iterator[Collected]:
    """The collected values that a reference may stand for."""
    if isinstance(ref, Collected):
        yield ref
    elif isinstance(ref, Merge):
        for candidate in ref.candidates:
            yield from collected_refs(candidate)


def condition_steps(condition: Condition) -> set[str]:
    """The steps whose values a condition reads."""
    tests = [b.when for b in condition.branches if b.when is not None]
    return {s.step for t in tests for r in operands(t) for s in sources(r)}


# -------------------------------------------------------------------- loops
def _extract_loop_items(body: Iterable[Node], read: set[str]) -> Iterator[Node]:
    """Add a step that produces the items of a loop, when they come from several steps or from a list parameter that may be empty."""
    for node in body:
        if isinstance(node, Loop):
            inner = replace(node, body=tuple(_extract_loop_items(node.body, read)))
            visible = isinstance(node.items, (Constant, ExportRef)) or (
                isinstance(node.items, ParameterRef) and not read & {s.name for s in steps_of(node.body)}
            )
            if not visible:
                name = f"{node.name}-items"
                yield Step(name, (), (Input("items", node.items),), exports=(Export("items", "items"),))
                inner = replace(inner, items=ExportRef(name, "items"))
            yield inner
        elif isinstance(node, Condition):
            branches = (Branch(b.when, tuple(_extract_loop_items(b.body, read)), b.text) for b in node.branches)
            yield replace(node, branches=tuple(branches))
        elif isinstance(node, Guard):
            yield replace(
                node,
                body=tuple(_extract_loop_items(node.body, read)),
                handler=tuple(_extract_loop_items(node.handler, read)),
            )
        else:
            yield node


# -------------------------------------------------------------------- conditions
def _nest_dependents(body: tuple[Node, ...]) -> tuple[Node, ...]:
    """Move every node that cannot run unless a branch is taken into that branch."""
    nodes = list(body)
    index = 0
    while index < len(nodes):
        node = nodes[index]
        if isinstance(node, Condition):
            branches = list(node.branches)
            for number, branch in enumerate(branches):
                inside, moved = list(branch.body), []
                producers = {s.name for s in branch.body if isinstance(s, Step)}
                for later in nodes[index + 1 :]:
                    rest = _remaining_condition(later, branch) if len(branches) == 1 else None
                    if rest is None and _always_skipped_with(later, producers):
                        rest = (later,)
                    if rest is not None:
                        moved.append(later)
                        inside += rest
                        producers |= {n.name for n in rest if isinstance(n, Step)}
                nodes = [n for n in nodes if n not in moved]
                branches[number] = replace(branch, body=_nest_dependents(tuple(inside)))
            nodes[index] = replace(node, branches=tuple(branches))
        elif isinstance(node, Loop):
            nodes[index] = replace(node, body=_nest_dependents(node.body))
        elif isinstance(node, Guard):
            nodes[index] = replace(node, body=_nest_dependents(node.body), handler=_nest_dependents(node.handler))
        index += 1
    return tuple(nodes)


def _remaining_condition(node: Node, branch: Branch) -> tuple[Node, ...] | None:
    """The rest of a condition whose first tests are those of ``branch``. ``None`` when its first tests are others."""
    if not isinstance(node, Condition) or len(node.branches) != 1 or branch.when is None:
        return None
    (inner,) = node.branches
    if inner.when is None:
        return None
    first, second = list(_conjuncts(branch.when)), list(_conjuncts(inner.when))
    if second[: len(first)] != first:
        return None
    remaining = second[len(first) :]
    if not remaining:
        return inner.body
    return (
        replace(node, branches=(replace(inner, when=remaining[0] if len(remaining) == 1 else All(tuple(remaining))),)),
    )


def _always_skipped_with(node: Node, producers: set[str]) -> bool:
    """Whether every step of ``node`` is skipped when the steps ``producers`` are skipped."""
    if isinstance(node, Step):
        return any(
            i.required and isinstance(i.ref, (OutputRef, ExportRef)) and i.ref.step in producers for i in node.inputs
        )
    if isinstance(node, Condition):
        return bool(required_steps(node) & producers) or all(
            _always_skipped_with(n, producers) for b in node.branches for n in b.body
        )
    if isinstance(node, Loop):
        items = isinstance(node.items, ExportRef) and node.items.step in producers
        return items or all(_always_skipped_with(n, producers) for n in node.body)
    return False  # the handler of a guard always runs


def required_steps(condition: Condition) -> set[str]:
    """The steps that a condition requires: when one of them is skipped, no branch is taken."""
    if len(condition.branches) != 1 or condition.branches[0].when is None:
        return set()
    return {r.step for t in _conjuncts(condition.branches[0].when) for r in _operands(t) if isinstance(r, ExportRef)}


def _conjuncts(test: Test) -> Iterator[Test]:
    if isinstance(test, All):
        for inner in test.tests:
            yield from _conjuncts(inner)
    else:
        yield test


def _operands(test: Test) -> Iterator[Ref]:
    if isinstance(test, (Compare, Truth)):
        yield from operands(test)


# -------------------------------------------------------------------- merges with one possible version
Path = tuple[tuple[str, int], ...]  #: the conditions and branches around


class _MergeResolver:
    """Replaces a merge by its newest version where the step that produces that version always runs."""

    def __init__(self, body: tuple[Node, ...]) -> None:
        self.paths: dict[str, Path] = {}
        self.steps: dict[str, Step] = {}
        self._walk(body, ())

    def _walk(self, body: tuple[Node, ...], path: Path) -> None:
        for node in body:
            if isinstance(node, Step):
                self.paths[node.name], self.steps[node.name] = path, node
            elif isinstance(node, Condition):
                for index, branch in enumerate(node.branches):
                    self._walk(branch.body, (*path, (node.name, index)))
            else:
                for inner in bodies_of(node):
                    self._walk(inner, path)

    def nodes(self, body: tuple[Node, ...], path: Path) -> tuple[Node, ...]:
        return tuple(self._node(n, path) for n in body)

    def _node(self, node: Node, path: Path) -> Node:
        if isinstance(node, Step):
            items = (replace(i, ref=self._ref(i.ref, path)) if isinstance(i, Input) else i for i in node.prepare)
            return replace(node, prepare=tuple(items))
        if isinstance(node, Loop):
            return replace(node, items=self._ref(node.items, path), body=self.nodes(node.body, path))
        if isinstance(node, Guard):
            return replace(node, body=self.nodes(node.body, path), handler=self.nodes(node.handler, path))
        branches = (
            Branch(
                None if b.when is None else with_operands(b.when, lambda r: self._ref(r, path)),
                self.nodes(b.body, (*path, (node.name, n))),
                b.text,
            )
            for n, b in enumerate(node.branches)
        )
        return replace(node, branches=tuple(branches))

    def _ref(self, ref: Ref, path: Path) -> Ref:
        if isinstance(ref, Merge):
            first = ref.candidates[0]
            if (
                isinstance(first, (OutputRef, ExportRef))
                and self._always_runs(first.step, path)
                and self._always_binds(first)
            ):
                return first
        return ref

    def _always_runs(self, name: str, path: Path) -> bool:
        branches = self.paths[name]
        if branches != path[: len(branches)]:
            return False
        needed = {r.step for i in self.steps[name].inputs if i.required for r in sources(i.ref)}
        return all(self._always_runs(n, path) for n in needed)

    def _always_binds(self, ref: OutputRef | ExportRef) -> bool:
        """Whether the step's code always binds the name when it succeeds."""
        step = self.steps[ref.step]
        if step.shell or step.command is not None:
            return True
        name = next((e.expression for e in step.exports if e.name == ref.name), ref.name)
        for code in step.cells:
            try:
                tree = parse(code.source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            targets = (t for n in tree.body if isinstance(n, ast.Assign) for t in n.targets)
            if any(isinstance(n, ast.Name) and n.id == name for t in targets for n in ast.walk(t)):
                return True
        return False
