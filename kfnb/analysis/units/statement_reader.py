"""`StatementReader` analyses each kind of statement, and joins the abstract states of the paths through it."""

from __future__ import annotations

import ast
import os

from kfnb.analysis.effects.library_call_reach import place_of, remaining_after_with
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
from kfnb.analysis.replay.replayable_statements import replay_of
from kfnb.analysis.syntax.ast_queries import (
    JUMPS,
    children,
    may_suppress,
    names_in,
    pattern_names,
    reaches_main,
    root,
    targets,
)
from kfnb.analysis.unit_facts import Replay
from kfnb.analysis.units.abstract_state import SCALAR, VALUE, AbstractState
from kfnb.analysis.units.definition_reader import IMPORTED, DefinitionReader
from kfnb.analysis.units.expression_reader import SHELL
from kfnb.runtime.cells.ipython_syntax import translate
from kfnb.thread_safe_parser import parse


class StatementReader(DefinitionReader):
    """`DefinitionReader` with a method for every other kind of statement."""

    code = ""

    def note_replay(self, replay: Replay) -> None:
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
        """Note what a magic that is a statement of its own does to the notebook's names."""
        call = magic_call(node, self.world.made_by)
        if call is None:
            self._shell_method_call(node)
            return
        line = node.lineno
        if call.name in ("pip", "conda") or call.name == "!" and call.line.startswith(("pip install", "pip3 install")):
            arguments = call.line.split()
            packages = arguments[arguments.index("install") + 1 :] if "install" in arguments else []
            self.requirements += [w.strip("'\"") for w in packages if not w.startswith("-")]
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
        """Read the text of a program that ``%run`` runs as if it stood in the cell. ``%%writefile`` may have written it."""
        programs = self.world.programs
        written = written_file(call)
        if written is not None:
            path, append = os.path.normpath(written[0]), written[1]
            programs[path] = (programs.get(path, "") if append else "") + (call.body or "")
        if call.name != "run":
            return
        run_path = program_path(call)
        if run_path is None or run_path not in programs:
            self.unread_programs[run_path or call.line] = self.site(node.lineno)
            self.handled_name_errors += 1  # the program may bind any name that the rest of the unit reads
            return
        for code in program_cells(run_path, programs[run_path]):
            self._star_imports(code, node)
            self.code_in_text(code, node)

    def _star_imports(self, code: str, node: ast.Call) -> None:
        """Note each ``from x import *`` of a program that ``%run`` runs, so that later steps import it again."""
        try:
            body = parse(code).body
        except (SyntaxError, ValueError):
            return
        for part in body:
            replay = replay_of(part, code, self.site(node.lineno), self.effects.top)
            if replay is not None and replay.star:
                self.note_replay(replay)

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
        kind = ambient_of(target, self.effects.top) or self.effects.module_state_set_by(target, self.effects.top)
        if kind is not None:
            self.note_ambient(kind, "set", target.lineno, sure=False)

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
                self.note_mutation(shared, node.lineno, True)
        self.note(self.may_define, name, node.lineno)
        self.world.must_define.add(name)
        self.world.known.add(name)
        self.world.texts.pop(name, None)
        self.world.changed.add(name)
        self.world.kinds[name] = SCALAR if kind == SCALAR and self.kind_of(node.value) == SCALAR else VALUE
        for other in self.effects.roots(node.value, self.effects.top):
            self.world.share(name, other)
        self.world.add_callables(name, self.effects.callables_in(node.value))

    def on_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                if isinstance(part, ast.Name):
                    self.read(part.id, part.lineno) if part.id not in self.world.must_define else None
                    self.note(self.may_define, part.id, part.lineno)
                    self.world.bind(part.id, VALUE)
                    self.world.must_define.discard(part.id)
                    self.world.kinds[part.id] = "deleted"
                    self.world.changed.add(part.id)
                else:
                    self.store(part, None)

    # ---------------------------------------------------------------- paths
    def alternatives(self, bodies: list[list[ast.stmt]], else_: bool = True) -> None:
        """Read each body from the same state, and join the states of the bodies whose end is reached."""
        start = self.world.snapshot()
        end_states: list[AbstractState] = [] if else_ else [start.snapshot()]
        self.depth += 1
        for number, body in enumerate(bodies, 1):
            if number > 1:
                self.world.restore(start.snapshot() if number < len(bodies) else start)
            self.block(body)
            if not (body and isinstance(body[-1], JUMPS)):
                end_states.append(self.world.snapshot())
        self.depth -= 1
        self.world.join(end_states)

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
            self.world.add_callables(name, self.effects.callables_in(node.iter))
            if maker := self.maker(node.iter):
                self.world.made_by[name] = maker
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
            self.world.must_define &= start.must_define | set(targets(node.target))
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
            before, sites_before = dict(self.statement_effect.library_reach), dict(self.library_changes)
            self.expr(item.context_expr)
            self.statement_effect.library_reach, self.library_changes = (
                remaining_after_with(self.statement_effect.library_reach, before),
                sites_before,
            )
            if item.optional_vars is not None:
                self.store(item.optional_vars, item.context_expr)
        start = set(self.world.must_define)
        self.block(node.body)
        if may_suppress(node):
            self.world.must_define = start

    on_With = on_AsyncWith = _with

    def on_Try(self, node: ast.Try) -> None:
        shields = any(
            h.type is None or names_in(h.type) & {"NameError", "Exception", "BaseException"} for h in node.handlers
        )
        start = self.world.snapshot()
        self.handled_name_errors += shields
        self.depth += 1
        self.block(node.body)
        self.handled_name_errors -= shields
        handler_state = self.world.snapshot()
        handler_state.must_define = set(start.must_define)
        self.block(node.orelse)
        end_states = [self.world.snapshot()]
        for handler in node.handlers:
            self.world.restore(handler_state.snapshot())
            self.expr(handler.type)
            if handler.name:
                self.bind(handler.name, handler.lineno)
            self.block(handler.body)
            if handler.name:
                self.world.must_define.discard(handler.name)
                self.may_define.pop(handler.name, None) if handler.name not in start.known else None
            if not (handler.body and isinstance(handler.body[-1], JUMPS)):
                end_states.append(self.world.snapshot())
        self.depth -= 1
        self.world.join(end_states)
        self.block(node.finalbody)

    on_TryStar = on_Try

    def on_Match(self, node: ast.Match) -> None:
        self.expr(node.subject)
        start = self.world.snapshot()
        end_states: list[AbstractState] = []
        exhaustive = False
        self.depth += 1
        for case in node.cases:
            self.world.restore(start.snapshot())
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
            if not (case.body and isinstance(case.body[-1], JUMPS)):
                end_states.append(self.world.snapshot())
            catches = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
            exhaustive = exhaustive or catches
        self.depth -= 1
        self.world.join(end_states if exhaustive else [start, *end_states])

    def on_Global(self, node: ast.Global) -> None:
        pass

    def on_TypeAlias(self, node: ast.AST) -> None:
        name = node.name  # type: ignore[attr-defined]  # only in Python 3.12 and later
        self.bind(name.id, name.lineno)


def _not_empty(node: ast.expr) -> bool:
    """Whether an iterable surely has an item."""
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
