"""``%%component`` in a live kernel: the body runs here, with the meaning that it has in the pipeline."""

from __future__ import annotations

from typing import Any

from kfnb.kernel.registered import registered
from kfnb.kernel.running import CANCELLED, Components, Running, Skipped
from kfnb.notebook.given import Given, read_options
from kfnb.notebook.model import Cell, StepMarks
from kfnb.notebook.steps import join_steps
from kfnb.problems import Problem, errors
from kfnb.settings import Settings


class BadComponent(Exception):
    """The line of a magic cannot be read."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the fault is in the line, not in code."""
        return str(self).split("\n")


def load(shell: Any) -> None:
    """Register the magic with an IPython shell."""
    components = Components(shell, registered(shell))
    shell.register_magic_function(lambda line, cell: run(components, line, cell), "cell", "component")


def run(components: Components, line: str, body: str) -> None:
    """Run one component's body in the kernel, as its marks say."""
    marks = read_marks(line, body)
    running = Running(components, marks, line, body)
    components.begins(marks.name)
    try:
        running.run()
    except Skipped as why:
        print(f"{marks.name} is skipped: {why}")
        components.skipped(marks.name, running.meaning.facts)
    except BaseException as error:
        if not marks.exit:
            told = {"state": "failed", "step": running.path, "message": running.message or str(error)}
            components.failed[marks.name] = CANCELLED if isinstance(error, KeyboardInterrupt) else told
        raise


def read_marks(line: str, body: str) -> StepMarks:
    """The marks of a ``%%component`` line. Raises `BadComponent` with every problem at once."""
    given = Given(1, "cell")
    read_options(" " + line, 1, given)
    problems: list[Problem] = list(given.problems)
    name = given.step
    if name is not None:
        cell = Cell(1, "cell", body, 2, "step", name)
        steps = join_steps([cell], {1: given}, Settings(), problems)
        if not errors(problems):
            return steps[0]
    raise BadComponent("\n".join(f"{p.message}{f' ({p.hint})' if p.hint else ''}" for p in problems))
