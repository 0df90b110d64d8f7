"""``%%component`` in a live kernel: the body runs here, with the meaning that it has in the pipeline."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import tempfile
import threading
from typing import Any

from kfnb.analysis.cells import parse_cell
from kfnb.analysis.names import names_of
from kfnb.notebook.given import Given, read_options
from kfnb.notebook.model import Cell, StepMarks
from kfnb.notebook.steps import join_steps
from kfnb.problems import Problem, errors
from kfnb.runtime import shellstep
from kfnb.settings import Settings

MISSING = object()


class BadComponent(Exception):
    """The ``%%component`` line cannot be read."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the fault is in the line, not in code."""
        return str(self).split("\n")


def load(shell: Any) -> None:
    """Register the magic with an IPython shell."""
    shell.register_magic_function(lambda line, cell: run(shell, line, cell), "cell", "component")


def run(shell: Any, line: str, body: str) -> None:
    """Run one component's body in the kernel, as its marks say."""
    marks = read_marks(line, body)
    names = shell.user_ns
    variable = marks.foreach.variable if marks.foreach is not None else None
    asks_item = marks.when is not None and variable is not None and variable in _mentioned(marks.when)
    if marks.when is not None and not asks_item and not eval(marks.when, names):
        print(f"{marks.name} is skipped: `{marks.when}` is false")
        return
    if marks.exit:
        names["kfnb_status"] = {"state": "succeeded", "step": None, "message": ""}
    if marks.foreach is None:
        _body(shell, marks, body)
        return
    _each(shell, marks, body, marks.when if asks_item else None)


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


def _mentioned(expression: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}


# -------------------------------------------------------------------- loops
def _each(shell: Any, marks: StepMarks, body: str, when: str | None) -> None:
    """Once per item, each from the same beginning; afterwards every name the body binds is the list of its values."""
    assert marks.foreach is not None
    names, variable = shell.user_ns, marks.foreach.variable
    bound = {o.name for o in marks.outputs} if marks.shell else set(names_of(parse_cell(1, "", body).tree).binds)
    before = {n: names.get(n, MISSING) for n in (*bound, variable)}
    collected: dict[str, list[Any]] = {n: [] for n in sorted(bound - {variable})}
    try:
        for item in [*eval(marks.foreach.items, names)]:
            _restore(names, before)
            names[variable] = item
            if when is not None and not eval(when, names):
                continue
            _body(shell, marks, body)
            for name, values in collected.items():
                if name in names and names[name] is not before[name]:
                    values.append(names[name])
    finally:
        _restore(names, before)
    names.update(collected)


def _restore(names: dict[str, Any], before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is MISSING:
            names.pop(name, None)
        else:
            names[name] = value


# -------------------------------------------------------------------- the body
def _body(shell: Any, marks: StepMarks, body: str) -> None:
    if marks.shell:
        _script(shell.user_ns, marks, body)
        return
    text = shell.transform_cell(body)
    tree = ast.parse(text)
    name = shell.compile.cache(text, shell.execution_count)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    if tree.body:
        _evaluate(compile(tree, name, "exec", flags), shell.user_ns)
    if isinstance(last, ast.Expr):
        value = _evaluate(compile(ast.Expression(last.value), name, "eval", flags), shell.user_ns)
        if value is not None and not body.rstrip().endswith(";"):
            shell.displayhook(value)


def _evaluate(code: Any, names: dict[str, Any]) -> Any:
    value = eval(code, names)
    if not code.co_flags & 0x80:  # inspect.CO_COROUTINE
        return value
    found: list[Any] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(asyncio.run(value))
        except BaseException as error:
            failed.append(error)

    # the kernel's own loop is running in this thread
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _script(names: dict[str, Any], marks: StepMarks, body: str) -> None:
    """A shell step: the notebook's names as environment variables, output files back as names."""
    outputs = [{"name": o.name, "path": o.path} for o in marks.outputs]
    with tempfile.TemporaryDirectory() as folder:
        files = shellstep.output_files(outputs, folder)
        variables = {n: t for n in _shell_names(body) if n in names and (t := shellstep.as_text(names[n])) is not None}
        process = subprocess.Popen(
            shellstep.command(body, files, outputs), env={**os.environ, **variables, **files},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="backslashreplace",
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="")
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, marks.name)
        names.update(shellstep.read_outputs(files, {"shell_outputs": outputs}))


def _shell_names(body: str) -> set[str]:
    from kfnb.pipeline.units import MENTIONED

    return set(MENTIONED.findall(body))
