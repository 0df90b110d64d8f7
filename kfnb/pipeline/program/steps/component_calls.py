"""Parses component calls: checks the arguments against the component's signature, and makes a step of each call."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from kfnb.analysis.syntax.ast_queries import is_value, literal_value, targets
from kfnb.pipeline.model import Constant, Input, OutputRef
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program.expressions import ExpressionParser
from kfnb.pipeline.program.parsed_expression import Expression
from kfnb.pipeline.program.parser_protocol import Parser
from kfnb.pipeline.program.steps.component_definitions import Argument, Component
from kfnb.pipeline.program.steps.step_drafts import Binding, StepDraft, type_of_value
from kfnb.pipeline.program.steps.step_placement import bind_name, code_at, new_step, order_after, step_for_expression

OUTPUT = "output"  #: the name of a step's value to which the user gave no name


@dataclass
class CallParser:
    """Makes steps of component calls."""

    parser: Parser

    def place(self, node: ast.Call, after: list[ast.expr], target: ast.expr | None = None) -> StepDraft:
        """Make a step of a call. ``target`` holds the names that the cell binds to its value."""
        state = self.parser.state
        assert isinstance(node.func, ast.Name)
        component = state.components[node.func.id]
        bound = self._check(component, node)
        if component.command is not None:
            return self._container(component, bound, node, after, target)
        expression = Expression(node)
        reader = ExpressionParser(self.parser, expression)
        reader.arguments(node)
        draft = new_step(state, component.label, node, component)
        state.add_uses(draft, expression.names, node)
        draft.global_uses.add(component.name)
        text = ast.unparse(node) if expression.rewritten else state.text(node)
        names = list(targets(target)) if target is not None else [OUTPUT] if component.returns_value else []
        shown = state.text(target) if target is not None else OUTPUT
        source = f"{shown} = {text}" if names else text
        draft.codes.append(code_at(state, source, node.lineno))
        self._bind_outputs(draft, component, names, target, node)
        order_after(state, draft, after)
        return draft

    def named(self, draft: StepDraft, call: ast.Call) -> str:
        """Bind the value of a call inside an expression to a temporary name, and return the name."""
        assert isinstance(call.func, ast.Name)
        state = self.parser.state
        output = next(iter(draft.definitions), OUTPUT)
        name = state.temporary_name("value")
        draft.call.outputs[name] = OutputRef(draft.name, output)
        kind = state.components[call.func.id].returns
        state.scope[name] = Binding(OutputRef(draft.name, output), kind, line=draft.line)
        return name

    def _bind_outputs(
        self, draft: StepDraft, component: Component, names: list[str], target: ast.expr | None, node: ast.expr
    ) -> None:
        state = self.parser.state
        draft.definitions.update(dict.fromkeys(names, node.lineno))
        if target is None:
            return
        kind = component.returns if isinstance(target, ast.Name) else ""
        for name in names:
            bind_name(state, name, Binding(OutputRef(draft.name, name), kind, line=node.lineno), node)
            draft.call.outputs[name] = OutputRef(draft.name, name)
        state.try_bound -= set(names)

    # ---------------------------------------------------------------- container steps
    def _container(
        self,
        component: Component,
        bound: dict[str, ast.expr],
        node: ast.Call,
        after: list[ast.expr],
        target: ast.expr | None,
    ) -> StepDraft:
        """Make a container step. Its inputs are JSON values, so that a step before evaluates other expressions."""
        state = self.parser.state
        inputs: list[tuple[str, Binding]] = []
        for name, value in bound.items():
            inputs.append((name, self._json_argument(value)))
        draft = new_step(state, component.label, node, component)
        for name, known in inputs:
            assert known.ref is not None
            state.add_inputs(draft, [Input(name, known.ref)], set(), node.lineno)
        outputs = [o.name for o in component.outputs]
        draft.definitions.update(dict.fromkeys(outputs, node.lineno))
        if target is None:
            order_after(state, draft, after)
            return draft
        if len(outputs) != 1 or not isinstance(target, ast.Name):
            names = list(targets(target))
            if isinstance(target, ast.Name) or len(names) != len(outputs):
                raise state.error("KF604", f"`{component.name}` returns {len(outputs)} outputs ({', '.join(outputs) or 'none'})", "assign them to as many names, separated by commas", node, component.name)  # fmt: skip
        else:
            names = [target.id]
        for name, output in zip(names, outputs, strict=True):
            ref = OutputRef(draft.name, output)
            draft.call.outputs[name] = ref
            bind_name(state, name, Binding(ref, "str", line=node.lineno), node)
        order_after(state, draft, after)
        return draft

    def _json_argument(self, node: ast.expr) -> Binding:
        state = self.parser.state
        if is_value(node):
            value = literal_value(node)
            if is_json(value):
                return Binding(Constant(value))
        if isinstance(node, ast.Name):
            known = state.scope.get(node.id)
            if known is not None and known.ref is not None:
                state.check_use(node.id, node)
                return known
        name = state.temporary_name("argument")
        step_for_expression(state, self.parser.expression(node), name, node)
        return state.scope[name]

    # ---------------------------------------------------------------- signatures
    def _check(self, component: Component, node: ast.Call) -> dict[str, ast.expr]:
        """Bind the arguments to their names as Python does, and check them."""
        state = self.parser.state
        name, known = component.name, component.arguments
        starred = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
        if known is None or starred:
            return {}
        positional = [a for a in known if a.positional]
        bound = {a.name: v for a, v in zip(positional, node.args, strict=False)}
        if len(node.args) > len(positional) and not component.variadic:
            takes = f"{len(positional)} argument{'s' * (len(positional) != 1)}"
            raise state.error(
                "KF604",
                f"`{name}` takes {takes}, but this call passes {len(node.args)}",
                _signature(component),
                node,
                name,
            )
        words = {a.name: a for a in known if a.keyword}
        for keyword in node.keywords:
            if keyword.arg in bound:
                raise state.error(
                    "KF604", f"this call passes `{keyword.arg}` of `{name}` twice", _signature(component), node, name
                )
            if keyword.arg not in words and not component.variadic:
                raise state.error("KF604", f"`{name}` has no input `{keyword.arg}`", _signature(component), node, name)
            bound[str(keyword.arg)] = keyword.value
        missing = [a.name for a in known if a.required and a.name not in bound]
        if missing:
            shown = " and ".join(f"`{m}`" for m in missing)
            raise state.error("KF604", f"this call of `{name}` lacks {shown}", _signature(component), node, name)
        for argument in known:
            if argument.type and argument.name in bound:
                self._typed(argument, bound[argument.name], name)
        return bound

    def _typed(self, argument: Argument, node: ast.expr, name: str) -> None:
        state = self.parser.state
        if isinstance(node, ast.Constant):
            given = type_of_value(node.value)
        elif isinstance(node, ast.Name) and node.id in state.scope:
            given = state.scope[node.id].type
        else:
            return
        if (
            given
            and given != argument.type
            and (given, argument.type) not in (("int", "float"), ("bool", "int"), ("bool", "float"))
        ):
            state.problems.append(state.problem(
                "KF608", f"`{argument.name}` of `{name}` is declared {argument.type}, but `{state.text(node)}` is {given}",
                "convert it, or change the annotation", node.lineno, argument.name,
            ))  # fmt: skip


def _signature(component: Component) -> str:
    parts = [a.name + (f": {a.type}" if a.type else "") for a in component.arguments or ()]
    return f"its signature is {component.name}({', '.join(parts)})"
