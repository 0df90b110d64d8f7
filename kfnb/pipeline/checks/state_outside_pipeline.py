"""Reports generators, environment and settings that cells outside the pipeline change and later steps use."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from kfnb.analysis.libraries.ambient_state_calls import GENERATORS, setting_of
from kfnb.analysis.libraries.effect_tables import RANDOM_OWN, USED_BY_ALL
from kfnb.analysis.syntax.ast_queries import dotted, root
from kfnb.analysis.unit_facts import Site
from kfnb.pipeline.build.edges import AMBIENT
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, STEP
from kfnb.problems import Problem
from kfnb.thread_safe_parser import parse

#: Libraries' names by which a step uses state that every step has.
USERS = {
    "@environ": ("os.environ", "os.getenv"),
    "@decimal": ("decimal",),
    "@locale": ("locale",),
}
RUN = "mark the cell with `functions`, so that every step runs it again, or make it a step of its own"
DRAW = "make the cell a step, give the call a seed of its own (`random_state=`), or mark the cell with `skip`"
WHY = "this cell is not in the pipeline"


def outside_state_problems(units: tuple[Unit, ...], origins: Mapping[str, str], skipped: set[int]) -> Iterator[Problem]:
    """Report what cells outside the pipeline do to ambient state that later steps use without naming it.

    Parameters
    ----------
    origins
        Import name to library name, over the whole notebook.
    skipped
        Cells that the user has taken out of the pipeline.
    """
    seeded: set[str] = set()
    for index, unit in enumerate(units):
        if unit.kind != OUTSIDE:
            seeded |= {n for n in unit.facts.may_define if n in GENERATORS}
        elif not any(c.number in skipped for c in unit.cells):
            yield from _of_cell(unit, units[index + 1 :], origins, seeded)


def _of_cell(unit: Unit, after: tuple[Unit, ...], origins: Mapping[str, str], seeded: set[str]) -> Iterator[Problem]:
    replayed = {r.site for r in unit.facts.replays if r.effect}
    set_again = {k: r.site for r in unit.facts.replays if (k := _set_by(r.source, origins)) is not None}
    for kind, site in {**unit.facts.may_mutate, **unit.facts.may_define, **set_again}.items():
        if kind not in AMBIENT:
            continue
        sets = kind in unit.facts.may_define or kind in set_again
        reader = _reader(kind, after, origins)
        unsaid = kind in USED_BY_ALL and site not in replayed and any(u.kind == STEP for u in after)
        if sets and (reader is not None or unsaid):
            yield _changed(unit, kind, site, reader)
        elif reader is not None and kind in seeded and kind in GENERATORS and _draws(unit, origins):
            why = f"step `{reader.name}`, which draws after it, would get other numbers"
            message = f"this cell changes {AMBIENT[kind]}, which is seeded, and is not in the pipeline; {why}"
            yield _at("KF318", unit, site, message, DRAW)


def _set_by(source: str, origins: Mapping[str, str]) -> str | None:
    """The kind of ambient state that a statement sets, found by the full name of what it assigns or calls."""
    node = parse(source).body[0]
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(getattr(node, "value", None), "func", None)
    first = root(target) if target is not None else None
    text = ast.unparse(target) if target is not None else ""
    return setting_of(origins.get(first, first) + text[len(first) :]) if first is not None else None


def _changed(unit: Unit, kind: str, site: Site, reader: Unit | None) -> Problem:
    what = AMBIENT[kind]
    if reader is None:
        return _at("KF310", unit, site, f"{what} is changed here; later steps do not see it, since {WHY}", RUN)
    lost = f"{what} is changed here, and step `{reader.name}` uses it but would not see that, since {WHY}"
    return _at("KF314", unit, site, lost, RUN)


def _reader(kind: str, after: tuple[Unit, ...], origins: Mapping[str, str]) -> Unit | None:
    """The first step that uses the state, unless a cell before that step sets the state again."""
    for unit in after:
        if unit.kind == STEP and (kind in {*unit.facts.reads, *unit.facts.may_mutate} or _uses(unit, kind, origins)):
            return unit
        if unit.kind != OUTSIDE and kind in unit.facts.must_define:
            return None
    return None


def _uses(unit: Unit, kind: str, origins: Mapping[str, str]) -> bool:
    names = USERS.get(kind, ())
    parts = (n for c in unit.cells for n in ast.walk(c.tree) if isinstance(n, (ast.Name, ast.Attribute)))
    used = (dotted(n, origins.get) or "" for n in parts)
    return bool(names) and any(u == n or u.startswith(f"{n}.") for u in used for n in names)


def _draws(unit: Unit, origins: Mapping[str, str]) -> bool:
    """Whether the cell itself calls a function that draws random numbers. Of other calls this is not sure."""
    for part in (n for c in unit.cells for n in ast.walk(c.tree) if isinstance(n, ast.Call)):
        name = dotted(part.func, origins.get) or ""
        owner, _, last = name.rpartition(".")
        if owner in ("random", "numpy.random") and last not in RANDOM_OWN:
            return True
        sampled = isinstance(part.func, ast.Attribute) and part.func.attr == "sample"
        if sampled and not any(k.arg == "random_state" for k in part.keywords):
            return True
    return False


def _at(code: str, unit: Unit, site: Site, message: str, hint: str) -> Problem:
    cell_id = next((c.id for c in unit.cells if c.number == site.cell), None)
    return Problem(code, message, hint, site.cell, cell_id, site.line)
