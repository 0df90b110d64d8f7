"""The analysis of a whole notebook: units in the order of reading, each with its facts."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kfnb.analysis.cells import ParsedCell
from kfnb.analysis.effects import Effects
from kfnb.analysis.facts import Facts
from kfnb.analysis.statements import Statements
from kfnb.analysis.world import World


def imports_anywhere(cells: Iterable[ParsedCell]) -> dict[str, str]:
    """Import name to library name over a whole notebook: a function may use an import that stands after it."""
    found: dict[str, str] = {}
    for cell in cells:
        for node in cell.tree.body:
            if isinstance(node, ast.Import):
                found.update((a.asname, a.name) if a.asname else (a.name.split(".")[0],) * 2 for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.update((a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)
    return found


class Analyzer:
    """Reads units one after the other; what one leaves, the next one knows.

    Parameters
    ----------
    cells
        Every cell of the notebook.
    programs
        Texts of the files beside the notebook that ``%run`` runs, by their path.
    keeps_shown
        What cells show is a value that travels (``_``, ``_3``), since some cell reads it.
    """

    def __init__(
        self, cells: Sequence[ParsedCell], programs: Mapping[str, str] | None = None, keeps_shown: bool = False
    ) -> None:
        self._keeps_shown = keeps_shown
        self.world = World(later=imports_anywhere(cells), programs=dict(programs or {}))
        self.effects = Effects(self.world)

    def unit(self, cells: Iterable[ParsedCell], sure: bool = True) -> Facts:
        """The facts of the next unit. ``sure`` is false when it may be skipped."""
        before = None if sure else self.world.snapshot()
        reader = Statements(self.world, self.effects)
        reader.keeps_shown = self._keeps_shown
        for cell in cells:
            reader.cell_body(cell, sure)
        facts = reader.facts()
        if before is not None:
            self.world.join([before, self.world.snapshot()])
        return facts

    def define(self, names: Iterable[str], kind: str) -> None:
        """Names that come from outside the cells: parameters, a loop's variable."""
        for name in names:
            self.world.bind(name, kind)


def statements_of(cell: ParsedCell) -> list[ParsedCell]:
    """A cell per top-level statement, for shared code that is run again statement by statement."""
    return [replace(cell, tree=ast.Module([node], []), wrappers=()) for node in cell.tree.body]
