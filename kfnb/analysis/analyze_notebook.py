"""Analyses a whole notebook, unit by unit from top to bottom, and returns the facts of each unit."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from kfnb.analysis.effects.definition_effects import Effects
from kfnb.analysis.effects.local_module_effects import LocalModules, tree_of
from kfnb.analysis.libraries.effect_tables import word_set
from kfnb.analysis.parse_cells import ParsedCell
from kfnb.analysis.unit_facts import Facts
from kfnb.analysis.units.abstract_state import AbstractState
from kfnb.analysis.units.unit_reader import UnitReader


def imports_anywhere(cells: Iterable[ParsedCell]) -> dict[str, str]:
    """The library that each imported name of the notebook stands for. A function may use an import that stands after it."""
    origins: dict[str, str] = {}
    for cell in cells:
        for node in cell.tree.body if "import" in cell.code else ():
            if isinstance(node, ast.Import):
                origins.update((a.asname, a.name) if a.asname else (a.name.split(".")[0],) * 2 for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    if alias.name == "*":
                        origins.update((n, f"{node.module}.{n}") for n in SETTING_NAMES.get(node.module, ()))
                    else:
                        origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return origins


#: The names of these modules that set something or draw random numbers: what a star import of them binds that matters.
SETTING_NAMES = {
    "decimal": word_set("getcontext setcontext localcontext"),
    "random": word_set(
        "seed setstate getstate random randint randrange choice choices sample shuffle uniform gauss normalvariate"
    ),
    "numpy.random": word_set("seed rand randn randint random choice shuffle permutation normal uniform"),
    "logging": word_set(
        "getLogger basicConfig disable StreamHandler FileHandler Formatter addLevelName captureWarnings"
    ),
    "warnings": word_set("filterwarnings simplefilter resetwarnings"),
    "os": word_set("chdir environ putenv unsetenv"),
}


class Analyzer:
    """Analyzes units in order. Each unit begins with the names that the units before it have left.

    Parameters
    ----------
    cells
        Every cell of the notebook.
    modules
        Sources of the modules beside the notebook, by their names.
    programs
        Texts of the files beside the notebook that ``%run`` runs, by their paths.
    displays_are_values
        Whether displayed values are values that travel (``_``, ``_3``), because some cell reads one.
    """

    def __init__(
        self,
        cells: Sequence[ParsedCell],
        modules: Mapping[str, str] | LocalModules | None = None,
        programs: Mapping[str, str] | None = None,
        displays_are_values: bool = False,
    ) -> None:
        reads_subclasses = any("__subclasses__" in cell.code for cell in cells)
        mentions_main = any(_mentions_main(text) for text in (programs or {}).values())
        self.world = AbstractState(
            imports_anywhere=imports_anywhere(cells),
            programs=dict(programs or {}),
            reads_subclasses=reads_subclasses,
            mentions_main=mentions_main,
        )
        self.modules = modules if isinstance(modules, LocalModules) else LocalModules(modules or {}, self._module)
        self.effects = Effects(self.world, self.modules)
        self._displays_are_values = displays_are_values

    def _module(self, name: str, source: str) -> tuple[Effects, Callable[[], object]]:
        """The effects of a module beside the notebook, and a function that analyzes the module as one cell."""
        tree = tree_of(source)
        cell = ParsedCell(0, "", 1, source, source, tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                package = name.split(".")[: -node.level] if node.level > 0 else []
                node.module, node.level = ".".join([*package, *([node.module] if node.module else [])]), 0
        reader = Analyzer([cell], self.modules)
        return reader.effects, lambda: reader.unit([cell])

    def unit(self, cells: Iterable[ParsedCell], sure: bool = True, once: bool = True) -> Facts:
        """The facts of the next unit. ``sure`` is false if it may be skipped, ``once`` if it may run several times."""
        snapshot = None if sure else self.world.snapshot()
        reader = UnitReader(self.world, self.effects)
        reader.displays_are_values = self._displays_are_values
        for cell in cells:
            self.world.mentions_main |= _mentions_main(cell.code)
            reader.cell_body(cell, sure, once)
        facts = reader.facts()
        if snapshot is not None:
            self.world.join([snapshot, self.world.snapshot()])
        return facts

    def define(self, names: Iterable[str], kind: str, text: str | None = None) -> None:
        """Bind names that come from outside the cells: parameters and loop variables. ``text`` is their text, if known."""
        for name in names:
            self.world.bind(name, kind, text=text)


def _mentions_main(text: str) -> bool:
    """Whether code may name the module ``__main__``."""
    return "__main__" in text or "__name__" in text


def statements_of(cell: ParsedCell) -> list[ParsedCell]:
    """One cell for each top-level statement, because shared code is run again statement by statement."""
    if len(cell.tree.body) == 1 and not cell.wrappers:
        return [cell]
    return [replace(cell, tree=ast.Module([node], []), wrappers=()) for node in cell.tree.body]
