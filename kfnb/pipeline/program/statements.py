"""Parses the statements of a pipeline cell, with one method for each kind of statement."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from kfnb.analysis.syntax.ast_queries import is_literal, literal_value, targets
from kfnb.pipeline.model import Constant, OutputRef, StatusRef
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.control_flow.branches import BranchParser
from kfnb.pipeline.program.control_flow.control_flow_nodes import GuardDraft
from kfnb.pipeline.program.control_flow.loops import LoopParser
from kfnb.pipeline.program.expressions import ExpressionParser
from kfnb.pipeline.program.parsed_expression import Expression, owner, type_of_expression
from kfnb.pipeline.program.parser_state import ParserState, Refused
from kfnb.pipeline.program.steps.backward_slices import Assignment
from kfnb.pipeline.program.steps.component_calls import CallParser
from kfnb.pipeline.program.steps.step_drafts import Binding, StepDraft, type_of_value
from kfnb.pipeline.program.steps.step_placement import (
    bind_name,
    calls_component,
    component_call,
    order_after,
    step_for_expression,
    steps_behind,
)
from kfnb.pipeline.references import STATUS

DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


class StatementParser:
    """Parses the statements of one cell and adds what they mean to the state."""

    def __init__(self, state: ParserState) -> None:
        self.state = state
        self.calls, self.branches, self.loops = CallParser(self), BranchParser(self), LoopParser(self)

    def body(self, statements: Iterable[ast.stmt]) -> None:
        """Parse statements one after the other, and go on after one that is refused to find further problems."""
        for node in statements:
            try:
                self.statement(node)
            except Refused as refused:
                self.state.problems.append(refused.problem)
                for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}:
                    self.state.scope.setdefault(name, Binding(Constant(None)))

    def statement(self, node: ast.stmt) -> None:
        kind = type(node)
        if kind is ast.Expr:
            self._expression_statement(node.value)  # type: ignore[attr-defined]
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign([node.target], node.value, node)
        elif isinstance(node, ast.AugAssign):
            self._augmented(node)
        elif isinstance(node, ast.If):
            self.branches.parse(node)
        elif isinstance(node, ast.For):
            self.loops.parse(node)
        elif isinstance(node, ast.Try):
            self._try(node)
        elif isinstance(node, ast.Return) and self.state.loops:
            raise self.state.refuse(refused_constructs.RETURN_IN_LOOP, node)
        elif kind in refused_constructs.REFUSED:
            raise self.state.refuse(refused_constructs.REFUSED[kind], node)
        elif not isinstance(node, ast.Pass):
            raise self.state.refuse((f"`{kind.__name__}`", "do it inside a component"), node)

    def _expression_statement(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant):
            return
        call, after = component_call(self.state, node)
        if call is not None:
            self.calls.place(call, after)
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            root = node.func.value
            if node.func.attr == "after" and isinstance(root, ast.Name) and root.id in self.state.scope:
                for name in steps_behind(self.state, root):
                    order_after(self.state, self.state.drafts[name], node.args)
                return
            if isinstance(root, ast.Name) and root.id in self.state.scope:
                self._mutate(root, node, node)
                return
        if isinstance(node, COMPREHENSION) and calls_component(self.state, node):
            ExpressionParser(self, Expression(node)).visit(node)
            return
        if type(node) in refused_constructs.REFUSED:
            raise self.state.refuse(refused_constructs.REFUSED[type(node)], node)
        text = self.state.text(node).split("\n")[0]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self.state.check_use(node.func.id, node)
            raise self.state.error("KF602", f"this line only calls `{node.func.id}`, which is not a component", f"make it one: `@component` above `def {node.func.id}`, or `{node.func.id} = component({node.func.id})`", node, node.func.id)  # fmt: skip
        raise self.state.error("KF602", f"`{text}` does nothing in a pipeline", "assign it to a name, or pass it to a component", node)  # fmt: skip

    # ---------------------------------------------------------------- assignments
    def _assign(self, to: list[ast.expr], value: ast.expr, node: ast.Assign | ast.AnnAssign) -> None:
        call, after = component_call(self.state, value)
        plain = len(to) == 1 and all(isinstance(n, (ast.Name, ast.Tuple, ast.List, ast.Starred)) for n in _parts(to[0]))
        if call is not None and plain:
            self.calls.place(call, after, to[0])
            return
        for target in to:
            if isinstance(target, (ast.Subscript, ast.Attribute)):
                root = owner(target)
                if not isinstance(root, ast.Name) or root.id not in self.state.scope or len(to) > 1:
                    raise self.state.refuse(refused_constructs.TARGET, target)
                self._mutate(root, node, value)
                return
        if any(not isinstance(p, (ast.Name, ast.Tuple, ast.List, ast.Starred)) for t in to for p in _parts(t)):
            raise self.state.refuse(refused_constructs.TARGET, to[0])
        names = [n for t in to for n in targets(t)]
        self._assign_names(names, value, node)

    def _assign_names(self, names: list[str], value: ast.expr, node: ast.Assign | ast.AnnAssign) -> None:
        state = self.state
        if len(names) == 1 and is_literal(value):
            known = self._literal_binding(value)
            if known is not None:
                state.block.statements.append(Assignment(f"{names[0]} = {state.text(value)}", node.lineno + state.line_offset, frozenset(names), frozenset()))  # fmt: skip
                bind_name(self.state, names[0], known, node)
                return
        expression = self.expression(value)
        value = expression.node
        if expression.impure and len(names) == 1:
            step_for_expression(state, expression, names[0], node)
            return
        if isinstance(value, ast.Name) and value.id in state.scope and len(names) == 1:
            self._mark_aliased(value.id)
            old = state.scope[value.id]
            self._append_assignment(names, f"{names[0]} = {value.id}", node, expression)
            bind_name(self.state, names[0], replace(old, line=node.lineno), node)
            return
        self._mark_aliased_elements(value)
        if isinstance(node, ast.Assign) and not expression.rewritten:
            source = state.text(node)
        else:
            target_texts = [ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
            source = " = ".join([*target_texts, ast.unparse(value)])
        if expression.impure:
            name = step_for_expression(state, expression, state.temporary_name("value"), node)
            source = f"{', '.join(names)} = {name}"
            expression = Expression(ast.Name(name, ast.Load()), {name: value})
        self._append_assignment(names, source, node, expression)
        container = isinstance(value, DISPLAYS) and len(names) == 1
        kind = (
            "list"
            if isinstance(value, (ast.List, ast.ListComp))
            else "dict"
            if isinstance(value, (ast.Dict, ast.DictComp))
            else ""
        )
        for name in names:
            bind_name(
                self.state,
                name,
                Binding(None, kind if container else type_of_expression(value), container, line=node.lineno),
                node,
            )

    def _append_assignment(
        self, names: Iterable[str], source: str, node: ast.stmt | ast.expr, expression: Expression
    ) -> None:
        line = node.lineno + self.state.line_offset
        self.state.block.statements.append(Assignment(source, line, frozenset(names), frozenset(expression.names)))

    def _literal_binding(self, node: ast.expr) -> Binding | None:
        try:
            value = literal_value(node)
        except (ValueError, TypeError, SyntaxError, ArithmeticError, MemoryError):
            return None
        if not is_json(value):
            return None
        container = isinstance(value, (list, dict))
        return Binding(Constant(value), type_of_value(value), container, line=node.lineno)

    def _mark_aliased_elements(self, node: ast.expr) -> None:
        """Forbid changes of a container inside another one, because it now has two names."""
        for part in ast.walk(node):
            inside = (
                part.elts
                if isinstance(part, (ast.List, ast.Tuple, ast.Set))
                else part.values
                if isinstance(part, ast.Dict)
                else []
            )
            for item in inside:
                if isinstance(item, ast.Name) and item.id in self.state.scope:
                    self._mark_aliased(item.id)

    def _mark_aliased(self, name: str) -> None:
        # Other bindings keep their identity, by which branches and `try` find out what was bound again.
        known = self.state.scope[name]
        if known.container:
            self.state.scope[name] = replace(known, container=False)

    def _augmented(self, node: ast.AugAssign) -> None:
        state = self.state
        if not isinstance(node.target, ast.Name):
            root = owner(node.target)
            if not isinstance(root, ast.Name):
                raise state.refuse(refused_constructs.TARGET, node)
            self._mutate(root, node, node.value)
            return
        state.check_use(node.target.id, node)
        value = state.scope.get(node.target.id)
        if value is None:
            subject = "how the run ended" if node.target.id == STATUS else "made before this cell"
            raise state.error("KF609", f"`{node.target.id}` is {subject}, and this line would bind it again", "give the new value another name", node, node.target.id)  # fmt: skip
        if value.container:
            self._mutate(node.target, node, node.value)
            return
        if value.type in ("list", "dict") or (
            value.ref is not None and not value.type and not isinstance(value.ref, Constant)
        ):
            raise self._refuse_mutation(node.target, node)
        expression = self.expression(node.value)
        name = node.target.id
        expression.names[name] = node.target
        source = f"{name} = {name} {_sign(node)} ({ast.unparse(expression.node)})"
        self._append_assignment([name], source, node, expression)
        bind_name(self.state, name, Binding(None, value.type if value.type == "str" else "", line=node.lineno), node)

    def _mutate(self, root: ast.Name, node: ast.stmt | ast.expr, value: ast.expr) -> None:
        """Parse a change in place: slices repeat the change of a list or dict of this cell; other changes are refused."""
        state = self.state
        state.check_use(root.id, root)
        known = state.scope.get(root.id)
        if known is None or not known.container:
            raise self._refuse_mutation(root, node)
        expression = Expression(value)
        reader = ExpressionParser(self, expression)
        if isinstance(node, ast.Call):
            reader.arguments(node)
        else:
            assert isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
            node.value = reader.visit(value)
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Subscript):
                target.slice = reader.visit(target.slice)
        if expression.impure:
            raise state.error("KF602", f"`{state.text(node)}` calls a function that is not a component", "call it in a line of its own before this one: x = f(…)", node)  # fmt: skip
        for part in [node, value]:
            self._mark_aliased_elements(part) if isinstance(part, ast.expr) else None
        expression.names[root.id] = root
        self._append_assignment([root.id], ast.unparse(node), node, expression)
        state.scope[root.id] = Binding(None, known.type, True, "", known.line)

    def _refuse_mutation(self, root: ast.Name, node: ast.AST) -> Refused:
        value = self.state.scope.get(root.id)
        is_output = isinstance(value.ref, OutputRef) if value is not None else False
        subject = f"the step's output `{root.id}`" if is_output else f"`{root.id}`"
        hint = f"make a new value: {root.id} = [*{root.id}, …]; or change it inside a component that returns it"
        return self.state.error("KF606", f"this line would change {subject} in place, but each step works on its own copy", hint, node, root.id)  # fmt: skip

    # ---------------------------------------------------------------- expressions
    def call_value(self, node: ast.Call, after: list[ast.expr]) -> str:
        """Make a step of a component call, and return the name that stands for its value."""
        return self.calls.named(self.calls.place(node, after), node)

    def comprehension(self, node: ast.ListComp | ast.DictComp) -> str:
        """Parse a comprehension that calls components as a loop, and return the name of its list or dict."""
        return self.loops.comprehension(node)

    def expression(self, node: ast.expr) -> Expression:
        """Parse an expression; each component call in it becomes a step."""
        found = Expression(node)
        found.node = ExpressionParser(self, found).visit(node)
        return found

    # ---------------------------------------------------------------- try
    def _try(self, node: ast.Try) -> None:
        state = self.state
        if node.handlers:
            raise state.refuse(refused_constructs.EXCEPT, node.handlers[0])
        guard = GuardDraft(state.unique_name("try"))
        outer, before = self.state.nodes, dict(state.scope)
        self.state.nodes = guard.body
        self.body(node.body)
        self.state.nodes = guard.handler
        unsafe = state.try_bound
        state.try_bound = unsafe | {n for n, v in state.scope.items() if before.get(n) is not v}
        status = state.scope.get(STATUS)
        state.scope[STATUS] = Binding(StatusRef(guard.name), "dict")
        state.enclosing.append(
            (
                tuple(d.name for d in guard.body if isinstance(d, StepDraft)),
                "the handler runs when all before it has ended",
            )
        )
        self.body(node.finalbody)
        state.enclosing.pop()
        state.try_bound = unsafe
        if status is None:
            state.scope.pop(STATUS, None)
        else:
            state.scope[STATUS] = status
        self.state.nodes = outer
        self.state.nodes.append(guard)


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
