"""`Statements` analyses each kind of statement, and joins the abstract states of the paths through it."""

from __future__ import annotations

import ast
import os

from kfnb.analysis.effects.definition_needs import deferred_class, deferred_function
from kfnb.analysis.effects.effect_types import CLOSURE, Effect
from kfnb.analysis.effects.library_call_reach import lasting, place_of
from kfnb.analysis.files.magic_effects import (
    MagicCall,
    bound_names,
    deleted_names,
    magic_call,
    program_cells,
    program_path,
    run_code,
    written_file,
)
from kfnb.analysis.files.path_patterns import item_text
from kfnb.analysis.libraries.ambient_state_calls import ambient_of
from kfnb.analysis.replay.replayable_statements import import_names, replay_of
from kfnb.analysis.syntax.ast_queries import (
    ENDS,
    FUNCTIONS,
    annotated,
    children,
    defaults,
    may_suppress,
    names_in,
    pattern_names,
    reaches_main,
    root,
    targets,
)
from kfnb.analysis.syntax.scopes import MODULE, Collector, Deferred, class_scope
from kfnb.analysis.unit_facts import Replay
from kfnb.analysis.units.abstract_state import DEF, IMPORT, SCALAR, VALUE, World
from kfnb.analysis.units.unit_record import SHELL, Record
from kfnb.runtime.cells.ipython_syntax import translate
from kfnb.thread_safe_parser import parse

IMPORTED = "import "  #: among the texts of a unit: a module, which may be a file that another step writes


class Statements(Record):
    """`Record` with a method per kind of statement."""

    code = ""
    depth = 0

    def again(self, replay: Replay) -> None:
        """Note a statement that later units run again."""
        self.replays.append(replay)

    # ---------------------------------------------------------------- dispatch
    def block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        self.effects.begin_statement()
        value = getattr(node, "value", None) if self.world.mentions_main else None
        if value is not None and reaches_main([value], self.world.origin):
            self.opaque = self.opaque or self.site(node.lineno)
        special = getattr(self, f"on_{type(node).__name__}", None)
        if special is not None:
            special(node)
            return
        for child in children(node):
            if isinstance(child, ast.expr):
                self.expr(child)

    def on_Expr(self, node: ast.Expr) -> None:
        self.expr(node.value)
        call = node.value
        first = root(call.func) if isinstance(call, ast.Call) else None
        if first is not None and SHELL in (first, self.world.made_by.get(first)):
            assert isinstance(call, ast.Call)
            self._magic(call)

    def _shell_method_call(self, node: ast.Call) -> None:
        """``get_ipython().push({"x": 1})`` binds names, ``get_ipython().ex("x = 1")`` runs code."""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        argument = node.args[0] if node.args else None
        if method == "push" and isinstance(argument, ast.Dict):
            for key in argument.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    self.bind(key.value, node.lineno)
        elif method in ("ex", "run_cell") and isinstance(argument, ast.Constant):
            self.code_in_text(translate(str(argument.value)).code, node)

    def _magic(self, node: ast.Call) -> None:
        """What a magic that stands alone does to the notebook's names."""
        call = magic_call(node, self.world.made_by)
        if call is None:
            self._shell_method_call(node)
            return
        line = node.lineno
        if call.name in ("pip", "conda") or call.name == "!" and call.line.startswith(("pip install", "pip3 install")):
            words = call.line.split()
            after = words[words.index("install") + 1 :] if "install" in words else []
            self.requirements += [w.strip("'\"") for w in after if not w.startswith("-")]
        if call.name in ("load_ext", "reload_ext"):
            for module in call.line.split():
                self.texts.setdefault(IMPORTED + module.split(".")[0], self.site(line))
        code = run_code(call)
        if code is not None:
            self.code_in_text(code, node)
        self._file_magic(call, node)
        for name in bound_names(call):
            self.bind(name, line)
        for name in deleted_names(call, self.world.known):
            self.on_Delete(ast.Delete([ast.copy_location(ast.Name(name, ast.Del()), node)]))

    def _file_magic(self, call: MagicCall, node: ast.Call) -> None:
        """A program that a cell writes or runs: its text is read as if it stood in the cell."""
        programs = self.world.programs
        written = written_file(call)
        if written is not None:
            path, append = os.path.normpath(written[0]), written[1]
            programs[path] = (programs.get(path, "") if append else "") + (call.body or "")
        if call.name != "run":
            return
        found = program_path(call)
        if found is None or found not in programs:
            self.unread_programs[found or call.line] = self.site(node.lineno)
            self.shielded += 1  # whatever the rest of the unit reads may come from there
            return
        for code in program_cells(found, programs[found]):
            self._star_imports(code, node)
            self.code_in_text(code, node)

    def _star_imports(self, code: str, node: ast.Call) -> None:
        """``from x import *`` of a program that is run: later steps import it again."""
        try:
            body = parse(code).body
        except (SyntaxError, ValueError):
            return
        for part in body:
            replay = replay_of(part, code, self.site(node.lineno), self.effects.top)
            if replay is not None and replay.star:
                self.again(replay)

    # ---------------------------------------------------------------- assignment
    def on_Assign(self, node: ast.Assign) -> None:
        self.expr(node.value)
        for target in node.targets:
            if not isinstance(target, ast.Name) or self.effects.modules.sources:
                self._ambient_target(target)
            self.store(target, node.value)
        if len(node.targets) > 1 and self.kind_of(node.value) == VALUE:
            names = [n for t in node.targets for n in targets(t)]
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
            for shared in sorted(self.effects.roots(target, self.effects.top) | {name}):
                self.touched(shared, node.lineno, True)
        self.note(self.may, name, node.lineno)
        self.world.must.add(name)
        self.world.known.add(name)
        self.world.texts.pop(name, None)
        self.world.changed.add(name)
        self.world.kinds[name] = SCALAR if kind == SCALAR and self.kind_of(node.value) == SCALAR else VALUE
        for other in self.effects.roots(node.value, self.effects.top):
            self.world.share(name, other)
        self.world.hold(name, self.effects.held(node.value))

    def on_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                if isinstance(part, ast.Name):
                    self.read(part.id, part.lineno) if part.id not in self.world.must else None
                    self.note(self.may, part.id, part.lineno)
                    self.world.bind(part.id, VALUE)
                    self.world.must.discard(part.id)
                    self.world.kinds[part.id] = "deleted"
                    self.world.changed.add(part.id)
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
            for made in self.world.defs.get(node.name, ()) if self.effects.runs_at_once(decorator) else ():
                effect.add(self.effects.summary(made))
            place = place_of(decorator.func if isinstance(decorator, ast.Call) else decorator, self.effects.top)
            if place in ("functools.lru_cache", "functools.cache"):
                self._remembers(node)
        if isinstance(node, ast.ClassDef):
            self.effects.created(node, self.effects.top, effect)
        effect.touches.pop(node.name, None)
        self.apply(effect, node.lineno)
        self.reached(effect, node.lineno)
        if any(f.kind == "class" or CLOSURE in self.effects.summary(f).touches for f in held):
            self.world.kinds[node.name] = VALUE
            self.world.changed.add(node.name)

    on_FunctionDef = on_AsyncFunctionDef = _function

    def _remembers(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """A function that ``lru_cache`` calls once for each argument, though calling it does something."""
        does = [self.effects.summary(f) for f in self.world.defs.get(node.name, ())]
        if any(e.writes or e.ambient or any(not r.startswith("<") for r in e.touches) for e in does):
            self.world.remembering.add(node.name)

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        outer = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        held: frozenset[Deferred] = frozenset()
        for part in outer:
            self.expr(part)
            held |= self._inherited(part)
        self._class_body(node)
        self._define(node.name, node.lineno, deferred_class(node, self.world.lazy_annotations), held)
        self._decorate(node)

    def _inherited(self, base: ast.expr) -> frozenset[Deferred]:
        """What a class holds by a base, decorator or keyword; what its base is derived from is found from there."""
        if isinstance(base, ast.Name):
            classes = self.world.defs.get(base.id, ())
            if classes and all(c.kind == "class" for c in classes):
                return frozenset((*classes, *(c for c in self.world.carry.get(base.id, ()) if c.name == base.id)))
        return self.effects.held(base)

    def _class_body(self, node: ast.ClassDef) -> None:
        """The body runs now, with names of its own; its functions run later."""
        now, own = Deferred("class body", node.name, node.lineno), set[str]()
        scope = class_scope(node, MODULE)
        scope.own = own  # a name is the class's own from where it is bound
        collector = Collector(now, scope, self.world.lazy_annotations)
        for part in node.body:
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
            if made := self.maker(node.iter):
                self.world.made_by[name] = made
            if place is not None:
                self.world.places[name] = f"{place}.item"
        if isinstance(node.target, ast.Name) and (text := item_text(node.iter, self.effects.top.text)):
            self.world.texts[node.target.id] = text
        self.world.changed.update(targets(node.target))
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
            before, sites_before = dict(self.now.beyond), dict(self.beyond)
            self.expr(item.context_expr)
            self.now.beyond, self.beyond = lasting(self.now.beyond, before), sites_before
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
