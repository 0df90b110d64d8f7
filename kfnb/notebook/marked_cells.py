"""What reading a notebook gives: cells, what their marks say, and the steps they form."""

from __future__ import annotations

from dataclasses import dataclass, field

from kfnb.problems import Problem
from kfnb.step_settings import Settings

STEP, PARAMETERS, METRICS, IMPORTS, FUNCTIONS, SKIP, UNMARKED, PIPELINE = (
    "step", "parameters", "metrics", "imports", "functions", "skip", "unmarked", "pipeline",
)  # fmt: skip


@dataclass(frozen=True)
class Foreach:
    """``VAR in EXPR``: the step runs once per item."""

    variable: str
    items: str


@dataclass(frozen=True)
class ShellOutput:
    """A file that a shell step leaves: its name, and its path when the tool fixes it (else ``"$name"``)."""

    name: str
    path: str | None = None


@dataclass(frozen=True)
class Cell:
    """A code cell in the pipeline's language.

    Parameters
    ----------
    number
        From 1 over the notebook's code cells (those of other languages count too).
    id
        nbformat's cell id; ``"cell-<number>"`` when the notebook has none.
    source
        The code without the line of its magic, exactly as written otherwise.
    line
        Line of the cell on which ``source`` begins: 1, or 2 after ``%%component`` or ``%%parameters``. In a text file, the
        line of the file.
    role
        One of the constants of this module. A ``step`` cell has ``step``.
    metrics
        The cell says that what it binds are numbers to record; a step's cell may say so too.
    raises
        The cell may raise, and what follows runs all the same (Jupyter's tag ``raises-exception``).
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
    """A step as marked: its cells in order, and what all its marks say together."""

    name: str
    cells: tuple[Cell, ...]
    after: tuple[str, ...] = ()
    when: str | None = None
    foreach: Foreach | None = None
    exit: bool = False
    shell: bool = False
    outputs: tuple[ShellOutput, ...] = ()
    settings: Settings = field(default_factory=Settings)
    marked_at: tuple[int, int | None] = (1, None)  #: cell number, line of the first mark (None: a tag)


@dataclass(frozen=True)
class PipelineCell:
    """A ``%%pipeline`` cell.

    Parameters
    ----------
    signature
        What stands in parentheses after the name, and after ``--param``: ``"a: float = 0, b: float = 7"``.
    given
        ``-p NAME=VALUE`` for a run as plain Python in the live kernel.
    run
        ``--run``: the live kernel runs the cell.
    line
        The line of the ``%%pipeline`` line.
    """

    name: str
    cell: Cell
    description: str = ""
    signature: str = ""
    given: tuple[tuple[str, str], ...] = ()
    run: bool = False
    line: int = 1


@dataclass(frozen=True)
class Notebook:
    """A notebook as read. ``cells`` holds every Python code cell in order, ``steps`` the marked ones by step.

    ``modules``: name and source of those beside the notebook that it imports. ``form``: what kind of text file it is, whose
    lines its cells' lines are; ``None`` for notebook JSON.
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
    programs: tuple[tuple[str, str], ...] = ()  #: files beside it that ``%run`` runs: path as written, and text

    @property
    def sources(self) -> tuple[tuple[int, str], ...]:
        """Each cell's number and text, with the lines where the cell has them: for tracebacks."""
        return tuple((c.number, "\n" * (c.line - 1) + c.source) for c in self.cells)
