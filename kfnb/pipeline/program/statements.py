"""Statements of a pipeline cell, one method a kind: what each means in the graph."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from kfnb.analysis.syntax.ast_queries import is_literal, literal_value, targets
from kfnb.pipeline.export.plain_python import STATUS
from kfnb.pipeline.model import Constant, OutputRef, StatusRef, sources
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.component_calls import Calls
from kfnb.pipeline.program.control_flow.branch_conditions import Decisions
from kfnb.pipeline.program.control_flow.branches import Branches
from kfnb.pipeline.program.control_flow.control_flow_nodes import GuardDraft, NodeDraft
from kfnb.pipeline.program.control_flow.loops import Loops
from kfnb.pipeline.program.expressions import Expression, Reader, owner
from kfnb.pipeline.program.parser_state import Program, Refused
from kfnb.pipeline.program.statement_slices import Plain
from kfnb.pipeline.program.step_drafts import Draft, Value, type_of_value

DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


class Translator:
    """Reads the statements of one cell; ``nodes`` is where the next step goes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: list[NodeDraft] = []
        self.calls, self.decisions = Calls(self), Decisions(self)
        self.branches, self.loops = Branches(self), Loops(self)

    def body(self, statements: Iterable[ast.stmt]) -> None:
        """Read statements one after the other; one that is refused does not hide what is wrong with the others."""
        for node in statements:
            try:
                self.statement(node)
            except Refused as refused:
                self.program.problems.append(refused.problem)
                for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}:
                    self.program.env.setdefault(name, Value(Constant(None)))

    def statement(self, node: ast.stmt) -> None:
        kind = type(node)
        if kind is ast.Expr:
            self._alone(node.value)  # type: ignore[attr-defined]
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign([node.target], node.value, node)
        elif isinstance(node, ast.AugAssign):
            self._augmented(node)
        elif isinstance(node, ast.If):
            self.branches.read(node)
        elif isinstance(node, ast.For):
            self.loops.read(node)
        elif isinstance(node, ast.Try):
            self._try(node)
        elif isinstance(node, ast.Return) and self.program.loops:
            raise self.program.refuse(refused_constructs.RETURN_IN_LOOP, node)
        elif kind in refused_constructs.REFUSED:
            raise self.program.refuse(refused_constructs.REFUSED[kind], node)
        elif not isinstance(node, ast.Pass):
            raise self.program.refuse((f"`{kind.__name__}`", "do it inside a component"), node)

    # ---------------------------------------------------------------- calls
    def component_call(self, node: ast.expr) -> tuple[ast.Call | None, list[ast.expr]]:
        """The component's call that ``node`` is, without its ``.after(…)``, and what it comes after."""
        after: list[ast.expr] = []
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "after":
            after += node.args
            node = node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in self.program.components and name not in self.program.env:
                return node, after
        return None, []

    def steps_behind(self, node: ast.expr) -> list[str]:
        """The steps that a name in ``.after(name)`` stands for."""
        value = self.program.env.get(node.id) if isinstance(node, ast.Name) else None
        found = [s.step for s in sources(value.ref)] if value is not None and value.ref is not None else []
        if not found:
            raise self.program.fault("KF401", f"`.after({self.program.text(node)})` names no step", "name what a component's call gave: x = f(); y = g().after(x)", node)  # fmt: skip
        return found

    def _alone(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant):
            return
        call, after = self.component_call(node)
        if call is not None:
            self.calls.place(call, after)
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            root = node.func.value
            if node.func.attr == "after" and isinstance(root, ast.Name) and root.id in self.program.env:
                for name in self.steps_behind(root):
                    self.calls.order(self.program.drafts[name], node.args)
                return
            if isinstance(root, ast.Name) and root.id in self.program.env:
                self._changed(root, node, node)
                return
        if isinstance(node, COMPREHENSION) and Reader(self, Expression(node)).calls_inside(node):
            Reader(self, Expression(node)).visit(node)
            return
        if type(node) in refused_constructs.REFUSED:
            raise self.program.refuse(refused_constructs.REFUSED[type(node)], node)
        text = self.program.text(node).split("\n")[0]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self.program.check(node.func.id, node)
            raise self.program.fault("KF602", f"`{text}` stands alone, and `{node.func.id}` is no component", f"make it one: `@component` above `def {node.func.id}`, or `{node.func.id} = component({node.func.id})`", node, node.func.id)  # fmt: skip
        raise self.program.fault("KF602", f"`{text}` does nothing in a pipeline", "assign it to a name, or pass it to a component", node)  # fmt: skip

    # ---------------------------------------------------------------- assignments
    def _assign(self, to: list[ast.expr], value: ast.expr, node: ast.Assign | ast.AnnAssign) -> None:
        call, after = self.component_call(value)
        plain = len(to) == 1 and all(isinstance(n, (ast.Name, ast.Tuple, ast.List, ast.Starred)) for n in _parts(to[0]))
        if call is not None and plain:
            self.calls.place(call, after, to[0])
            return
        for target in to:
            if isinstance(target, (ast.Subscript, ast.Attribute)):
                root = owner(target)
                if not isinstance(root, ast.Name) or root.id not in self.program.env or len(to) > 1:
                    raise self.program.refuse(refused_constructs.TARGET, target)
                self._changed(root, node, value)
                return
        if any(not isinstance(p, (ast.Name, ast.Tuple, ast.List, ast.Starred)) for t in to for p in _parts(t)):
            raise self.program.refuse(refused_constructs.TARGET, to[0])
        names = [n for t in to for n in targets(t)]
        self._plain(names, value, node)

    def _plain(self, names: list[str], value: ast.expr, node: ast.Assign | ast.AnnAssign) -> None:
        program = self.program
        if len(names) == 1 and is_literal(value):
            known = self._literal(value)
            if known is not None:
                program.block.statements.append(Plain(f"{names[0]} = {program.text(value)}", node.lineno + program.first, frozenset(names), frozenset()))  # fmt: skip
                self.bind(names[0], known, node)
                return
        expression = self.expression(value)
        value = expression.node
        if expression.impure and len(names) == 1:
            self.worked_out_from(expression, names[0], node)
            return
        if isinstance(value, ast.Name) and value.id in program.env and len(names) == 1:
            self._shared(value.id)
            old = program.env[value.id]
            self._append(names, f"{names[0]} = {value.id}", node, expression)
            self.bind(names[0], replace(old, line=node.lineno), node)
            return
        self._share(value)
        if isinstance(node, ast.Assign) and not expression.changed:
            source = program.text(node)
        else:
            left = [ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
            source = " = ".join([*left, ast.unparse(value)])
        if expression.impure:
            name = self.worked_out_from(expression, program.temp("value"), node)
            source = f"{', '.join(names)} = {name}"
            expression = Expression(ast.Name(name, ast.Load()), {name: value})
        self._append(names, source, node, expression)
        container = isinstance(value, DISPLAYS) and len(names) == 1
        kind = (
            "list"
            if isinstance(value, (ast.List, ast.ListComp))
            else "dict"
            if isinstance(value, (ast.Dict, ast.DictComp))
            else ""
        )
        for name in names:
            self.bind(name, Value(None, kind if container else self._type(value), container, line=node.lineno), node)

    def _append(self, names: Iterable[str], source: str, node: ast.stmt | ast.expr, expression: Expression) -> None:
        line = node.lineno + self.program.first
        self.program.block.statements.append(Plain(source, line, frozenset(names), frozenset(expression.names)))

    def _literal(self, node: ast.expr) -> Value | None:
        try:
            value = literal_value(node)
        except (ValueError, TypeError, SyntaxError, ArithmeticError, MemoryError):
            return None
        if not is_json(value):
            return None
        container = isinstance(value, (list, dict))
        return Value(Constant(value), type_of_value(value), container, line=node.lineno)

    def _type(self, node: ast.expr) -> str:
        if isinstance(node, ast.JoinedStr):
            return "str"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("str", "int", "float", "bool")
        ):
            return node.func.id
        return ""

    def _share(self, node: ast.expr) -> None:
        """A container that stands inside another is reachable by two names: it can be changed no more."""
        for part in ast.walk(node):
            inside = (
                part.elts
                if isinstance(part, (ast.List, ast.Tuple, ast.Set))
                else part.values
                if isinstance(part, ast.Dict)
                else []
            )
            for item in inside:
                if isinstance(item, ast.Name) and item.id in self.program.env:
                    self._shared(item.id)

    def _shared(self, name: str) -> None:
        # A value that is no container keeps its identity: branches and `try` see by it what was bound anew.
        known = self.program.env[name]
        if known.container:
            self.program.env[name] = replace(known, container=False)

    def bind(self, name: str, value: Value, node: ast.AST) -> None:
        if name in self.program.components or name == STATUS:
            what = "a component" if name != STATUS else "how the run ended"
            raise self.program.fault("KF609", f"`{name}` is {what}, and would be bound anew here", "give the value another name", node, name)  # fmt: skip
        self.program.env[name] = value
        self.program.unsafe.discard(name)

    def _augmented(self, node: ast.AugAssign) -> None:
        program = self.program
        if not isinstance(node.target, ast.Name):
            root = owner(node.target)
            if not isinstance(root, ast.Name):
                raise program.refuse(refused_constructs.TARGET, node)
            self._changed(root, node, node.value)
            return
        program.check(node.target.id, node)
        value = program.env.get(node.target.id)
        if value is None:
            what = "how the run ended" if node.target.id == STATUS else "made before this cell"
            raise program.fault("KF609", f"`{node.target.id}` is {what}, and would be bound anew here", "give the new value another name", node, node.target.id)  # fmt: skip
        if value.container:
            self._changed(node.target, node, node.value)
            return
        if value.type in ("list", "dict") or (
            value.ref is not None and not value.type and not isinstance(value.ref, Constant)
        ):
            raise self._refuse_change(node.target, node)
        expression = self.expression(node.value)
        name = node.target.id
        expression.names[name] = node.target
        source = f"{name} = {name} {_sign(node)} ({ast.unparse(expression.node)})"
        self._append([name], source, node, expression)
        self.bind(name, Value(None, value.type if value.type == "str" else "", line=node.lineno), node)

    def _changed(self, root: ast.Name, node: ast.stmt | ast.expr, value: ast.expr) -> None:
        """A change in place: of a list or dict made in this cell it is part of the slice; of anything else it is refused."""
        program = self.program
        program.check(root.id, root)
        known = program.env.get(root.id)
        if known is None or not known.container:
            raise self._refuse_change(root, node)
        expression = Expression(value)
        reader = Reader(self, expression)
        if isinstance(node, ast.Call):
            reader.arguments(node)
        else:
            assert isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
            node.value = reader.visit(value)
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Subscript):
                target.slice = reader.visit(target.slice)
        if expression.impure:
            raise program.fault("KF602", f"`{program.text(node)}` calls a function that is no component", "call it in a line of its own before: x = f(…)", node)  # fmt: skip
        for part in [node, value]:
            self._share(part) if isinstance(part, ast.expr) else None
        expression.names[root.id] = root
        self._append([root.id], ast.unparse(node), node, expression)
        program.env[root.id] = Value(None, known.type, True, "", known.line)

    def _refuse_change(self, root: ast.Name, node: ast.AST) -> Refused:
        value = self.program.env.get(root.id)
        made = isinstance(value.ref, OutputRef) if value is not None else False
        what = f"the step's output `{root.id}`" if made else f"`{root.id}`"
        hint = f"make a new value: {root.id} = [*{root.id}, …]; or change it inside a component that returns it"
        return self.program.fault("KF606", f"{what} would be changed in place here, and each step works on its own copy", hint, node, root.id)  # fmt: skip

    # ---------------------------------------------------------------- expressions
    def expression(self, node: ast.expr) -> Expression:
        found = Expression(node)
        found.node = Reader(self, found).visit(node)
        return found

    def worked_out(self, node: ast.expr, name: str) -> str:
        """A step of its own that gives the value of an expression."""
        return self.worked_out_from(self.expression(node), name, node)

    def worked_out_from(self, expression: Expression, name: str, node: ast.stmt | ast.expr) -> str:
        """The same for an expression that was read: what is called may give another value the next time it is asked."""
        program = self.program
        draft = self.calls.draft(name.lstrip("_").removeprefix("kfnb_").replace("_", "-").lower() or "value", node)
        program.give(draft, expression.names, node)
        value = expression.node
        text = ast.unparse(value) if expression.changed else program.text(value)
        draft.codes.append(self.calls.code(f"{name} = {text}", node.lineno))
        draft.made[name] = node.lineno
        draft.call.gives[name] = OutputRef(draft.name, name)
        draft.told.append(f"works out `{text.splitlines()[0]}`, once for all who read it")
        self.bind(name, Value(OutputRef(draft.name, name), self._type(value), line=node.lineno), node)
        return name

    # ---------------------------------------------------------------- try
    def _try(self, node: ast.Try) -> None:
        program = self.program
        if node.handlers:
            raise program.refuse(refused_constructs.EXCEPT, node.handlers[0])
        guard = GuardDraft(program.unique("try"))
        outer, before = self.nodes, dict(program.env)
        self.nodes = guard.body
        self.body(node.body)
        self.nodes = guard.handler
        unsafe = program.unsafe
        program.unsafe = unsafe | {n for n, v in program.env.items() if before.get(n) is not v}
        status = program.env.get(STATUS)
        program.env[STATUS] = Value(StatusRef(guard.name), "dict")
        program.around.append(
            (tuple(d.name for d in guard.body if isinstance(d, Draft)), "the handler runs when all before it has ended")
        )
        self.body(node.finalbody)
        program.around.pop()
        program.unsafe = unsafe
        if status is None:
            program.env.pop(STATUS, None)
        else:
            program.env[STATUS] = status
        self.nodes = outer
        self.nodes.append(guard)


COMPREHENSION = (ast.ListComp, ast.DictComp)


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [target, *(p for e in target.elts for p in _parts(e))]
    if isinstance(target, ast.Starred):
        return [target, *_parts(target.value)]
    return [target]


def _sign(node: ast.AugAssign) -> str:
    left, right = ast.Name("a", ast.Load()), ast.Name("b", ast.Load())
    return ast.unparse(ast.BinOp(left, node.op, right))[2:-2]
