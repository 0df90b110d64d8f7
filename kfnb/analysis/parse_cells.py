"""Parses cells into syntax trees, and reports problems at the lines that the user wrote."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from kfnb.analysis.syntax.syntax_error_recovery import names_only, recovered
from kfnb.problems import Problem
from kfnb.runtime.cells.ipython_syntax import AUTOMAGIC, Magic, Translation, Wrapper, translate
from kfnb.surrogates import encodable
from kfnb.thread_safe_parser import parse

#: Words in code that Python can parse and may refuse to compile: `return` outside of a function, an argument named twice.
COMPILED = re.compile(
    r"\b(?:return|yield|break|continue|nonlocal|global|await|async|case|def|lambda|del|__debug__|__future__)\b|\*"
)
TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True)
class ParsedCell:
    """A cell as the analysis sees it.

    Parameters
    ----------
    number, id, line
        Code cell number from 1, nbformat id, and the cell's line on which ``source`` begins.
    source, code
        The text as written, and as plain Python with the same lines.
    tree
        The syntax tree of ``code``. For invalid code, the statements that can be parsed.
    wrappers
        Cell magics around the body, such as ``%%time``.
    magics
        Every magic of the cell, with its line in the cell.
    raises
        Whether the run continues if the cell raises an exception.
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
    """Parse one cell. A cell that is not valid Python has a problem, and binds the names that it seems to bind.

    Parameters
    ----------
    bound
        Tells whether the notebook has bound a name before. If not, a line that begins with a magic's name is that magic.
    """
    first = source.strip().partition(" ")[0]
    rebound = first in AUTOMAGIC and bound is not None and bound(first)
    translation, tree, error = _parsed(source, rebound)
    problem = _problem(error, number, cell_id, line) if error is not None else None
    magics = tuple(Magic(m.name, m.line + line - 1, m.cell) for m in translation.magics)
    return ParsedCell(
        number, cell_id, line, source, translation.code, tree, tuple(translation.wrappers), magics, problem, raises
    )


@functools.lru_cache(maxsize=512)
def _parsed(source: str, rebound: bool) -> tuple[Translation, ast.Module, Exception | None]:
    """The translation and the syntax tree of a cell, or the error. ``rebound`` says that its first word is a bound name.

    The result is cached, because a notebook is read again whenever one of its cells changes. No code changes the trees.
    """
    translation = translate(source, lambda name: rebound)
    try:
        return translation, parse(translation.code), None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return translation, recovered(translation.code), error


def compiled(cell: ParsedCell) -> ParsedCell:
    """The cell, with a problem if its code can be parsed and cannot be compiled."""
    if cell.problem is not None or not COMPILED.search(cell.code):
        return cell
    error = _refusal(cell.code)
    if error is None:
        return cell
    return replace(cell, tree=names_only(cell.tree), problem=_problem(error, cell.number, cell.id, cell.line))


@functools.lru_cache(maxsize=512)
def _refusal(code: str) -> Exception | None:
    """The error that Python's compiler raises for code that can be parsed; ``None`` if it compiles."""
    try:
        compile(code, "<cell>", "exec", TOP_LEVEL_AWAIT, True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return None


def _problem(error: Exception, number: int, cell_id: str, line: int) -> Problem:
    if isinstance(error, UnicodeEncodeError):
        at = line + error.object.count("\n", 0, error.start)
        half = encodable(error.object[error.start])
        return Problem(
            "KF104", f"this cell cannot be parsed: it contains half a character, `{half}`", "write the character as an escape inside quotes",
            cell=number, cell_id=cell_id, line=at,
        )  # fmt: skip
    if isinstance(error, (RecursionError, MemoryError)):
        hint = "split its longest expression or `elif` chain into several statements"
        return Problem(
            "KF113", "the code of this cell is nested deeper than Python can parse", hint, number, cell_id, line
        )
    if not isinstance(error, SyntaxError):
        return Problem(
            "KF104", f"this cell cannot be parsed: {error}", "correct the cell", cell=number, cell_id=cell_id, line=line
        )
    message = str(error.msg)
    at = line + (error.lineno or 1) - 1
    text = (error.text or "").strip()
    if (
        "Missing parentheses in call to 'print'" in message
        or "multiple exception types must be parenthesized" in message
    ):
        return Problem(
            "KF106", f"this is Python 2: {text}", "convert the cell to Python 3, for example with 2to3", number, cell_id, at
        )  # fmt: skip
    shown = f"{message}: {text}" if text else message
    return Problem("KF104", shown, "correct the line; the other cells were checked", number, cell_id, at)
