"""Checks streams, handlers and functions that a cell registers with a library, and that change the notebook's objects later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kfnb.analysis.effects.library_hooks import STREAMS
from kfnb.analysis.unit_facts import Facts, Hook, Site
from kfnb.analysis.units.abstract_state import VALUE
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, SHARED, STEP
from kfnb.problems import Problem


def with_hooks(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Return the units with the effects of library hooks added: a step may change what a hook changes that runs in it."""
    found = list(units)
    for index, _, hook in _hooks(units):
        if units[index].kind == OUTSIDE:
            continue
        for at in _steps_to_reader(units, index, hook.changed_by_callbacks):
            unit = found[at]
            found[at] = replace(
                unit, facts=_changing(unit.facts, hook.changed_by_callbacks, unit.cells[0].number, unit.cells[0].line)
            )
    return tuple(found)


def hook_problems(units: tuple[Unit, ...]) -> Iterator[Problem]:
    """Report objects that a library holds in one step and that other steps should write to: each step has its own copy."""
    for index, place, hook in _hooks(units):
        unit = units[index]
        lost = unit.kind == OUTSIDE or unit.kind == STEP and place.startswith((*unit.facts.library_changes, "logging."))
        for names, least in (
            (hook.written_by_library, 2 if unit.kind == SHARED else 1),
            (hook.changed_by_callbacks if lost else (), 1),
        ):
            steps = _steps_to_reader(units, index, frozenset(names))
            if len(steps) >= least:
                yield _problem(unit, place.partition(":")[0], hook, frozenset(names), units[steps[-1]])
                break


def _hooks(units: tuple[Unit, ...]) -> Iterator[tuple[int, str, Hook]]:
    """Return each hook with the unit that registers it, except hooks that reach no object of the notebook."""
    for index, unit in enumerate(units):
        if unit.kind in (SHARED, STEP, OUTSIDE) and unit.facts.hooks:
            for place, hook in unit.facts.hooks.items():
                if hook.changed_by_callbacks or hook.written_by_library:
                    yield index, place, hook


def _steps_to_reader(units: tuple[Unit, ...], index: int, names: frozenset[str]) -> list[int]:
    """The steps after unit ``index`` up to the last one that reads one of ``names``."""
    steps = [i for i in range(index + 1, len(units)) if units[i].kind == STEP] if names else []
    while steps and not names & units[steps[-1]].facts.reads.keys():
        steps.pop()
    return steps


def _changing(facts: Facts, names: frozenset[str], cell: int, line: int) -> Facts:
    here = dict.fromkeys(names, Site(cell, line))
    return replace(
        facts,
        reads={**here, **facts.reads},
        may_mutate={**here, **facts.may_mutate},
        kinds={**dict.fromkeys(names, VALUE), **facts.kinds},
    )


def _problem(unit: Unit, place: str, hook: Hook, names: frozenset[str], reader: Unit) -> Problem:
    name = sorted(names & reader.facts.reads.keys())[0]
    redirect = f" (`with contextlib.redirect_{place[4:]}({name}):`)" if place in STREAMS else ""
    cell_id = next((c.id for c in unit.cells if c.number == hook.site.cell), None)
    return Problem(
        "KF317",
        f"`{place}` writes to `{name}` from here on, and step `{reader.name}` reads `{name}`: that step would not have what other steps write there",
        f"do it in the step that reads `{name}`, together with what it is to have{redirect}, or write to a file",
        hook.site.cell, cell_id, hook.site.line, name,
    )  # fmt: skip
