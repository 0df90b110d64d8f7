"""Finds what a step does before its cells: bind its inputs and run shared code, in notebook order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kfnb.analysis.unit_facts import Replay as ReplayFact
from kfnb.analysis.units.abstract_state import DEF
from kfnb.pipeline.build.reaching_definitions import Flow, Use
from kfnb.pipeline.model import Code, Collected, Input, Merge, OutputRef, ParameterRef, Ref, Replay
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, PARAMETER, SHARED, STEP

#: Sorts inputs and statements in notebook order: an input stands at the end of the unit that defines it.
Key = tuple[int, int, int, str]


@dataclass
class Prepared:
    """What one unit does before its cells.

    Parameters
    ----------
    items
        Inputs and statements by their place in the notebook.
    live_outputs
        For every step that defines something for this one: the names.
    outside
        Names that only cells outside the pipeline define, with the unit.
    """

    items: dict[Key, Input | Replay] = field(default_factory=dict)
    live_outputs: dict[int, set[str]] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)

    def ordered(self) -> tuple[Input | Replay, ...]:
        return tuple(item for _, item in sorted(self.items.items(), key=lambda pair: pair[0]))


class Preparer:
    """Resolves the uses of units to inputs and statements."""

    def __init__(self, units: tuple[Unit, ...], flow: Flow) -> None:
        self.units, self.flow = units, flow
        self._late_position: dict[int, int] = {}

    def prepare(self, index: int, hidden: Iterable[str] = ()) -> Prepared:
        """Prepare unit ``index``, without the names in ``hidden``."""
        found = Prepared()
        for name, use in self.flow.uses[index].items():
            if name not in hidden:
                self._add_use(use, found)
        for at in self.flow.effects[index]:
            self._replay(at, found)
        return found

    def ref(self, use: Use) -> Ref | None:
        """The reference to a value, without the shared code that defines it if no step does."""
        refs = [r for m in use.definitions if (r := self._ref_to(m, use.name)) is not None]
        return None if not refs else refs[0] if len(refs) == 1 else Merge(tuple(refs))

    def _ref_to(self, index: int, name: str) -> Ref | None:
        unit = self.units[index]
        if unit.kind == PARAMETER:
            return ParameterRef(name)
        if unit.kind != STEP:
            return None
        ref = OutputRef(unit.name, name)
        return Collected(ref) if unit.marks is not None and unit.marks.foreach is not None else ref

    def _add_use(self, use: Use, found: Prepared) -> None:
        for at in use.statements:
            self._replay(at, found)
        fallback = False
        for maker in use.definitions:
            kind = self.units[maker].kind
            if kind == SHARED:
                fallback = True
                self._replay_shared(maker, found)
            elif kind == STEP:
                found.live_outputs.setdefault(maker, set()).add(use.name)
                self._add_definition(maker, use.name, found)
            elif kind == OUTSIDE and not use.passed_through:
                found.outside.setdefault(use.name, maker)
        ref = self.ref(use)
        if ref is not None:
            key = (use.definitions[0], 1, 0, f"{use.name} {use.definitions}")
            before = found.items.get(key)
            required = not use.passed_through and not fallback and not use.name.startswith("@")
            was = isinstance(before, Input) and before.required
            found.items[key] = Input(use.name, ref, required or was)

    def _add_definition(self, maker: int, name: str, found: Prepared) -> None:
        """Add the definition of a class or function of which a step only changed the state."""
        facts = self.units[maker].facts
        if name in facts.may_define or facts.kinds.get(name) != DEF:
            return
        for earlier in self.flow.uses[maker][name].definitions if name in self.flow.uses[maker] else ():
            if self.units[earlier].kind == SHARED:
                self._replay_shared(earlier, found)
            elif self.units[earlier].kind == STEP:
                self._add_definition(earlier, name, found)

    def _replay_shared(self, index: int, found: Prepared) -> None:
        code = self.units[index].code
        key = (index, 0, 0, "")
        if code is None or key in found.items:
            return
        found.items[key] = Replay(code)
        for use in self.flow.uses[index].values():
            self._add_use(use, found)

    def _replay(self, at: tuple[int, int], found: Prepared) -> None:
        """Add a statement of unit ``at[0]`` that later units run again."""
        index, position = at
        unit = self.units[index]
        if unit.kind == SHARED:
            self._replay_shared(index, found)
            return
        key = (index, 2 if position >= self._first_late_position(index) else 0, position, "")
        if key in found.items:
            return
        fact = unit.facts.replays[position]
        cell_id = next((c.id for c in unit.cells if c.number == fact.site.cell), "")
        found.items[key] = Replay(Code(fact.site.cell, fact.source, fact.site.line, cell_id))
        for name in fact.reads:
            self._add_use_of_replay(name, fact, index, found)

    def _first_late_position(self, index: int) -> int:
        """The first of a step's replayed statements that uses a value which the step itself defines."""
        if index not in self._late_position:
            facts = self.units[index].facts
            own = {n for r in facts.replays for n in r.binds}
            late = (
                p
                for p, r in enumerate(facts.replays)
                if r.effect and any(n in facts.may_define and n not in own for n in r.reads)
            )
            self._late_position[index] = next(late, len(facts.replays))
        return self._late_position[index]

    def _add_use_of_replay(self, name: str, fact: ReplayFact, index: int, found: Prepared) -> None:
        facts = self.units[index].facts
        own = [p for p, r in enumerate(facts.replays) if name in r.binds and r is not fact]
        if own:
            for position in own:
                self._replay((index, position), found)
        elif name in facts.may_define and self.units[index].kind == STEP:
            self._add_use(Use(name, (index,)), found)
        elif name in self.flow.uses[index]:
            self._add_use(self.flow.uses[index][name], found)
