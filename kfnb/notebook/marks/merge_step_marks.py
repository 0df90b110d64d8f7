"""Joins the cells of each step, merges their marks, and reports marks that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kfnb.notebook.marks.cell_marks import CellMarks
from kfnb.notebook.parsed_notebook import STEP, Cell, StepMarks
from kfnb.problems import Problem
from kfnb.setting_marks.setting_table import Mark, place_of
from kfnb.step_settings import Settings


def join_steps(
    cells: list[Cell], marks_of: Mapping[int, CellMarks], defaults: Settings, problems: list[Problem]
) -> list[StepMarks]:
    """The steps in the order of their first cells. Problems are added to ``problems``."""
    by_step: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.role == STEP and cell.step is not None:
            by_step.setdefault(cell.step, []).append(cell)
        marks = marks_of.get(cell.number)
        if marks is not None:
            problems += _misplaced_marks(cell, marks)
    names: dict[str, str] = {}
    for name, own_cells in by_step.items():
        other = names.setdefault(name.lower().replace("_", "-"), name)
        if other != name:
            problems.append(Problem("KF205", f"the steps `{other}` and `{name}` would have the same name on a cluster", "rename one of them", own_cells[0].number, own_cells[0].id, None, name))  # fmt: skip
    return [_step(name, own_cells, marks_of, defaults, problems) for name, own_cells in by_step.items()]


def _misplaced_marks(cell: Cell, marks: CellMarks) -> list[Problem]:
    """The problems of marks on a cell that is not a step, or whose role excludes being a step."""
    others = [m.word for m, _, _ in marks.values if m.word != "step"]
    problems: list[Problem] = []
    if marks.step is not None and marks.role is not None and marks.role != "metrics":
        problems.append(Problem("KF203", f"a cell cannot be both step `{marks.step}` and `{marks.role}`", "keep one of the two marks", cell.number, cell.id, marks.line, marks.step))  # fmt: skip
    elif marks.step is None and others and cell.step is None:
        problems.append(Problem("KF207", f"the mark `{others[0]}` has no effect, because the cell is not a step", "add the tag `step:NAME`", cell.number, cell.id, marks.line, others[0]))  # fmt: skip
    return problems


def _step(
    name: str, cells: list[Cell], marks_of: Mapping[int, CellMarks], defaults: Settings, problems: list[Problem]
) -> StepMarks:
    values: list[tuple[Mark, Any, int | None]] = []
    places: list[tuple[str, int, int | None]] = []
    first_values: dict[str, tuple[Any, Cell]] = {}
    for cell in cells:
        marks = marks_of.get(cell.number)
        for mark, value, line in marks.values if marks is not None else []:
            if mark.word == "step" and value != name:
                problems.append(Problem("KF203", f"one cell cannot be in the steps `{name}` and `{value}`", "keep one of the two", cell.number, cell.id, line, value))  # fmt: skip
                continue
            if not mark.many and mark.word in first_values and first_values[mark.word][0] != value:
                other = first_values[mark.word][1]
                where = f"cell {other.number}" if other is not cell else "the same cell"
                problems.append(
                    Problem(
                        "KF203", f"step `{name}`: `{mark.word}` says {_quoted(value)} here and {_quoted(first_values[mark.word][0])} in {where}",
                        "keep one of the two marks", cell.number, cell.id, line, mark.word,
                    )
                )  # fmt: skip
                continue
            first_values.setdefault(mark.word, (value, cell))
            values.append((mark, value, line))
            places += [(mark.word, cell.number, line)] if mark.setting else []
    problems += _output_problems(name, cells[0], values)
    own: dict[str, Any] = {"after": [], "outputs": []}
    for mark, value, _ in values:
        if mark.setting or mark.word == "step":
            continue
        if mark.many:
            own[mark.field].append(value)
        else:
            own[mark.field] = value
    first = marks_of.get(cells[0].number)
    return StepMarks(
        name, tuple(cells), tuple(dict.fromkeys(own.pop("after"))), outputs=tuple(dict.fromkeys(own.pop("outputs"))),
        settings=settings_of(values).over(defaults), setting_places=tuple(places), marked_at=(cells[0].number, first.line if first is not None else None), **own,
    )  # fmt: skip


def _output_problems(name: str, cell: Cell, values: list[tuple[Mark, Any, int | None]]) -> list[Problem]:
    words = {m.word for m, _, _ in values}
    problems: list[Problem] = []
    if "output" in words and "shell" not in words:
        problems.append(Problem("KF207", f"step `{name}` declares an output file but is not a shell step", "add the mark `shell`, or assign the value to a name in Python", cell.number, cell.id, None, name))  # fmt: skip
    outputs = [v.name for m, v, _ in values if m.word == "output"]
    for output in {o for o in outputs if len({v for m, v, _ in values if m.word == "output" and v.name == o}) > 1}:
        problems.append(Problem("KF205", f"step `{name}` has two outputs named `{output}`", "rename one of them", cell.number, cell.id, None, output))  # fmt: skip
    return problems


def _quoted(value: Any) -> str:
    return f"`{value.variable} in {value.items}`" if hasattr(value, "variable") else f"`{value}`"


def settings_of(values: list[tuple[Mark, Any, int | None]]) -> Settings:
    """The settings that the marks contain."""
    settings: dict[str, Any] = {}
    for mark, value, _ in values:
        if mark.setting:
            field, many = place_of(mark, value)
            settings[field] = (*settings.get(field, ()), value) if many else value
    known = {f.name for f in fields(Settings)}
    return Settings(**{k: v for k, v in settings.items() if k in known})
