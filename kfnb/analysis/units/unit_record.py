"""`Record` collects the facts of one unit while the analysis visits its expressions."""

from __future__ import annotations

import ast
import builtins
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TypeVar

from kfnb.analysis.effects.call_effects import Effects
from kfnb.analysis.effects.definition_needs import deferred_comprehension
from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.effects.library_call_reach import LIBRARY, place_of, store_reach
from kfnb.analysis.effects.library_hooks import entered_context, hook_key, hook_of
from kfnb.analysis.files.path_patterns import depends_on_parameter, text_value
from kfnb.analysis.files.shell_command_files import Use
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.ambient_state_calls import GENERATORS, ambient_of
from kfnb.analysis.libraries.random_draws import PLAIN, maker_of
from kfnb.analysis.syntax.ast_queries import children, defaults, root, targets
from kfnb.analysis.syntax.scopes import Deferred
from kfnb.analysis.unit_facts import Facts, Hook, Replay, Site
from kfnb.analysis.units.abstract_state import DEF, IMPORT, SCALAR, VALUE, World
from kfnb.thread_safe_parser import parse

#: Names that a step finds without any cell writing them.
PREDEFINED = frozenset(dir(builtins)) | frozenset(
    "get_ipython display In Out exit quit __name__ __file__ __doc__ __builtins__ __annotations__ kfnb_status".split()
)
SHELL = "get_ipython"
Key = TypeVar("Key")
#: The names of `Record`'s methods, made once.
EXPRESSIONS: dict[type[ast.AST], str] = {
    kind: f"expr_{kind.__name__}"
    for kind in (ast.Constant, ast.Compare, ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Lambda, ast.ListComp,
                 ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp)
}  # fmt: skip
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
        for name in sorted(effect.reads):  # sorted, here and below: the order of a set differs between processes
            self.read(name, line, via or effect.reads[name])
        for name in sorted(effect.deletes | effect.writes):
            if name not in self.world.must:
                self.note(self.reads, name, line) if name in self.world.known else None
                self.via.setdefault(name, via or name)
            self.note(self.may, name, line)
            self.world.known.add(name)
            self.world.kinds[name] = VALUE
            self.world.changed.add(name)
        for name, sure in sorted(effect.touches.items()):
            if not name.startswith("<"):
                self.touched(name, line, sure, name in effect.changes)
        for kind, how in sorted(effect.ambient.items()):
            self.ambient(kind, how, line, sure=False)
        if effect.opaque:
            self.now.opaque = True
            self.opaque = self.opaque or self.site(line)
        for use in sorted(effect.files):
            if not depends_on_parameter(use[0]):
                self.note(self.files, use, line)
        for text in sorted(effect.texts):
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
        for other in sorted(self.world.group(name)):
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

    # ---------------------------------------------------------------- expressions
    def expr(self, node: ast.AST | None) -> None:
        if node is None:
            return
        if type(node) is ast.Name:  # first, since most expressions are names
            if type(node.ctx) is ast.Load:
                self.read(node.id, node.lineno)
            return
        special = EXPRESSIONS.get(type(node))
        if special is not None:
            getattr(self, special)(node)
            return
        for child in children(node):
            if isinstance(child, (ast.expr, ast.keyword, ast.comprehension)):
                self.expr(child)

    # the commonest kinds, spelt out for speed: the general way looks at every field
    def expr_Attribute(self, node: ast.Attribute) -> None:
        self.expr(node.value)
        if node.attr in ("cache_info", "cache_clear") and isinstance(node.value, ast.Name):
            self.note(self.remembered, node.value.id, node.lineno)

    def expr_Subscript(self, node: ast.Subscript) -> None:
        if self.keeps_shown and isinstance(node.value, ast.Name) and node.value.id in ("Out", "_oh", "In", "_ih"):
            self.earlier_cell(node.value, node.slice)
            return
        self.expr(node.value)
        self.expr(node.slice)

    def expr_BinOp(self, node: ast.BinOp) -> None:
        self.expr(node.left)
        self.expr(node.right)

    def expr_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and 0 < len(node.value) < 500 and "\n" not in node.value:
            self.note(self.texts, node.value, node.lineno)

    def expr_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for side in sides:
            self.expr(side)
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and not any(
            isinstance(s, ast.Constant) for s in sides
        ):
            for side in sides:
                self.compared |= self.effects.roots(side, self.effects.top)

    def expr_BoolOp(self, node: ast.BoolOp) -> None:
        self.expr(node.values[0])
        sure = set(self.world.must)
        for value in node.values[1:]:
            self.expr(value)
        self.world.must = sure

    def expr_IfExp(self, node: ast.IfExp) -> None:
        self.expr(node.test)
        sure = set(self.world.must)
        for value in (node.body, node.orelse):
            self.expr(value)
            self.world.must = set(sure)

    def expr_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.expr(node.value)
        self.store(node.target, node.value)

    def expr_Lambda(self, node: ast.Lambda) -> None:
        for default in defaults(node.args):
            self.expr(default)
        self.apply(self.effects.summary(self.effects.lambda_of(node)), node.lineno)

    def comprehension(self, node: ast.expr) -> None:
        found = deferred_comprehension(node)
        effect = Effect(reads={n: "" for n in found.reads})
        for target in found.stores:
            effect.touch(self.effects.roots(target.value, self.effects.frame(found)), True)  # type: ignore[attr-defined]
        frame = self.effects.frame(found)
        for call in found.calls:
            self.effects.call(call, frame, effect)
        self.reached(effect, node.lineno)
        for name, line in found.reads.items():
            self.read(name, line)
        for name, line in found.late.items():
            self.read(name, line, "lambda")
        self.apply(effect, node.lineno)
        for part in found.constants:
            self.expr_Constant(part)
        for name, line in found.writes.items():
            had = name in self.world.must
            self.bind(name, line)
            if not had:
                self.world.must.discard(name)

    expr_ListComp = expr_SetComp = expr_DictComp = expr_GeneratorExp = comprehension

    def expr_Call(self, node: ast.Call) -> None:
        self.expr(node.func)
        for value in node.args:
            self.expr(value)
        for keyword in node.keywords:
            self.expr(keyword.value)
        effect = Effect()
        self.effects.call(node, self.effects.top, effect)
        settings = [k for k, how in effect.ambient.items() if how == "set" and k in GENERATORS]
        for kind in settings:
            sure = root(node.func) is not None and self.world.kinds.get(root(node.func) or "") == IMPORT
            self.ambient(kind, "set", node.lineno, sure)
            del effect.ambient[kind]
        entered = entered_context(node, self.effects, effect)
        self.apply(effect, node.lineno)
        self.reached(effect, node.lineno)
        if entered is not None:
            self.hand_over(entered.place, entered.values, node.lineno)
        elif LIBRARY in effect.beyond.values() and (place := place_of(node.func, self.effects.top)) is not None:
            self.hand_over(place, [*node.args, *(k.value for k in node.keywords)], node.lineno, node)
        code = node.args[0] if node.args else None
        if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec") and isinstance(code, ast.Constant):
            self.code_in_text(str(code.value), node)

    def code_in_text(self, text: str, node: ast.Call) -> None:
        try:
            tree = parse(text)
        except (SyntaxError, ValueError):
            return  # the call raises by itself, in the user's own line
        for part in ast.walk(tree):
            if hasattr(part, "lineno"):
                part.lineno = node.lineno
        self.block(tree.body)

    def earlier_cell(self, name: ast.Name, index: ast.expr) -> None:
        """``Out[3]`` is the value ``_3``; ``In[3]`` a text that the step of cell 3 has."""
        number = index.value if isinstance(index, ast.Constant) else None
        if name.id in ("In", "_ih") and number in self.cells_read:
            self.displayed = self.displayed or self.site(name.lineno)
        elif name.id in ("Out", "_oh") and type(number) is int and f"_{number}" in self.world.known:
            self.read(f"_{number}", name.lineno)
        else:
            shown = f"{name.id}[{ast.unparse(index)}]"
            self.displayed = self.displayed or self.site(name.lineno)
            self.not_shown = self.not_shown or (shown, self.site(name.lineno))

    @abstractmethod
    def block(self, body: list[ast.stmt]) -> None:
        """Read statements; `kfnb.analysis.units.statement_reader` does."""

    # ---------------------------------------------------------------- binding
    def kind_of(self, node: ast.expr | None) -> str:
        """``scalar`` for what surely cannot be changed in place."""
        world = self.world
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Compare)):
            return SCALAR if not isinstance(node, ast.Compare) else VALUE
        if isinstance(node, ast.UnaryOp):
            return self.kind_of(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = self.kind_of(node.left), self.kind_of(node.right)
            return SCALAR if left == right == SCALAR else VALUE
        if isinstance(node, ast.Name):
            return SCALAR if world.kinds.get(node.id) == SCALAR else VALUE
        if isinstance(node, ast.Tuple):
            return SCALAR if all(self.kind_of(e) == SCALAR for e in node.elts) else VALUE
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in world.known:
            return SCALAR if node.func.id in ("len", "int", "float", "str", "bool", "range", "repr") else VALUE
        return VALUE

    def store(self, target: ast.expr, value: ast.expr | None, shares: Iterable[str] | None = None) -> None:
        """Bind or change ``target``; ``value`` is ``None`` where only a part of an object arrives."""
        if isinstance(target, ast.Name):
            self._store_name(target, value, shares)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._store_each(target, value, shares)
        elif isinstance(target, ast.Starred):
            self.store(target.value, None, shares)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self._store_part(target, value)

    def _store_name(self, target: ast.Name, value: ast.expr | None, shares: Iterable[str] | None) -> None:
        top = self.effects.top
        if value is None:
            self.bind(target.id, target.lineno, shares=shares or ())
            return
        held = self.effects.held(value)
        if held and isinstance(value, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
            parts = value.values if isinstance(value, ast.Dict) else value.elts
            listed = {p.id for p in parts if isinstance(p, ast.Name) and p.id in self.world.defs}
            self.world.listed |= listed
            self.world.changed |= listed
        shared = self.effects.roots(value, top) if shares is None else shares
        made = self.maker(value)
        text = text_value(value, self.effects.top.text)
        place = place_of(value, self.effects.top)
        self.bind(target.id, target.lineno, self.kind_of(value), held, shared, made, text)
        if place is not None:
            self.world.places[target.id] = place
        elif isinstance(value, ast.Attribute) and value.attr in effect_tables.MUTATORS:
            self.world.mutating_methods.add(target.id)
        if isinstance(value, ast.Name) and self.world.kinds.get(value.id) == DEF and value.id != target.id:
            self.world.kinds[target.id], self.world.defs[target.id] = DEF, self.world.defs.get(value.id, ())

    def maker(self, value: ast.expr) -> str | None:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == SHELL:
            return SHELL
        found = maker_of(value, self.world.origin, self.effects.top.maker)
        return PLAIN if found is None else found or None

    def _store_each(self, target: ast.Tuple | ast.List, value: ast.expr | None, shares: Iterable[str] | None) -> None:
        plain = not any(isinstance(e, ast.Starred) for e in target.elts)
        if isinstance(value, (ast.Tuple, ast.List)) and plain and len(value.elts) == len(target.elts):
            if not any(isinstance(e, ast.Starred) for e in value.elts):
                for element, part in zip(target.elts, value.elts, strict=True):
                    self.store(element, part)
                return
        made = self.maker(value) if value is not None else None
        shared = set(shares or ()) | (set(self.effects.roots(value, self.effects.top)) if value is not None else set())
        held = self.effects.held(value)
        names = list(targets(target))
        for element in target.elts:
            self.store(element, None, shared)
        for name in names:
            if held:
                self.world.hold(name, held)
            if made:
                self.world.made_by[name] = made
                self.world.changed.add(name)
        # `fig, ax = plt.subplots()`: what one call gives may hang together
        together = (
            made is None and isinstance(value, ast.Call) or (made or "").startswith(effect_tables.STATEFUL_MAKERS)
        )
        for other in names[1:] if together else ():
            self.world.share(names[0], other)

    def _store_part(self, target: ast.Attribute | ast.Subscript, value: ast.expr | None) -> None:
        self.expr(target.value)
        if isinstance(target, ast.Subscript):
            self.expr(target.slice)
        effect = Effect()
        if ambient_of(target, self.effects.top) is None and self.effects.module_store(target, self.effects.top) is None:
            store_reach(target, self.effects.top, effect)
            self.world.added_builtins |= {p.partition(".")[2] for p in effect.beyond if p.startswith("builtins.")}
            self.reached(effect, target.lineno)
            for place in effect.beyond:
                self.hand_over(place, [value] if value is not None else [], target.lineno)
        listed = (
            self.effects.listed_classes(target.value, self.effects.top) if isinstance(target, ast.Attribute) else ()
        )
        for name in listed:
            self.touched(name, target.lineno, True)
        for name in sorted(self.effects.roots(target.value, self.effects.top)):
            if self.world.kinds.get(name) == IMPORT:
                continue
            self.touched(name, target.lineno, True)
            if value is not None:
                self.world.hold(name, self.effects.held(value))
                for other in self.effects.roots(value, self.effects.top):
                    self.world.share(name, other)
