"""`Record` collects the facts of one unit while the analysis visits its expressions."""

from __future__ import annotations

import ast
import builtins
import re
from abc import ABC
from collections.abc import Iterable
from typing import TypeVar

from kfnb.analysis.effects.definition_effects import Effects
from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.effects.library_call_reach import LIBRARY
from kfnb.analysis.effects.library_hooks import hook_key, hook_of
from kfnb.analysis.files.path_patterns import depends_on_parameter
from kfnb.analysis.files.shell_command_files import Use
from kfnb.analysis.libraries.ambient_state_calls import GENERATORS
from kfnb.analysis.syntax.code_block import Deferred
from kfnb.analysis.unit_facts import Facts, Hook, Replay, Site
from kfnb.analysis.units.abstract_state import DEF, IMPORT, SCALAR, VALUE, World

#: Names that a step finds without any cell writing them.
PREDEFINED = frozenset(dir(builtins)) | frozenset(
    "get_ipython display In Out exit quit __name__ __file__ __doc__ __builtins__ __annotations__ kfnb_status".split()
)
Key = TypeVar("Key")
PREVIOUS = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_oh|_ih|Out|In")


class Record(ABC):
    """Collects the facts of one unit in a `World`. `Statements` drives it; `facts` closes it."""

    now: Effect  #: the effect of the present top-level statement
    keeps_shown = False  #: what cells show is a value of the notebook, since some cell reads it

    def __init__(self, world: World, effects: Effects) -> None:
        self.world, self.effects = world, effects
        world.must = set()
        self.cell, self.offset = 1, 0
        self.reads: dict[str, Site] = {}
        self.asked: set[str] = set()
        self.via: dict[str, str] = {}
        self.may: dict[str, Site] = {}
        self.touches: dict[str, Site] = {}
        self.definite: set[str] = set()
        self.replays: list[Replay] = []
        self.opaque: Site | None = None
        self.files: dict[Use, Site] = {}
        self.texts: dict[str, Site] = {}
        self.requirements: list[str] = []
        self.displayed: Site | None = None
        self.compared: set[str] = set()
        self.unread_programs: dict[str, Site] = {}
        self.not_shown: tuple[str, Site] | None = None
        self.cells_read: set[int] = set()
        self.surely_shown = 0  #: cells of the unit that surely show a value
        self.beyond: dict[str, Site] = {}
        self.unproved = False
        self.remembered: dict[str, Site] = {}
        self.hooks: dict[str, Hook] = {}
        self.shielded = 0  #: inside a `try` that answers NameError

    def site(self, line: int) -> Site:
        return Site(self.cell, line + self.offset)

    def note(self, table: dict[Key, Site], key: Key, line: int) -> None:
        """Note the first place of something."""
        if key not in table:
            table[key] = Site(self.cell, line + self.offset)

    def facts(self) -> Facts:
        world = self.world
        unbound = frozenset(n for n in self.may if n not in world.must and world.kinds.get(n) == "deleted")
        mentioned = {*self.may, *self.touches, *self.reads, *self.compared}
        kinds = {n: world.kinds[n] for n in mentioned if n in world.kinds}
        stateful = {n: s for n, s in self.touches.items() if n in world.stateful or self.effects.keeps_state(n)}
        groups = world.groups(mentioned)
        return Facts(
            self.reads, frozenset(self.asked), self.via, self.may, frozenset(world.must), self.touches,
            frozenset(self.definite), unbound, tuple(self.replays), kinds, groups, self.opaque,
            self.files, self.texts, tuple(self.requirements), self.displayed, self.beyond, self.unproved,
            stateful, self.remembered,
            frozenset(self.compared), self.unread_programs, self.not_shown, self.hooks,
        )  # fmt: skip

    # ---------------------------------------------------------------- names
    def read(self, name: str, line: int, via: str | None = None) -> None:
        world = self.world
        if name in world.added_builtins and name not in world.known:
            return
        if name not in world.must and (name not in PREDEFINED or name in world.known):
            self.note(self.reads, name, line)
            if via is not None:
                self.via.setdefault(name, via)
            elif not self.shielded and (name not in self.may or world.kinds.get(name) == "deleted"):
                self.asked.add(name)
        if via is None:
            if name[:1] in "_OI" and PREVIOUS.fullmatch(name) and (self.keeps_shown or name not in world.known):
                self.displayed = self.displayed or self.site(line)
                if name not in world.known and not (name in ("__", "___") and self.surely_shown >= len(name)):
                    self.not_shown = self.not_shown or (name, self.site(line))
                if name not in world.known:
                    self.asked.discard(name)
            if name in world.defs or name in world.carry:
                self._reaches(name, line)
            if self.effects.modules.sources:
                origin = world.origin(name)
                kept = self.effects.modules.kept_by(origin) if origin is not None else None
                if kept is not None:
                    self.ambient(kept, "read", line, sure=False)

    def _reaches(self, name: str, line: int) -> None:
        """Whoever reads a name may use the functions and classes that are reached through it."""
        world = self.world
        if name in world.remembering:
            self.note(self.remembered, name, line)
        for held in world.holds(name):
            self.apply(self.effects.summary(held), line, name)
        reached = {*world.holds(name), *self.effects.lineage(world.holds(name))} if world.stateful else ()
        for held in reached:
            if held.name in world.stateful and held in world.defs.get(held.name, ()):
                self.read(held.name, line, name)  # `x.count` may be kept by the class of `x`
        if self.effects.keeps_state(name):
            self.touched(name, line)

    def reached(self, effect: Effect, line: int) -> None:
        """What a call that surely stands here may do to libraries."""
        for place, how in effect.beyond.items():
            self.now.reach(place, how)
            self.unproved = True
            if how == LIBRARY:
                self.note(self.beyond, place, line)

    def hand_over(self, place: str, values: Iterable[ast.expr], line: int, call: ast.Call | None = None) -> None:
        """Note what a library gets to call or to write to later."""
        self.hooks[hook_key(place, call)] = hook_of(place, values, self.site(line), self.effects)

    def apply(self, effect: Effect, line: int, via: str | None = None) -> None:
        """What happens when code with this effect runs here."""
        for name in effect.reads:
            self.read(name, line, via or effect.reads[name])
        for name in effect.deletes | effect.writes:
            if name not in self.world.must:
                self.note(self.reads, name, line) if name in self.world.known else None
                self.via.setdefault(name, via or name)
            self.note(self.may, name, line)
            self.world.known.add(name)
            self.world.kinds[name] = VALUE
            self.world.changed.add(name)
        for name, sure in effect.touches.items():
            if not name.startswith("<"):
                self.touched(name, line, sure, name in effect.changes)
        for kind, how in effect.ambient.items():
            self.ambient(kind, how, line, sure=False)
        if effect.opaque:
            self.now.opaque = True
            self.opaque = self.opaque or self.site(line)
        for use in effect.files:
            if not depends_on_parameter(use[0]):
                self.note(self.files, use, line)
        for text in effect.texts:
            self.note(self.texts, text, line)

    def touched(self, name: str, line: int, sure: bool = False, stored: bool = False) -> None:
        """``stored``: some statement sets an attribute or item of it; a function or class is not changed otherwise."""
        kind = self.world.kinds.get(name)
        if kind in (IMPORT, SCALAR) or (kind == DEF and not (sure or stored)) or (kind is None and name in PREDEFINED):
            return
        if kind == DEF and name not in self.world.stateful:
            self.world.stateful.add(name)
            self.world.changed.add(name)
        if kind == DEF:
            mine = self.world.defs.get(name, ())
            for other in [n for n, d in self.world.defs.items() if d is mine and n != name]:
                self.note(self.touches, other, line)  # another name of the same class
        # whoever shares the object now may have another one by the end of the unit
        for other in self.world.group(name):
            if other == name or other in self.world.kinds and self.world.may_share(other):
                self.note(self.touches, other, line)
                self.now.touches[other] = sure
        if sure:
            self.definite.add(name)

    def ambient(self, kind: str, how: str, line: int, sure: bool) -> None:
        """``set`` replaces a generator's state when it surely happens; all else changes what was there."""
        self.now.ambient[kind] = how
        if how == "read":
            if kind not in self.world.must:
                self.note(self.reads, kind, line)
            return
        if how == "set" and kind in GENERATORS and sure:
            self.note(self.may, kind, line)
            self.world.must.add(kind)
            return
        if how == "set":
            self.note(self.may, kind, line)
        if kind not in self.world.must:
            self.note(self.reads, kind, line)
        self.note(self.touches, kind, line)
        self.definite.add(kind)

    def bind(
        self,
        name: str,
        line: int,
        kind: str = VALUE,
        holds: frozenset[Deferred] = frozenset(),
        shares: Iterable[str] = (),
        made_by: str | None = None,
        text: str | None = None,
    ) -> None:
        self.note(self.may, name, line)
        self.world.bind(name, kind, holds, shares, made_by, text)
