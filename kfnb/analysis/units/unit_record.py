"""`UnitRecord` collects the facts of one unit while the analysis visits its code."""

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
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.unit_facts import Facts, Hook, Replay, Site
from kfnb.analysis.units.abstract_state import DEF, IMPORT, SCALAR, VALUE, AbstractState

#: Names that every step has although no cell binds them.
PREDEFINED = frozenset(dir(builtins)) | frozenset(
    "get_ipython display In Out exit quit __name__ __file__ __doc__ __builtins__ __annotations__ kfnb_status".split()
)
Key = TypeVar("Key")
DISPLAY_NAMES = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_oh|_ih|Out|In")


class UnitRecord(ABC):
    """Collects the facts of one unit. Its subclasses visit the code; `facts` returns the result."""

    statement_effect: Effect  #: the effect of the present top-level statement
    displays_are_values = False  #: displayed values are values of the notebook, because some cell reads one

    def __init__(self, world: AbstractState, effects: Effects) -> None:
        self.world, self.effects = world, effects
        world.must_define = set()
        self.cell, self.offset = 1, 0
        self.reads: dict[str, Site] = {}
        self.direct_reads: set[str] = set()
        self.via: dict[str, str] = {}
        self.may_define: dict[str, Site] = {}
        self.may_mutate: dict[str, Site] = {}
        self.must_mutate: set[str] = set()
        self.replays: list[Replay] = []
        self.opaque: Site | None = None
        self.files: dict[Use, Site] = {}
        self.texts: dict[str, Site] = {}
        self.requirements: list[str] = []
        self.display_use: Site | None = None
        self.identity_compared: set[str] = set()
        self.unread_programs: dict[str, Site] = {}
        self.undefined_display: tuple[str, Site] | None = None
        self.cells_read: set[int] = set()
        self.sure_displays = 0  #: number of the unit's cells that surely display a value
        self.library_changes: dict[str, Site] = {}
        self.unproved = False
        self.cached_functions: dict[str, Site] = {}
        self.hooks: dict[str, Hook] = {}
        self.handled_name_errors = 0  #: number of `try` statements around that handle NameError

    def site(self, line: int) -> Site:
        return Site(self.cell, line + self.offset)

    def note(self, table: dict[Key, Site], key: Key, line: int) -> None:
        """Add ``key`` to a table with its place, unless the table has an earlier place."""
        if key not in table:
            table[key] = Site(self.cell, line + self.offset)

    def facts(self) -> Facts:
        world = self.world
        unbound = frozenset(
            n for n in self.may_define if n not in world.must_define and world.kinds.get(n) == "deleted"
        )
        unit_names = {*self.may_define, *self.may_mutate, *self.reads, *self.identity_compared}
        kinds = {n: world.kinds[n] for n in unit_names if n in world.kinds}
        stateful = {
            n: s for n, s in self.may_mutate.items() if n in world.stateful or self.effects.has_closure_state(n)
        }
        groups = world.groups(unit_names)
        return Facts(
            self.reads, frozenset(self.direct_reads), self.via, self.may_define, frozenset(world.must_define), self.may_mutate,
            frozenset(self.must_mutate), unbound, tuple(self.replays), kinds, groups, self.opaque,
            self.files, self.texts, tuple(self.requirements), self.display_use, self.library_changes, self.unproved,
            stateful, self.cached_functions,
            frozenset(self.identity_compared), self.unread_programs, self.undefined_display, self.hooks,
        )  # fmt: skip

    # ---------------------------------------------------------------- names
    def read(self, name: str, line: int, via: str | None = None) -> None:
        world = self.world
        if name in world.added_builtins and name not in world.known:
            return
        if name not in world.must_define and (name not in PREDEFINED or name in world.known):
            self.note(self.reads, name, line)
            if via is not None:
                self.via.setdefault(name, via)
            elif not self.handled_name_errors and (name not in self.may_define or world.kinds.get(name) == "deleted"):
                self.direct_reads.add(name)
        if via is None:
            if (
                name[:1] in "_OI"
                and DISPLAY_NAMES.fullmatch(name)
                and (self.displays_are_values or name not in world.known)
            ):
                self.display_use = self.display_use or self.site(line)
                if name not in world.known and not (name in ("__", "___") and self.sure_displays >= len(name)):
                    self.undefined_display = self.undefined_display or (name, self.site(line))
                if name not in world.known:
                    self.direct_reads.discard(name)
            if name in world.definitions or name in world.held_callables:
                self._use_callables(name, line)
            if self.effects.modules.sources:
                origin = world.origin(name)
                state_kind = self.effects.modules.state_kind_of(origin) if origin is not None else None
                if state_kind is not None:
                    self.note_ambient(state_kind, "read", line, sure=False)

    def _use_callables(self, name: str, line: int) -> None:
        """Add the effects of the functions and classes that reading ``name`` makes available."""
        world = self.world
        if name in world.impure_cached_functions:
            self.note(self.cached_functions, name, line)
        for callee in world.callables(name):
            self.apply(self.effects.summary(callee), line, name)
        classes = {*world.callables(name), *self.effects.lineage(world.callables(name))} if world.stateful else ()
        for callee in classes:
            if callee.name in world.stateful and callee in world.definitions.get(callee.name, ()):
                self.read(callee.name, line, name)  # `x.count` may be an attribute of the class of `x`
        if self.effects.has_closure_state(name):
            self.note_mutation(name, line)

    def note_library_reach(self, effect: Effect, line: int) -> None:
        """Note what the unit's own code may change in libraries."""
        for place, how in effect.library_reach.items():
            self.statement_effect.add_reach(place, how)
            self.unproved = True
            if how == LIBRARY:
                self.note(self.library_changes, place, line)

    def note_hook(self, place: str, values: Iterable[ast.expr], line: int, call: ast.Call | None = None) -> None:
        """Note that a library receives objects that it calls or writes to later."""
        self.hooks[hook_key(place, call)] = hook_of(place, values, self.site(line), self.effects)

    def apply(self, effect: Effect, line: int, via: str | None = None) -> None:
        """Add an effect to the facts, as if the code that has it ran at this line."""
        for name in effect.reads:
            self.read(name, line, via or effect.reads[name])
        for name in effect.deletes | effect.writes:
            if name not in self.world.must_define:
                self.note(self.reads, name, line) if name in self.world.known else None
                self.via.setdefault(name, via or name)
            self.note(self.may_define, name, line)
            self.world.known.add(name)
            self.world.kinds[name] = VALUE
            self.world.changed.add(name)
        for name, sure in effect.mutations.items():
            if not name.startswith("<"):
                self.note_mutation(name, line, sure, name in effect.stored_into)
        for kind, how in effect.ambient.items():
            self.note_ambient(kind, how, line, sure=False)
        if effect.opaque:
            self.statement_effect.opaque = True
            self.opaque = self.opaque or self.site(line)
        for use in effect.files:
            if not depends_on_parameter(use[0]):
                self.note(self.files, use, line)
        for text in effect.texts:
            self.note(self.texts, text, line)

    def note_mutation(self, name: str, line: int, sure: bool = False, stored: bool = False) -> None:
        """Note that the object of ``name`` may change, surely if ``sure``.

        ``stored`` says that some statement sets an attribute or item of it. Nothing else changes a function or class.
        """
        kind = self.world.kinds.get(name)
        if kind in (IMPORT, SCALAR) or (kind == DEF and not (sure or stored)) or (kind is None and name in PREDEFINED):
            return
        if kind == DEF and name not in self.world.stateful:
            self.world.stateful.add(name)
            self.world.changed.add(name)
        if kind == DEF:
            definitions = self.world.definitions.get(name, ())
            for other in [n for n, d in self.world.definitions.items() if d is definitions and n != name]:
                self.note(self.may_mutate, other, line)  # the same class or function under another name
        # The names that share the object at this point: they may be bound to others by the end of the unit.
        for other in self.world.group(name):
            if other == name or other in self.world.kinds and self.world.may_share(other):
                self.note(self.may_mutate, other, line)
                self.statement_effect.mutations[other] = sure
        if sure:
            self.must_mutate.add(name)

    def note_ambient(self, kind: str, how: str, line: int, sure: bool) -> None:
        """Note a use of ambient state. A seed that surely runs defines a generator's state; every other setting changes it."""
        self.statement_effect.ambient[kind] = how
        if how == "read":
            if kind not in self.world.must_define:
                self.note(self.reads, kind, line)
            return
        if how == "set" and kind in GENERATORS and sure:
            self.note(self.may_define, kind, line)
            self.world.must_define.add(kind)
            return
        if how == "set":
            self.note(self.may_define, kind, line)
        if kind not in self.world.must_define:
            self.note(self.reads, kind, line)
        self.note(self.may_mutate, kind, line)
        self.must_mutate.add(kind)

    def bind(
        self,
        name: str,
        line: int,
        kind: str = VALUE,
        callables: frozenset[CodeBlock] = frozenset(),
        shares: Iterable[str] = (),
        made_by: str | None = None,
        text: str | None = None,
    ) -> None:
        self.note(self.may_define, name, line)
        self.world.bind(name, kind, callables, shares, made_by, text)
