"""Reading a unit statement by statement: what is sure, what may be, on every path."""

from __future__ import annotations

import ast
from functools import partial

from kfnb.analysis.ambient import ambient_of
from kfnb.analysis.cells import ParsedCell
from kfnb.analysis.effects import Effects
from kfnb.analysis.facts import Facts, Site
from kfnb.analysis.frames import CLOSURE, Effect
from kfnb.analysis.reach import LIBRARY, place_of
from kfnb.analysis.record import Record
from kfnb.analysis.replays import import_names, is_conditional, magic_of, replay_of
from kfnb.analysis.scopes import (
    MODULE,
    Collector,
    Deferred,
    class_scope,
    deferred_class,
    deferred_function,
    future_annotations,
)
from kfnb.analysis.slices import Slicer, Statement
from kfnb.analysis.trees import (
    ENDS,
    FUNCTIONS,
    annotated,
    defaults,
    may_suppress,
    names_in,
    pattern_names,
    reaches_main,
    root,
    targets,
)
from kfnb.analysis.world import DEF, IMPORT, SCALAR, VALUE, World

IMPORTED = "import "  #: among the texts of a unit: a module, which may be a file that another step writes


class Statements(Record):
    """`Record` with a method per kind of statement."""

    code = ""
    depth = 0

    def __init__(self, world: World, effects: Effects) -> None:
        super().__init__(world, effects)
        self._cells = 0
        self._orders: list[tuple[int, int]] = []  #: of the statements that `replays` come from
        self._later: list[partial[Statement]] = []  #: every top-level statement, looked at only where one needs it
        self._telling: list[tuple[int, Effect, bool]] = []

    def cell_body(self, cell: ParsedCell, sure: bool = True, once: bool = True) -> None:
        """Read one cell. ``sure`` is false when it may be skipped, ``once`` when it may run several times."""
        number = self._cells = self._cells + 1
        self.cell, self.offset, self.code = cell.number, cell.line - 1, cell.code
        self.world.lazy_annotations |= future_annotations(cell.tree)
        for wrapper in cell.wrappers:
            self._wrapper(wrapper.name, wrapper.args)
        for node in cell.tree.body:
            replay = replay_of(node, cell.code, self.site(node.lineno), self.effects.top)
            if not sure and replay is not None and not replay.binds and is_conditional(node, self.effects.top):
                replay = None  # it counts only if the step has run: it travels as a value
            if replay is not None:
                self.replays.append(replay)
                self._orders.append((number, node.lineno))
            self.now = Effect()
            self._later.append(partial(self._statement, node, cell.code, self.site(node.lineno), (number, node.lineno)))
            if replay is None or not replay.effect or replay.binds:
                self.statement(node)
            else:
                self._reads_only(node)
            for name in replay.binds if replay is not None else ():
                self.world.kinds[name] = IMPORT
            if replay is None and LIBRARY in self.now.beyond.values():
                self._telling.append((len(self._later) - 1, self.now, sure and once))

    def _statement(self, node: ast.stmt, code: str, site: Site, order: tuple[int, int], now: Effect) -> Statement:
        places = tuple(p for p, how in now.beyond.items() if how == LIBRARY)
        draws = now.opaque or "draw" in now.ambient.values()
        return Statement(node, code, site, order, places, frozenset(now.touches), draws)

    def facts(self) -> Facts:
        """Close the record: what told a library something is run again later, as far as that can be done."""
        if self._telling:
            nothing = Effect()
            telling = {at: (now, sure) for at, now, sure in self._telling}
            statements = [make(now=telling[n][0] if n in telling else nothing) for n, make in enumerate(self._later)]
            slicer = Slicer(statements, self.effects)
            for at, (_, sure) in telling.items():
                if sure and slicer.repeat(statements[at]):
                    for place in statements[at].places:
                        self.beyond.pop(place, None)
                else:
                    self._hand_on(statements[at])
            both = [*zip(self._orders, self.replays, strict=True)]
            both += [(o, r) for o, r in slicer.found.items() if o not in self._orders]
            self.replays = [r for _, r in sorted(both, key=lambda pair: pair[0])]
        return super().facts()

    def _hand_on(self, statement: Statement) -> None:
        """What cannot be run again travels as state, where its library's state can."""
        for place in statement.places:
            if place.startswith("logging.") and place in self.beyond:
                site = self.beyond.pop(place)
                self.may.setdefault("@logging", site)
                self.touches.setdefault("@logging", site)
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

    # ---------------------------------------------------------------- dispatch
    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        value = getattr(node, "value", None)
        if value is not None and reaches_main([value], self.world.origin):
            self.opaque = self.opaque or self.site(node.lineno)
        special = getattr(self, f"on_{type(node).__name__}", None)
        if special is not None:
            special(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)

    def on_Expr(self, node: ast.Expr) -> None:
        self.expr(node.value)
        call = node.value
        if isinstance(call, ast.Call) and root(call.func) == "get_ipython":
            self._magic_statement(call)

    def _magic_statement(self, call: ast.Call) -> None:
        texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if magic_of(call) in ("pip", "conda") or texts and texts[0].startswith(("pip install", "pip3 install")):
            words = " ".join(texts).replace("pip3", "pip").split()
            after = words[words.index("install") + 1 :] if "install" in words else []
            self.requirements += [w.strip("'\"") for w in after if not w.startswith("-")]

    # ---------------------------------------------------------------- assignment
    def on_Assign(self, node: ast.Assign) -> None:
        self.expr(node.value)
        for target in node.targets:
            self._ambient_target(target)
            self.store(target, node.value)
        names = [n for t in node.targets for n in targets(t)] if len(node.targets) > 1 else []
        if self.kind_of(node.value) == VALUE:
            for other in names[1:]:
                self.world.share(names[0], other)

    def _ambient_target(self, target: ast.expr) -> None:
        kind = ambient_of(target, self.effects.top) or self.effects.module_store(target, self.effects.top)
        if kind is not None:
            self.ambient(kind, "set", target.lineno, sure=False)

    def on_AnnAssign(self, node: ast.AnnAssign) -> None:
        if not self.world.lazy_annotations:
            self.expr(node.annotation)
        if node.value is not None:
            self.expr(node.value)
            self.store(node.target, node.value)

    def on_AugAssign(self, node: ast.AugAssign) -> None:
        self.expr(node.value)
        target = node.target
        if not isinstance(target, ast.Name):
            self._ambient_target(target)
            self.store(target, node.value)
            return
        name = target.id
        self.read(name, node.lineno)
        kind = self.world.kinds.get(name)
        if kind != SCALAR:
            for shared in self.effects.roots(target, self.effects.top) | {name}:
                self.touched(shared, node.lineno, True)
        self.may.setdefault(name, self.site(node.lineno))
        self.world.must.add(name)
        self.world.known.add(name)
        self.world.texts.pop(name, None)
        self.world.kinds[name] = SCALAR if kind == SCALAR and self.kind_of(node.value) == SCALAR else VALUE
        for other in self.effects.roots(node.value, self.effects.top):
            self.world.share(name, other)
        self.world.hold(name, self.effects.held(node.value))

    def on_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                if isinstance(part, ast.Name):
                    self.read(part.id, part.lineno) if part.id not in self.world.must else None
                    self.may.setdefault(part.id, self.site(part.lineno))
                    self.world.bind(part.id, VALUE)
                    self.world.must.discard(part.id)
                    self.world.kinds[part.id] = "deleted"
                else:
                    self.store(part, None)

    # ---------------------------------------------------------------- imports, functions, classes
    def on_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.bind(name, node.lineno, IMPORT)
            self.world.origins[name] = alias.name if alias.asname else name
            self.texts.setdefault(IMPORTED + alias.name.split(".")[0], self.site(node.lineno))

    def on_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.texts.setdefault(IMPORTED + module.split(".")[0], self.site(node.lineno))
        for alias in node.names:
            if alias.name != "*":
                name = alias.asname or alias.name
                self.bind(name, node.lineno, IMPORT)
                self.world.origins[name] = f"{module}.{alias.name}"

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        now = [*node.decorator_list, *defaults(node.args), *([] if self.world.lazy_annotations else annotated(node))]
        for part in now:
            self.expr(part)
        held: frozenset[Deferred] = frozenset()
        for part in [*node.decorator_list, *defaults(node.args)]:
            held |= self.effects.held(part)
        self._define(node.name, node.lineno, deferred_function(node, node.name, self.world.lazy_annotations), held)
        self._decorate(node)

    def _decorate(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """The decorators are called with what they decorate; what they give may keep state of its own."""
        effect = Effect()
        held: frozenset[Deferred] = frozenset()
        for decorator in node.decorator_list:
            self.effects.decorated(decorator, self.effects.top, effect)
            held |= self.effects.held(decorator)
        if isinstance(node, ast.ClassDef):
            self.effects.created(node, self.effects.top, effect)
        effect.touches.pop(node.name, None)
        self.apply(effect, node.lineno)
        self.reached(effect, node.lineno)
        if any(f.kind == "class" or CLOSURE in self.effects.summary(f).touches for f in held):
            self.world.kinds[node.name] = VALUE

    on_FunctionDef = on_AsyncFunctionDef = _function

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        outer = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        held: frozenset[Deferred] = frozenset()
        for part in outer:
            self.expr(part)
            held |= self.effects.held(part)
        self._class_body(node)
        self._define(node.name, node.lineno, deferred_class(node, self.world.lazy_annotations), held)
        self._decorate(node)

    def _class_body(self, node: ast.ClassDef) -> None:
        """The body runs now, with names of its own; its functions run later."""
        now, own = Deferred("class body", node.name, node.lineno), set[str]()
        for part in node.body:
            scope = class_scope(node, MODULE)
            scope.own = set(own)
            collector = Collector(now, scope, self.world.lazy_annotations)
            if isinstance(part, FUNCTIONS):
                for piece in [
                    *part.decorator_list,
                    *defaults(part.args),
                    *([] if self.world.lazy_annotations else annotated(part)),
                ]:
                    collector.visit(piece)
                own.add(part.name)
            else:
                collector.visit(part)
                own |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                own |= {part.name} if isinstance(part, ast.ClassDef) else set()
                own |= set(import_names(part))
        effect = Effect()
        frame = self.effects.frame(now)
        now.locals |= own
        for call in now.calls:
            self.effects.call(call, frame, effect)
        for decorator in now.decorators:
            self.effects.decorated(decorator, frame, effect)
        self.apply(effect, node.lineno)
        self.reached(effect, node.lineno)
        for name, line in now.reads.items():
            self.read(name, line)
        for name, line in now.late.items():
            self.read(name, line, node.name)

    def _define(self, name: str, line: int, deferred: Deferred, held: frozenset[Deferred]) -> None:
        before = self.world.defs.get(name, ()) if name not in self.world.must and self.depth else ()
        self.bind(name, line, DEF, held)
        self.world.defs[name] = (*before, deferred)

    # ---------------------------------------------------------------- paths
    def alternatives(self, bodies: list[list[ast.stmt]], else_: bool = True) -> None:
        """Run each body from the same state; join what those that fall through leave."""
        start = self.world.snapshot()
        ends: list[World] = [] if else_ else [start.snapshot()]
        self.depth += 1
        for number, body in enumerate(bodies, 1):
            if number > 1:
                self.world.become(start.snapshot() if number < len(bodies) else start)
            self.block(body)
            if not (body and isinstance(body[-1], ENDS)):
                ends.append(self.world.snapshot())
        self.depth -= 1
        self.world.join(ends)

    def on_If(self, node: ast.If) -> None:
        self.expr(node.test)
        if isinstance(node.test, ast.Constant):
            self.block(node.body if node.test.value else node.orelse)
            return
        self.alternatives([node.body, node.orelse])

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.expr(node.iter)
        sure = _not_empty(node.iter)
        start = self.world.snapshot()
        self.depth += 0 if sure else 1
        self.store(node.target, None, self.effects.roots(node.iter, self.effects.top))
        place = place_of(node.iter, self.effects.top)
        for name in targets(node.target):
            self.world.hold(name, self.effects.held(node.iter))
            if place is not None:
                self.world.places[name] = f"{place}.item"
        self.block(node.body)
        self.depth -= 0 if sure else 1
        if not sure:
            start.unshare(targets(node.target))
            self.world.join([start, self.world.snapshot()])
        elif any(isinstance(n, (ast.Break, ast.Continue)) for b in node.body for n in ast.walk(b)):
            self.world.must &= start.must | set(targets(node.target))
        self.block(node.orelse)

    on_For = on_AsyncFor = _loop

    def on_While(self, node: ast.While) -> None:
        self.expr(node.test)
        start = self.world.snapshot()
        self.depth += 1
        self.block(node.body)
        self.depth -= 1
        if not (isinstance(node.test, ast.Constant) and node.test.value):
            self.world.join([start, self.world.snapshot()])
        self.block(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.store(item.optional_vars, item.context_expr)
        start = set(self.world.must)
        self.block(node.body)
        if may_suppress(node):
            self.world.must = start

    on_With = on_AsyncWith = _with

    def on_Try(self, node: ast.Try) -> None:
        shields = any(
            h.type is None or names_in(h.type) & {"NameError", "Exception", "BaseException"} for h in node.handlers
        )
        start = self.world.snapshot()
        self.shielded += shields
        self.depth += 1
        self.block(node.body)
        self.shielded -= shields
        after = self.world.snapshot()
        after.must = set(start.must)
        self.block(node.orelse)
        ends = [self.world.snapshot()]
        for handler in node.handlers:
            self.world.become(after.snapshot())
            self.expr(handler.type)
            if handler.name:
                self.bind(handler.name, handler.lineno)
            self.block(handler.body)
            if handler.name:
                self.world.must.discard(handler.name)
                self.may.pop(handler.name, None) if handler.name not in start.known else None
            if not (handler.body and isinstance(handler.body[-1], ENDS)):
                ends.append(self.world.snapshot())
        self.depth -= 1
        self.world.join(ends)
        self.block(node.finalbody)

    on_TryStar = on_Try

    def on_Match(self, node: ast.Match) -> None:
        self.expr(node.subject)
        start = self.world.snapshot()
        ends: list[World] = []
        whole = False
        self.depth += 1
        for case in node.cases:
            self.world.become(start.snapshot())
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchValue):
                    self.expr(part.value)
                elif isinstance(part, ast.MatchClass):
                    self.expr(part.cls)
            shared = self.effects.roots(node.subject, self.effects.top)
            for name in pattern_names(case.pattern):
                self.bind(name, case.pattern.lineno, shares=shared)
            self.expr(case.guard)
            self.block(case.body)
            if not (case.body and isinstance(case.body[-1], ENDS)):
                ends.append(self.world.snapshot())
            catches = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
            whole = whole or catches
        self.depth -= 1
        self.world.join(ends if whole else [start, *ends])

    def on_Global(self, node: ast.Global) -> None:
        pass

    def on_TypeAlias(self, node: ast.AST) -> None:
        name = node.name  # type: ignore[attr-defined]  # only in Python 3.12 and later
        self.bind(name.id, name.lineno)


def _not_empty(node: ast.expr) -> bool:
    """An iterable that surely gives an item."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return bool(node.elts)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "range"
        and len(node.args) == 1
    ):
        stop = node.args[0]
        return isinstance(stop, ast.Constant) and isinstance(stop.value, int) and stop.value > 0
    return False
