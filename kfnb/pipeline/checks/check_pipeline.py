"""Checks a pipeline before a run: names, values, order and marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kfnb.analysis.unit_facts import Site
from kfnb.analysis.units.abstract_state import DEF, VALUE
from kfnb.analysis.units.unit_record import PREDEFINED
from kfnb.notebook.parsed_notebook import Notebook, StepMarks
from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.build.step_preparation import Prepared
from kfnb.pipeline.checks.library_hooks_check import hook_problems
from kfnb.pipeline.checks.lost_effects import lost_effects
from kfnb.pipeline.checks.names_outside_pipeline import outside_problems
from kfnb.pipeline.checks.unknown_name_hints import hint_for
from kfnb.pipeline.checks.widget_values import unpassable_problems
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, OUTSIDE, STEP
from kfnb.problems import Problem
from kfnb.wording import did_you_mean


# -------------------------------------------------------------------- marks
def mark_problems(notebook: Notebook) -> Iterator[Problem]:
    names = [s.name for s in notebook.steps]
    exits = [s for s in notebook.steps if s.exit]
    for marks in notebook.steps:
        for name in marks.after:
            if name == marks.name:
                yield _at(marks, "KF402", f"step `{name}` is marked to run after itself", "remove the mark", name)
            elif name in (e.name for e in exits):
                yield _at(marks, "KF406", f"step `{marks.name}` is marked to run after `{name}`, the exit handler", "the exit handler runs last; remove one of the two marks", name)  # fmt: skip
            elif name not in names:
                hint = did_you_mean(name, names, f"the steps are {', '.join(names)}")
                yield _at(marks, "KF401", f"step `{marks.name}` is marked to run after `{name}`, which is no step", hint, name)  # fmt: skip
    for marks in exits[1:]:
        yield _at(marks, "KF403", f"`{marks.name}` is a second exit handler, after `{exits[0].name}`", "a pipeline has one: put both into one step", marks.name)  # fmt: skip
    for marks in exits:
        if marks.when is not None or marks.foreach is not None:
            yield _at(marks, "KF203", f"the exit handler `{marks.name}` always runs, once; it cannot have `when` or `foreach`", "test inside the step instead", marks.name)  # fmt: skip
    if not notebook.steps and not any(c.role == "metrics" for c in notebook.cells):
        yield Problem("KF107", "this notebook has no step to run", "mark a cell with the tag `step:NAME`, or begin sections with a heading")  # fmt: skip


def _at(marks: StepMarks, code: str, message: str, hint: str, name: str) -> Problem:
    cell, line = marks.marked_at
    return Problem(code, message, hint, cell, marks.cells[0].id if marks.cells else None, line, name)


# -------------------------------------------------------------------- names and values
def flow_problems(
    units: tuple[Unit, ...], flow: Flow, prepared: Mapping[int, Prepared], notebook: Notebook
) -> Iterator[Problem]:
    star = False
    broken = {c.number for u in units for c in u.cells if c.problem is not None}
    for index, unit in enumerate(units):
        star = star or any(r.star for r in unit.facts.replays)
        if unit.kind in (STEP, EXPRESSION):
            # in a cell with an error of its own, names that are read may be anything
            yield from (p for p in _unmet(index, unit, units, flow, star, notebook) if p.cell not in broken)
        if unit.kind == STEP:
            yield from _opaque(unit)
            if unit.marks is not None and unit.marks.exit:
                yield from _exit_reads(index, unit, units, prepared)
            if unit.marks is not None and unit.marks.foreach is not None:
                yield from _changed_in_loop(index, unit, flow)
    yield from outside_problems(units, flow, prepared)
    yield from lost_effects(units, notebook)
    yield from hook_problems(units)
    yield from unpassable_problems(units, flow)
    yield from _rows(units, flow)


def _unmet(
    index: int, unit: Unit, units: tuple[Unit, ...], flow: Flow, star: bool, notebook: Notebook
) -> Iterator[Problem]:
    for name, site in flow.undefined[index].items():
        deleted = next((u for u in reversed(units[:index]) if name in u.facts.must_delete and u.kind != OUTSIDE), None)
        if deleted is not None and name in unit.facts.direct_reads and name not in PREDEFINED:
            where = deleted.facts.may_define.get(name)
            yield _named(
                "KF303", unit, name, site, f"`{name}` was deleted in {where}", "read it before, or do not delete it"
            )
        elif name in unit.facts.direct_reads and name not in PREDEFINED and not star and not _loop_variable(unit, name):
            yield _unknown(index, unit, name, site, units, notebook)


def _loop_variable(unit: Unit, name: str) -> bool:
    return unit.marks is not None and unit.marks.foreach is not None and unit.marks.foreach.variable == name


def _unknown(index: int, unit: Unit, name: str, site: Site, units: tuple[Unit, ...], notebook: Notebook) -> Problem:
    return _named(
        "KF301",
        unit,
        name,
        site,
        f"`{name}` is used, but no cell or line before defines it",
        hint_for(name, index, units, notebook.cells),
    )


def _named(code: str, unit: Unit, name: str, site: Site, message: str, hint: str) -> Problem:
    cell_id = next((c.id for c in unit.cells if c.number == site.cell), None)
    return Problem(code, message, hint, site.cell, cell_id, site.line, name)


def _opaque(unit: Unit) -> Iterator[Problem]:
    facts = unit.facts
    if facts.opaque is not None:
        yield _named("KF305", unit, unit.name, facts.opaque, "this line reaches names through a text, so the step gets every earlier name", "write the names in plain code")  # fmt: skip
    for path, site in facts.unread_programs.items():
        yield _named("KF110", unit, path, site, f"`%run {path}` runs a file that does not exist yet, so the names that it defines stay in this step", "put the file beside the notebook, or assign the values to variables in this step")  # fmt: skip
    if facts.undefined_display is not None:
        name, site = facts.undefined_display
        yield _named("KF111", unit, name, site, f"`{name}` refers to a value that no step's cell before this one displays", "assign the value to a name where it is computed, and use that name")  # fmt: skip
    elif facts.display_use is not None:
        yield _named("KF308", unit, "_", facts.display_use, "this line uses the displayed value of an earlier cell", "assign that value to a name, and use the name")  # fmt: skip


def _exit_reads(index: int, unit: Unit, units: tuple[Unit, ...], prepared: Mapping[int, Prepared]) -> Iterator[Problem]:
    for maker, names in prepared[index].live_outputs.items():
        for name in sorted(names):
            if name.startswith("@"):
                continue
            site = unit.facts.reads.get(name) or Site(unit.cells[0].number, unit.cells[0].line)
            yield _named(
                "KF307", unit, name, site, f"the exit handler reads `{name}` of step `{units[maker].name}`, which may not have run",
                "it can read parameters, shared code and `kfnb_status`",
            )  # fmt: skip


def _changed_in_loop(index: int, unit: Unit, flow: Flow) -> Iterator[Problem]:
    facts, marks = unit.facts, unit.marks
    assert marks is not None and marks.foreach is not None
    variable = marks.foreach.variable
    for name, site in {**facts.may_define, **facts.may_mutate, **facts.stateful}.items():
        outer = flow.uses[index].get(name)
        if outer is None or name == variable or (name not in facts.reads and name in facts.must_define):
            continue
        loop_carried = name in facts.may_define and name in facts.reads
        if name in facts.stateful and (facts.kinds.get(name) != DEF or name not in flow.live[index]):
            yield _named(
                "KF313", unit, name, site, f"`{name}` keeps state between calls, but each item of `{unit.name}` begins with the state from before the loop",
                "assign what must be known after the loop to a name in each iteration",
            )  # fmt: skip
            continue
        sure = name in facts.must_mutate or name in flow.live[index]
        if name not in facts.may_define and not sure:
            continue
        if name in facts.may_define and not loop_carried and name not in facts.may_mutate:
            continue
        shown = "the state of a seeded random generator" if name.startswith("@") else f"`{name}`"
        yield _named(
            "KF304", unit, name, site, f"{shown} comes from outside the loop and is changed inside it, but the iterations have no order",
            f"collect results instead: assign a new name in each iteration, and use the list of them after the loop `{unit.name}`",
        )  # fmt: skip


def _rows(units: tuple[Unit, ...], flow: Flow) -> Iterator[Problem]:
    """Report steps that run one after the other because each changes the same object."""
    changers: dict[str, list[Unit]] = {}
    for index, unit in enumerate(units):
        if unit.kind == STEP:
            for name in unit.facts.may_mutate:
                changed = (
                    unit.facts.must_mutate if name.isupper() else flow.live_definitions[index] | unit.facts.must_mutate
                )
                kind = unit.facts.kinds.get(name, VALUE)
                if name in flow.uses[index] and name in changed and (kind == VALUE or name.startswith("@")):
                    changers.setdefault(name, []).append(unit)
    for name, row in changers.items():
        if len(row) < 2:
            continue
        names = ", ".join(u.name for u in row)
        if name.startswith("@"):
            message = f"{names} run one after the other: they draw from one seeded generator"
            hint = (
                "give each a generator of its own (`rng = np.random.default_rng(seed)`, `random_state=`) to free them"
            )
        else:
            message = f"{names} run one after the other: each changes `{name}`"
            hint = f"let each work on a copy of `{name}` to run side by side"
        yield _named("KF306", row[-1], name, row[-1].facts.may_mutate[name], message, hint)


# -------------------------------------------------------------------- the graph
def graph_problems(pipeline: Pipeline, notebook: Notebook) -> Iterator[Problem]:
    """Report circles that order marks and data make together."""
    following: dict[str, list[tuple[str, str]]] = {}
    for edge in pipeline.edges:
        following.setdefault(edge.source, []).append((edge.to, edge.why))
    circle = _circle(following)
    if circle:
        shown = " → ".join([*circle, circle[0]])
        marks = next((s for s in notebook.steps if s.name in circle and set(s.after) & set(circle)), None)
        why = next((w for t, w in following[circle[0]] if t == circle[1 % len(circle)]), "")
        hint = f"remove a mark `after`; {circle[0]} comes before {circle[1 % len(circle)]} since {why}"
        cell, line = marks.marked_at if marks else (None, None)
        yield Problem("KF402", f"these steps wait for each other: {shown}", hint, cell, None, line, circle[0])


def _circle(following: Mapping[str, list[tuple[str, str]]]) -> list[str]:
    done: set[str] = set()
    for start in following:
        path: list[str] = []
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            node, at = stack.pop()
            if at == 0:
                if node in path:
                    return path[path.index(node) :]
                if node in done:
                    continue
                path.append(node)
            targets = following.get(node, [])
            if at < len(targets):
                stack.append((node, at + 1))
                stack.append((targets[at][0], 0))
            else:
                done.add(node)
                path.pop()
    return []
