"""Reports names that steps read from cells outside the pipeline, and how to bring these cells in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.build.step_preparation import Prepared
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, OUTSIDE, STEP
from kfnb.problems import Problem


def outside_problems(units: tuple[Unit, ...], flow: Flow, prepared: Mapping[int, Prepared]) -> Iterator[Problem]:
    """Report each cell outside the pipeline from which a step reads a name."""
    readers: dict[int, dict[str, str]] = {}
    makers: dict[int, list[Unit]] = {}
    for index, unit in enumerate(units):
        if unit.kind not in (STEP, EXPRESSION):
            continue
        for name, maker in _read(index, flow, prepared, units).items():
            if not name.startswith("@"):
                cell = units[maker].cells[0].number
                makers.setdefault(cell, []).append(units[maker])
                readers.setdefault(cell, {}).setdefault(name, unit.marks.name if unit.marks is not None else unit.name)
    for cell, names in sorted(readers.items()):
        yield _problem(cell, names, makers[cell], [u.marks.name for u in units if u.marks is not None])


def _read(index: int, flow: Flow, prepared: Mapping[int, Prepared], units: tuple[Unit, ...]) -> Mapping[str, int]:
    found = dict(prepared[index].outside) if index in prepared else {}
    for name, need in flow.uses[index].items():
        found.update((name, m) for m in need.definitions if units[m].kind == OUTSIDE and not need.passed_through)
    return found


def _problem(cell: int, names: Mapping[str, str], makers: list[Unit], taken: list[str]) -> Problem:
    """``names``: what is read, each with a step that does."""
    maker = min(makers, key=lambda u: u.cells[0].tree.body[0].lineno)
    obstacle, parsed = maker.obstacle, maker.cells[0]
    line = (obstacle.line if obstacle is not None else 1) + parsed.line - 1
    why = ""
    if obstacle is not None:
        why = f": `{obstacle.text}` {obstacle.why}" if obstacle.text else f": it {obstacle.why}"
    reading = ", ".join(f"`{name}` ({step})" for name, step in names.items())
    message = f"cell {cell} is not in the pipeline{why}; steps use these names from it: {reading}"
    once = any(u.obstacle is not None and u.obstacle.once for u in makers)
    skipped = obstacle is not None and not obstacle.text
    step = _free_name(taken)
    if skipped:
        hint = "remove the mark `skip`"
    elif once:
        hint = f"mark the cell with `step:{step}`, so that it runs once"
    else:
        hint = f"mark the cell with `functions` when every step may run it again, or with `step:{step}` when it must run once"
    marks = () if skipped else (f"step:{step}",) if once else ("functions", f"step:{step}")
    return Problem("KF302", message, hint, cell, parsed.id, line, next(iter(names)), marks)


def _free_name(taken: list[str]) -> str:
    name, number = "setup", 2
    while name in taken:
        name, number = f"setup-{number}", number + 1
    return name
