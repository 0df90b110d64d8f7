"""From notebook JSON to cells, what their marks say, and the steps they form."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import notebook_file
from kfnb.notebook.formats.notebook_file import RawCell, RawNotebook
from kfnb.notebook.local_modules import local_modules
from kfnb.notebook.marked_cells import METRICS, PIPELINE, SKIP, STEP, UNMARKED, Cell, Notebook, PipelineCell
from kfnb.notebook.marks import headings
from kfnb.notebook.marks.cell_marks import (
    CellMarks,
    component_line,
    magic_line,
    read_metadata,
    read_near_magic,
    read_options,
    read_role,
    read_tags,
    role_line,
)
from kfnb.notebook.marks.pipeline_line import PIPELINE_MAGIC, read_pipeline
from kfnb.notebook.marks.step_marks import join_steps, settings_of
from kfnb.notebook.run_magic_files import programs_beside
from kfnb.problems import Problem
from kfnb.step_settings import Settings

PYTHON = ("python", "python3", "ipython", "ipython3", "")
MAY_RAISE = "raises-exception"  #: Jupyter's tag: the run goes on after the cell's error
ABOUT_RUNS = re.compile(r"^(\w+ *= *)?%pipeline\b", re.MULTILINE)
#: Cells in other languages, which extensions run; and what loads these.
OTHER_LANGUAGES = ("%%R", "%%julia", "%%sql", "%%cython", "%%bigquery")
LOADS = re.compile(r"^%(?:re)?load_ext\b", re.MULTILINE)


def read_notebook(path: str | Path) -> Notebook:
    """Read a notebook file; nothing in it is executed.

    Raises
    ------
    NotebookError
        KF101 when the file is not a notebook at all. Everything else is in ``problems``.
    """
    return notebook_from_json(notebook_file.load(path), str(path))


def parse_notebook(text: str, path: str | None = None) -> Notebook:
    """Read a notebook from its JSON text."""
    return notebook_from_json(notebook_file.parse(text, path or "the notebook"), path)


def notebook_from_json(data: Any, path: str | None = None, folder: Path | None = None) -> Notebook:
    """Read a notebook from its parsed JSON. Its modules and the programs that it runs are looked for in ``folder``, or beside ``path``."""
    raw = notebook_file.raw_notebook(data, path)
    problems = list(raw.problems)
    own = raw.metadata.get("kfnb", {})
    kale = raw.metadata.get("kubeflow_notebook")
    kale = kale if isinstance(kale, dict) else {}
    if not isinstance(own, dict):
        problems.append(Problem("KF201", "notebook.metadata.kfnb should be an object"))
        own = {}
    given = _marks(raw, problems)
    pipelines = _pipelines(raw, given, problems)
    cells = _cells(raw, given, own.get("unmarked") == "join" or bool(kale), pipelines)
    defaults = _defaults(own, kale, problems)
    steps = join_steps(cells, {g.number: g for g in given.values()}, defaults, problems)
    stem = Path(path).stem if path else "notebook"
    beside = folder or (Path(path).parent if path else None)
    modules = local_modules((c.source for c in cells), beside) if beside is not None else ()
    programs = programs_beside((c.source for c in cells), beside) if beside is not None else ()
    return Notebook(
        path=path,
        name=_text(own, "name", problems) or _of(kale, "pipeline_name") or stem,
        description=_text(own, "description", problems) or _of(kale, "pipeline_description") or "",
        target=_text(own, "target", problems),
        cells=tuple(c for c in cells),
        steps=tuple(steps),
        problems=tuple(problems),
        pipelines=tuple(pipelines.values()),
        form=raw.form,
        modules=modules,
        programs=programs,
    )


def _text(table: dict[str, Any], key: str, problems: list[Problem]) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        problems.append(Problem("KF201", f"notebook.metadata.kfnb: `{key}` should be a text", name=key))
        return None
    return value or None


def _of(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) and value else None


# -------------------------------------------------------------------- marks of each cell
def _marks(raw: RawNotebook, problems: list[Problem]) -> dict[int, CellMarks]:
    """Marks by the cell's position in the file; only Python code cells have any."""
    found: dict[int, CellMarks] = {}
    number, told = 0, False
    extended = any(cell.kind == "code" and LOADS.search(cell.source) for cell in raw.cells)
    for position, cell in enumerate(raw.cells):
        if cell.kind != "code":
            continue
        number += 1
        language = cell.language or raw.language
        if language.lower() not in PYTHON:
            if not told:
                problems.append(Problem("KF103", f"this notebook's language is {language}; kfnb reads Python", "cells in other languages are left alone", number, cell.id))  # fmt: skip
            told = True
            continue
        if cell.source.startswith(OTHER_LANGUAGES) and not extended:
            word = cell.source.split()[0]
            problems.append(
                Problem("KF103", f"a cell in another language ({word}) is left alone", "", number, cell.id, cell.line)
            )
            continue
        given = CellMarks(number, cell.id or f"cell-{number}")
        read_tags(list(cell.tags), given)
        if "kfnb" in cell.metadata:
            read_metadata(cell.metadata["kfnb"], given)
        _read_magic(cell, given)
        problems += given.problems
        found[position] = given
    return found


def _read_magic(cell: RawCell, given: CellMarks) -> None:
    component, role = component_line(cell.source), role_line(cell.source)
    if component is not None:
        arguments, line = component
        read_options(arguments, line + cell.line - 1, given)
    elif role is not None:
        word, arguments, line = role
        read_role(word, arguments, line + cell.line - 1, given)
    else:
        read_near_magic(cell.source, given, cell.line)


def _pipelines(raw: RawNotebook, given: dict[int, CellMarks], problems: list[Problem]) -> dict[int, PipelineCell]:
    """The ``%%pipeline`` cells, by their position in the file."""
    found: dict[int, PipelineCell] = {}
    for position, marks in given.items():
        source = raw.cells[position].source
        found_line = magic_line(source, PIPELINE_MAGIC)
        if found_line is None:
            continue
        body = "\n".join(source.split("\n")[found_line[1] :])
        line = found_line[1] + raw.cells[position].line - 1
        before = len(marks.problems)
        made = read_pipeline(found_line[0], line, Cell(marks.number, marks.cell_id, body, line + 1, PIPELINE), marks)
        problems += marks.problems[before:]
        if made is None:
            continue
        if made.name in (p.name for p in found.values()):
            problems.append(Problem("KF205", f"two pipelines are named `{made.name}`", "rename one of them", marks.number, marks.cell_id, line, made.name))  # fmt: skip
        found[position] = made
    return found


def _cells(raw: RawNotebook, given: dict[int, CellMarks], join: bool, pipelines: dict[int, PipelineCell]) -> list[Cell]:
    """Cells with their role and step; unmarked ones join the step above, or their heading's, where that is the rule."""
    marked = any(g.step is not None or component_line(raw.cells[p].source) for p, g in given.items())
    by_heading = headings.step_names(raw.cells) if not marked and not pipelines else {}
    cells: list[Cell] = []
    above: str | None = None
    for position, marks in given.items():
        cell = raw.cells[position]
        if position in pipelines:
            cells.append(pipelines[position].cell)
            continue
        source, line = _body(cell)
        unmarked = SKIP if is_about_runs(source) else UNMARKED
        step, role = marks.step, marks.role or unmarked
        if step is not None:
            role, above = STEP, step
        elif role == UNMARKED and join and marked and above is not None:
            step, role = above, STEP
        elif role == UNMARKED and not marked and position in by_heading and not _quiet(source):
            step, role = by_heading[position], STEP
        cells.append(
            Cell(
                marks.number, marks.cell_id, source, line, role, step if role == STEP else None, marks.role == METRICS,
                MAY_RAISE in cell.tags,
            )
        )  # fmt: skip
    return cells if marked or pipelines else _without_start(cells)


def _body(cell: RawCell) -> tuple[str, int]:
    """The code without its magic's line, and the line on which it begins."""
    found = component_line(cell.source) or role_line(cell.source)
    if found is None:
        return cell.source, cell.line
    line = found[-1]
    return "\n".join(cell.source.split("\n")[line:]), line + cell.line


def _quiet(source: str) -> bool:
    return not source.strip() or source.startswith("%load_ext kfnb")


def is_about_runs(source: str) -> bool:
    """Whether a cell works on pipelines, as ``run = %pipeline run`` does: it is part of none, unless it is marked."""
    return ABOUT_RUNS.search(source) is not None


def _without_start(cells: list[Cell]) -> list[Cell]:
    """Code before the first heading is shared when it only prepares, and a step ``start`` otherwise."""
    first = [c for c in cells if c.step == "start"]
    if not first or not all(_prepares(c.source) for c in first) or all(c.step in ("start", None) for c in cells):
        return cells
    return [replace(c, role=UNMARKED, step=None) if c.step == "start" else c for c in cells]


def _prepares(source: str) -> bool:
    """Whether every line at the margin begins an import, a definition or a magic: a cheap look, not a parse."""
    words = ("import ", "from ", "def ", "class ", "@", "%", "#", " ", "\t", ")", "]", "}", '"', "'", "async def ")
    return all(not line.strip() or line.startswith(words) for line in source.split("\n"))


# -------------------------------------------------------------------- defaults of the whole notebook
def _defaults(own: dict[str, Any], kale: dict[str, Any], problems: list[Problem]) -> Settings:
    given = CellMarks(0, "")
    if "defaults" in own:
        read_metadata(own["defaults"], given, "notebook.metadata.kfnb.defaults")
    kales = kale.get("steps_defaults")
    tags = [t for t in kales if isinstance(t, str)] if isinstance(kales, list) else []
    image = _of(kale, "base_image") or _of(kale, "docker_image")
    if image:
        tags.append(f"image:{image}")
    read_tags(tags, given)
    problems += [replace(p, cell=None, cell_id=None) for p in given.problems]
    return settings_of(given.values)
