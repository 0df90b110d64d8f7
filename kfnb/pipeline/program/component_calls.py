"""Component calls: each becomes a step, after its arguments were held against the component's signature."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfnb.analysis.syntax.ast_queries import is_value, literal_value, targets
from kfnb.pipeline.model import Code, Constant, Input, OutputRef
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program.component_definitions import Argument, Component
from kfnb.pipeline.program.expressions import Expression, Reader
from kfnb.pipeline.program.step_drafts import Draft, Value, type_of_value

if TYPE_CHECKING:
    from kfnb.pipeline.program.statements import Translator

OUTPUT = "output"  #: what a step's value is called when the user gave it no name


@dataclass
class Calls:
    """Places calls in the pipeline."""

    translator: Translator

    def place(self, node: ast.Call, after: list[ast.expr], target: ast.expr | None = None) -> Draft:
        """Make a step of a call. ``target``: the names that the cell gives its value."""
        program = self.translator.program
        assert isinstance(node.func, ast.Name)
        component = program.components[node.func.id]
        bound = self._check(component, node)
        if component.command is not None:
            return self._container(component, bound, node, after, target)
        expression = Expression(node)
        reader = Reader(self.translator, expression)
        reader.arguments(node)
        draft = self.draft(component.label, node, component)
        program.give(draft, expression.names, node)
        draft.names.add(component.name)
        text = ast.unparse(node) if expression.changed else program.text(node)
        names = list(targets(target)) if target is not None else [OUTPUT] if component.gives else []
        shown = program.text(target) if target is not None else OUTPUT
        source = f"{shown} = {text}" if names else text
        draft.codes.append(self.code(source, node.lineno))
        self._gives(draft, component, names, target, node)
        self.order(draft, after)
        return draft

    def draft(self, label: str, node: ast.expr | ast.stmt, component: Component | None = None) -> Draft:
        """A step at this place of the cell."""
        program = self.translator.program
        name = program.unique(label)
        made = Draft(name, component.label if component else "", node.lineno, program.block)
        if component is not None:
            made.settings, made.description, made.command = component.settings, component.description, component.command
            made.shell_outputs = component.outputs
        program.drafts[name] = made
        program.block.statements.append(made.call)
        for steps, why in program.around:
            for step in steps:
                program.edge(step, name, why)
        self.translator.nodes.append(made)
        return made

    def code(self, source: str, line: int) -> Code:
        program = self.translator.program
        cell = program.cell.cell
        return Code(cell.number, source, line + program.first, cell.id)

    def named(self, draft: Draft, call: ast.Call) -> str:
        """A name for the value of a call that stands inside an expression."""
        assert isinstance(call.func, ast.Name)
        program = self.translator.program
        output = next(iter(draft.made), OUTPUT)
        name = program.temp("value")
        draft.call.gives[name] = OutputRef(draft.name, output)
        kind = program.components[call.func.id].returns
        program.env[name] = Value(OutputRef(draft.name, output), kind, line=draft.line)
        return name

    def _gives(
        self, draft: Draft, component: Component, names: list[str], target: ast.expr | None, node: ast.expr
    ) -> None:
        program = self.translator.program
        draft.made.update(dict.fromkeys(names, node.lineno))
        if target is None:
            return
        kind = component.returns if isinstance(target, ast.Name) else ""
        for name in names:
            self.translator.bind(name, Value(OutputRef(draft.name, name), kind, line=node.lineno), node)
            draft.call.gives[name] = OutputRef(draft.name, name)
        program.unsafe -= set(names)

    def order(self, draft: Draft, after: list[ast.expr]) -> None:
        """Let a step wait for those that ``.after(…)`` names."""
        program = self.translator.program
        for node in after:
            for name in self.translator.steps_behind(node):
                if name != draft.name and name not in draft.after:
                    draft.after.append(name)
                    program.edge(name, draft.name, f"`.after` in line {node.lineno + program.first} says so")

    # ---------------------------------------------------------------- container steps
    def _container(
        self,
        component: Component,
        bound: dict[str, ast.expr],
        node: ast.Call,
        after: list[ast.expr],
        target: ast.expr | None,
    ) -> Draft:
        """A container step gets JSON values: literals, names as they are; anything more is worked out in a step before."""
        program = self.translator.program
        inputs: list[tuple[str, Value]] = []
        for name, value in bound.items():
            inputs.append((name, self._plain(value)))
        draft = self.draft(component.label, node, component)
        for name, known in inputs:
            assert known.ref is not None
            program.take(draft, [Input(name, known.ref)], set(), node.lineno)
        outputs = [o.name for o in component.outputs]
        draft.made.update(dict.fromkeys(outputs, node.lineno))
        if target is None:
            self.order(draft, after)
            return draft
        if len(outputs) != 1 or not isinstance(target, ast.Name):
            names = list(targets(target))
            if isinstance(target, ast.Name) or len(names) != len(outputs):
                raise program.fault("KF604", f"`{component.name}` gives {len(outputs)} outputs ({', '.join(outputs) or 'none'})", "assign them to as many names, separated by commas", node, component.name)  # fmt: skip
        else:
            names = [target.id]
        for name, output in zip(names, outputs, strict=True):
            ref = OutputRef(draft.name, output)
            draft.call.gives[name] = ref
            self.translator.bind(name, Value(ref, "str", line=node.lineno), node)
        self.order(draft, after)
        return draft

    def _plain(self, node: ast.expr) -> Value:
        if is_value(node):
            value = literal_value(node)
            if is_json(value):
                return Value(Constant(value))
        if isinstance(node, ast.Name):
            known = self.translator.program.env.get(node.id)
            if known is not None and known.ref is not None:
                self.translator.program.check(node.id, node)
                return known
        name = self.translator.worked_out(node, self.translator.program.temp("argument"))
        return self.translator.program.env[name]

    # ---------------------------------------------------------------- signatures
    def _check(self, component: Component, node: ast.Call) -> dict[str, ast.expr]:
        """The arguments by name, in Python's own way of binding."""
        program = self.translator.program
        name, known = component.name, component.arguments
        starred = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
        if known is None or starred:
            return {}
        positional = [a for a in known if a.positional]
        bound = {a.name: v for a, v in zip(positional, node.args, strict=False)}
        if len(node.args) > len(positional) and not component.open:
            takes = f"{len(positional)} argument{'s' * (len(positional) != 1)}"
            raise program.fault(
                "KF604", f"`{name}` takes {takes}, and gets {len(node.args)}", _signature(component), node, name
            )
        words = {a.name: a for a in known if a.keyword}
        for keyword in node.keywords:
            if keyword.arg in bound:
                raise program.fault("KF604", f"`{name}` gets `{keyword.arg}` twice", _signature(component), node, name)
            if keyword.arg not in words and not component.open:
                raise program.fault(
                    "KF604", f"`{name}` has no input `{keyword.arg}`", _signature(component), node, name
                )
            bound[str(keyword.arg)] = keyword.value
        missing = [a.name for a in known if a.required and a.name not in bound]
        if missing:
            shown = " and ".join(f"`{m}`" for m in missing)
            raise program.fault("KF604", f"`{name}` needs {shown}", _signature(component), node, name)
        for argument in known:
            if argument.type and argument.name in bound:
                self._typed(argument, bound[argument.name], name)
        return bound

    def _typed(self, argument: Argument, node: ast.expr, name: str) -> None:
        program = self.translator.program
        if isinstance(node, ast.Constant):
            given = type_of_value(node.value)
        elif isinstance(node, ast.Name) and node.id in program.env:
            given = program.env[node.id].type
        else:
            return
        if (
            given
            and given != argument.type
            and (given, argument.type) not in (("int", "float"), ("bool", "int"), ("bool", "float"))
        ):
            program.problems.append(program.problem(
                "KF608", f"`{argument.name}` of `{name}` is declared {argument.type}, and `{program.text(node)}` is {given}",
                "convert it, or change the annotation", node.lineno, argument.name,
            ))  # fmt: skip


def _signature(component: Component) -> str:
    parts = [a.name + (f": {a.type}" if a.type else "") for a in component.arguments or ()]
    return f"it is {component.name}({', '.join(parts)})"
