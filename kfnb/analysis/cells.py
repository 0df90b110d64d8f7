"""From a cell's text to a syntax tree, with problems in the user's own lines."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from kfnb.problems import Problem
from kfnb.runtime.syntax import Magic, Wrapper, translate


@dataclass(frozen=True)
class ParsedCell:
    """A cell as the analysis sees it.

    Parameters
    ----------
    number, id, line
        Code cell number from 1, nbformat id, and the cell's line on which ``source`` begins.
    source, code
        As written, and as plain Python with the same lines.
    tree
        The syntax tree of ``code``; empty when the cell is not valid.
    wrappers
        Cell magics that stay around the body, such as ``%%time``.
    magics
        Every magic of the cell, with its line in the cell.
    raises
        The cell may raise, and the run goes on.
    """

    number: int
    id: str
    line: int
    source: str
    code: str
    tree: ast.Module
    wrappers: tuple[Wrapper, ...] = ()
    magics: tuple[Magic, ...] = ()
    problem: Problem | None = None
    raises: bool = False


def parse_cell(
    number: int,
    cell_id: str,
    source: str,
    line: int = 1,
    bound: Callable[[str], bool] | None = None,
    raises: bool = False,
) -> ParsedCell:
    """Parse one cell; a cell that is not Python gives an empty tree and a problem.

    Parameters
    ----------
    bound
        Whether the notebook has bound a name before: else a line that begins with a magic's name is that magic.
    """
    translation = translate(source, bound or _nothing)
    problem, tree = None, ast.Module([], [])
    try:
        tree = ast.parse(translation.code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = _problem(error, number, cell_id, line)
    magics = tuple(Magic(m.name, m.line + line - 1, m.cell) for m in translation.magics)
    return ParsedCell(
        number, cell_id, line, source, translation.code, tree, tuple(translation.wrappers), magics, problem, raises
    )


def _nothing(name: str) -> bool:
    return False


def _problem(error: Exception, number: int, cell_id: str, line: int) -> Problem:
    if not isinstance(error, SyntaxError):
        return Problem("KF104", f"this cell cannot be parsed: {error}", cell=number, cell_id=cell_id, line=line)
    message = str(error.msg)
    at = line + (error.lineno or 1) - 1
    text = (error.text or "").strip()
    if (
        "Missing parentheses in call to 'print'" in message
        or "multiple exception types must be parenthesized" in message
    ):
        return Problem(
            "KF106", f"this is Python 2: {text}", "kfnb reads Python 3; 2to3 converts it", number, cell_id, at
        )  # fmt: skip
    shown = f"{message}: {text}" if text else message
    return Problem("KF104", shown, "correct the line; the other cells were checked", number, cell_id, at)
