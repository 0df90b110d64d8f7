"""Warnings about effects that later steps should see and that cannot be handed on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kfnb.analysis.facts import Facts, Site
from kfnb.analysis.slices import empties_a_file
from kfnb.notebook.model import SKIP, Notebook
from kfnb.pipeline.units import OUTSIDE, SHARED, STEP, Unit
from kfnb.problems import Problem

OPENS_LOG = re.compile("FileHandler|basicConfig")  #: code without these words empties no log's file


def lost_effects(units: tuple[Unit, ...], notebook: Notebook) -> Iterator[Problem]:
    """What a cell tells a library, a log file or a cache, and a later step would not find."""
    skipped = {c.number for c in notebook.cells if c.role == SKIP}
    last = max((i for i, u in enumerate(units) if u.kind == STEP), default=-1)
    for index, unit in enumerate(units):
        if unit.kind in (STEP, OUTSIDE) and index < last and not any(c.number in skipped for c in unit.cells):
            yield from _unheard(unit)
        if unit.kind == SHARED and any(empties_a_file(c.tree) for c in unit.cells if OPENS_LOG.search(c.code)):
            cell = unit.cells[0]
            site = Site(cell.number, cell.tree.body[0].lineno + cell.line - 1)
            yield _at(
                "KF311", unit, site, "", "every step that needs this line opens the log file anew, and empties it",
                "write mode='a' (filemode='a'), or put the line in a step",
            )  # fmt: skip
        if unit.kind == STEP:
            yield from _remembered(unit, units[:index])


def _unheard(unit: Unit) -> Iterator[Problem]:
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
    told = {r.source.split("\n")[0]: r.site for r in unit.facts.replays if r.effect and not r.binds}
    for line, site in told.items() if unit.kind == OUTSIDE else ():
        yield _at("KF310", unit, site, line, f"`{line}` sets something for the rest of the notebook, and {why}", hint)
    for place, site in unit.facts.beyond.items():
        yield _at(
            "KF310", unit, site, place, f"`{place}` is changed here; later steps do not see it, since {why}", hint
        )


def _remembered(unit: Unit, before: tuple[Unit, ...]) -> Iterator[Problem]:
    for name, site in unit.facts.remembered.items():
        if any(u.kind == STEP and _uses(u.facts, name) for u in before):
            yield _at(
                "KF312", unit, site, name, f"what `{name}` remembers of its calls in earlier steps (lru_cache) is not known here",
                f"call `{name}` and ask for its cache in one step, or hand on its results",
            )  # fmt: skip


def _uses(facts: Facts, name: str) -> bool:
    return name in facts.reads or name in facts.may


def _at(code: str, unit: Unit, site: Site, name: str, message: str, hint: str) -> Problem:
    cell_id = next((c.id for c in unit.cells if c.number == site.cell), None)
    return Problem(code, message, hint, site.cell, cell_id, site.line, name or None)
