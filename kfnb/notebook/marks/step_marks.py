"""The cells of one step put together: what all their marks say, and where two of them disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kfnb.notebook.marked_cells import STEP, Cell, StepMarks
from kfnb.notebook.marks.cell_marks import Given
from kfnb.notebook.marks.mark_table import Mark, place_of
from kfnb.problems import Problem
from kfnb.step_settings import Settings


def join_steps(
    cells: list[Cell], given: Mapping[int, Given], defaults: Settings, problems: list[Problem]
) -> list[StepMarks]:
    """Steps in the order of their first cells."""
    by_step: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.role == STEP and cell.step is not None:
            by_step.setdefault(cell.step, []).append(cell)
        marks = given.get(cell.number)
        if marks is not None:
            problems += _alone(cell, marks)
    folded: dict[str, str] = {}
    for name, mine in by_step.items():
        other = folded.setdefault(name.lower().replace("_", "-"), name)
        if other != name:
            problems.append(Problem("KF205", f"the steps `{other}` and `{name}` would have one name on a cluster", "rename one of them", mine[0].number, mine[0].id, None, name))  # fmt: skip
    return [_step(name, mine, given, defaults, problems) for name, mine in by_step.items()]


def _alone(cell: Cell, marks: Given) -> list[Problem]:
    """Marks on a cell that is no step, or that has a role which allows none."""
    others = [m.word for m, _, _ in marks.values if m.word != "step"]
    found: list[Problem] = []
    if marks.step is not None and marks.role is not None and marks.role != "metrics":
        found.append(Problem("KF203", f"a cell cannot be both step `{marks.step}` and `{marks.role}`", "keep one of the two marks", cell.number, cell.id, marks.line, marks.step))  # fmt: skip
    elif marks.step is None and others and cell.step is None:
        found.append(Problem("KF207", f"the mark `{others[0]}` has no effect on a cell that is no step", "add `step:NAME`", cell.number, cell.id, marks.line, others[0]))  # fmt: skip
    return found


def _step(
    name: str, cells: list[Cell], given: Mapping[int, Given], defaults: Settings, problems: list[Problem]
) -> StepMarks:
    values: list[tuple[Mark, Any, int | None]] = []
    told: dict[str, tuple[Any, Cell]] = {}
    for cell in cells:
        marks = given.get(cell.number)
        for mark, value, line in marks.values if marks is not None else []:
            if mark.word == "step" and value != name:
                problems.append(Problem("KF203", f"one cell cannot be in the steps `{name}` and `{value}`", "keep one of the two", cell.number, cell.id, line, value))  # fmt: skip
                continue
            if not mark.many and mark.word in told and told[mark.word][0] != value:
                other = told[mark.word][1]
                where = f"cell {other.number}" if other is not cell else "the same cell"
                problems.append(
                    Problem(
                        "KF203", f"step `{name}`: `{mark.word}` says {_shown(value)} here and {_shown(told[mark.word][0])} in {where}",
                        "keep one of the two marks", cell.number, cell.id, line, mark.word,
                    )
                )  # fmt: skip
                continue
            told.setdefault(mark.word, (value, cell))
            values.append((mark, value, line))
    problems += _paired(name, cells[0], values)
    own: dict[str, Any] = {"after": [], "outputs": []}
    for mark, value, _ in values:
        if mark.setting or mark.word == "step":
            continue
        if mark.many:
            own[mark.field].append(value)
        else:
            own[mark.field] = value
    first = given.get(cells[0].number)
    return StepMarks(
        name, tuple(cells), tuple(dict.fromkeys(own.pop("after"))), outputs=tuple(dict.fromkeys(own.pop("outputs"))),
        settings=settings_of(values).over(defaults), marked_at=(cells[0].number, first.line if first is not None else None), **own,
    )  # fmt: skip


def _paired(name: str, cell: Cell, values: list[tuple[Mark, Any, int | None]]) -> list[Problem]:
    words = {m.word for m, _, _ in values}
    found: list[Problem] = []
    if "output" in words and "shell" not in words:
        found.append(Problem("KF207", f"step `{name}` declares an output file, but is no shell step", "add `shell`, or bind a name in Python", cell.number, cell.id, None, name))  # fmt: skip
    outputs = [v.name for m, v, _ in values if m.word == "output"]
    for output in {o for o in outputs if len({v for m, v, _ in values if m.word == "output" and v.name == o}) > 1}:
        found.append(Problem("KF205", f"step `{name}` has two outputs named `{output}`", "rename one", cell.number, cell.id, None, output))  # fmt: skip
    return found


def _shown(value: Any) -> str:
    return f"`{value.variable} in {value.items}`" if hasattr(value, "variable") else f"`{value}`"


def settings_of(values: list[tuple[Mark, Any, int | None]]) -> Settings:
    """The settings among marks."""
    found: dict[str, Any] = {}
    for mark, value, _ in values:
        if mark.setting:
            field, many = place_of(mark, value)
            found[field] = (*found.get(field, ()), value) if many else value
    known = {f.name for f in fields(Settings)}
    return Settings(**{k: v for k, v in found.items() if k in known})
