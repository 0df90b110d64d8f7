"""Reports values that cannot pass between steps: widgets, which belong to a live kernel."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from kfnb.analysis.analyze_notebook import imports_anywhere
from kfnb.analysis.syntax.ast_queries import dotted, targets
from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import STEP
from kfnb.problems import Problem

MAKERS = ("ipywidgets.", "panel.widgets.")
MAKING = ("interactive", "interact_manual")  #: functions of such libraries that give a widget


def unpassable_problems(units: tuple[Unit, ...], flow: Flow) -> Iterator[Problem]:
    """Report each widget that a later step uses."""
    origins = imports_anywhere(c for u in units for c in u.cells)
    if not any(f"{name}.".startswith(MAKERS) for name in origins.values()):
        return
    for index, unit in enumerate(units):
        if unit.kind != STEP:
            continue
        for name, (cell, line) in _widgets(unit, origins).items():
            reader = next((u for u in units[index + 1 :] if u.kind == STEP and name in u.facts.reads), None)
            if reader is not None and name in flow.live_definitions[index]:
                cell_id = next((c.id for c in unit.cells if c.number == cell), None)
                yield Problem(
                    "KF319",
                    f"`{name}` is a widget, which exists only in its own kernel, but step `{reader.name}` uses it",
                    f"pass its value on: `{name}_value = {name}.value` here, and `{name}_value` there, or make it a parameter",
                    cell, cell_id, line, name,
                )  # fmt: skip


def _widgets(unit: Unit, origins: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """The names that are bound to a widget at the end of the unit."""
    found: dict[str, tuple[int, int]] = {}
    for cell in unit.cells:
        for node in cell.tree.body:
            if not isinstance(node, ast.Assign):
                continue
            for name in (n for t in node.targets for n in targets(t)):
                found.pop(name, None)
                if isinstance(node.targets[0], ast.Name) and _is_widget(node.value, origins):
                    found[name] = cell.number, node.lineno + cell.line - 1
    return found


def _is_widget(node: ast.expr, origins: Mapping[str, str]) -> bool:
    if isinstance(node, (ast.List, ast.Tuple, ast.Dict)):
        parts = node.values if isinstance(node, ast.Dict) else node.elts
        return any(_is_widget(p, origins) for p in parts)
    name = dotted(node.func, origins.get) if isinstance(node, ast.Call) else None
    last = (name or "").rpartition(".")[2]
    return name is not None and name.startswith(MAKERS) and (last[:1].isupper() or last in MAKING)
