"""Divides a notebook into units in reading order: steps, shared statements, parameters, and cells outside the pipeline."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from kfnb.analysis.analyze_notebook import Analyzer, imports_anywhere
from kfnb.analysis.files.path_patterns import hole
from kfnb.analysis.parse_cells import ParsedCell, compiled, parse_cell
from kfnb.analysis.syntax.ast_queries import bound_in, names_in, source_of
from kfnb.analysis.unit_facts import Facts
from kfnb.analysis.units.abstract_state import SCALAR, VALUE
from kfnb.notebook.parsed_notebook import (
    FUNCTIONS,
    IMPORTS,
    PARAMETERS,
    UNMARKED,
    Cell,
    Notebook,
    StepMarks,
)
from kfnb.pipeline.checks.magic_problems import brings_magics, magic_problems
from kfnb.pipeline.model import Code, Parameter
from kfnb.pipeline.parameters.annotations import known_types
from kfnb.pipeline.units.draft_facts import facts_of
from kfnb.pipeline.units.separated_cells import join_cells
from kfnb.pipeline.units.shared_code import Obstacle, SharedCodeRules
from kfnb.pipeline.units.shared_scope import SharedScope, bound_names
from kfnb.pipeline.units.sort_into_drafts import (
    EXPRESSION,
    PARAMETER,
    SHARED,
    UnitDraft,
    drafts_of,
    parameter_drafts,
    shared_drafts,
    unmarked_drafts,
)
from kfnb.problems import Problem
from kfnb.thread_safe_parser import parse_expression


@dataclass(frozen=True)
class Unit:
    """One piece of the notebook, which the data-flow analysis treats as a whole.

    Parameters
    ----------
    kind
        ``step``; ``shared`` (one statement, run again where needed); ``parameter``; ``outside`` (not in the pipeline);
        ``expression`` (a condition or a loop's items, evaluated before its step).
    marks
        What the step's marks say.
    code
        The statement of a shared unit.
    """

    kind: str
    name: str
    facts: Facts
    cells: tuple[ParsedCell, ...] = ()
    marks: StepMarks | None = None
    code: Code | None = None
    parameter: Parameter | None = None
    metrics: tuple[int, ...] = ()  #: numbers of the cells that define metrics
    expression: str = ""
    obstacle: Obstacle | None = None  #: why a unit is outside the pipeline

    @property
    def skippable(self) -> bool:
        """Whether the notebook itself says that the step may not run."""
        return self.marks is not None and self.marks.when is not None


@dataclass(frozen=True)
class ParsedNotebook:
    units: tuple[Unit, ...]
    problems: tuple[Problem, ...]


def read_units(notebook: Notebook) -> ParsedNotebook:
    """Divide a whole notebook into units and analyze them."""
    shell = {s.name for s in notebook.steps if s.shell}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of odd escapes in texts when the cell runs
        parsed = _parse_cells(notebook.cells, shell)
    problems = [p.problem for p in parsed.values() if p.problem is not None]
    extended = brings_magics(parsed.values())
    problems += [p for c in notebook.cells if c.step is not None for p in magic_problems(parsed[c.number], extended)]
    drafts = list(drafts_of(notebook, parsed, problems))
    cells, modules, programs = list(parsed.values()), dict(notebook.modules), dict(notebook.programs)
    drafts, split = join_cells(drafts, cells, modules, programs)
    units = _units(drafts, Analyzer(cells, modules, programs))
    if any(u.facts.display_use for u in units):
        units = _units(drafts, Analyzer(cells, modules, programs, displays_are_values=True))
    return ParsedNotebook(units, (*problems, *split))


def _units(drafts: list[UnitDraft], analyzer: Analyzer) -> tuple[Unit, ...]:
    return tuple(unit for draft in drafts for unit in _analyze(draft, analyzer))


def _parse_cells(cells: Sequence[Cell], shell: set[str]) -> dict[int, ParsedCell]:
    """Parse every cell, by its number. Whether a name is a magic depends on the cells before."""
    found: dict[int, ParsedCell] = {}

    def bound(name: str) -> bool:
        return any(name in bound_in(p.tree) for p in found.values())

    for cell in cells:
        found[cell.number] = _parse(cell, shell, bound)
    return found


def _parse(cell: Cell, shell: set[str], bound: Callable[[str], bool]) -> ParsedCell:
    if cell.step in shell:
        return ParsedCell(cell.number, cell.id, cell.line, cell.source, cell.source, ast.Module([], []))
    return compiled(parse_cell(cell.number, cell.id, cell.source, cell.line, bound, cell.raises))


def shared_units(
    cells: list[Cell], parsed: list[ParsedCell], analyzer: Analyzer, problems: list[Problem]
) -> tuple[Unit, ...]:
    """The statements of cells that belong to no step, as units that a pipeline cell may use."""
    drafts: list[UnitDraft] = []
    types = known_types(p.tree for p in parsed)
    rules = SharedCodeRules(SharedScope(imports_anywhere(parsed)))
    for cell, tree in zip(cells, parsed, strict=True):
        if cell.role == PARAMETERS:
            rules.scope.add_parameters(bound_names(tree.tree))
            drafts += parameter_drafts(tree, types, problems)
            continue
        if cell.role in (IMPORTS, FUNCTIONS):
            drafts += shared_drafts(tree, rules)
        else:
            drafts += unmarked_drafts(tree, cell.role != UNMARKED, rules)
    return tuple(unit for draft in drafts for unit in _analyze(draft, analyzer))


def _analyze(draft: UnitDraft, analyzer: Analyzer) -> Iterator[Unit]:
    if draft.kind == PARAMETER and draft.parameter is not None:
        facts = analyzer.unit(draft.cells)
        plain = draft.parameter.type in ("str", "int", "float", "bool")
        text = hole(draft.name) if isinstance(draft.parameter.default, str) else None
        analyzer.define([draft.name], SCALAR if plain else VALUE, text)
        yield Unit(PARAMETER, draft.name, facts, draft.cells, parameter=draft.parameter)
        return
    if draft.marks is not None:
        yield from _expression_units(draft, analyzer)
    facts = facts_of(draft, analyzer)
    if draft.kind == SHARED:
        cell = draft.cells[0]
        node = cell.tree.body[0]
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        code = Code(cell.number, source_of(node, cell.code), first + cell.line - 1, cell.id)
        yield Unit(SHARED, "", facts, draft.cells, code=code)
        return
    yield Unit(draft.kind, draft.name, facts, draft.cells, draft.marks, metrics=draft.metrics, obstacle=draft.obstacle)


def _expression_units(draft: UnitDraft, analyzer: Analyzer) -> Iterator[Unit]:
    """The units of ``when`` and ``foreach``, which use names just before the step does."""
    marks = draft.marks
    assert marks is not None
    texts = [("foreach", marks.foreach.items)] if marks.foreach is not None else []
    if marks.when is not None:
        # a condition on the item itself is evaluated for each item, after the items are known
        inner = marks.foreach is not None and marks.foreach.variable in _names(marks.when)
        texts.insert(1 if inner else 0, ("when", marks.when))
    for what, text in texts:
        number, line = marks.marked_at
        cell = parse_cell(number, draft.cells[0].id, text.strip(), line or 1)
        if cell.problem is None:
            facts = analyzer.unit([cell])
            if marks.foreach is not None and what == "when":
                variable = marks.foreach.variable
                facts = replace(facts, reads={n: s for n, s in facts.reads.items() if n != variable})
            yield Unit(EXPRESSION, f"{what}-{draft.name}", facts, (cell,), marks, expression=text.strip())


def _names(text: str) -> set[str]:
    try:
        return names_in(parse_expression(text.strip()))
    except SyntaxError:
        return set()
