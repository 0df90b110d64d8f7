"""The parsed notebook: its cells, steps and pipeline cells with their marks."""

from __future__ import annotations

from dataclasses import dataclass, field

from kfnb.problems import Problem
from kfnb.step_settings import Places, Settings, ShellOutput

STEP, PARAMETERS, METRICS, IMPORTS, FUNCTIONS, SKIP, UNMARKED, PIPELINE = (
    "step", "parameters", "metrics", "imports", "functions", "skip", "unmarked", "pipeline",
)  # fmt: skip


@dataclass(frozen=True)
class Foreach:
    """``VAR in EXPR``: the step runs once per item."""

    variable: str
    items: str


@dataclass(frozen=True)
class Cell:
    """A code cell in the pipeline's language.

    Parameters
    ----------
    number
        Position among the code cells of the notebook, from 1. Cells in other languages count too.
    id
        The cell id of nbformat; ``"cell-<number>"`` if the cell has none.
    source
        The code as written, without the line of the magic.
    line
        The line of the cell on which ``source`` begins: 1, or 2 after ``%%component`` or ``%%parameters``. In a text file it
        is the line of the file.
    role
        One of the constants of this module. A cell of the role ``step`` has the name of the step in ``step``.
    metrics
        Whether the values that the cell assigns are recorded as metrics. The cell of a step can do so too.
    raises
        Whether the following cells run although this one raises (Jupyter's tag ``raises-exception``).
    """

    number: int
    id: str
    source: str
    line: int
    role: str
    step: str | None = None
    metrics: bool = False
    raises: bool = False


@dataclass(frozen=True)
class StepMarks:
    """A step with its cells in order and the merged marks of these cells."""

    name: str
    cells: tuple[Cell, ...]
    after: tuple[str, ...] = ()
    when: str | None = None
    foreach: Foreach | None = None
    exit: bool = False
    shell: bool = False
    outputs: tuple[ShellOutput, ...] = ()
    settings: Settings = field(default_factory=Settings)
    setting_places: Places = ()
    marked_at: tuple[int, int | None] = (1, None)  #: cell number and line of the first mark; no line for a tag


@dataclass(frozen=True)
class PipelineCell:
    """A ``%%pipeline`` cell.

    Parameters
    ----------
    signature
        The parameters in parentheses after the name and after ``--param``: ``"a: float = 0, b: float = 7"``.
    arguments
        The values of ``-p NAME=VALUE``, for a run as plain Python in the live kernel.
    run
        Whether the live kernel runs the cell (``--run``).
    line
        The line of the ``%%pipeline`` line.
    """

    name: str
    cell: Cell
    description: str = ""
    signature: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    run: bool = False
    line: int = 1


@dataclass(frozen=True)
class Notebook:
    """A parsed notebook.

    Parameters
    ----------
    cells
        All Python code cells in order.
    steps
        The marked cells, grouped by step.
    modules
        Name and source of the modules beside the notebook that it imports.
    form
        The name of the text format; ``None`` for notebook JSON.
    programs
        Path, as written, and text of the files that ``%run`` runs.
    marked
        Whether the notebook itself says what its steps are, by a mark, a ``%%pipeline`` cell, or how to divide its cells.
    """

    path: str | None
    name: str
    description: str
    target: str | None
    cells: tuple[Cell, ...]
    steps: tuple[StepMarks, ...]
    problems: tuple[Problem, ...] = ()
    pipelines: tuple[PipelineCell, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    form: str | None = None
    programs: tuple[tuple[str, str], ...] = ()
    marked: bool = True

    @property
    def sources(self) -> tuple[tuple[int, str], ...]:
        """The number and the text of each cell for tracebacks. Empty lines put each line at its number."""
        return tuple((c.number, "\n" * (c.line - 1) + c.source) for c in self.cells)
