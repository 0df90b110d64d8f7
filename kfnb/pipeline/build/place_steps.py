"""Puts a step into its loop and its condition, after the steps that evaluate their expressions."""

from __future__ import annotations

from dataclasses import replace

from kfnb.pipeline.build.bind_loop_item import ITEMS, take_item
from kfnb.pipeline.build.conditions import LoweredExpression
from kfnb.pipeline.build.plan_steps import Plan, uses_item
from kfnb.pipeline.build.step_preparation import Prepared
from kfnb.pipeline.model import (
    Branch,
    Code,
    Condition,
    Export,
    ExportRef,
    Input,
    ItemRef,
    Loop,
    Node,
    OutputRef,
    Ref,
    Replay,
    Step,
    Truth,
)
from kfnb.pipeline.units.notebook_units import Unit


def place_step(step: Step, unit: Unit, units: tuple[Unit, ...], pending: list[int], plan: Plan) -> list[Node]:
    """Put a step into its loop and condition; steps that evaluate their expressions stand before."""
    nodes: list[Node] = [step]
    before: list[Node] = []
    for index in reversed(pending):
        expression_unit, lowered = units[index], plan.lowered[index]
        if expression_unit.name.startswith("foreach-"):
            nodes = [_loop(step, expression_unit, lowered, nodes, before, plan.prepared.get(index))]
        else:
            inner = uses_item(expression_unit)
            test, text = lowered.test, ""
            if test is None:
                text = expression_unit.expression
                evaluation = _evaluation_step(expression_unit, plan.prepared[index])
                (nodes if inner else before).insert(0, evaluation)
                test = Truth(ExportRef(evaluation.name, "value"))
            rest = nodes[1:] if inner and lowered.test is None else nodes
            condition = Condition(expression_unit.name, (Branch(test, tuple(rest), text),))
            nodes = [nodes[0], condition] if inner and lowered.test is None else [condition]
    return [*before, *nodes]


def _evaluation_step(expression_unit: Unit, prepared: Prepared) -> Step:
    """A step of its own for a condition whose names come from several steps."""
    expression = expression_unit.expression
    export = Export("value", f"bool({expression})")
    return Step(expression_unit.name, (), prepared.ordered(), exports=(export,), label=f"if {expression}")


def _loop(
    step: Step,
    expression_unit: Unit,
    lowered: LoweredExpression,
    nodes: list[Node],
    before: list[Node],
    prepared: Prepared | None,
) -> Loop:
    marks = expression_unit.marks
    assert marks is not None and marks.foreach is not None
    name, variable = f"foreach-{marks.name}", marks.foreach.variable
    first: tuple[Input | Replay, ...]
    items: Ref
    if lowered.items is None and prepared is not None:
        cell = expression_unit.cells[0]
        code = Code(cell.number, f"{ITEMS} = [*({expression_unit.expression})]", cell.line, cell.id)
        export = Export("items", f"list(range(len({ITEMS})))")
        label = f"for each of {expression_unit.expression}"
        before.append(Step(expression_unit.name, (code,), prepared.ordered(), (ITEMS,), exports=(export,), label=label))
        items = ExportRef(expression_unit.name, "items")
        first = (
            Input(ITEMS, OutputRef(expression_unit.name, ITEMS)),
            *take_item(name, variable, ITEMS, cell.number, cell.line),
        )
    elif lowered.indexed:
        cell = expression_unit.cells[0]
        assert lowered.items is not None
        items = lowered.items
        assert isinstance(items, ExportRef)
        collection = expression_unit.expression
        load = Input(collection, OutputRef(items.step, collection))
        first = (load, *take_item(name, variable, f"[*{collection}]", cell.number, cell.line))
    else:
        assert lowered.items is not None
        items = lowered.items
        first = (Input(variable, ItemRef(name)),)
    return Loop(name, items, tuple(_with(n, first) for n in nodes), text=expression_unit.expression)


def _with(node: Node, first: tuple[Input | Replay, ...]) -> Node:
    """Let every step of a loop's body bind the item first."""
    if isinstance(node, Step):
        return replace(node, prepare=(*first, *node.prepare))
    if isinstance(node, Condition):
        return replace(
            node, branches=tuple(replace(b, body=tuple(_with(n, first) for n in b.body)) for b in node.branches)
        )
    return node
