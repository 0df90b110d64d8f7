"""Parses a notebook: notebook JSON becomes cells with marks, steps and pipeline cells."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import notebook_file
from kfnb.notebook.formats.notebook_file import RawCell, RawNotebook
from kfnb.notebook.local_modules import local_modules
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
from kfnb.notebook.marks.division import DIVISIONS, HEADINGS, divide
from kfnb.notebook.marks.merge_step_marks import join_steps, settings_of
from kfnb.notebook.marks.pipeline_line import PIPELINE_MAGIC, read_pipeline
from kfnb.notebook.parsed_notebook import METRICS, PIPELINE, SKIP, STEP, UNMARKED, Cell, Notebook, PipelineCell
from kfnb.notebook.run_magic_files import programs_beside
from kfnb.problems import Problem
from kfnb.step_settings import Settings

PYTHON = ("python", "python3", "ipython", "ipython3", "")
RAISES_TAG = "raises-exception"  #: Jupyter's tag for a cell after whose error the notebook continues
PIPELINE_LINE = re.compile(r"^(\w+ *= *)?%pipeline\b", re.MULTILINE)
#: Magics of cells in other languages, which extensions of IPython run, and the line that loads an extension.
OTHER_LANGUAGES = ("%%R", "%%julia", "%%sql", "%%cython", "%%bigquery")
LOADS_EXTENSION = re.compile(r"^%(?:re)?load_ext\b", re.MULTILINE)


def read_notebook(path: str | Path) -> Notebook:
    """Read a notebook file without executing anything.

    Raises
    ------
    NotebookError
        KF101 when the file is not a notebook. All other problems are in the ``problems`` of the result.
    """
    return notebook_from_json(notebook_file.load(path), str(path))


def parse_notebook(text: str, path: str | None = None) -> Notebook:
    """Read a notebook from its JSON text."""
    return notebook_from_json(notebook_file.parse(text, path or "the notebook"), path)


def notebook_from_json(data: Any, path: str | None = None, folder: Path | None = None) -> Notebook:
    """Read a notebook from its parsed JSON. Local modules and programs are read from ``folder``, by default that of ``path``."""
    raw = notebook_file.raw_notebook(data, path)
    problems = list(raw.problems)
    settings = raw.metadata.get("kfnb", {})
    kale = raw.metadata.get("kubeflow_notebook")
    kale = kale if isinstance(kale, dict) else {}
    if not isinstance(settings, dict):
        problems.append(
            Problem(
                "KF201",
                "notebook.metadata.kfnb should be an object",
                "correct it, or remove the key `kfnb` from the metadata of the notebook",
            )
        )
        settings = {}
    marks_of = _marks(raw, problems)
    pipelines = _pipelines(raw, marks_of, problems)
    stem = Path(path).stem if path else "notebook"
    name = _text(settings, "name", problems) or _string(kale, "pipeline_name") or stem
    marked = bool(pipelines) or any(_is_marked(raw.cells[p], m) for p, m in marks_of.items())
    how = _division(settings, bool(pipelines), problems)
    if how is not None:
        cells = _divided(raw, marks_of, how, name)
    else:
        cells = _cells(raw, marks_of, settings.get("unmarked") == "join" or bool(kale), pipelines, marked)
    defaults = _defaults(settings, kale, problems)
    steps = join_steps(cells, {g.number: g for g in marks_of.values()}, defaults, problems)
    beside = folder or (Path(path).parent if path else None)
    modules = local_modules((c.source for c in cells), beside) if beside is not None else ()
    programs = programs_beside((c.source for c in cells), beside) if beside is not None else ()
    return Notebook(
        path=path,
        name=name,
        description=_text(settings, "description", problems) or _string(kale, "pipeline_description") or "",
        target=_text(settings, "target", problems),
        cells=tuple(c for c in cells),
        steps=tuple(steps),
        problems=tuple(problems),
        pipelines=tuple(pipelines.values()),
        form=raw.form,
        modules=modules,
        programs=programs,
        marked=marked or how is not None,
    )


def _text(table: dict[str, Any], key: str, problems: list[Problem]) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        problems.append(Problem("KF201", f"notebook.metadata.kfnb: `{key}` should be a string", name=key))
        return None
    return value or None


def _string(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) and value else None


# -------------------------------------------------------------------- marks of each cell
def _marks(raw: RawNotebook, problems: list[Problem]) -> dict[int, CellMarks]:
    """The marks of each Python code cell, by the position of the cell in the file."""
    marks_of: dict[int, CellMarks] = {}
    number, reported = 0, False
    extended = any(cell.kind == "code" and LOADS_EXTENSION.search(cell.source) for cell in raw.cells)
    for position, cell in enumerate(raw.cells):
        if cell.kind != "code":
            continue
        number += 1
        language = cell.language or raw.language
        if language.lower() not in PYTHON:
            if not reported:
                problems.append(Problem("KF103", f"the language of this notebook is {language}, and kfnb reads Python only", "kfnb leaves cells in other languages alone", number, cell.id))  # fmt: skip
            reported = True
            continue
        if cell.source.startswith(OTHER_LANGUAGES) and not extended:
            magic = cell.source.split()[0]
            problems.append(
                Problem(
                    "KF103",
                    f"this cell is in another language (`{magic}`), so it is not in the pipeline",
                    "",
                    number,
                    cell.id,
                    cell.line,
                )
            )
            continue
        marks = CellMarks(number, cell.id or f"cell-{number}")
        read_tags(list(cell.tags), marks)
        if "kfnb" in cell.metadata:
            read_metadata(cell.metadata["kfnb"], marks)
        _read_magic(cell, marks)
        problems += marks.problems
        marks_of[position] = marks
    return marks_of


def _read_magic(cell: RawCell, marks: CellMarks) -> None:
    component, role = component_line(cell.source), role_line(cell.source)
    if component is not None:
        arguments, line = component
        read_options(arguments, line + cell.line - 1, marks)
    elif role is not None:
        role_name, arguments, line = role
        read_role(role_name, arguments, line + cell.line - 1, marks)
    else:
        read_near_magic(cell.source, marks, cell.line)


def _pipelines(raw: RawNotebook, marks_of: dict[int, CellMarks], problems: list[Problem]) -> dict[int, PipelineCell]:
    """The ``%%pipeline`` cells by their position in the file."""
    pipelines: dict[int, PipelineCell] = {}
    for position, marks in marks_of.items():
        source = raw.cells[position].source
        magic = magic_line(source, PIPELINE_MAGIC)
        if magic is None:
            continue
        body = "\n".join(source.split("\n")[magic[1] :])
        line = magic[1] + raw.cells[position].line - 1
        before = len(marks.problems)
        pipeline = read_pipeline(magic[0], line, Cell(marks.number, marks.cell_id, body, line + 1, PIPELINE), marks)
        problems += marks.problems[before:]
        if pipeline is None:
            continue
        if pipeline.name in (p.name for p in pipelines.values()):
            problems.append(Problem("KF205", f"two pipelines are named `{pipeline.name}`", "rename one of them", marks.number, marks.cell_id, line, pipeline.name))  # fmt: skip
        pipelines[position] = pipeline
    return pipelines


def _cells(
    raw: RawNotebook, marks_of: dict[int, CellMarks], join: bool, pipelines: dict[int, PipelineCell], marked: bool
) -> list[Cell]:
    """The cells with their role and step.

    An unmarked cell joins the step above if ``join`` is set. In a notebook without any marks it joins the step of its heading.
    """
    by_heading = headings.step_names(raw.cells) if not marked else {}
    cells: list[Cell] = []
    above: str | None = None
    for position, marks in marks_of.items():
        if position in pipelines:
            cells.append(pipelines[position].cell)
            continue
        cell = _cell(raw.cells[position], marks)
        step, role = cell.step, cell.role
        if step is not None:
            role, above = STEP, step
        elif role == UNMARKED and join and marked and above is not None:
            step, role = above, STEP
        elif role == UNMARKED and not marked and position in by_heading and not _is_empty(cell.source):
            step, role = by_heading[position], STEP
        cells.append(replace(cell, role=role, step=step if role == STEP else None))
    return cells if marked else _share_start(cells)


def _cell(cell: RawCell, marks: CellMarks) -> Cell:
    """A cell as its own marks say."""
    source, line = _body(cell)
    role = STEP if marks.step is not None else marks.role or (SKIP if uses_pipelines(source) else UNMARKED)
    return Cell(
        marks.number, marks.cell_id, source, line, role, marks.step, marks.role == METRICS, RAISES_TAG in cell.tags
    )


def _is_marked(cell: RawCell, marks: CellMarks) -> bool:
    return marks.step is not None or component_line(cell.source) is not None


def _divided(raw: RawNotebook, marks_of: dict[int, CellMarks], how: str, name: str) -> list[Cell]:
    """The cells, of which those without a mark are divided among steps as ``how`` says."""
    cells = {position: _cell(raw.cells[position], marks) for position, marks in marks_of.items()}
    free = [p for p, c in cells.items() if c.role in (UNMARKED, METRICS) and not _is_empty(c.source)]
    marked = {position: cell.step for position, cell in cells.items() if cell.step is not None}
    steps = divide(raw.cells, free, marked, how, name)
    found = [replace(c, role=STEP, step=steps[p]) if p in steps else c for p, c in cells.items()]
    return _share_start(found) if how == HEADINGS and not marked else found


def _division(settings: dict[str, Any], has_pipelines: bool, problems: list[Problem]) -> str | None:
    """How the notebook divides its unmarked cells among steps; ``None`` if it does not say."""
    how = settings.get("as")
    if how is None:
        return None
    if how not in DIVISIONS:
        words = ", ".join(f"`{d}`" for d in DIVISIONS)
        problems.append(Problem("KF201", f"notebook.metadata.kfnb: `as` should be one of {words}", name="as"))
        return None
    if has_pipelines:
        hint = "run the notebook as it is; its `%%pipeline` cells say what its steps are"
        problems.append(Problem("KF207", f"the steps are not divided by `{how}`: the notebook has pipelines of its own", hint, name="as"))  # fmt: skip
        return None
    return str(how)


def _body(cell: RawCell) -> tuple[str, int]:
    """The code without the line of the magic, and the line on which the code begins."""
    magic = component_line(cell.source) or role_line(cell.source)
    if magic is None:
        return cell.source, cell.line
    line = magic[-1]
    return "\n".join(cell.source.split("\n")[line:]), line + cell.line


def _is_empty(source: str) -> bool:
    return not source.strip() or source.startswith("%load_ext kfnb")


def uses_pipelines(source: str) -> bool:
    """Whether a cell uses ``%pipeline``, as in ``run = %pipeline run``. Such a cell is in no pipeline unless it is marked."""
    return PIPELINE_LINE.search(source) is not None


def _share_start(cells: list[Cell]) -> list[Cell]:
    """Make the code before the first heading shared code if it only imports and defines; otherwise it is the step ``start``."""
    first = [c for c in cells if c.step == "start"]
    if not first or not all(_only_defines(c.source) for c in first) or all(c.step in ("start", None) for c in cells):
        return cells
    return [replace(c, role=UNMARKED, step=None) if c.step == "start" else c for c in cells]


def _only_defines(source: str) -> bool:
    """Whether each line without indentation begins an import, a definition or a magic. The text is not parsed, to be fast."""
    words = ("import ", "from ", "def ", "class ", "@", "%", "#", " ", "\t", ")", "]", "}", '"', "'", "async def ")
    return all(not line.strip() or line.startswith(words) for line in source.split("\n"))


# -------------------------------------------------------------------- defaults of the whole notebook
def _defaults(settings: dict[str, Any], kale: dict[str, Any], problems: list[Problem]) -> Settings:
    marks = CellMarks(0, "")
    if "defaults" in settings:
        read_metadata(settings["defaults"], marks, "notebook.metadata.kfnb.defaults")
    kale_defaults = kale.get("steps_defaults")
    tags = [t for t in kale_defaults if isinstance(t, str)] if isinstance(kale_defaults, list) else []
    image = _string(kale, "base_image") or _string(kale, "docker_image")
    if image:
        tags.append(f"image:{image}")
    read_tags(tags, marks)
    problems += [replace(p, cell=None, cell_id=None) for p in marks.problems]
    return settings_of(marks.values)
