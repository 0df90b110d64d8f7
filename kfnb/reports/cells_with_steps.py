"""The cells of a run's notebook. Each has the steps that contain it, or the reason why no step does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kfnb.notebook.formats.notebook_file import RawCell, raw_notebook
from kfnb.notebook.parse import notebook_from_json
from kfnb.notebook.parsed_notebook import IMPORTS, PARAMETERS, PIPELINE, SKIP, STEP, Notebook
from kfnb.pipeline.model import Pipeline, Replay
from kfnb.problems import NotebookError
from kfnb.reports.report_wording import listed, value
from kfnb.runs.attempt_displays import RECORD

IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")
VIEW = (
    "execution",
    "collapsed",
    "scrolled",
    "jupyter",
    "name",
    "format",
    "tags",
)  #: metadata about the view of a cell

Json = dict[str, Any]


@dataclass(frozen=True)
class ReportCell:
    """A cell of the notebook.

    Parameters
    ----------
    kind
        ``code``, ``markdown`` or ``raw``.
    number
        Of a code cell, from 1; 0 for the others.
    steps
        The steps that it is in, in the order of the pipeline.
    note
        Of a code cell that is in none: what it is to the run.
    """

    kind: str
    source: str
    id: str
    number: int = 0
    metadata: Json = field(default_factory=dict)
    attachments: Json = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ReportNotebook:
    """The cells of a run's notebook. If ``kept`` is false, they are rebuilt from the code in the pipeline."""

    cells: tuple[ReportCell, ...]
    metadata: Json
    kept: bool


def read_cells(data: Any | None, pipeline: Pipeline, parameters: Mapping[str, Any]) -> ReportNotebook:
    """The cells of a notebook that was run.

    Parameters
    ----------
    data
        The notebook's JSON; ``None`` where none was kept: then the cells are those whose code the pipeline has.
    parameters
        Those of the run: a cell of parameters shows what it has, not what was given.
    """
    if data is not None:
        try:
            return _kept(data, pipeline, parameters)
        except NotebookError:
            pass  # somebody wrote into the record: the pipeline still knows its cells
    steps = steps_of_cells(pipeline, None)
    shared = _shared(pipeline)
    cells = tuple(
        ReportCell("code", text.lstrip("\n"), f"cell-{number}", number, steps=tuple(steps.get(number, ())), note=_used(shared.get(number, [])))
        for number, text in pipeline.sources
    )  # fmt: skip
    return ReportNotebook(cells, {}, False)


def _kept(data: Any, pipeline: Pipeline, parameters: Mapping[str, Any]) -> ReportNotebook:
    raw = raw_notebook(data)
    notebook = notebook_from_json(data, pipeline.notebook)
    steps, notes = steps_of_cells(pipeline, notebook), _notes(notebook, pipeline, parameters)
    cells: list[ReportCell] = []
    taken: set[str] = set()
    number = 0
    for position, cell in enumerate(raw.cells):
        kind, source = _kind(cell)
        number += kind == "code"
        own = number if kind == "code" else 0
        steps_of_cell = tuple(steps.get(own, ()))
        cells.append(
            ReportCell(
                kind, source, _identity(cell.id, position, taken), own, _metadata(cell), _attachments(cell) if kind == "markdown" else {},
                steps_of_cell, "" if steps_of_cell or not own or not source.strip() else notes.get(own, "in no step: it did not run"),
            )
        )  # fmt: skip
    return ReportNotebook(tuple(cells), _of_notebook(raw.metadata), True)


def steps_of_cells(pipeline: Pipeline, notebook: Notebook | None) -> dict[int, list[str]]:
    """The steps of each cell, by cell number. A step without its own code belongs to the ``%%pipeline`` cell."""
    written = [p.cell.number for p in notebook.pipelines if p.name == pipeline.name] if notebook is not None else []
    found: dict[int, list[str]] = {}
    for step in pipeline.steps():
        for number in dict.fromkeys([c.cell for c in step.cells] or written[:1]):
            found.setdefault(number, []).append(step.name)
    return found


# ---------------------------------------------------------------- cells that are no step
def _shared(pipeline: Pipeline) -> dict[int, list[str]]:
    """By cell number, the steps that run a part of the cell again."""
    found: dict[int, list[str]] = {}
    for step in pipeline.steps():
        for number in dict.fromkeys(p.code.cell for p in step.prepare if isinstance(p, Replay)):
            found.setdefault(number, []).append(step.name)
    return found


def _used(steps: list[str]) -> str:
    return f"shared code, run again in {listed(steps)}" if steps else ""


def _notes(notebook: Notebook, pipeline: Pipeline, parameters: Mapping[str, Any]) -> dict[int, str]:
    """By cell number, the role of each cell that belongs to no step."""
    shared = _shared(pipeline)
    values = ", ".join(f"{n} = {value(v)}" for n, v in parameters.items())
    others = {p.cell.number: p.name for p in notebook.pipelines if p.name != pipeline.name}
    found: dict[int, str] = {}
    for cell in notebook.cells:
        if cell.number in others:
            found[cell.number] = f"another pipeline, {others[cell.number]}: not in this run"
        elif cell.role == PIPELINE:
            found[cell.number] = "the pipeline"
        elif cell.role == PARAMETERS:
            found[cell.number] = f"parameters of the run: {values}" if values else "parameters"
        elif cell.number in shared:
            found[cell.number] = _used(shared[cell.number])
        elif cell.role == SKIP:
            found[cell.number] = "marked skip: not in the pipeline"
        elif cell.role == STEP:
            found[cell.number] = f"step {cell.step} is not in this run"
        elif cell.role in (IMPORTS, "functions"):
            found[cell.number] = "shared code that no step of this run uses"
    return found


# ---------------------------------------------------------------- as nbformat wants it
def _kind(cell: RawCell) -> tuple[str, str]:
    """The kind and the source of a cell in nbformat 4."""
    if cell.kind.startswith("heading-"):
        level = int(cell.kind[-1]) if cell.kind[-1].isdigit() else 1
        return "markdown", f"{'#' * max(level, 1)} {cell.source}"
    return ("markdown" if cell.kind == "html" else cell.kind), cell.source


def _identity(found: str | None, position: int, taken: set[str]) -> str:
    """A valid cell id that no other cell has."""
    identity = found if found and IDENTITY.fullmatch(found) and found not in taken else f"report-cell-{position + 1}"
    taken.add(identity)
    return identity


def _metadata(cell: RawCell) -> Json:
    tags = list(dict.fromkeys(t for t in cell.tags if t and "," not in t))
    return {**{k: v for k, v in cell.metadata.items() if k not in (*VIEW, RECORD)}, **({"tags": tags} if tags else {})}


def _attachments(cell: RawCell) -> Json:
    """The pictures that are attached to a Markdown cell."""
    return {
        name: {k: v for k, v in bundle.items() if isinstance(v, str)}
        for name, bundle in cell.attachments.items() if isinstance(bundle, dict)
    }  # fmt: skip


def _of_notebook(metadata: Mapping[str, Any]) -> Json:
    """The metadata of the notebook, without keys that nbformat does not allow."""
    needs = {"kernelspec": ("name", "display_name"), "language_info": ("name",)}
    found = {k: v for k, v in metadata.items() if k not in ("title", "authors", "orig_nbformat")}
    for name, keys in needs.items():
        table = found.get(name)
        if name in found and not (isinstance(table, dict) and all(isinstance(table.get(k), str) for k in keys)):
            del found[name]
    return found
