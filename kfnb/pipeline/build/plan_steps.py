"""Plans the steps: what each one prepares, what its condition and loop become, and which names it must store."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kfnb.pipeline.build.conditions import ExpressionLowering, LoweredExpression
from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.build.step_preparation import Prepared, Preparer
from kfnb.pipeline.checks.file_order import FileOrder
from kfnb.pipeline.model import Export
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION, STEP
from kfnb.thread_safe_parser import parse


@dataclass
class Plan:
    """What the builder knows of each step before it makes the step."""

    prepared: dict[int, Prepared] = field(default_factory=dict)
    lowered: dict[int, LoweredExpression] = field(default_factory=dict)
    exports: dict[int, list[Export]] = field(default_factory=dict)
    live_outputs: dict[int, set[str]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)  #: step to the steps it waits for because of a file


def plan_steps(units: tuple[Unit, ...], flow: Flow, files: tuple[FileOrder, ...]) -> Plan:
    """Prepare every step, and lower the expressions of its ``when`` and ``foreach`` marks."""
    plan = Plan()
    for order in files:
        plan.files.setdefault(order.after.name, []).append(order.before.name)
    preparer, lowering = Preparer(units, flow), ExpressionLowering(units, flow)
    for index, unit in enumerate(units):
        if unit.kind == EXPRESSION:
            plan.lowered[index] = _lower_expression(index, unit, lowering, plan.lowered.get(index - 1))
            for maker, exports in plan.lowered[index].exports.items():
                mine = plan.exports.setdefault(maker, [])
                mine += [e for e in exports if e not in mine]
            if plan.lowered[index].indexed:
                (maker,) = plan.lowered[index].exports
                plan.live_outputs.setdefault(maker, set()).add(unit.expression)
            if _needs_own_step(plan.lowered[index], unit):
                plan.prepared[index] = preparer.prepare(index)
        elif unit.kind == STEP:
            plan.prepared[index] = preparer.prepare(index)
    for prepared in plan.prepared.values():
        for maker, names in prepared.live_outputs.items():
            plan.live_outputs.setdefault(maker, set()).update(names)
    return plan


def _lower_expression(
    index: int, unit: Unit, lowering: ExpressionLowering, before: LoweredExpression | None
) -> LoweredExpression:
    """Lower the expression of ``when`` or ``foreach``; ``before`` is the result for the items that a ``when`` tests."""
    marks = unit.marks
    if unit.name.startswith("foreach-"):
        return lowering.foreach(index)
    whole = before is not None and before.items is not None and not before.indexed
    inner = marks is not None and marks.foreach is not None and uses_item(unit) and whole
    item = (marks.foreach.variable, f"foreach-{marks.name}") if inner and marks is not None and marks.foreach else None
    return lowering.when(index, item)


def uses_item(unit: Unit) -> bool:
    marks = unit.marks
    if marks is None or marks.foreach is None:
        return False
    return marks.foreach.variable in {n.id for n in ast.walk(parse(unit.expression)) if isinstance(n, ast.Name)}


def _needs_own_step(lowered: LoweredExpression, unit: Unit) -> bool:
    return lowered.items is None if unit.name.startswith("foreach-") else lowered.test is None
