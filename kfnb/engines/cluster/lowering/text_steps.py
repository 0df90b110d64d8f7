"""A pass that adds steps with Python beside scripts and commands whose image may have none.

A container without Python takes texts, and writes texts. Before one that reads the item of a loop, the status of a run, or whichever
version of a value there is, a step of ours writes these as texts. And behind one that decides a condition or gives the items of a loop,
a step of ours does so for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from kfnb.images.needs.named_files import has_own_image
from kfnb.pipeline.model import (
    Branch,
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
    Replay,
    StatusRef,
    Step,
    Truth,
    operands,
    steps_of,
    with_operands,
    with_steps,
)
from kfnb.pipeline.references import STATUS
from kfnb.states import NO_ITEMS
from kfnb.thread_safe_parser import parse

SHEBANG = re.compile(
    r"\s*(?!#!)|\s*#!\s*\S*/(env )?(ba|da)?sh\b"
)  #: matches a script whose first line names no interpreter but a shell
PYTHON_IMAGE = re.compile(r"(?:^|/)python:(\d+)\.(\d+)")  #: an image that has Python, by its name
TEXT_REFS = (Constant, ParameterRef, OutputRef, ExportRef)  #: what an engine can give to a container as a text
GIVEN = "given"  #: the export that says that a step has found the inputs of the container behind it
MISSING = "a value that it needs was skipped"
NOTHING_GIVEN = (NO_ITEMS, MISSING, f"{NO_ITEMS}, or {MISSING}")  #: why a container gets no inputs


def is_container(step: Step) -> bool:
    """Whether a step is a script or a command in an image of its own that can run without Python."""
    return has_own_image(step) and all(is_shell_script(c.source) for c in step.cells)


def is_shell_script(source: str) -> bool:
    """Whether a script is one of a shell: its first line names no other interpreter."""
    return SHEBANG.match(source) is not None


def add_text_steps(pipeline: Pipeline, undecided: Collection[str]) -> tuple[Pipeline, dict[str, str]]:
    """The pipeline with the steps that its containers without Python need, and for each of these the step that it helps.

    Parameters
    ----------
    undecided
        The names of the conditions that no step can evaluate when it ends.
    """
    pipeline = with_steps(pipeline, _drop_status)
    if not any(_needs_texts(s) for s in pipeline.steps()):
        return pipeline, {}
    adder = _Adder(pipeline, undecided)
    return replace(pipeline, body=adder.nodes(pipeline.body, False)), adder.helped


def _needs_texts(step: Step) -> bool:
    return is_container(step) and PYTHON_IMAGE.search(step.settings.image or "") is None


def _drop_status(step: Step) -> Step:
    """A script or command gets the status of the run only where it names it."""
    if not is_container(step):
        return step
    if any(STATUS in text for text in _texts_of(step)):
        return step
    return replace(
        step,
        prepare=tuple(
            p for p in step.prepare if not (isinstance(p, Input) and p.name == STATUS and isinstance(p.ref, StatusRef))
        ),
    )


@dataclass
class _Adder:
    """Adds the steps to the nodes of a pipeline."""

    pipeline: Pipeline
    undecided: Collection[str]
    helped: dict[str, str] = field(default_factory=dict)  #: by a step that was added, the step that it helps

    def __post_init__(self) -> None:
        self.names = {s.name for s in self.pipeline.steps()}
        self.containers = {s.name for s in self.pipeline.steps() if _needs_texts(s)}
        self.readers: dict[str, str] = {}  #: by a container that decides something, the step behind it
        for ref in _deciding_refs(self.pipeline.body):
            if ref.step in self.containers and ref.step not in self.readers:
                self.readers[ref.step] = self._new_name(f"{ref.step}-outputs", ref.step)

    def nodes(self, body: tuple[Node, ...], may_be_empty: bool) -> tuple[Node, ...]:
        """The nodes with their steps. ``may_be_empty``: whether a loop around them may have no items."""
        return tuple(n for node in body for n in self._node(node, may_be_empty))

    def _node(self, node: Node, may_be_empty: bool) -> Iterator[Node]:
        if isinstance(node, Step):
            yield from self._step(node, may_be_empty) if node.name in self.containers else (node,)
        elif isinstance(node, Condition):
            yield from self._condition(node, may_be_empty)
        elif isinstance(node, Loop):
            filled = isinstance(node.items, Constant) and bool(node.items.value)
            body = self.nodes(node.body, may_be_empty or not filled)
            yield replace(node, items=self._ref(node.items), body=body)
        else:
            body, handler = self.nodes(node.body, may_be_empty), self.nodes(node.handler, may_be_empty)
            yield replace(node, body=body, handler=handler)

    def _step(self, step: Step, may_be_empty: bool) -> Iterator[Node]:
        """A container with the step that writes its inputs, where it needs one, and the step that reads its outputs."""
        if any(isinstance(p, Replay) for p in step.prepare):
            read, names = step.prepare, _texts_of_shared_code(step)
        else:
            read = tuple(p for p in step.inputs if not isinstance(p.ref, TEXT_REFS))
            names = tuple(p.name for p in read if isinstance(p, Input))
        behind = tuple(self._behind(step))
        if not read and not may_be_empty:
            yield from (step, *behind)
            return
        name = self._new_name(f"{step.name}-inputs", step.name)
        exports = (Export(GIVEN, "True"),)
        yield Step(name, (), read, names, exports=exports, after=step.after)
        others = tuple(p for p in step.prepare if p not in read)
        container = replace(step, prepare=(*others, *(Input(n, OutputRef(name, n)) for n in names)))
        may_miss = any(isinstance(p, Input) and p.required and isinstance(p.ref, Merge) for p in read)
        if may_be_empty or may_miss:  # the step may find nothing, and the container is skipped then
            reason = NOTHING_GIVEN[2 if may_be_empty and may_miss else int(may_miss)]
            given = Branch(Truth(ExportRef(name, GIVEN)), (container, *behind), reason)
            yield Condition(self._new_name(f"{step.name}-given"), (given,))
        else:
            yield from (container, *behind)

    def _behind(self, step: Step) -> Iterator[Step]:
        if step.name in self.readers:
            names = [o.name for o in step.shell_outputs]
            read = tuple(Input(n, OutputRef(step.name, n)) for n in names)
            yield Step(self.readers[step.name], (), read, exports=tuple(Export(n, n) for n in names))

    def _condition(self, node: Condition, may_be_empty: bool) -> Iterator[Node]:
        branches = tuple(
            replace(b, when=None if b.when is None else with_operands(b.when, self._ref), body=self.nodes(b.body, may_be_empty))
            for b in node.branches
        )  # fmt: skip
        if node.name not in self.undecided or not self.containers & {s.name for s in steps_of((node,))}:
            yield replace(node, branches=branches)
            return
        first = next(s.name for b in node.branches for s in steps_of(b.body) if s.name in self.containers)
        step = self._new_name(f"{node.name}-values", first)
        refs = dict.fromkeys(
            r for b in branches if b.when is not None for r in operands(b.when) if not isinstance(r, Constant)
        )
        values = {r: f"value_{n}" for n, r in enumerate(refs, 1)}
        read = tuple(Input(n, r, False) for r, n in values.items())
        yield Step(step, (), read, exports=tuple(Export(n, n, late=True) for n in values.values()))

        def of_step(ref: Ref) -> Ref:
            return ExportRef(step, values[ref]) if ref in values else ref

        decided = (
            replace(b, when=None if b.when is None else with_operands(b.when, of_step), text=b.text) for b in branches
        )
        yield replace(node, branches=tuple(decided))

    def _ref(self, ref: Ref) -> Ref:
        """A reference of a condition or a loop, to the step that reads what a container wrote."""
        if isinstance(ref, (OutputRef, ExportRef)) and ref.step in self.readers:
            return ExportRef(self.readers[ref.step], ref.name)
        return ref

    def _new_name(self, wanted: str, helped: str = "") -> str:
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}-{number}"
        self.names.add(name)
        if helped:
            self.helped[name] = helped
        return name


def _texts_of(step: Step) -> tuple[str, ...]:
    """What the user wrote for a container: the words of its command, or its script."""
    return (*(step.command.words if step.command is not None else ()), *(c.source for c in step.cells))


def _texts_of_shared_code(step: Step) -> tuple[str, ...]:
    """The names that a script or command may read, among its inputs and what its shared code binds."""
    named = {w for text in _texts_of(step) for w in re.findall(r"\w+", text)}
    bound = [n for p in step.prepare for n in ((p.name,) if isinstance(p, Input) else _assigned(p.code.source))]
    return tuple(n for n in dict.fromkeys(bound) if n in named)


def _assigned(source: str) -> Iterator[str]:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from (n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _deciding_refs(body: tuple[Node, ...]) -> Iterator[OutputRef | ExportRef]:
    """The values of steps that conditions and loops read."""
    for node in body:
        if isinstance(node, Condition):
            for branch in node.branches:
                for ref in operands(branch.when) if branch.when is not None else ():
                    yield from (ref,) if isinstance(ref, (OutputRef, ExportRef)) else ()
                yield from _deciding_refs(branch.body)
        elif isinstance(node, Loop):
            yield from (node.items,) if isinstance(node.items, ExportRef) else ()
            yield from _deciding_refs(node.body)
        elif isinstance(node, Guard):
            yield from _deciding_refs((*node.body, *node.handler))
