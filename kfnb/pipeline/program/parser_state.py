"""The state of the parser of a pipeline cell: scope, steps, edges and problems so far."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kfnb.analysis.units.unit_record import PREDEFINED
from kfnb.notebook.parsed_notebook import PipelineCell
from kfnb.pipeline.model import ExportRef, Input, OutputRef, Parameter, ParameterRef, Replay, sources
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.control_flow.control_flow_nodes import NodeDraft
from kfnb.pipeline.program.steps.backward_slices import Block, Item, LoopCarried, Slicer
from kfnb.pipeline.program.steps.component_definitions import Component
from kfnb.pipeline.program.steps.step_drafts import Binding, StepDraft
from kfnb.problems import Problem
from kfnb.wording import did_you_mean


class Refused(Exception):
    """A statement cannot be part of a pipeline; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class ParserState:
    """What the parser knows of the cell up to the current statement.

    Parameters
    ----------
    cell, code
        The cell and its text as plain Python.
    components, global_names
        Components by name, and every global name that the cells before define.
    parameters
        The pipeline's own parameters, by name.
    scope
        What each name stands for at this place.
    block, nodes
        Where the next statement and the next step are added.
    enclosing
        For each condition, loop and handler around this place: the steps it waits for, and why.
    try_bound
        Names that only the body of a `try` binds, while its handler is parsed.
    """

    cell: PipelineCell
    code: str
    components: Mapping[str, Component]
    global_names: frozenset[str]
    parameters: dict[str, Parameter] = field(default_factory=dict)
    scope: dict[str, Binding] = field(default_factory=dict)
    block: Block = field(default_factory=Block)
    nodes: list[NodeDraft] = field(default_factory=list)
    loops: tuple[str, ...] = ()
    enclosing: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    try_bound: set[str] = field(default_factory=set)
    drafts: dict[str, StepDraft] = field(default_factory=dict)
    edges: dict[tuple[str, str], tuple[list[str], list[str]]] = field(default_factory=dict)
    first_uses: dict[tuple[str, str], tuple[str, int]] = field(
        default_factory=dict
    )  #: for each output, the step and line that use it first
    problems: list[Problem] = field(default_factory=list)
    used_parameters: dict[str, Parameter] = field(default_factory=dict)
    label_counts: dict[str, int] = field(default_factory=dict)
    temporary_count: int = 0
    rewrite_depth: int = 0  #: above 0 inside a rewritten construct, whose text is not the user's
    slicer: Slicer = field(init=False)
    lines: list[str] = field(init=False)
    line_offset: int = field(init=False)  #: what to add to a node's line for the line in the cell
    is_ascii: bool = field(init=False)  #: the text is ASCII, so that columns are places in a line

    def __post_init__(self) -> None:
        self.slicer = Slicer(self.cell.cell.number, self.cell.cell.id)
        self.lines = self.code.split("\n")
        self.line_offset = self.cell.cell.line - 1
        self.is_ascii = self.code.isascii()

    # ---------------------------------------------------------------- problems
    def problem(self, code: str, message: str, hint: str, line: int, name: str | None = None) -> Problem:
        """A problem at ``line`` of the cell's code."""
        cell = self.cell.cell
        return Problem(code, message, hint, cell.number, cell.id, line + self.line_offset, name)

    def refuse(self, construct: tuple[str, str], node: ast.AST, name: str | None = None) -> Refused:
        construct_name, way_out = construct
        line = getattr(node, "lineno", 1)
        return Refused(
            self.problem("KF601", f"{construct_name} cannot be part of a pipeline's graph", way_out, line, name)
        )

    def error(self, code: str, message: str, hint: str, node: ast.AST, name: str | None = None) -> Refused:
        return Refused(self.problem(code, message, hint, getattr(node, "lineno", 1), name))

    # ---------------------------------------------------------------- text and names
    def text(self, node: ast.expr | ast.stmt) -> str:
        """The source text of a node."""
        if self.rewrite_depth:
            return ast.unparse(node)
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        start, end = node.col_offset, node.end_col_offset
        if first == last:
            line = self.lines[first]
            return line[start:end] if self.is_ascii else line.encode()[start:end].decode()
        head, tail = self.lines[first], self.lines[last]
        if not self.is_ascii:
            return "\n".join(
                [head.encode()[start:].decode(), *self.lines[first + 1 : last], tail.encode()[:end].decode()]
            )
        return "\n".join([head[start:], *self.lines[first + 1 : last], tail[:end]])

    def unique_name(self, label: str) -> str:
        """A name for a step that is not in use: ``add``, then ``add-2``, ``add-3``."""
        count = self.label_counts.get(label, 0) + 1
        self.label_counts[label] = count
        name = label if count == 1 else f"{label}-{count}"
        return name if name not in self.drafts else self.unique_name(label)

    def temporary_name(self, purpose: str) -> str:
        self.temporary_count += 1
        return f"_kfnb_{purpose}_{self.temporary_count}"

    # ---------------------------------------------------------------- reading names
    def check_use(self, name: str, node: ast.AST) -> None:
        """Refuse the use of a name that nothing defines, or that may not be bound here."""
        if name in self.scope:
            if name in self.try_bound:
                value = self.scope[name]
                raise self.error("KF307", f"the exit handler reads `{name}`, which line {value.line + self.line_offset} inside the `try` defines", "it may not exist if the body fails: define it before `try`, or read `kfnb_status`", node, name)  # fmt: skip
            if self.scope[name].only_if:
                self.problems.append(self.problem(
                    "KF607", f"`{name}` is bound only if `{self.scope[name].only_if}`; otherwise the step that uses it here is skipped",
                    "bind it in the other branch too, or before the `if`", getattr(node, "lineno", 1), name,
                ))  # fmt: skip
            return
        if name in self.global_names or name in PREDEFINED:
            return
        if name == self.cell.name.replace("-", "_"):
            raise self.refuse(refused_constructs.RECURSION, node, name)
        otherwise = "bind it before, or define it in a cell before this one"
        hint = did_you_mean(name, [*self.scope, *self.global_names], otherwise)
        raise self.error("KF301", f"`{name}` is used, but no cell or line before defines it", hint, node, name)

    def definitions_of(self, names: Iterable[str], node: ast.AST) -> tuple[list[Item], set[str]]:
        """What defines ``names`` here, in order, and the global names that this needs."""
        local, outside = [], set[str]()
        direct = True
        for name in names:
            value = self.scope.get(name)
            if value is None:
                outside.add(name)
            else:
                local.append(name)
                direct = direct and value.ref is not None
        if direct:
            return [Input(n, ref) for n in local if (ref := self.scope[n].ref) is not None], outside
        try:
            items, missing = self.slicer.backward_slice(self.block, local)
        except LoopCarried as error:
            name = str(error)
            raise self.error("KF605", f"`{name}` would pass from one iteration of the loop to the next, but iterations run side by side", "collect values with `.append` and work on the list after the loop; or loop inside one component", node, name) from None  # fmt: skip
        first: list[Item] = []
        for name in sorted(missing):
            if name in self.parameters:
                first.append(Input(name, ParameterRef(name)))
            elif name in self.scope and (ref := self.scope[name].ref) is not None:
                first.append(Input(name, ref))
            else:
                outside.add(name)
        return [*first, *items], outside

    def add_uses(self, draft: StepDraft, names: Iterable[str], node: ast.AST) -> None:
        """Give ``draft`` the inputs and statements that define ``names``."""
        items, outside = self.definitions_of(names, node)
        self.add_inputs(draft, items, outside, getattr(node, "lineno", draft.line))

    def add_inputs(self, draft: StepDraft, items: Iterable[Item], outside: set[str], line: int) -> None:
        draft.global_uses |= outside
        for item in items:
            if isinstance(item, Replay):
                draft.prepare.append(item)
                continue
            if item not in draft.prepare:
                draft.prepare.append(item)
            if isinstance(item.ref, ParameterRef):
                self.use_parameter(item.ref.name)
            for source in sources(item.ref):
                self.add_use(source, draft.name, item.name, line)

    def use_parameter(self, parameter: str) -> None:
        """Record that the pipeline uses this parameter."""
        self.used_parameters[parameter] = self.parameters[parameter]

    def add_use(self, source: OutputRef | ExportRef, reader: str, name: str, line: int) -> None:
        """Record that ``reader`` uses an output: the edge and the line."""
        maker = self.drafts[source.step]
        if isinstance(source, OutputRef):
            maker.live_outputs.add(source.name)
            self.first_uses.setdefault((source.step, source.name), (reader, line))
        shown = name if not name.startswith("_kfnb") else source.name
        why = f"`{shown}` is made in line {maker.line + self.line_offset}, read in line {line + self.line_offset}"
        self.add_edge(source.step, reader, why, "" if shown.startswith("_kfnb") else shown)

    def add_edge(self, source: str, to: str, why: str, name: str = "") -> None:
        """Let ``to`` wait for ``source``; ``name`` is the value that passes, if one does."""
        if source == to:
            return
        names, whys = self.edges.setdefault((source, to), ([], []))
        if name and name not in names:
            names.append(name)
        if why not in whys:
            whys.append(why)
