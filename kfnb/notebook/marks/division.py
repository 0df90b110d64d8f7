"""Divides the cells that no mark puts into a step among steps: all in one, a step by heading, or a step per cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable, Mapping

from kfnb.notebook.formats.notebook_file import RawCell
from kfnb.notebook.marks import headings
from kfnb.notebook.marks.cell_names import suggested_name
from kfnb.thread_safe_parser import parse

DIVISIONS = ONE, HEADINGS, CELLS = ("one", "headings", "cells")
MAGIC_LINE = re.compile(r"^[%!][^\n]*$", re.MULTILINE)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def divide(
    cells: tuple[RawCell, ...], free: list[int], marked: Mapping[int, str], how: str, name: str
) -> dict[int, str]:
    """The step of each free cell, by its position, as if the user had marked it.

    Parameters
    ----------
    cells
        All cells of the notebook.
    free
        The positions of the cells that can be in a step and have no mark, in order.
    marked
        The steps that marks name, by position. A marked cell ends the step of the free cells before it.
    how
        One of `DIVISIONS`. In ``cells``, a cell that only imports and defines is in no step, because steps share its code.
    name
        The name of the notebook, which a whole notebook's one step has too.
    """
    names = _labels(cells, free, how, name)
    steps: dict[int, str] = {}
    by_group: dict[Hashable, str] = {}
    taken = set(marked.values())
    section = 0
    for position in sorted({*free, *marked}):
        if position in marked:
            section += 1
        elif position in names:
            group = (section, position if how == CELLS else names[position])
            if group not in by_group:
                by_group[group] = headings.unused_name(names[position], taken)
                taken.add(by_group[group])
            steps[position] = by_group[group]
    return steps


def _labels(cells: tuple[RawCell, ...], free: list[int], how: str, name: str) -> dict[int, str]:
    """The name that each free cell asks for. A cell without one is in no step."""
    if how == ONE:
        return dict.fromkeys(free, headings.slug(name, 1))
    if how == HEADINGS:
        by_heading = headings.step_names(cells)
        return {position: by_heading[position] for position in free}
    return {p: _cell_name(cells, p, n) for n, p in enumerate(free, 1) if not _only_defines(cells[p].source)}


def _cell_name(cells: tuple[RawCell, ...], position: int, number: int) -> str:
    """The name of a cell's own step: its title, the heading right above it, or what its code does."""
    title = headings.title_of(cells[position])
    above = headings.headings_of(cells[position - 1]) if position else []
    if title or above:
        return headings.slug(title or above[-1][1], number)
    return suggested_name(cells[position].source) or f"cell-{number}"


def _only_defines(source: str) -> bool:
    """Whether a cell has only imports, definitions and line magics, and assigns only plain numbers and texts."""
    try:
        statements = parse(MAGIC_LINE.sub("", source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return not source.startswith("%%") and all(map(_defines, statements))


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, DEFINITIONS):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = node.value.operand if isinstance(node.value, ast.UnaryOp) else node.value
    return all(isinstance(t, ast.Name) for t in targets) and isinstance(value, ast.Constant)
