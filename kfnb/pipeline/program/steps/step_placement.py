"""Places steps in the pipeline while a cell is parsed: new steps, the names they bind, and the order between them."""

from __future__ import annotations

import ast

from kfnb.pipeline.model import Code, OutputRef, sources
from kfnb.pipeline.program.parsed_expression import Expression, type_of_expression
from kfnb.pipeline.program.parser_state import ParserState
from kfnb.pipeline.program.steps.component_definitions import Component
from kfnb.pipeline.program.steps.step_drafts import Binding, StepDraft
from kfnb.pipeline.references import STATUS


def component_call(state: ParserState, node: ast.expr) -> tuple[ast.Call | None, list[ast.expr]]:
    """The component call in ``node`` without its ``.after(…)``, and the arguments of ``.after``."""
    after: list[ast.expr] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "after":
        after += node.args
        node = node.func.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if name in state.components and name not in state.scope:
            return node, after
    return None, []


def calls_component(state: ParserState, node: ast.AST) -> bool:
    """Whether a component is called anywhere in ``node``."""
    return any(isinstance(n, ast.Call) and component_call(state, n)[0] is not None for n in ast.walk(node))


def new_step(
    state: ParserState, label: str, node: ast.expr | ast.stmt, component: Component | None = None
) -> StepDraft:
    """Add a step at the current place of the cell."""
    name = state.unique_name(label)
    draft = StepDraft(name, component.label if component else "", node.lineno, state.block)
    if component is not None:
        draft.settings, draft.description, draft.command = component.settings, component.description, component.command
        draft.shell_outputs, draft.setting_places = component.outputs, component.setting_places
    state.drafts[name] = draft
    state.block.statements.append(draft.call)
    for steps, why in state.enclosing:
        for step in steps:
            state.add_edge(step, name, why)
    state.nodes.append(draft)
    return draft


def step_for_expression(state: ParserState, expression: Expression, name: str, node: ast.stmt | ast.expr) -> str:
    """Add a step that evaluates an expression once, because a second evaluation may give another value."""
    draft = new_step(state, name.lstrip("_").removeprefix("kfnb_").replace("_", "-").lower() or "value", node)
    state.add_uses(draft, expression.names, node)
    value = expression.node
    text = ast.unparse(value) if expression.rewritten else state.text(value)
    draft.codes.append(code_at(state, f"{name} = {text}", node.lineno))
    draft.definitions[name] = node.lineno
    draft.call.outputs[name] = OutputRef(draft.name, name)
    draft.decisions.append(f"works out `{text.splitlines()[0]}`, once for all who read it")
    bind_name(state, name, Binding(OutputRef(draft.name, name), type_of_expression(value), line=node.lineno), node)
    return name


def code_at(state: ParserState, source: str, line: int) -> Code:
    """Source that a step runs, with its place in the cell."""
    cell = state.cell.cell
    return Code(cell.number, source, line + state.line_offset, cell.id)


def bind_name(state: ParserState, name: str, binding: Binding, node: ast.AST) -> None:
    """Bind a name in the current scope, unless it names a component or the status of the run."""
    if name in state.components or name == STATUS:
        subject = "a component" if name != STATUS else "how the run ended"
        raise state.error("KF609", f"`{name}` is {subject}, and this line would bind it again", "give the value another name", node, name)  # fmt: skip
    state.scope[name] = binding
    state.try_bound.discard(name)


def order_after(state: ParserState, draft: StepDraft, after: list[ast.expr]) -> None:
    """Let a step wait for the steps that ``.after(…)`` names."""
    for node in after:
        for name in steps_behind(state, node):
            if name != draft.name and name not in draft.after:
                draft.after.append(name)
                state.add_edge(name, draft.name, f"`.after` in line {node.lineno + state.line_offset} says so")


def steps_behind(state: ParserState, node: ast.expr) -> list[str]:
    """The steps that a name in ``.after(name)`` stands for."""
    binding = state.scope.get(node.id) if isinstance(node, ast.Name) else None
    found = [s.step for s in sources(binding.ref)] if binding is not None and binding.ref is not None else []
    if not found:
        raise state.error("KF401", f"`.after({state.text(node)})` names no step", "write the name that a component's call was assigned to: x = f(); y = g().after(x)", node)  # fmt: skip
    return found
