"""Builds a pipeline from a notebook: units, data flow, conditions, loops, edges and checks, in this order."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kfnb.notebook.parsed_notebook import Notebook
from kfnb.pipeline.build.edges import edges_of
from kfnb.pipeline.build.place_steps import place_step
from kfnb.pipeline.build.plan_steps import Plan, plan_steps
from kfnb.pipeline.build.reaching_definitions import Flow, flow_of, is_definition
from kfnb.pipeline.build.read_deep_nesting import with_deep_stack
from kfnb.pipeline.checks.check_pipeline import flow_problems, graph_problems, mark_problems
from kfnb.pipeline.checks.file_order import FileOrder, doubt_problems, file_use
from kfnb.pipeline.checks.library_hooks_check import with_hooks
from kfnb.pipeline.model import (
    Code,
    Export,
    Guard,
    Input,
    Node,
    Origin,
    Parameter,
    Pipeline,
    Replay,
    StatusRef,
    Step,
)
from kfnb.pipeline.parameters import mark_placeholders
from kfnb.pipeline.references import STATUS
from kfnb.pipeline.units.notebook_units import Unit, read_units
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, STEP
from kfnb.problems import NotebookError, Problem, errors

EXIT = "exit"  #: the guard around all steps, whose handler is the step marked `exit`


@dataclass(frozen=True)
class Built:
    """A pipeline, or the problems that stand in its way; warnings come along with a pipeline.

    Parameters
    ----------
    pipeline
        ``None`` when a problem is an error.
    units, flow
        What the pipeline was made from, for explanations.
    decisions
        For a pipeline cell: what was decided about each step, in the user's words.
    """

    pipeline: Pipeline | None
    problems: tuple[Problem, ...]
    units: tuple[Unit, ...] = ()
    flow: Flow | None = None
    decisions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def require(self) -> Pipeline:
        """Return the pipeline, or raise `NotebookError` with the errors that prevent it."""
        if self.pipeline is None:
            raise NotebookError(errors(self.problems))
        return self.pipeline


def build(notebook: Notebook, name: str | None = None) -> Built:
    """Turn a notebook into a pipeline, or into the problems that say why not.

    Parameters
    ----------
    name
        Which pipeline, when the notebook has several: that of a ``%%pipeline`` cell, or the notebook's own name for the
        one that its marked steps make.
    """
    try:
        return _with_lines(with_deep_stack(lambda: _build(notebook, name)), notebook)
    except RecursionError:
        hint = "split its longest expressions, `elif` chains and nested calls"
        return Built(
            None, (*notebook.problems, Problem("KF113", "this notebook is nested too deeply to be read", hint))
        )


def _with_lines(built: Built, notebook: Notebook) -> Built:
    """Give problems of whole cells the line of their cell, if the notebook is a text file."""
    if notebook.form is None:
        return built
    lines = {c.number: c.line for c in notebook.cells}
    return replace(built, problems=tuple(replace(p, line=lines.get(p.cell or 0)) if p.line is None else p for p in built.problems))  # fmt: skip


def _build(notebook: Notebook, name: str | None) -> Built:
    cells = {p.name: p for p in notebook.pipelines}
    names = pipelines_of(notebook)
    chosen = name if name is not None else names[0] if len(names) == 1 else None
    if chosen is None:
        return Built(None, (*notebook.problems, _choose("this notebook has several pipelines", names)))
    if chosen in cells:
        from kfnb.pipeline.program import build_program  # most notebooks have no pipeline cell, and it is large

        pipeline, problems, decisions = build_program(notebook, cells[chosen])
        return Built(pipeline, problems, decisions=decisions)
    if chosen not in names:
        return Built(None, (*notebook.problems, _choose(f"there is no pipeline `{chosen}`", names)))
    return _build_steps(notebook)


def pipelines_of(notebook: Notebook) -> list[str]:
    """The names that `build` takes."""
    cells = [p.name for p in notebook.pipelines]
    return [*cells, *([notebook.name] if notebook.steps or not cells else [])]


def _choose(message: str, names: list[str]) -> Problem:
    return Problem("KF407", message, f"choose with --pipeline: {', '.join(names)}")


def _build_steps(notebook: Notebook) -> Built:
    """Build the pipeline of the notebook's marked steps."""
    reading = read_units(notebook)
    units = with_hooks(reading.units)
    problems = [*notebook.problems, *reading.problems, *mark_problems(notebook)]
    flow = flow_of(units)
    files = file_use(units, flow)
    plan = plan_steps(units, flow, files.orders)
    problems += flow_problems(units, flow, plan.prepared, notebook)
    pipeline = _assemble(notebook, units, flow, plan, files.orders)
    problems += [*graph_problems(pipeline, notebook), *mark_placeholders.mark_problems(pipeline)]
    problems += doubt_problems(files.doubts, pipeline.edges)
    ordered = tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.cell or 0, p.line or 0)))
    return Built(None if errors(ordered) else pipeline, ordered, units, flow)


# -------------------------------------------------------------------- putting it together
def _assemble(
    notebook: Notebook, units: tuple[Unit, ...], flow: Flow, plan: Plan, files: tuple[FileOrder, ...]
) -> Pipeline:
    body: list[Node] = []
    exit_handler: Step | None = None
    pending: list[int] = []
    for index, unit in enumerate(units):
        if unit.kind == EXPRESSION:
            pending.append(index)
        elif unit.kind == STEP:
            step = _step(index, unit, plan)
            if unit.marks is not None and unit.marks.exit:
                exit_handler = exit_handler or step
            else:
                body += place_step(step, unit, units, pending, plan)
            pending = []
    guarded = (Guard(EXIT, tuple(body), (exit_handler,)),) if exit_handler is not None else tuple(body)
    return Pipeline(
        name=notebook.name,
        description=notebook.description,
        parameters=_parameters(units),
        body=guarded,
        edges=edges_of(units, flow, plan.prepared, _steps_of_expressions(units), files),
        sources=notebook.sources,
        makes=_definition_origins(units, plan.live_outputs),
        needs=_use_origins(units, plan),
        notebook=notebook.path,
    )


def _parameters(units: tuple[Unit, ...]) -> tuple[Parameter, ...]:
    """The parameters. If one is assigned twice, as papermill does, the last default counts, and the declared type stays."""
    parameters: dict[str, Parameter] = {}
    for parameter in (u.parameter for u in units if u.parameter is not None):
        before = parameters.get(parameter.name)
        if before is not None and before.schema and not parameter.schema and parameter.type == before.type:
            parameter = replace(parameter, schema=before.schema)
        parameters[parameter.name] = parameter
    return tuple(parameters.values())


def _steps_of_expressions(units: tuple[Unit, ...]) -> dict[int, int]:
    """For each unit of a ``when`` or ``foreach`` expression, the step that it belongs to."""
    steps: dict[int, int] = {}
    waiting: list[int] = []
    for index, unit in enumerate(units):
        if unit.kind == EXPRESSION:
            waiting.append(index)
        elif unit.kind == STEP:
            steps.update(dict.fromkeys(waiting, index))
            waiting = []
    return steps


def _step(index: int, unit: Unit, plan: Plan) -> Step:
    marks = unit.marks
    live_outputs = plan.live_outputs.get(index, set())
    outputs = tuple(sorted(live_outputs))
    defined = {*unit.facts.may_define, *unit.facts.may_mutate}
    results = tuple(
        sorted(
            n
            for n in defined
            if n not in live_outputs and not n.startswith(("@", "_")) and not is_definition(unit.facts, n)
        )
    )
    exports = [*plan.exports.get(index, []), *_metrics(unit)]
    prepare: tuple[Input | Replay, ...] = plan.prepared[index].ordered()
    if marks is not None and marks.exit:
        prepare = (Input(STATUS, StatusRef(EXIT)), *prepare)
    if marks is None:
        waits = tuple(plan.files.get(unit.name, ()))
        return Step(unit.name, _codes(unit), prepare, outputs, results, tuple(exports), waits)
    shell_outputs = marks.outputs
    shell_names = {o.name for o in marks.outputs}
    return Step(
        unit.name, _codes(unit), prepare,
        tuple(n for n in outputs if n not in shell_names) if marks.shell else outputs,
        () if marks.shell else results,
        tuple(e for e in exports if not (marks.shell and e.name in shell_names)),
        tuple(dict.fromkeys([*marks.after, *plan.files.get(unit.name, ())])), marks.shell, shell_outputs, marks.settings,
        setting_places=marks.setting_places,
    )  # fmt: skip


def _codes(unit: Unit) -> tuple[Code, ...]:
    return tuple(Code(c.number, c.source, c.line, c.id, c.raises) for c in unit.cells)


def _metrics(unit: Unit) -> list[Export]:
    """A metrics cell records what it binds, and what it prints or shows by name."""
    names: dict[str, None] = {}
    for cell in (c for c in unit.cells if c.number in unit.metrics):
        bound = {n.id for n in ast.walk(cell.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names.update(dict.fromkeys(n for n in unit.facts.may_define if n in bound and not is_definition(unit.facts, n)))
        for node in cell.tree.body:
            if isinstance(node, ast.Expr):
                value = node.value
                shown: Iterable[ast.expr] = value.args if isinstance(value, ast.Call) else [value]
                names.update(dict.fromkeys(v.id for v in shown if isinstance(v, ast.Name)))
    return [Export(name, name, metric=True) for name in names]


def _definition_origins(units: tuple[Unit, ...], live_outputs: dict[int, set[str]]) -> tuple[Origin, ...]:
    origins = []
    for index, names in sorted(live_outputs.items()):
        facts = units[index].facts
        for name in sorted(names):
            site = facts.may_define.get(name) or facts.may_mutate.get(name)
            if site is not None:
                origins.append(Origin(units[index].name, name, site.cell, site.line))
    return tuple(origins)


def _use_origins(units: tuple[Unit, ...], plan: Plan) -> tuple[Origin, ...]:
    origins = []
    for index, prepared in plan.prepared.items():
        names = {n for live in prepared.live_outputs.values() for n in live}
        for name in sorted(names):
            site = units[index].facts.reads.get(name) or units[index].facts.may_mutate.get(name)
            if site is not None:
                origins.append(Origin(units[index].name, name, site.cell, site.line))
    return tuple(origins)
