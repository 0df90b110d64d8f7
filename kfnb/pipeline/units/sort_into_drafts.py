"""Sorts the statements of a notebook into drafts of units: steps, shared code, parameters, and code outside the pipeline."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kfnb.analysis.analyze_notebook import imports_anywhere, statements_of
from kfnb.analysis.files.magic_effects import magic_call
from kfnb.analysis.parse_cells import ParsedCell, parse_cell
from kfnb.analysis.replay.replayable_statements import imports_only
from kfnb.analysis.syntax.ast_queries import root, source_of
from kfnb.notebook.parsed_notebook import (
    FUNCTIONS,
    IMPORTS,
    METRICS,
    PARAMETERS,
    SKIP,
    UNMARKED,
    Notebook,
    StepMarks,
)
from kfnb.pipeline.model import Parameter
from kfnb.pipeline.parameters.annotations import KnownTypes, known_types
from kfnb.pipeline.parameters.declarations import Declaration, declaration_of
from kfnb.pipeline.parameters.parameter_comments import trailing_comment
from kfnb.pipeline.units.shared_code import Obstacle, SharedCodeRules
from kfnb.pipeline.units.shared_scope import SharedScope, bound_names
from kfnb.problems import Problem
from kfnb.runtime.magics.magic_table import SET_UP

STEP, SHARED, PARAMETER, OUTSIDE, EXPRESSION = "step", "shared", "parameter", "outside", "expression"
#: Magics that affect later cells; other magics in unmarked cells are ignored.
LASTING = SET_UP | frozenset("cd file popd pushd run sc writefile".split())
IGNORED_CALLS = frozenset("print display help".split())


@dataclass(frozen=True)
class UnitDraft:
    """A unit before its analysis: its kind, name and cells, in reading order."""

    kind: str
    name: str
    cells: tuple[ParsedCell, ...]
    marks: StepMarks | None = None
    parameter: Parameter | None = None
    metrics: tuple[int, ...] = ()
    obstacle: Obstacle | None = None


def drafts_of(notebook: Notebook, parsed: dict[int, ParsedCell], problems: list[Problem]) -> Iterator[UnitDraft]:
    marks = {s.name: s for s in notebook.steps}
    rules = SharedCodeRules(SharedScope(imports_anywhere(parsed.values())))
    types = known_types(c.tree for c in parsed.values())
    for cell in notebook.cells:
        tree = parsed[cell.number]
        if cell.step is not None or cell.role == METRICS:
            rules.scope.exclude(tree.tree)
        if cell.step is not None:
            yield UnitDraft(STEP, cell.step, (tree,), marks[cell.step], metrics=(cell.number,) if cell.metrics else ())
        elif cell.role == METRICS:
            yield UnitDraft(STEP, _unused_name("metrics", marks), (tree,), metrics=(cell.number,))
        elif cell.role == PARAMETERS:
            rules.scope.add_parameters(bound_names(tree.tree))
            yield from parameter_drafts(tree, types, problems)
        elif cell.role in (IMPORTS, FUNCTIONS):
            yield from shared_drafts(tree, rules)
        elif cell.role in (UNMARKED, SKIP):
            yield from unmarked_drafts(tree, cell.role == SKIP, rules)


def _unused_name(name: str, taken: dict[str, StepMarks]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def parameter_drafts(cell: ParsedCell, types: KnownTypes, problems: list[Problem]) -> Iterator[UnitDraft]:
    for statement in statements_of(cell):
        node = statement.tree.body[0]
        if _ignored(node):
            continue
        found = declaration_of(node, trailing_comment(node, cell.code), types)
        if found is not None:
            problems += _default_problems(found, cell, node.lineno + cell.line - 1)
            yield UnitDraft(PARAMETER, found.parameter.name, (statement,), parameter=found.parameter)
            if found.parameter.conversion:
                code = parse_cell(cell.number, cell.id, found.parameter.conversion, node.lineno + cell.line - 1)
                yield UnitDraft(SHARED, "", (code,))
            continue
        if not imports_only(node) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            line = node.lineno + cell.line - 1
            text = source_of(node, cell.code).split("\n")[0]
            problems.append(
                Problem(
                    "KF503", f"`{text}` is not an assignment of a literal, so it cannot be a parameter",
                    "write NAME = literal, where the literal is a number, text, True, False, None, list or dict",
                    cell.number, cell.id, line,
                )
            )  # fmt: skip
        yield UnitDraft(SHARED, "", (statement,))


def _default_problems(found: Declaration, cell: ParsedCell, line: int) -> Iterator[Problem]:
    """Report a default that is not allowed for its parameter."""
    name = found.parameter.name
    message = f"the default of parameter `{name}`: {found.fault or found.doubt}"
    if found.fault:
        yield Problem(
            "KF510", message, "change the default, or the declared type and limits", cell.number, cell.id, line, name
        )
    elif found.doubt:
        yield Problem(
            "KF511",
            message,
            "the run uses this default anyway; change the default or the declared type if it is wrong",
            cell.number,
            cell.id,
            line,
            name,
        )


def shared_drafts(cell: ParsedCell, rules: SharedCodeRules) -> Iterator[UnitDraft]:
    for part in statements_of(cell):
        if not _ignored(part.tree.body[0]):
            rules.scope.add(part.tree.body[0])
            yield UnitDraft(SHARED, "", (part,))


def unmarked_drafts(cell: ParsedCell, skipped: bool, rules: SharedCodeRules) -> Iterator[UnitDraft]:
    """Draft each statement of an unmarked cell: as shared code, or outside the pipeline with the reason."""
    for part in statements_of(cell):
        node = part.tree.body[0]
        printed = rules.scope.redirects.active and _shows(node) and not skipped
        if _ignored(node) and not printed:
            continue
        obstacle: Obstacle | None
        if printed and _ignored(node):
            obstacle = None
        elif _shows(node):
            obstacle = Obstacle(
                source_of(node, cell.code).split("\n")[0][:40], node.lineno, "shows something, and changes it"
            )
        elif skipped and not imports_only(node):
            obstacle = Obstacle("", node.lineno, "has the mark `skip`")
        else:
            obstacle = None if cell.problem is not None else rules.obstacle(node)
        if obstacle is None:
            rules.scope.add(node)
            yield UnitDraft(SHARED, "", (part,))
        else:
            rules.scope.exclude(node)
            yield UnitDraft(OUTSIDE, "", (part,), obstacle=obstacle)


def _ignored(node: ast.stmt) -> bool:
    """Whether a statement only shows something, or matters only in a notebook front end."""
    if isinstance(node, ast.Pass):
        return True
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, (ast.Constant, ast.Name, ast.Attribute)):
        return True
    if isinstance(value, ast.Call):
        if root(value.func) == "get_ipython":
            call = magic_call(value)
            return call is not None and (call.name not in LASTING or call.line.split()[:1] == ["kfnb"])
        plain = all(k.arg != "file" for k in value.keywords)
        return _shows(node) and plain and not any(_acts(v) for v in [*value.args, *(k.value for k in value.keywords)])
    return False


def _shows(node: ast.stmt) -> bool:
    """Whether a statement is a call of ``print`` or a similar function, which no step runs again."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in IGNORED_CALLS


def _acts(node: ast.expr) -> bool:
    """Whether evaluating an expression may have effects."""
    return any(isinstance(n, (ast.Call, ast.NamedExpr, ast.Await)) for n in ast.walk(node))
