"""Lowers the expressions of ``when`` and ``foreach`` to tests over references, evaluated in the step that defines their names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kfnb.analysis.syntax.ast_queries import is_value, literal_value, names_in
from kfnb.analysis.units.unit_record import PREDEFINED
from kfnb.pipeline.build.reaching_definitions import Flow, Use
from kfnb.pipeline.model import (
    All,
    Any_,
    Compare,
    Constant,
    Export,
    ExportRef,
    ItemRef,
    Json,
    Merge,
    Not,
    ParameterRef,
    Ref,
    Test,
    Truth,
)
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import PARAMETER, SHARED, STEP
from kfnb.thread_safe_parser import parse_expression

OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not-in", ast.Is: "is", ast.IsNot: "is-not",
}  # fmt: skip


@dataclass
class LoweredExpression:
    """The result of lowering one expression.

    Parameters
    ----------
    test
        For ``when``; ``None`` if an extra step must evaluate the expression.
    items
        For ``foreach``: a reference to a JSON list.
    indexed
        The items are positions in the list that the expression gives, which the step takes whole.
    exports
        The values that steps must export, by unit.
    """

    test: Test | None = None
    items: Ref | None = None
    indexed: bool = False
    exports: dict[int, list[Export]] = field(default_factory=dict)

    def export(self, index: int, export: Export) -> None:
        exports_of_step = self.exports.setdefault(index, [])
        if export not in exports_of_step:
            exports_of_step.append(export)


class _NeedsOwnStep(Exception):
    """The expression needs a step of its own."""


class ExpressionLowering:
    """Lowers the expressions of one notebook over its data flow."""

    def __init__(self, units: tuple[Unit, ...], flow: Flow) -> None:
        self.units, self.flow = units, flow

    def when(self, index: int, item: tuple[str, str] | None = None) -> LoweredExpression:
        """Lower a condition. ``item`` is the variable and the name of the loop if the condition is tested for each item."""
        unit = self.units[index]
        lowered = LoweredExpression()
        lowering = _Lowering(self, index, lowered, item)
        try:
            lowered.test = lowering.test(parse_expression(unit.expression))
        except _NeedsOwnStep:
            return LoweredExpression()
        return lowered

    def foreach(self, index: int) -> LoweredExpression:
        node = parse_expression(self.units[index].expression)
        lowered = LoweredExpression()
        known = _constant_items(node)
        if known is not None:
            lowered.items = Constant(known)
            return lowered
        if isinstance(node, ast.Name) and node.id in self.flow.uses[index]:
            use = self.flow.uses[index][node.id]
            lowering = _Lowering(self, index, lowered, None)
            literal = lowering.shared_literal(use)
            if isinstance(literal, list):
                lowered.items = Constant(literal)
            elif [self.units[m].kind for m in use.definitions] == [PARAMETER]:
                lowered.items = ParameterRef(node.id)
            elif (maker := lowering.single_step({node.id})) is not None:
                label = f"{self.units[index].name}"
                lowered.export(maker, Export(label, f"list(range(len([*{node.id}])))"))
                lowered.items = ExportRef(self.units[maker].name, label)
                lowered.indexed = True
        return lowered


@dataclass
class _Lowering:
    parent: ExpressionLowering
    index: int
    lowered: LoweredExpression
    item: tuple[str, str] | None

    @property
    def uses(self) -> dict[str, Use]:
        return dict(self.parent.flow.uses[self.index])

    def test(self, node: ast.expr) -> Test:
        if isinstance(node, ast.BoolOp):
            tests = tuple(self.test(v) for v in node.values)
            return All(tests) if isinstance(node.op, ast.And) else Any_(tests)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.test(node.operand))
        if isinstance(node, ast.Compare):
            found = self._compare(node)
            if found is not None:
                return found
        elif isinstance(node, ast.Name) and self._only_parameters(node.id):
            return Truth(self._operand(node) or Constant(False))
        elif is_value(node):
            return Truth(Constant(bool(literal_value(node))))
        return Truth(self._evaluated(node))

    def _compare(self, node: ast.Compare) -> Test | None:
        """A chain of comparisons between names and constants; ``None`` when a side is more than that."""
        sides = [node.left, *node.comparators]
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            if any(isinstance(s, ast.Name) and not self._only_parameters(s.id) for s in sides):
                return None  # any object may be compared with None, not only what JSON can hold
        for op, right in zip(node.ops, node.comparators, strict=True):
            if (
                isinstance(op, (ast.In, ast.NotIn))
                and isinstance(right, ast.Name)
                and not self._only_parameters(right.id)
            ):
                return None  # a collection may be anything, and large
        refs: list[Ref] = []
        for side in sides:
            ref = self._operand(side)
            if ref is None:
                return None
            refs.append(ref)
        pairs = tuple(
            Compare(left, OPERATORS[type(op)], right) for left, op, right in zip(refs, node.ops, refs[1:], strict=False)
        )
        return pairs[0] if len(pairs) == 1 else All(pairs)

    def _operand(self, node: ast.expr) -> Ref | None:
        if is_value(node):
            value = literal_value(node)
            value = list(value) if isinstance(value, (tuple, set)) else value
            return Constant(value) if is_json(value) else None
        if not isinstance(node, ast.Name):
            return None
        if self.item is not None and node.id == self.item[0]:
            return ItemRef(self.item[1])
        use = self.uses.get(node.id)
        if use is None or not use.definitions:
            return None
        literal = self.shared_literal(use)
        if literal is not None:
            return Constant(literal)
        refs: list[Ref] = []
        for maker in use.definitions:
            unit = self.parent.units[maker]
            if unit.kind == PARAMETER:
                refs.append(ParameterRef(node.id))
            elif unit.kind == STEP and not (unit.marks is not None and unit.marks.foreach):
                refs.append(ExportRef(unit.name, node.id))
            else:
                return None
        for maker in use.definitions:
            if self.parent.units[maker].kind == STEP:
                self.lowered.export(maker, Export(node.id, node.id))
        return refs[0] if len(refs) == 1 else Merge(tuple(refs))

    def _only_parameters(self, name: str) -> bool:
        if self.item is not None and name == self.item[0]:
            return True
        use = self.uses.get(name)
        return (
            use is not None
            and all(self.parent.units[m].kind == PARAMETER for m in use.definitions)
            and bool(use.definitions)
        )

    def shared_literal(self, use: Use) -> Json | None:
        """The JSON value of ``name = literal`` in shared code."""
        if len(use.definitions) != 1 or self.parent.units[use.definitions[0]].kind != SHARED:
            return None
        statement = self.parent.units[use.definitions[0]].cells[0].tree.body[0]
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and is_value(statement.value)
        ):
            value = literal_value(statement.value)
            return value if is_json(value) else None
        return None

    def _evaluated(self, node: ast.expr) -> Ref:
        """Evaluate the truth of ``node`` in the one step that defines its names."""
        names = names_in(node) - PREDEFINED
        maker = self.single_step(names)
        if maker is None:
            raise _NeedsOwnStep
        label = self.parent.units[self.index].name
        same = [e for e in self.lowered.exports.get(maker, []) if e.name.startswith(label)]
        label = label if not same else f"{label}-{len(same) + 1}"
        self.lowered.export(maker, Export(label, f"bool({ast.unparse(node)})"))
        return ExportRef(self.parent.units[maker].name, label)

    def single_step(self, names: set[str]) -> int | None:
        """The step that surely defines all of ``names``, or has exactly these versions of them."""
        units, flow = self.parent.units, self.parent.flow
        uses = self.uses
        if not names <= set(uses):
            return None
        makers = {m for n in names for m in uses[n].definitions if units[m].kind == STEP}
        if len(makers) != 1:
            return None
        (maker,) = makers
        marks = units[maker].marks
        if marks is not None and (marks.foreach is not None or marks.shell):
            return None
        for name in names:
            if uses[name].definitions == (maker,):
                continue
            if maker in uses[name].definitions or flow.uses[maker].get(name) != uses[name]:
                return None
        return maker


def _constant_items(node: ast.expr) -> list[Json] | None:
    """The items of a literal list, tuple or ``range``."""
    if isinstance(node, (ast.List, ast.Tuple)) and is_value(node):
        value = list(literal_value(node))
        return value if is_json(value) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords:
        if all(is_value(a) for a in node.args) and node.args:
            try:
                return list(range(*(literal_value(a) for a in node.args)))[:100_000]
            except (TypeError, ValueError):
                return None
    return None
