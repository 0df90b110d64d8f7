"""Warns of effects that later steps should see, and that cannot pass to them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from kfnb.analysis.analyze_notebook import imports_anywhere
from kfnb.analysis.effects.library_call_reach import LIBRARY, reach_of
from kfnb.analysis.effects.local_module_effects import STATE
from kfnb.analysis.replay.library_change_slices import empties_a_file
from kfnb.analysis.syntax.ast_queries import dotted
from kfnb.analysis.unit_facts import Facts, Site
from kfnb.notebook.parsed_notebook import SKIP, Notebook
from kfnb.pipeline.checks.state_outside_pipeline import outside_state_problems
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, SHARED, STEP
from kfnb.problems import Problem
from kfnb.thread_safe_parser import parse

OPENS_LOG = re.compile("FileHandler|basicConfig")  #: code without these words empties no log's file


def lost_effects(units: tuple[Unit, ...], notebook: Notebook) -> Iterator[Problem]:
    """Warn of what a cell changes in a library, a log file or a cache, where a later step would not find the change."""
    skipped = {c.number for c in notebook.cells if c.role == SKIP}
    origins = imports_anywhere(c for u in units for c in u.cells)
    last = max((i for i, u in enumerate(units) if u.kind == STEP), default=-1)
    for index, unit in enumerate(units):
        if unit.kind in (STEP, OUTSIDE) and index < last and not any(c.number in skipped for c in unit.cells):
            yield from _unheard(unit, units[index + 1 :], origins)
        if unit.kind == SHARED and any(empties_a_file(c.tree) for c in unit.cells if OPENS_LOG.search(c.code)):
            cell = unit.cells[0]
            site = Site(cell.number, cell.tree.body[0].lineno + cell.line - 1)
            yield _at(
                "KF311", unit, site, "", "every step that needs this line opens the log file again and empties it",
                "write mode='a' (filemode='a'), or put the line in a step",
            )  # fmt: skip
        if unit.kind == STEP:
            yield from _remembered(unit, units[:index])
    yield from outside_state_problems(units, origins, skipped)


def _unheard(unit: Unit, after: tuple[Unit, ...], origins: Mapping[str, str]) -> Iterator[Problem]:
    marks = unit.marks
    if unit.kind == OUTSIDE:
        why, hint = (
            "this cell is not in the pipeline",
            "mark the cell with `functions`, so that every step runs it again",
        )
    elif marks is not None and (marks.when is not None or marks.foreach is not None):
        why = f"step `{unit.name}` " + ("may not run" if marks.foreach is None else "runs once per item")
        hint = "change it in a cell of its own, marked `functions`"
    else:
        why = "the line does more than that and is not run again"
        hint = "change it in a line of its own, or in a cell marked `functions`"
    effects = {r.source.split("\n")[0]: r for r in unit.facts.replays if r.effect and not r.binds}
    for line, replay in effects.items() if unit.kind == OUTSIDE else ():
        place = _assigned(replay.source, origins)
        reader = next((u for u in after if place and _mentions(u, place, origins)), None)
        message = f"`{line}` sets something for the rest of the notebook, and {why}"
        if reader is not None:
            message = f"`{line}` changes what {_called(reader)} uses, and {why}"
        yield _at("KF310" if reader is None else "KF314", unit, replay.site, line, message, hint)
    for kind, site in unit.facts.may_mutate.items() if unit.kind == OUTSIDE else ():
        reader = next((u for u in after if u.kind == STEP and kind in {*u.facts.reads, *u.facts.may_mutate}), None)
        if kind.startswith(STATE) and reader is not None:
            module = kind[len(STATE) :]
            message = f"the state of the module `{module}` is changed here, and step `{reader.name}` uses it, but {why}"
            yield _at("KF314", unit, site, module, message, hint)
    for place, site in unit.facts.library_changes.items():
        reader = next((u for u in after if _mentions(u, place, origins)), None)
        message = f"`{place}` is changed here; later steps do not see the change, because {why}"
        if reader is not None:
            message = (
                f"`{place}` is changed here, and {_called(reader)} uses it but would not see the change, because {why}"
            )
        yield _at("KF310" if reader is None else "KF314", unit, site, place, message, hint)


def _called(unit: Unit) -> str:
    return f"step `{unit.name}`" if unit.kind == STEP else f"shared code in cell {unit.cells[0].number}"


def _assigned(source: str, origins: Mapping[str, str]) -> str:
    """The full name of the library attribute that a statement assigns to, or an empty text."""
    node = parse(source).body[0]
    return (dotted(node.targets[0], origins.get) or "") if isinstance(node, ast.Assign) else ""


def _mentions(unit: Unit, place: str, origins: Mapping[str, str]) -> bool:
    """Whether the unit's own code uses a library attribute that an earlier unit has assigned."""
    if unit.kind not in (STEP, SHARED) or reach_of(place) == LIBRARY:
        return False  # a call, of which is not known what it changes
    owner = place.partition(".__dict__")[0].partition(".item")[0]
    used = {name for cell in unit.cells for n in _whole_names(cell.tree) if (name := dotted(n, origins.get))}
    return any(u == owner or u.startswith(f"{owner}.") or owner.startswith(f"{u}.") for u in used)


def _whole_names(tree: ast.AST) -> list[ast.expr]:
    """The names in code with their attributes: ``json.loads(x)`` holds ``json.loads`` and ``x``."""
    parts = [n for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.Attribute))]
    inner = {n.value for n in parts if isinstance(n, ast.Attribute)}
    return [n for n in parts if n not in inner]


def _remembered(unit: Unit, before: tuple[Unit, ...]) -> Iterator[Problem]:
    for name, site in unit.facts.cached_functions.items():
        if any(u.kind == STEP and _uses(u.facts, name) for u in before):
            yield _at(
                "KF312", unit, site, name, f"what `{name}` remembers of its calls in earlier steps (lru_cache) is not known here",
                f"call `{name}` and ask for its cache in one step, or hand on its results",
            )  # fmt: skip


def _uses(facts: Facts, name: str) -> bool:
    return name in facts.reads or name in facts.may_define


def _at(code: str, unit: Unit, site: Site, name: str, message: str, hint: str) -> Problem:
    cell_id = next((c.id for c in unit.cells if c.number == site.cell), None)
    return Problem(code, message, hint, site.cell, cell_id, site.line, name or None)
