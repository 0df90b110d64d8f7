"""`UnitReader` analyses the cells of a unit, and finds the statements that later units must replay."""

from __future__ import annotations

import ast
from functools import partial

from kfnb.analysis.effects.definition_effects import Effects
from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.effects.library_call_reach import LIBRARY, place_of
from kfnb.analysis.files.magic_effects import magic_call, names_in_magic
from kfnb.analysis.parse_cells import ParsedCell
from kfnb.analysis.replay.library_change_slices import Slicer, Statement, runs_a_draw
from kfnb.analysis.replay.replayable_statements import is_conditional, replay_of
from kfnb.analysis.syntax.scopes import future_annotations
from kfnb.analysis.unit_facts import Facts, Replay, Site
from kfnb.analysis.units.abstract_state import IMPORT, AbstractState
from kfnb.analysis.units.statement_reader import StatementReader

#: Expressions that always have a value to show.
NEVER_NONE = (
    ast.BinOp, ast.Compare, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp,
)  # fmt: skip


class UnitReader(StatementReader):
    """`StatementReader` for whole cells: it also finds the statements that later units replay."""

    def __init__(self, world: AbstractState, effects: Effects) -> None:
        super().__init__(world, effects)
        self._cell_count = 0  #: number of cells read so far
        self._position = (0, 0)  #: cell and statement that are read now
        self._replay_positions: list[tuple[int, int]] = []  #: for each of `replays`, the position of its statement
        self._statements: list[
            partial[Statement]
        ] = []  #: every top-level statement, created only when a replay needs it
        self._statement_effects: list[Effect] = []  #: the effect of each statement
        self._changing_statements: list[
            tuple[int, bool]
        ] = []  #: index of each statement that changes a library, and whether it surely runs once

    def cell_body(self, cell: ParsedCell, sure: bool = True, once: bool = True) -> None:
        """Read one cell. ``sure`` is false when it may be skipped, ``once`` when it may run several times."""
        number = self._cell_count = self._cell_count + 1
        self.cell, self.offset, self.code = cell.number, cell.line - 1, cell.code
        self.world.lazy_annotations |= future_annotations(cell.tree)
        before = self.world.snapshot() if cell.raises else None
        for wrapper in cell.wrappers:
            self._wrapper(wrapper.name, wrapper.args)
        for position, node in enumerate(cell.tree.body):
            self._position = (number, position)
            replay = replay_of(node, cell.code, self.site(node.lineno), self.effects.top)
            if not sure and replay is not None and not replay.binds and is_conditional(node, self.effects.top):
                replay = None  # the setting applies only if the step has run, so it travels as a value
            if replay is not None:
                self.note_replay(replay)
            self.statement_effect = Effect()
            self._statement_effects.append(self.statement_effect)
            self._statements.append(
                partial(self._statement, node, cell.code, self.site(node.lineno), (number, position))
            )
            if replay is None or not replay.effect or replay.binds:
                self.statement(node)
            else:
                self._reads_only(node)
            for name in replay.binds if replay is not None else ():
                self.world.kinds[name] = IMPORT
                self.world.changed.add(name)
            if replay is None and LIBRARY in self.statement_effect.library_reach.values():
                self._changing_statements.append((len(self._statements) - 1, sure and once))

        self.cells_read.add(cell.number)
        if self.displays_are_values:
            self._bind_display(cell)
        if before is not None:  # an exception may have ended the cell after any statement
            self.world.join([before, self.world.snapshot()])

    def _bind_display(self, cell: ParsedCell) -> None:
        """Bind ``_``, and ``_3`` in cell 3, to the value that the cell displays. A call may return nothing to display."""
        last = cell.tree.body[-1] if cell.tree.body else None
        if not isinstance(last, ast.Expr) or cell.source.rstrip().endswith(";"):
            return
        value = last.value
        sure = value.value is not None if isinstance(value, ast.Constant) else isinstance(value, NEVER_NONE)
        before = None if sure else self.world.snapshot()
        self.sure_displays += sure
        for name in ("_", f"_{cell.number}"):
            self.store(ast.copy_location(ast.Name(name, ast.Store()), last), value)
        if before is not None:
            self.world.join([before, self.world.snapshot()])

    def note_replay(self, replay: Replay) -> None:
        super().note_replay(replay)
        self._replay_positions.append(self._position)

    def _statement(self, node: ast.stmt, code: str, site: Site, order: tuple[int, int], effect: Effect) -> Statement:
        places = tuple(p for p, how in effect.library_reach.items() if how == LIBRARY)
        draws = effect.opaque or "draw" in effect.ambient.values() and runs_a_draw(node, self.effects)
        return Statement(node, code, site, order, places, frozenset(effect.mutations), draws)

    def facts(self) -> Facts:
        """Return the facts of the unit. Later units replay its statements that changed a library, where that is safe."""
        if self._changing_statements:
            statements = [
                make(effect=effect) for make, effect in zip(self._statements, self._statement_effects, strict=True)
            ]
            slicer = Slicer(statements, self.effects)
            for at, sure in self._changing_statements:
                if sure and slicer.add_replay(statements[at]):
                    for place in statements[at].places:
                        self.library_changes.pop(place, None)
                else:
                    self._pass_as_state(statements[at])
            positioned = [*zip(self._replay_positions, self.replays, strict=True)]
            positioned += [(o, r) for o, r in slicer.replays.items() if o not in self._replay_positions]
            self.replays = [r for _, r in sorted(positioned, key=lambda pair: pair[0])]
        return super().facts()

    def _pass_as_state(self, statement: Statement) -> None:
        """Pass the change of a library on as its state, where a replay is unsafe and the library's state can travel."""
        for place in statement.places:
            if place.startswith("logging.") and place in self.library_changes:
                site = self.library_changes.pop(place)
                self.may_define.setdefault("@logging", site)
                self.may_mutate.setdefault("@logging", site)
                self.reads.setdefault("@logging", site)

    def _wrapper(self, name: str, args: str) -> None:
        if name == "capture":
            for word in args.split():
                if word.isidentifier():
                    self.bind(word, 1)

    def _reads_only(self, node: ast.stmt) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                self.read(part.id, part.lineno)
            call = magic_call(part, self.world.made_by) if isinstance(part, ast.Call) else None
            for name in names_in_magic(call, self.world.known) if call is not None else ():
                self.read(name, part.lineno)  # type: ignore[attr-defined]  # a call has a line
        for target in node.targets if isinstance(node, ast.Assign) else ():
            place = place_of(target, self.effects.top) or ""
            self.hooks.pop(place, None)
            self.note_hook(place, [], node.lineno)
            if place.startswith("builtins."):
                self.world.added_builtins.add(place.partition(".")[2])
