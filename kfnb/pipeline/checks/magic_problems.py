"""Checks the magics of a notebook before a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kfnb.analysis.parse_cells import ParsedCell
from kfnb.problems import Problem
from kfnb.runtime.cells.ipython_syntax import Magic
from kfnb.runtime.magics.magic_table import PERSON, REFUSED, WAY_OUT, kind_of

#: Words of code that registers magics of its own.
REGISTERS = (
    "register_line_magic",
    "register_cell_magic",
    "register_line_cell_magic",
    "register_magic",
    "%load_ext",
    "load_extension",
)


def brings_magics(cells: Iterable[ParsedCell]) -> bool:
    """Whether the notebook loads an extension or registers magics; then any name may be a magic."""
    return any(word in cell.source for cell in cells for word in REGISTERS)


def magic_problems(cell: ParsedCell, extended: bool) -> Iterator[Problem]:
    """Report magics in a step's cell that have no effect there, cannot work, or are unknown."""
    for magic in cell.magics:
        kind = kind_of(magic.name, magic.cell)
        if kind == REFUSED:
            yield _problem("KF108", cell, magic, "cannot work in a step", WAY_OUT[magic.name])
        elif kind == PERSON:
            yield _problem("KF109", cell, magic, "needs a person at a keyboard, so the step ignores it", "")
        elif kind is None and not extended:
            hint = "load its extension with `%load_ext` in a cell before, or write it in plain Python"
            yield _problem("KF105", cell, magic, "belongs to an extension that no cell loads", hint)


def _problem(code: str, cell: ParsedCell, magic: Magic, message: str, hint: str) -> Problem:
    shown = ("%%" if magic.cell else "%") + magic.name
    return Problem(code, f"the magic `{shown}` {message}", hint, cell.number, cell.id, magic.line, magic.name)
