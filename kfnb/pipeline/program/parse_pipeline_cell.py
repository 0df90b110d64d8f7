"""Parses a ``%%pipeline`` cell, with the cells before it, into a pipeline or the problems that prevent it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace

from kfnb.analysis.analyze_notebook import Analyzer
from kfnb.analysis.parse_cells import ParsedCell, check_compiles, parse_cell
from kfnb.notebook.parsed_notebook import METRICS, PIPELINE, STEP, Notebook, PipelineCell
from kfnb.pipeline.build.reaching_definitions import flow_of
from kfnb.pipeline.build.step_preparation import Prepared, Preparer
from kfnb.pipeline.checks.check_pipeline import flow_problems
from kfnb.pipeline.model import Edge, Input, Origin, Parameter, ParameterRef, Pipeline, Replay
from kfnb.pipeline.model import Step as ModelStep
from kfnb.pipeline.parameters.annotations import KnownTypes, known_types
from kfnb.pipeline.parameters.declarations import declaration_of
from kfnb.pipeline.parameters.mark_placeholders import mark_problems, placeholders
from kfnb.pipeline.parameters.parameter_comments import trailing_comment
from kfnb.pipeline.program.control_flow.control_flow_nodes import nodes_of
from kfnb.pipeline.program.copy_semantics import differences
from kfnb.pipeline.program.parser_state import ParserState
from kfnb.pipeline.program.run_as_plain_python import head_and_rest
from kfnb.pipeline.program.statements import StatementParser
from kfnb.pipeline.program.steps.component_definitions import Components
from kfnb.pipeline.program.steps.step_drafts import Binding, StepDraft
from kfnb.pipeline.units.notebook_units import Unit, shared_units
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, OUTSIDE, SHARED
from kfnb.problems import Problem, errors
from kfnb.thread_safe_parser import parse

Decisions = Mapping[str, tuple[str, ...]]


def build_program(notebook: Notebook, cell: PipelineCell) -> tuple[Pipeline | None, tuple[Problem, ...], Decisions]:
    """Return the pipeline of one cell, its problems, and the decisions about each step."""
    own = parse_cell(cell.cell.number, cell.cell.id, cell.cell.source, cell.cell.line)
    if own.problem is not None:
        return None, (own.problem,), {}
    own = replace(own, tree=parse(own.code))  # the parser changes this tree, so that it must not be shared
    before = [c for c in notebook.cells if c.number < cell.cell.number and c.role not in (STEP, METRICS, PIPELINE)]
    parsed = [check_compiles(parse_cell(c.number, c.id, c.source, c.line)) for c in before]
    analyzer = Analyzer([*parsed, own], dict(notebook.modules))
    problems = [p.problem for p in parsed if p.problem is not None]
    units = shared_units(before, parsed, analyzer, problems)
    components = Components(frozenset(u.name for u in units if u.parameter is not None))
    for unit in units:
        if unit.kind in (SHARED, OUTSIDE):
            for statement in unit.cells:
                components.read(statement)
    state = ParserState(cell, own.code, components.found, frozenset(analyzer.world.known))
    body = _parameters(state, units, own, known_types(p.tree for p in parsed))
    parser = StatementParser(state)
    parser.body(body)
    shared = _SharedCode(units, analyzer, state)
    problems += [
        *notebook_problems(notebook, cell),
        *components.problems,
        *state.problems,
        *shared.problems(notebook),
        *differences(state, analyzer, own, units),
    ]
    ordered = tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.cell or 0, p.line or 0)))
    if not state.drafts and not errors(ordered):
        empty = Problem(
            "KF107",
            f"the pipeline `{cell.name}` has no step",
            "call a component in it",
            cell.cell.number,
            cell.cell.id,
            cell.line,
        )
        ordered = (*ordered, empty)
    if errors(ordered):
        return None, ordered, {}
    pipeline = _assemble(notebook, state, parser, shared, own)
    ordered = (*ordered, *mark_problems(pipeline))
    if errors(ordered):
        return None, ordered, {}
    return pipeline, ordered, {d.name: tuple(d.decisions) for d in state.drafts.values()}


def notebook_problems(notebook: Notebook, cell: PipelineCell) -> list[Problem]:
    """The problems of the notebook that concern this cell or the whole file."""
    others = {p.cell.number for p in notebook.pipelines if p is not cell}
    return [p for p in notebook.problems if p.cell is None or (p.cell <= cell.cell.number and p.cell not in others)]


# -------------------------------------------------------------------- parameters
def _parameters(state: ParserState, units: tuple[Unit, ...], own: ParsedCell, types: KnownTypes) -> list[ast.stmt]:
    """Declare the parameters of earlier cells, of the magic's line and at the start of the cell; return the other statements."""
    for unit in units:
        if unit.parameter is not None and unit.parameter.conversion:
            state.parameters[unit.name] = unit.parameter  # steps use the object that the conversion makes of it
        elif unit.parameter is not None:
            _parameter(state, unit.parameter, 0)
    for node in _signature(state):
        _declared(state, node, 1 - state.line_offset, types)
    head, rest = head_and_rest(own.tree)
    for node in head:
        _declared(state, node, 0, types, trailing_comment(node, own.code))
    return rest


def _signature(state: ParserState) -> list[ast.stmt]:
    text = state.cell.signature
    if not text:
        return []
    try:
        function = parse(f"def f({text}): pass").body[0]
    except (ValueError, RecursionError, MemoryError) as error:
        hint = "%%pipeline NAME(a: int = 1)"
        state.problems.append(state.problem("KF206", f"the parameters `{text[:60]}` cannot be read: {error}", hint, 0))
        return []
    except SyntaxError as error:
        state.problems.append(
            replace(
                state.problem(
                    "KF206",
                    f"the parameters `{text}` cannot be read: {error.msg}",
                    "such as (a: float = 0, b: float = 7)",
                    1,
                ),
                line=state.cell.line,
            )
        )
        return []
    assert isinstance(function, ast.FunctionDef)
    args = function.args
    every = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(every) - len(args.defaults)) + [*args.defaults]
    found: list[ast.stmt] = []
    for argument, default in zip([*every, *args.kwonlyargs], [*defaults, *args.kw_defaults], strict=True):
        target = ast.Name(argument.arg, ast.Store())
        if default is None:
            state.problems.append(
                replace(
                    state.problem(
                        "KF206",
                        f"the parameter `{argument.arg}` has no default",
                        f"such as {argument.arg}: float = 0",
                        1,
                        argument.arg,
                    ),
                    line=state.cell.line,
                )
            )
        elif argument.annotation is not None:
            found.append(ast.AnnAssign(target, argument.annotation, default, 1))
        else:
            found.append(ast.Assign([target], default))
    return found


def _declared(state: ParserState, node: ast.stmt, line: int, types: KnownTypes, comment: str = "") -> None:
    declaration = declaration_of(node, comment, types)
    at = getattr(node, "lineno", 1)
    if declaration is None or declaration.parameter.conversion:
        state.problems.append(
            state.problem(
                "KF503",
                f"`{ast.unparse(ast.fix_missing_locations(node))}` is not an assignment of a literal, so it cannot be a parameter",
                "write NAME: TYPE = literal",
                at,
            )
        )
        return
    parameter = declaration.parameter
    if declaration.fault:
        message = f"the default of parameter `{parameter.name}`: {declaration.fault}"
        hint = "change the default, or the declared type and limits"
        state.problems.append(state.problem("KF510", message, hint, at, parameter.name))
    state.used_parameters[parameter.name] = parameter
    _parameter(state, parameter, getattr(node, "lineno", line))


def _parameter(state: ParserState, parameter: Parameter, line: int) -> None:
    state.parameters[parameter.name] = parameter
    kind = "" if parameter.type == "any" else parameter.type
    state.scope[parameter.name] = Binding(ParameterRef(parameter.name), kind, line=line)


# -------------------------------------------------------------------- what the cells before give
class _SharedCode:
    """The notebook's definitions, imports and literals that steps need."""

    def __init__(self, units: tuple[Unit, ...], analyzer: Analyzer, state: ParserState) -> None:
        self.state = state
        names = sorted({n for d in state.drafts.values() for n in d.global_uses} & state.global_names)
        line = state.cell.cell.line
        expressions = []
        for name in names:
            cell = parse_cell(state.cell.cell.number, state.cell.cell.id, name, line)
            expressions.append(Unit(EXPRESSION, name, analyzer.unit([cell]), (cell,), expression=name))
        self.units = (*units, *expressions)
        self.flow = flow_of(self.units)
        preparer = Preparer(self.units, self.flow)
        start = len(units)
        self.prepared = {start + at: preparer.prepare(start + at) for at in range(len(names))}
        self.prepared_by_name = {name: self.prepared[start + at] for at, name in enumerate(names)}
        self._prepared_for: dict[frozenset[str], tuple[Input | Replay, ...]] = {}

    def problems(self, notebook: Notebook) -> list[Problem]:
        return [*flow_problems(self.units, self.flow, self.prepared, notebook), *self._ambiguous_names()]

    def prepare(self, names: set[str]) -> tuple[Input | Replay, ...]:
        key = frozenset(names)
        if key not in self._prepared_for:
            joined = Prepared()
            for name in sorted(key & self.prepared_by_name.keys()):
                joined.items.update(self.prepared_by_name[name].items)
            self._prepared_for[key] = joined.ordered()
        return self._prepared_for[key]

    def _ambiguous_names(self) -> list[Problem]:
        """Report names that the cell binds and that a component reads as a global, because a step has one namespace for both."""
        problems = []
        binds: dict[str, set[str]] = {}
        for name, prepared in self.prepared_by_name.items():
            indexes = {key[0] for key in prepared.items}
            binds[name] = {n for i in indexes if self.units[i].kind == SHARED for n in self.units[i].facts.may_define}
        for draft in self.state.drafts.values():
            globals_ = set().union(*(binds.get(n, set()) for n in draft.global_uses)) if draft.global_uses else set()
            for name in sorted(
                globals_
                & ({i.name for i in draft.prepare if isinstance(i, Input)} | draft.definitions.keys())
                - draft.global_uses
            ):
                problems.append(
                    self.state.problem(
                        "KF609",
                        f"`{name}` is bound in the pipeline cell and is also a global name that `{draft.component or draft.name}` reads",
                        "rename one of them",
                        draft.line,
                        name,
                    )
                )
        return problems


# -------------------------------------------------------------------- putting it together
def _assemble(
    notebook: Notebook, state: ParserState, parser: StatementParser, shared: _SharedCode, own: ParsedCell
) -> Pipeline:
    used = dict(state.used_parameters)

    def step(draft: StepDraft) -> ModelStep:
        before = shared.prepare(draft.global_uses)
        for item in before:
            if isinstance(item, Input) and isinstance(item.ref, ParameterRef) and item.ref.name in state.parameters:
                used[item.ref.name] = state.parameters[item.ref.name]
        used.update({n: state.parameters[n] for n in placeholders(draft.settings) if n in state.parameters})
        results = (
            ()
            if draft.command
            else tuple(n for n in draft.definitions if n not in draft.live_outputs and not n.startswith("_"))
        )
        return ModelStep(
            draft.name, tuple(draft.codes), (*before, *draft.prepare), () if draft.command else tuple(sorted(draft.live_outputs)),
            results, tuple(draft.exports), tuple(draft.after), False, draft.shell_outputs, draft.settings, draft.command,
            draft.component, draft.description, draft.setting_places,
        )  # fmt: skip

    body = nodes_of(state.nodes, step)
    edges = tuple(Edge(source, to, tuple(n), "; ".join(w)) for (source, to), (n, w) in state.edges.items())
    cell = state.cell.cell.number
    output_origins = tuple(
        Origin(d.name, n, cell, d.definitions.get(n, d.line) + state.line_offset)
        for d in state.drafts.values()
        for n in d.live_outputs
    )
    use_origins = tuple(
        Origin(reader, name, cell, line + state.line_offset) for (_, name), (reader, line) in state.first_uses.items()
    )
    return Pipeline(
        name=state.cell.name, description=state.cell.description or (ast.get_docstring(own.tree) or "").split("\n\n")[0],
        parameters=tuple(p for n, p in state.parameters.items() if n in used), body=body, edges=edges,
        sources=notebook.sources, makes=output_origins, needs=use_origins,
        notebook=notebook.path,
    )  # fmt: skip
