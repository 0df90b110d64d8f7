"""Lowering: from the model of a pipeline to jobs and blocks, with the channels and the runtime spec of each step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Block, Channel, Gate, Job, branch_name
from kfnb.engines.cluster.lowering.move_into_branches import (
    collected_refs,
    condition_steps,
    move_into_branches,
    required_steps,
)
from kfnb.engines.cluster.lowering.text_steps import TEXT_REFS, add_text_steps, is_container
from kfnb.engines.local.scheduling.step_graph import Place, places_of
from kfnb.engines.static_step_spec import StaticSpecs, replayed
from kfnb.pipeline.drawing.expression_text import branch_condition
from kfnb.pipeline.model import (
    Collected,
    Condition,
    Constant,
    ExportRef,
    Guard,
    Input,
    ItemRef,
    Loop,
    Merge,
    Node,
    OutputRef,
    ParameterRef,
    Pipeline,
    Ref,
    StatusRef,
    Step,
    Test,
    operands,
    sources,
    steps_of,
)
from kfnb.pipeline.serialize import encode


def lower(pipeline: Pipeline, with_runtime: frozenset[str] = frozenset()) -> Block:
    """Lower a pipeline. ``with_runtime`` names scripts and commands that need the runtime although they have an image of their own."""
    moved = move_into_branches(pipeline)
    first = _Lowering(moved, with_runtime, {})
    undecided = first.conditions.keys() - first.deciders.keys()
    added, helped = add_text_steps(moved, undecided)
    own = {s.name for s in pipeline.steps()}
    helped |= {n: s for n, s in first.readers_of_items(own) if n not in own}
    return _Lowering(moved if added == moved else move_into_branches(added), with_runtime, helped).root()


# -------------------------------------------------------------------- the walk over the pipeline
@dataclass(frozen=True)
class _Context:
    """The loops, branches and exit handler around a node."""

    loops: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    in_handler: bool = False


class _Lowering:
    def __init__(self, pipeline: Pipeline, with_runtime: frozenset[str], helped: dict[str, str]) -> None:
        self.pipeline, self.with_runtime, self.helped = pipeline, with_runtime, helped
        self.places: dict[str, Place] = places_of(pipeline)
        self.specs = StaticSpecs(pipeline)
        self.conditions: dict[str, Condition] = {}
        self.contexts: dict[str, _Context] = {}
        self.gates: dict[str, tuple[Gate, ...]] = {}
        self.loops: dict[str, Loop] = {}
        self._collect(pipeline.body, _Context())
        self.ancestors = self._ancestors()
        self.deciders = {n: d for n, c in self.conditions.items() if (d := self._decider(c)) is not None}
        lists = [loop.items for loop in self.loops.values() if isinstance(loop.items, ExportRef)]
        self.lists = {f"{r.step}.{r.name}": r for r in lists}
        self.plain_containers = {s.name for s in pipeline.steps() if self._is_plain_container(s)}
        self.read_packs = self._read_packs()

    def readers_of_items(self, own: set[str]) -> Iterator[tuple[str, str]]:
        """The steps that produce the items of loops, each with the first of the user's own steps in its loop."""
        for loop in self.loops.values():
            if isinstance(loop.items, ExportRef):
                yield loop.items.step, next(s.name for s in steps_of(loop.body) if s.name in own)

    def root(self) -> Block:
        return Block("root", "root", self._nodes(self.pipeline.body, _Context()))

    def _collect(self, body: Iterable[Node], context: _Context) -> None:
        for node in body:
            if isinstance(node, Step):
                self.gates[node.name] = context.gates
            elif isinstance(node, Condition):
                self.conditions[node.name] = node
                self.contexts[node.name] = context
                for index, branch in enumerate(node.branches):
                    gate = Gate(node.name, index, False)
                    self._collect(branch.body, replace(context, gates=(*context.gates, gate)))
            elif isinstance(node, Loop):
                self.loops[node.name] = node
                self._collect(node.body, replace(context, loops=(*context.loops, node.name)))
            else:
                self._collect((*node.body, *node.handler), context)

    def _ancestors(self) -> dict[str, set[str]]:
        """For each step, the steps that are final before it starts in every run."""
        ancestors: dict[str, set[str]] = {}
        for step in self.pipeline.steps():  # in this order, a step comes after all steps that it waits for
            direct = {*step.after, *(r.step for i in step.inputs for r in sources(i.ref))}
            direct |= {s for gate in self.gates[step.name] for s in condition_steps(self.conditions[gate.condition])}
            ancestors[step.name] = direct.union(*(ancestors.get(n, set()) for n in direct))
        return ancestors

    def _decider(self, condition: Condition) -> str | None:
        """The step that can evaluate a condition when it ends, because it has all values; ``None`` when there is no such step.

        Without one, every step inside of the condition evaluates it when it starts.
        """
        refs = [r for b in condition.branches if b.when is not None for r in operands(b.when)]
        if any(isinstance(r, (StatusRef, Collected)) or list(collected_refs(r)) for r in refs):
            return None
        steps = {s.step for r in refs for s in sources(r)}
        items = {r.loop for r in refs if isinstance(r, ItemRef)}
        context = self.contexts[condition.name]
        for name in sorted(steps, key=lambda n: -self.places[n].position):
            loops = self.places[name].loops
            visible = all(self.places[s].loops == loops[: len(self.places[s].loops)] for s in steps)
            if not (visible and loops == context.loops[: len(loops)] and items <= set(loops)):
                continue
            sure = self._always_runs(name, context.gates) or name in required_steps(condition)
            if sure and steps - {name} <= self.ancestors[name]:
                return name
        return None

    def _always_runs(self, name: str, gates: tuple[Gate, ...]) -> bool:
        """Whether a step runs whenever the branches ``gates`` are taken, unless the run fails."""
        branches = {(g.condition, g.branch) for g in self.gates[name]}
        if not branches <= {(g.condition, g.branch) for g in gates}:
            return False
        inputs = self.places[name].step.inputs
        needed = {i.ref.step for i in inputs if i.required and isinstance(i.ref, (OutputRef, ExportRef))}
        merged = {r.step for i in inputs if i.required and isinstance(i.ref, Merge) for r in sources(i.ref)}
        return all(self._always_runs(n, gates) for n in needed | merged)

    def _is_plain_container(self, step: Step) -> bool:
        """Whether a step is a script or command with an image of its own, and nothing has to be decided inside it."""
        if not is_container(step) or step.name in self.with_runtime:
            return False
        decided = all(g.condition in self.deciders for g in self.gates[step.name])
        decides = step.name in self.deciders.values() or step.name in {r.step for r in self.lists.values()}
        inputs = all(isinstance(p, Input) and isinstance(p.ref, TEXT_REFS) for p in step.prepare)
        return decided and inputs and not decides

    def _read_packs(self) -> set[str]:
        """The steps whose packs are read. This also sets ``texts``, the values that plain containers read or produce."""
        producers: set[str] = set()
        self.texts: dict[str, dict[str, OutputRef | ExportRef]] = {}
        for step in self.pipeline.steps():
            for ref in (r for i in step.inputs for r in sources(i.ref)):
                if step.name in self.plain_containers or ref.step in self.plain_containers:
                    self.texts.setdefault(ref.step, {})[ref.name] = ref
                else:
                    producers.add(ref.step)
        for name, condition in self.conditions.items():
            producers |= condition_steps(condition) - {self.deciders.get(name, "")}
        return producers

    # ---------------------------------------------------------------- the tree
    def _nodes(self, body: Iterable[Node], context: _Context) -> tuple[Job | Block, ...]:
        nodes: list[Job | Block] = []
        for node in body:
            if isinstance(node, Step):
                nodes.append(self._job(node, context))
            elif isinstance(node, Condition):
                for index, branch in enumerate(node.branches):
                    gate = Gate(node.name, index, node.name in self.deciders)
                    inner = replace(context, gates=(*context.gates, gate))
                    inner_nodes = self._nodes(branch.body, inner)
                    if inner_nodes:
                        nodes.append(Block("branch", branch_name(gate), inner_nodes, gate=gate))
            elif isinstance(node, Loop):
                nodes.append(self._loop(node, context))
            elif isinstance(node, Guard):
                handler = Block(
                    "handler", f"{node.name}-handler", self._nodes(node.handler, replace(context, in_handler=True))
                )
                nodes.append(Block("guard", node.name, self._nodes(node.body, context), handler))
        return tuple(nodes)

    def _loop(self, node: Loop, context: _Context) -> Block:
        items: tuple[Any, ...] | Channel
        if isinstance(node.items, Constant):
            items = tuple(node.items.value)
        elif isinstance(node.items, ParameterRef):
            items = Channel("parameter", node.items.name)
        else:
            assert isinstance(node.items, ExportRef)  # `move_into_branches` adds a step for all other items
            items = Channel("list", f"{node.items.step}.{node.items.name}")
        nodes = self._nodes(node.body, replace(context, loops=(*context.loops, node.name)))
        return Block("loop", node.name, nodes, items=items, parallelism=node.parallelism)

    # ---------------------------------------------------------------- one step
    def _job(self, step: Step, context: _Context) -> Job:
        decides = [n for n, d in self.deciders.items() if d == step.name]
        lists = [n for n, r in self.lists.items() if r.step == step.name]
        inputs: dict[Channel, None] = {}
        depends: dict[str, bool] = dict.fromkeys(step.after, False)
        for item in step.inputs:
            for ref in self._refs(item.ref, inputs, step.name in self.plain_containers):
                depends[ref.step] = depends.get(ref.step, False) or self._is_strict(item)
        for gate in context.gates:
            if gate.decided:
                inputs[Channel("choice", gate.condition)] = None
                depends[self.deciders[gate.condition]] = True
            else:
                for ref in self._condition_refs(self.conditions[gate.condition], inputs):
                    depends.setdefault(ref.step, False)
        for name in decides:
            for ref in self._condition_refs(self.conditions[name], inputs):
                if ref.step != step.name:
                    depends.setdefault(ref.step, False)
        inputs.pop(Channel("pack", step.name), None)
        if any(c.kind == "status" for c in inputs):
            inputs.update(dict.fromkeys(Channel("parameter", p.name) for p in self.pipeline.parameters))
        for loop in context.loops:
            inputs[Channel("item", loop)] = None
            self._item_source(loop, inputs)
        outputs = [Channel("pack", step.name)] if step.name in self.read_packs else []
        outputs += [Channel("text", f"{step.name}.{n}") for n in self.texts.get(step.name, ())]
        outputs += [Channel("choice", n) for n in decides] + [Channel("list", n) for n in lists]
        return Job(
            step, self.places[step.name].position, context.loops, context.gates, tuple(inputs), tuple(outputs),
            tuple((n, s) for n, s in depends.items() if n in self.places), self._runtime_spec(step, context, decides, lists),
            step.name in self.plain_containers, context.in_handler, helps=self.helped.get(step.name, ""),
        )  # fmt: skip

    def _item_source(self, loop: str, inputs: dict[Channel, None]) -> None:
        """Add the list parameter that provides the items of a loop. The runtime uses it to find the item of a text."""
        items = self.loops[loop].items
        if isinstance(items, ParameterRef):
            inputs[Channel("parameter", items.name)] = None

    def _is_strict(self, item: Input) -> bool:
        """Whether a step is skipped when the step that produces this input is skipped."""
        return item.required and isinstance(item.ref, (OutputRef, ExportRef))

    def _condition_refs(self, condition: Condition, inputs: dict[Channel, None]) -> Iterator[OutputRef | ExportRef]:
        for branch in condition.branches:
            if branch.when is not None:
                for ref in operands(branch.when):
                    yield from self._refs(ref, inputs)

    def _refs(
        self, ref: Ref, inputs: dict[Channel, None], plain_container: bool = False
    ) -> Iterator[OutputRef | ExportRef]:
        for leaf in _leaves(ref):
            if isinstance(leaf, ParameterRef):
                inputs[Channel("parameter", leaf.name)] = None
            elif isinstance(leaf, StatusRef):
                inputs[Channel("status", leaf.guard)] = None
            elif isinstance(leaf, (OutputRef, ExportRef)):
                text = plain_container or leaf.step in self.plain_containers
                inputs[Channel("text", f"{leaf.step}.{leaf.name}") if text else Channel("pack", leaf.step)] = None
                yield leaf

    def _runtime_spec(self, step: Step, context: _Context, decides: list[str], lists: list[str]) -> dict[str, Any]:
        prepare = [
            {"input": p.name, "ref": encode(p.ref), "required": p.required} if isinstance(p, Input) else replayed(p)
            for p in step.prepare
        ]
        replays = [p["run"] for p in prepare if "run" in p]
        spec: dict[str, Any] = {"prepare": prepare, "spec": without_empty_parts(self.specs.spec(step), replays)}
        conditions = [self._condition(g) for g in context.gates]
        loops = {n: items for n in context.loops if (items := self._items(n))}
        spec.update({k: v for k, v in (("conditions", conditions), ("loops", loops)) if v})
        if any(isinstance(r, StatusRef) for i in step.inputs for r in _leaves(i.ref)):
            spec["about"] = {"pipeline": self.pipeline.name, "parameters": [p.name for p in self.pipeline.parameters]}
        if step.settings.may_fail:
            spec["may_fail"] = {"retry": step.settings.retry or 0}
        if step.settings.timeout:
            spec["timeout"] = step.settings.timeout
        if decides:
            spec["decides"] = {f"choice-{n}": self._branches(self.conditions[n]) for n in decides}
        if step.name in self.texts and step.name not in self.plain_containers:
            spec["texts"] = {f"text-{step.name}.{n}": encode(r) for n, r in self.texts[step.name].items()}
        if lists:
            spec["lists"] = {f"list-{n}": encode(self.lists[n]) for n in lists}
        return spec

    def _items(self, loop: str) -> dict[str, Any] | None:
        items = self.loops[loop].items
        if isinstance(items, Constant):
            return {"constant": items.value}
        return {"parameter": items.name} if isinstance(items, ParameterRef) else None

    def _condition(self, gate: Gate) -> dict[str, Any]:
        condition = self.conditions[gate.condition]
        text = " / ".join(branch_condition(b) for b in condition.branches if b.when is not None)
        spec = {"name": gate.condition, "branch": gate.branch, "words": text}
        return spec if gate.decided else {**spec, "branches": self._branches(condition)}

    def _branches(self, condition: Condition) -> list[Any]:
        return [_encoded(b.when) for b in condition.branches]


def _encoded(test: Test | None) -> Any:
    return None if test is None else encode(test)


def _leaves(ref: Ref) -> Iterator[Ref]:
    if isinstance(ref, Merge):
        for candidate in ref.candidates:
            yield from _leaves(candidate)
    elif isinstance(ref, Collected):
        yield ref.ref
    else:
        yield ref


def place_of(spec: dict[str, Any]) -> dict[str, int]:
    """The cell and line where a step's own code begins."""
    first = next(iter(spec["cells"]), {"cell": 0, "line": 0})
    return {"cell": first["cell"], "line": first["line"]}


def without_empty_parts(spec: dict[str, Any], replays: list[dict[str, Any]]) -> dict[str, Any]:
    """A spec without empty entries. Of the cells' texts it keeps only lines that the step's own code does not contain."""
    parts = {k: v for k, v in spec.items() if v not in ([], {}, None, False)}
    texts = parts.pop("sources", {})
    line_numbers: dict[str, set[int]] = {}
    own_lines: dict[tuple[str, int], str] = {}
    for code in (*spec["cells"], *replays):
        for number, line in enumerate(code["source"].split("\n"), code["line"]):
            own_lines[str(code["cell"]), number] = line
            line_numbers.setdefault(str(code["cell"]), set()).add(number)
    first = place_of(spec)
    definitions = {n: p for n, p in parts.pop("made", {}).items() if p != first}
    for place in definitions.values():
        line_numbers.setdefault(str(place["cell"]), set()).add(place["line"])
    lines: dict[str, dict[str, str]] = {}
    for cell, numbers in line_numbers.items():
        text = texts[cell].split("\n") if cell in texts else []
        for number in sorted(numbers):
            if 0 < number <= len(text) and own_lines.get((cell, number)) != text[number - 1]:
                lines.setdefault(cell, {})[str(number)] = text[number - 1]
    return {**parts, **{k: v for k, v in (("made", definitions), ("lines", lines)) if v}}
