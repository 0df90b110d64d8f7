"""Data-flow analysis over the units of a notebook: liveness, and the definitions that reach each use.

A backward pass finds the names that are live after each unit, so that a unit defines only what later units use. A forward
pass finds which definitions reach each use. A change in place is a definition, too. Only a use after a definition makes an
edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kfnb.analysis.libraries.effect_tables import USED_BY_ALL
from kfnb.analysis.unit_facts import Facts, Site
from kfnb.analysis.units.abstract_state import DEF, IMPORT
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.object_configuring_calls import acts_alone
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, OUTSIDE, PARAMETER, SHARED, STEP

Definitions = tuple[int, ...]  #: units whose definition may reach a use, newest first


@dataclass(frozen=True)
class Use:
    """A name that a unit uses, with the definitions that reach it.

    Parameters
    ----------
    definitions
        The units whose definition may reach the use, newest first. The last definition is certain if any is.
    statements
        For an import: the statements, as unit and position, that bind the name together.
    passed_through
        Whether the unit does not read the value, but passes it on because it may or may not define the name.
    """

    name: str
    definitions: Definitions
    statements: tuple[tuple[int, int], ...] = ()
    passed_through: bool = False


@dataclass(frozen=True)
class Flow:
    """The result of the analysis for every unit, by its index."""

    uses: tuple[Mapping[str, Use], ...]
    live_definitions: tuple[frozenset[str], ...]
    live: tuple[frozenset[str], ...]  #: names that are live after the unit
    undefined: tuple[Mapping[str, Site], ...]  #: names that are used and that no definition reaches
    effects: tuple[tuple[tuple[int, int], ...], ...]  #: statements that every later step runs again for their effects
    skippable: frozenset[int]


@dataclass
class _ReachingState:
    definitions: dict[str, Definitions] = field(default_factory=dict)
    imports: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    effects: list[tuple[int, int]] = field(default_factory=list)


def flow_of(units: tuple[Unit, ...]) -> Flow:
    """Analyze the data flow.

    A step is skippable if only skippable steps define what it uses, so the passes repeat until this set is stable.
    """
    facts = _with_ambient_state(units)
    skippable = frozenset(i for i, u in enumerate(units) if u.skippable)
    mutated_later = _mutated_later(units, facts)
    while True:
        live_definitions, passed_through, live = _backward(units, facts, skippable, mutated_later)
        flow = _forward(units, facts, live_definitions, passed_through, live, skippable)
        if flow.skippable == skippable:
            return flow
        skippable = flow.skippable


# -------------------------------------------------------------------- ambient state
def _with_ambient_state(units: tuple[Unit, ...]) -> list[Facts]:
    """The facts, without ambient state that nothing sets, and with ambient state that every step may use."""
    sets = {n for u in units if u.kind != OUTSIDE for n in u.facts.may_define if n.startswith("@")}
    used = [n for n in USED_BY_ALL if n in sets]
    found: list[Facts] = []
    for unit in units:
        facts = unit.facts
        if not used and not any(n.startswith("@") for n in (*facts.reads, *facts.may_mutate)):
            found.append(facts)
            continue
        reads = {n: s for n, s in facts.reads.items() if not n.startswith("@") or n in sets}
        if unit.kind == STEP and unit.cells:
            here = Site(unit.cells[0].number, unit.cells[0].line)
            for name in used:
                reads.setdefault(name, here)
        touches = {n: s for n, s in facts.may_mutate.items() if not n.startswith("@") or n in sets}
        found.append(replace(facts, reads=reads, may_mutate=touches))
    return found


# -------------------------------------------------------------------- backwards
def _mutated_later(units: tuple[Unit, ...], facts: list[Facts]) -> list[set[str]]:
    """For each unit, the names whose object some later unit changes or compares by identity."""
    found: list[set[str]] = [set() for _ in units]
    later: set[str] = set()
    known = _EarlierDefinitions(units, facts)
    for index in range(len(units) - 1, -1, -1):
        found[index] = later
        mine = facts[index]
        more = {n for name in (*mine.may_mutate, *mine.identity_compared) for n in mine.groups.get(name, (name,))}
        if mine.opaque is not None:
            more |= known.all_before(index)
        if not more <= later:
            later = later | more
    return found


def _backward(
    units: tuple[Unit, ...], facts: list[Facts], skippable: frozenset[int], mutated_later: list[set[str]]
) -> tuple[list[frozenset[str]], list[frozenset[str]], list[frozenset[str]]]:
    known = _EarlierDefinitions(units, facts)
    count = len(units)
    live_definitions: list[frozenset[str]] = [frozenset()] * count
    passed_through: list[frozenset[str]] = [frozenset()] * count
    live_out: list[frozenset[str]] = [frozenset()] * count
    live: set[str] = set()
    for index in range(count - 1, -1, -1):
        unit, mine = units[index], facts[index]
        live_out[index] = frozenset(live)
        if unit.kind == OUTSIDE:
            continue
        touches = set(mine.may_mutate)
        reads = set(mine.reads)
        if mine.opaque is not None:
            everything = {n for n in known.all_before(index) if not n.startswith("@")}
            reads |= everything
            touches |= everything
        together: set[str] = set()
        for name in touches:
            together |= mine.groups.get(name, frozenset())
        for name in mine.may_define:
            group = mine.groups.get(name, frozenset())
            if group & mutated_later[index]:
                together |= group
        defined = (set(mine.may_define) | touches | together) & live
        if unit.kind == SHARED:
            defined = {n for n in defined if n in mine.may_define or n in touches}
            if not defined and not _has_lasting_effect(mine):
                continue
        live_definitions[index] = frozenset(defined)
        last = unit.marks is not None and unit.marks.exit
        kills = frozenset() if index in skippable or last else mine.must_define
        through = known.before(index, defined - mine.must_define)
        passed_through[index] = frozenset(through)
        live = (live - kills) | known.before(index, reads) | through
    return live_definitions, passed_through, live_out


def _has_lasting_effect(facts: Facts) -> bool:
    """Whether a shared statement has an effect beyond the names that it binds."""
    return facts.unproved or any(r.effect for r in facts.replays) or not facts.may_define


class _EarlierDefinitions:
    """The names that some unit before a given one may define."""

    def __init__(self, units: tuple[Unit, ...], facts: list[Facts]) -> None:
        self._first: dict[str, int] = {}
        for index, (unit, mine) in enumerate(zip(units, facts, strict=True)):
            variable = (
                unit.marks.foreach.variable if unit.marks is not None and unit.marks.foreach is not None else None
            )
            for name in mine.may_define if unit.parameter is None else (*mine.may_define, unit.name):
                if name != variable:
                    self._first.setdefault(name, index)

    def before(self, index: int, names: Iterable[str]) -> set[str]:
        """Those of ``names`` that a unit before ``index`` may define."""
        first = self._first
        return {n for n in names if first.get(n, index) < index}

    def all_before(self, index: int) -> set[str]:
        return {n for n, first in self._first.items() if first < index}


# -------------------------------------------------------------------- forwards
def _forward(
    units: tuple[Unit, ...],
    facts: list[Facts],
    live_definitions: list[frozenset[str]],
    passed_through: list[frozenset[str]],
    live: list[frozenset[str]],
    skippable: frozenset[int],
) -> Flow:
    state = _ReachingState()
    read_somewhere = {n for u, f in zip(units, facts, strict=True) for n in f.reads if u.kind != OUTSIDE}
    uses: list[Mapping[str, Use]] = []
    undefined: list[Mapping[str, Site]] = []
    effects: list[tuple[tuple[int, int], ...]] = []
    skip = set(skippable)
    for index, unit in enumerate(units):
        mine = facts[index]
        reads = set(mine.reads) | ({n for n in state.definitions if not n.startswith("@")} if mine.opaque else set())
        found = {
            n: use
            for n in sorted(reads | passed_through[index])
            if (use := _use_of(n, state, n not in reads)) is not None
        }
        if unit.marks is not None and unit.marks.foreach is not None and unit.kind == STEP:
            found.pop(unit.marks.foreach.variable, None)
        uses.append(found)
        undefined.append({n: s for n, s in mine.reads.items() if n not in found and not n.startswith("@")})
        effects.append(tuple(state.effects))
        if unit.kind == STEP and any(
            _only_skippable(use, skip, units) for use in found.values() if not use.passed_through
        ):
            skip.add(index)
        _transfer(index, unit, mine, live_definitions[index], state, index in skip, read_somewhere)
    return Flow(tuple(uses), tuple(live_definitions), tuple(live), tuple(undefined), tuple(effects), frozenset(skip))


def _use_of(name: str, state: _ReachingState, passed_through: bool) -> Use | None:
    if name in state.imports:
        return Use(name, (), state.imports[name], passed_through)
    definitions = state.definitions.get(name)
    return Use(name, definitions, (), passed_through) if definitions else None


def _only_skippable(use: Use, skip: set[int], units: tuple[Unit, ...]) -> bool:
    return bool(use.definitions) and all(m in skip and units[m].kind == STEP for m in use.definitions)


def _transfer(
    index: int,
    unit: Unit,
    facts: Facts,
    live_definitions: frozenset[str],
    state: _ReachingState,
    skippable: bool,
    read_somewhere: set[str],
) -> None:
    """Apply the unit's definitions to the state: the transfer function of the forward pass."""
    if unit.kind == EXPRESSION or (unit.marks is not None and unit.marks.exit):
        return  # a condition defines nothing, and no step runs after the exit handler
    if unit.kind == PARAMETER:
        _define(unit.name, index, state, False)
        return
    if unit.kind == OUTSIDE:
        for name in {*facts.may_define, *(_mutated_outside(unit) & set(state.definitions))}:
            if not name.startswith("@") or name in facts.must_define:
                _define(name, index, state, False)
        return
    if unit.kind == SHARED:
        _transfer_shared(index, unit, facts, state, read_somewhere)
        return
    imported = _imports_of(index, facts, state, read_somewhere)
    for name in sorted({*facts.may_define, *live_definitions}):
        if name in imported and facts.kinds.get(name) == IMPORT:
            continue
        if name in facts.must_delete and not skippable:
            state.definitions.pop(name, None)
            state.imports.pop(name, None)
        elif name in live_definitions:
            _define(name, index, state, skippable)
        elif name in facts.must_define and not skippable:
            _define(name, index, state, False)


def _mutated_outside(unit: Unit) -> set[str]:
    """Names whose object a statement outside the pipeline changes, through this or another name.

    An unknown method whose result is not used may change its object.
    """
    facts = unit.facts
    acts = any(acts_alone(c.tree.body[0]) for c in unit.cells)
    live_definitions = {*facts.must_mutate, *(facts.may_mutate if acts else ())}
    return {
        n for name in live_definitions for n in facts.groups.get(name, (name,)) if n in facts.may_mutate and n[0] != "@"
    }


def _transfer_shared(index: int, unit: Unit, facts: Facts, state: _ReachingState, read_somewhere: set[str]) -> None:
    imported = _imports_of(index, facts, state, read_somewhere)
    names = {n for n in {*facts.may_define, *facts.may_mutate} if n not in imported}
    for name in names:
        if name in facts.must_delete:
            state.definitions.pop(name, None)
        else:
            _define(name, index, state, False)
    if facts.unproved or not facts.may_define and not facts.replays and not facts.may_mutate:
        state.effects.append((index, 0))


def _imports_of(index: int, facts: Facts, state: _ReachingState, read_somewhere: set[str]) -> set[str]:
    """Record the imports that later units may run again, and return the names that they bind."""
    found: set[str] = set()
    for position, replay in enumerate(facts.replays):
        here = (index, position)
        if not replay.binds or (replay.effect and not replay.binds & read_somewhere):
            state.effects.append(here)
        for name in replay.binds:
            if facts.kinds.get(name) != IMPORT:
                continue
            found.add(name)
            # `import a.b` and `import a.c` give one name together
            more = replay.source.startswith("import ") and " as " not in replay.source
            before = state.imports.get(name, ()) if more else ()
            state.imports[name] = (*before, here)
            state.definitions.pop(name, None)
    return found


def _define(name: str, index: int, state: _ReachingState, skippable: bool) -> None:
    before = state.definitions.get(name, ()) if skippable else ()
    state.definitions[name] = (index, *before)
    if not skippable:
        state.imports.pop(name, None)


def is_definition(facts: Facts, name: str) -> bool:
    """Whether ``name`` is a function, class or import, which a user does not want as a result."""
    return facts.kinds.get(name) in (DEF, IMPORT, "deleted")
