"""``%%component`` in a live kernel: runs the cell with the meaning that it has in the pipeline."""

from __future__ import annotations

from typing import Any

from kfnb.kernel.components.run_component import CANCELLED, ComponentRun, Components, Skipped, ToleratedFailure
from kfnb.kernel_notebook.executed_cells import BadComponent, Registered, registered
from kfnb.notebook import notebook_from_json
from kfnb.notebook.marks.cell_marks import CellMarks, read_options
from kfnb.notebook.marks.merge_step_marks import join_steps
from kfnb.notebook.parsed_notebook import Cell, StepMarks
from kfnb.problems import Problem, errors
from kfnb.step_settings import Settings


def load(shell: Any) -> None:
    """Register the magic with an IPython shell."""
    components = Components(shell, registered(shell))
    shell.register_magic_function(lambda line, cell: run(components, line, cell), "cell", "component")


def run(components: Components, line: str, body: str) -> None:
    """Run one component's body in the kernel, as its marks say."""
    marks = _with_others(components.cells, read_marks(line, body))
    running = ComponentRun(components, marks, line, body)
    components.begin(marks.name)
    try:
        running.run()
        components.end(marks.name, "succeeded")
    except Skipped as why:
        print(f"{marks.name} is skipped: {why}")
        components.end(marks.name, "skipped")
        components.skipped(marks.name, running.analysis.facts)
    except ToleratedFailure as why:
        print(f"{marks.name} failed: {why}; the rest goes on")
        components.end(marks.name, "failed")
        components.tolerate_failure(marks.name, running.analysis.facts)
    except BaseException as error:
        components.end(marks.name, "cancelled" if isinstance(error, KeyboardInterrupt) else "failed")
        if not marks.exit:
            outcome = {"state": "failed", "step": running.path, "message": running.message or str(error)}
            components.failed[marks.name] = CANCELLED if isinstance(error, KeyboardInterrupt) else outcome
        raise


def read_marks(line: str, body: str) -> StepMarks:
    """The marks of a ``%%component`` line. Raises `BadComponent` with every problem at once."""
    marks = CellMarks(1, "cell")
    read_options(" " + line, 1, marks)
    problems: list[Problem] = list(marks.problems)
    name = marks.step
    if name is not None:
        cell = Cell(1, "cell", body, 2, "step", name)
        steps = join_steps([cell], {1: marks}, Settings(), problems)
        if not errors(problems):
            return steps[0]
    raise BadComponent("\n".join(f"{p.message}{f' ({p.hint})' if p.hint else ''}" for p in problems))


def _with_others(cells: Registered, marks: StepMarks) -> StepMarks:
    """The marks of the whole step, where the front end tells that it has several cells."""
    if not any(r.mark == ("step", marks.name) and r is not cells.running for r in cells.cells):
        return marks
    notebook = notebook_from_json(cells.notebook())
    whole = next((s for s in notebook.steps if s.name == marks.name), marks)
    cell_problems = [p for p in errors(notebook.problems) if p.cell in {c.number for c in whole.cells}]
    if cell_problems:
        raise BadComponent("\n".join(str(p) for p in cell_problems))
    if len(whole.cells) > 1 and whole.foreach is not None:
        raise BadComponent(
            f"step `{whole.name}` loops over several cells, and a kernel runs them one by one (put them into one cell)"
        )
    return whole
