"""Replay slices: the statements that changed a library, and the statements that these need, for later steps to run again."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kfnb.analysis.effects.definition_effects import Effects
from kfnb.analysis.effects.library_call_reach import known, place_of, reach_of
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.ambient_state_calls import ambient_of_call
from kfnb.analysis.syntax.ast_queries import FUNCTIONS, children, dotted, is_literal, root, source_of
from kfnb.analysis.syntax.compiled_names import names_of
from kfnb.analysis.unit_facts import Replay, Site
from kfnb.analysis.units.abstract_state import IMPORT

REPEATED = (
    *(ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.If, ast.For, ast.With, ast.Try),
    *(*FUNCTIONS, ast.ClassDef),
)
COMPOUND = (ast.If, ast.For, ast.With, ast.Try)
#: Functions of the standard library that wait, or read and write something outside the process.
SLOW_CALLS = effect_tables.word_set("""
    open urlopen run call check_output check_call Popen sleep input system popen connect listdir walk glob iglob load loads
""")


@dataclass(eq=False)
class Statement:
    """A top-level statement of a step.

    Parameters
    ----------
    places
        The parts of libraries that it changes.
    mutated
        Names whose objects it may change.
    draws
        Whether it draws from a random generator, or runs code that the analysis cannot see.
    """

    node: ast.stmt
    code: str
    site: Site
    order: tuple[int, int]
    places: tuple[str, ...] = ()
    mutated: frozenset[str] = frozenset()
    draws: bool = False
    binds: frozenset[str] = field(init=False)
    reads: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = names_of(ast.Module([self.node], []))
        self.binds, self.reads = names.binds, names.reads


class Slicer:
    """Finds, among the statements of one step, those that repeat a change of a library in a later step."""

    def __init__(self, statements: Sequence[Statement], effects: Effects) -> None:
        self.statements, self.effects = statements, effects
        self.replays: dict[tuple[int, int], Replay] = {}
        #: Names whose objects are changed by statements that are not replayed.
        self._changed = {n for s in statements if not s.places for n in s.mutated}

    def add_replay(self, target: Statement) -> bool:
        """Add ``target`` and the statements that it needs; false when a replay could have another effect than the first run."""
        if not isinstance(target.node, REPEATED) or target.draws or _awaits(target.node) or empties_a_file(target.node):
            return False
        if isinstance(target.node, COMPOUND) and not self._calls_only_known(target.node):
            return False
        needed: dict[tuple[int, int], Statement] = {}
        if not self._add_dependencies(target, target, needed):
            return False
        bound = {n for s in needed.values() for n in s.binds}
        if any(n not in bound and n not in self.effects.world.places for n in target.mutated):
            return False
        for statement in needed.values():
            self.replays.setdefault(statement.order, self._replay(statement, statement is target))
        return True

    def _replay(self, statement: Statement, effect: bool) -> Replay:
        binds = frozenset() if effect else statement.binds
        source = source_of(statement.node, statement.code)
        return Replay(statement.site, source, binds, self._reads(statement), effect)

    def _reads(self, statement: Statement) -> frozenset[str]:
        """The names that the statement and the functions that it may call read."""
        reads = set(statement.reads)
        for name in statement.reads:
            for callee in self.effects.world.callables(name):
                reads |= self.effects.summary(callee).reads.keys()
        return frozenset(reads - statement.binds if not isinstance(statement.node, FUNCTIONS) else reads)

    def _add_dependencies(
        self, statement: Statement, target: Statement, needed: dict[tuple[int, int], Statement]
    ) -> bool:
        needed[statement.order] = statement
        for name in self._reads(statement):
            definitions = [s for s in self.statements if name in s.binds]
            before = [s for s in definitions if s.order < target.order and s is not statement]
            if not before or self.effects.world.kinds.get(name) == IMPORT:
                continue
            if all(self._is_cheap_definition(s.node) for s in before) and name not in self._changed:
                for definition in before:
                    if definition.order not in needed and not self._add_dependencies(definition, target, needed):
                        return False
            elif definitions[-1].order >= target.order or self._calls_notebook(target):
                return False  # the value is no longer available, or computing it again may be expensive
        return True

    def _calls_only_known(self, node: ast.stmt) -> bool:
        """Whether a compound statement calls only known libraries and builtins."""
        for call in ast.walk(node):
            if isinstance(call, ast.Call):
                name = place_of(call.func, self.effects.top)
                builtin = isinstance(call.func, ast.Name) and call.func.id not in self.effects.world.kinds
                if not builtin and (name is None or not known(name)):
                    return False
        return True

    def _calls_notebook(self, target: Statement) -> bool:
        return any(self.effects.world.callables(n) for n in target.reads)

    def _is_cheap_definition(self, node: ast.stmt) -> bool:
        """Whether a statement only binds names, costs nothing, and gives equal values each time."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return True
        if isinstance(node, FUNCTIONS):
            return not node.decorator_list
        if isinstance(node, ast.ClassDef):
            return not node.decorator_list and not any(self.effects.world.callables(n) for n in _names(node.bases))
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            return False
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return all(isinstance(t, ast.Name) for t in targets) and self._is_cheap(node.value)

    def _is_cheap(self, node: ast.expr) -> bool:
        if is_literal(node) or isinstance(node, (ast.Name, ast.Lambda)):
            return True
        if isinstance(node, ast.Attribute):
            return self._is_cheap(node.value)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return all(self._is_cheap(e) for e in node.elts)
        if isinstance(node, ast.Call):
            name = dotted(node.func, self.effects.world.origin)
            if name is None or name.partition(".")[0] not in sys.stdlib_module_names or name.startswith("random."):
                return False
            values = [*node.args, *(k.value for k in node.keywords)]
            last = name.rpartition(".")[2]
            busy = last in SLOW_CALLS if not last.endswith("FileHandler") else empties_a_file(node)
            return not busy and not reach_of(name) and all(self._is_cheap(v) for v in values)
        return False


def runs_a_draw(node: ast.stmt, effects: Effects) -> bool:
    """Whether running the statement draws from a generator, itself or in the functions of the notebook that it calls."""
    calls, visited = list(_calls_now(node)), set[str]()
    while calls:
        call = calls.pop()
        library = dotted(call.func, effects.world.origin)
        kinds = ambient_of_call(call, library, library, effects.world.origin, effects.top.maker) if library else ()
        if any(how == "draw" for _, how in kinds):
            return True
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if isinstance(call.func, ast.Attribute) and root(call.func) in effects.world.known and library is None:
            return True  # a method of a value of the notebook
        if name not in visited:
            visited.add(name)
            calls += [c for callee in effects.world.callables(name) for c in callee.calls]
    return False


def _calls_now(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that ``node`` makes when it runs. Calls in functions that it only defines are not included."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Call):
            yield part
        if not isinstance(part, (*FUNCTIONS, ast.Lambda)):
            stack += children(part)


def empties_a_file(node: ast.AST) -> bool:
    """Whether the code opens a log file in a mode that deletes its content."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            values = [*call.args, *(k.value for k in call.keywords if k.arg in ("mode", "filemode"))]
            if name.endswith(("FileHandler", "basicConfig")):
                return any(isinstance(v, ast.Constant) and v.value in ("w", "w+", "x") for v in values)
    return False


def _awaits(node: ast.stmt) -> bool:
    return any(isinstance(n, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for n in ast.walk(node))


def _names(nodes: Sequence[ast.expr]) -> Iterator[str]:
    for node in nodes:
        yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
