"""What happens in a step before its cells: values bound and shared code run again, in notebook order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kfnb.analysis.unit_facts import Replay as ReplayFact
from kfnb.analysis.units.abstract_state import DEF
from kfnb.pipeline.build.notebook_units import OUTSIDE, PARAMETER, SHARED, STEP, Unit
from kfnb.pipeline.build.reaching_definitions import Flow, Need
from kfnb.pipeline.model import Code, Collected, Input, Merge, OutputRef, ParameterRef, Ref, Replay

#: Before the cells of unit ``n`` stand the statements of earlier units; a value stands where its maker ended.
Key = tuple[int, int, int, str]


@dataclass
class Prepared:
    """What one unit needs.

    Parameters
    ----------
    items
        Inputs and statements by their place in the notebook.
    wanted
        For every step that makes something for this one: the names.
    outside
        Names that only cells outside the pipeline make, with the unit that does.
    """

    items: dict[Key, Input | Replay] = field(default_factory=dict)
    wanted: dict[int, set[str]] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)

    def ordered(self) -> tuple[Input | Replay, ...]:
        return tuple(item for _, item in sorted(self.items.items(), key=lambda pair: pair[0]))


class Preparer:
    """Resolves the needs of units over one flow."""

    def __init__(self, units: tuple[Unit, ...], flow: Flow) -> None:
        self.units, self.flow = units, flow
        self._late: dict[int, int] = {}

    def prepare(self, index: int, hidden: Iterable[str] = ()) -> Prepared:
        """What unit ``index`` needs. ``hidden`` names are provided otherwise."""
        found = Prepared()
        for name, need in self.flow.needs[index].items():
            if name not in hidden:
                self._want(need, found)
        for at in self.flow.effects[index]:
            self._again(at, found)
        return found

    def ref(self, need: Need) -> Ref | None:
        """Where the value comes from, without the shared code that stands in when no step made it."""
        refs = [r for m in need.makers if (r := self._maker(m, need.name)) is not None]
        return None if not refs else refs[0] if len(refs) == 1 else Merge(tuple(refs))

    def _maker(self, index: int, name: str) -> Ref | None:
        unit = self.units[index]
        if unit.kind == PARAMETER:
            return ParameterRef(name)
        if unit.kind != STEP:
            return None
        ref = OutputRef(unit.name, name)
        return Collected(ref) if unit.marks is not None and unit.marks.foreach is not None else ref

    def _want(self, need: Need, found: Prepared) -> None:
        for at in need.statements:
            self._again(at, found)
        fallback = False
        for maker in need.makers:
            kind = self.units[maker].kind
            if kind == SHARED:
                fallback = True
                self._shared(maker, found)
            elif kind == STEP:
                found.wanted.setdefault(maker, set()).add(need.name)
                self._defined(maker, need.name, found)
            elif kind == OUTSIDE and not need.kept:
                found.outside.setdefault(need.name, maker)
        ref = self.ref(need)
        if ref is not None:
            key = (need.makers[0], 1, 0, f"{need.name} {need.makers}")
            before = found.items.get(key)
            required = not need.kept and not fallback and not need.name.startswith("@")
            was = isinstance(before, Input) and before.required
            found.items[key] = Input(need.name, ref, required or was)

    def _defined(self, maker: int, name: str, found: Prepared) -> None:
        """The definition of a class or function, where the step only changed the state that it keeps."""
        facts = self.units[maker].facts
        if name in facts.may or facts.kinds.get(name) != DEF:
            return
        for earlier in self.flow.needs[maker][name].makers if name in self.flow.needs[maker] else ():
            if self.units[earlier].kind == SHARED:
                self._shared(earlier, found)
            elif self.units[earlier].kind == STEP:
                self._defined(earlier, name, found)

    def _shared(self, index: int, found: Prepared) -> None:
        code = self.units[index].code
        key = (index, 0, 0, "")
        if code is None or key in found.items:
            return
        found.items[key] = Replay(code)
        for need in self.flow.needs[index].values():
            self._want(need, found)

    def _again(self, at: tuple[int, int], found: Prepared) -> None:
        """A statement of unit ``at[0]`` that later units run again."""
        index, position = at
        unit = self.units[index]
        if unit.kind == SHARED:
            self._shared(index, found)
            return
        key = (index, 2 if position >= self._first_late(index) else 0, position, "")
        if key in found.items:
            return
        fact = unit.facts.replays[position]
        cell_id = next((c.id for c in unit.cells if c.number == fact.site.cell), "")
        found.items[key] = Replay(Code(fact.site.cell, fact.source, fact.site.line, cell_id))
        for name in fact.reads:
            self._read_by(name, fact, index, found)

    def _first_late(self, index: int) -> int:
        """From which of a step's statements on they must wait for values that the step itself hands on."""
        if index not in self._late:
            facts = self.units[index].facts
            own = {n for r in facts.replays for n in r.binds}
            late = (
                p
                for p, r in enumerate(facts.replays)
                if r.effect and any(n in facts.may and n not in own for n in r.reads)
            )
            self._late[index] = next(late, len(facts.replays))
        return self._late[index]

    def _read_by(self, name: str, fact: ReplayFact, index: int, found: Prepared) -> None:
        facts = self.units[index].facts
        own = [p for p, r in enumerate(facts.replays) if name in r.binds and r is not fact]
        if own:
            for position in own:
                self._again((index, position), found)
        elif name in facts.may and self.units[index].kind == STEP:
            self._want(Need(name, (index,)), found)
        elif name in self.flow.needs[index]:
            self._want(self.flow.needs[index][name], found)
