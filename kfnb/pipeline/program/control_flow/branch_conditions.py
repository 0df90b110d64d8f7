"""Lowers conditions: the engine compares plain values; other conditions are evaluated in the step that defines their names."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass

from kfnb.analysis.syntax.ast_queries import is_value, literal_value
from kfnb.notebook.marks.mark_table import MAX_DEPTH, depth_of
from kfnb.pipeline.build.conditions import OPERATORS
from kfnb.pipeline.model import (
    All,
    Any_,
    Compare,
    Constant,
    ExportRef,
    Input,
    ItemRef,
    Merge,
    Not,
    OutputRef,
    ParameterRef,
    Ref,
    Replay,
    StatusRef,
    Test,
    Truth,
    operands,
    sources,
)
from kfnb.pipeline.parameters.value_schema import is_json
from kfnb.pipeline.program.parsed_expression import Expression
from kfnb.pipeline.program.parser_state import ParserState
from kfnb.pipeline.program.steps.backward_slices import Item
from kfnb.pipeline.program.steps.component_definitions import SCALARS
from kfnb.pipeline.program.steps.step_drafts import StepDraft
from kfnb.pipeline.program.steps.step_placement import code_at, new_step


@dataclass(frozen=True)
class LoweredCondition:
    """A condition that the engine can test.

    Parameters
    ----------
    test
        The test of the engine.
    code, uses
        The same in a slice of the cell, and the names this uses.
    steps, why
        The steps that evaluate it, and how, in the user's words.
    """

    test: Test
    code: str
    uses: frozenset[str]
    steps: tuple[str, ...]
    why: str


@dataclass
class ConditionParser:
    state: ParserState

    def without_step(self, expression: Expression, label: str, text: str) -> LoweredCondition | None:
        """Lower a condition without an extra step, if that is possible."""
        if depth_of(expression.node) > MAX_DEPTH:
            way_out = "work it out in lines of their own, or in a component"
            raise self.state.error("KF113", f"this condition is nested deeper than {MAX_DEPTH} levels", way_out, expression.node)  # fmt: skip
        return self._compared(expression, text) or self._in_step(expression, label, text)

    def by_step(self, expression: Expression, label: str, text: str, node: ast.expr) -> LoweredCondition:
        """Lower a condition with an extra step, because its names come from several steps or from none."""
        state = self.state
        draft = new_step(self.state, label.replace("if", "decide", 1), node)
        state.add_uses(draft, expression.names, node)
        ref = draft.export("value", f"bool({ast.unparse(expression.node)})")
        name = state.temporary_name("if")
        draft.call.outputs[name] = ref
        draft.decisions.append(f"works out `{text}`: its names do not come from one step alone")
        return LoweredCondition(
            Truth(ref), name, frozenset((name,)), (draft.name,), f"`{text}`, worked out in {draft.name}"
        )

    # ---------------------------------------------------------------- compared by the engine
    def _compared(self, expression: Expression, text: str) -> LoweredCondition | None:
        test = self._test(expression.node)
        if test is None:
            return None
        refs = [r for operand in operands(test) for r in sources(operand)]
        for ref in refs:
            draft = self.state.drafts[ref.step]
            if draft.command is None:
                draft.export(ref.name, ref.name)
        for name in expression.names:
            value = self.state.scope.get(name)
            if value is not None and isinstance(value.ref, ParameterRef):
                self.state.use_parameter(value.ref.name)
        steps = tuple(dict.fromkeys(r.step for r in refs))
        why = f"`{text}`, compared by the engine (no extra step)"
        return LoweredCondition(test, ast.unparse(expression.node), frozenset(expression.names), steps, why)

    def _test(self, node: ast.expr) -> Test | None:
        if isinstance(node, ast.BoolOp):
            tests = [self._test(v) for v in node.values]
            known = tuple(t for t in tests if t is not None)
            if len(known) < len(tests):
                return None
            return All(known) if isinstance(node.op, ast.And) else Any_(known)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._test(node.operand)
            return None if inner is None else Not(inner)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if is_value(node):
            return Truth(Constant(bool(literal_value(node))))
        ref = self._operand(node)
        return None if ref is None else Truth(ref)

    def _comparison(self, node: ast.Compare) -> Test | None:
        refs = [self._operand(s, isinstance(op, (ast.In, ast.NotIn))) for s, op in zip([node.left, *node.comparators], [ast.Eq(), *node.ops], strict=True)]  # fmt: skip
        known = [r for r in refs if r is not None]
        if len(known) < len(refs):
            return None
        pairs = tuple(
            Compare(left, OPERATORS[type(op)], right)
            for left, op, right in zip(known, node.ops, known[1:], strict=False)
        )
        if any(p.op in ("is", "is-not") and not _single(p.right) for p in pairs):
            return None
        return pairs[0] if len(pairs) == 1 else All(pairs)

    def _operand(self, node: ast.expr, among: bool = False) -> Ref | None:
        if is_value(node):
            value = literal_value(node)
            if among and isinstance(value, (tuple, set)):
                value = list(value)
            return Constant(value) if is_json(value) else None
        value_of = self.state.scope.get(node.id) if isinstance(node, ast.Name) else None
        if value_of is None or value_of.ref is None:
            return None
        if isinstance(value_of.ref, (ParameterRef, Constant)):
            return value_of.ref
        return _exported(value_of.ref) if value_of.type in SCALARS else None

    # ---------------------------------------------------------------- in the step that makes the names
    def _in_step(self, expression: Expression, label: str, text: str) -> LoweredCondition | None:
        state = self.state
        items, outside = state.definitions_of(expression.names, expression.node)
        draft = step_with_all(state, items)
        if draft is None:
            return None
        source = ast.unparse(expression.node)
        replays = [i.code.source for i in items if isinstance(i, Replay)]
        given = [i for i in items if isinstance(i, Input)]
        renamed = any(isinstance(i.ref, OutputRef) and i.ref.name != i.name for i in given)
        if replays or renamed:
            # the function keeps the names of the slice out of the step's namespace
            function = f"_kfnb_{label.replace('-', '_')}"
            lines = textwrap.indent("\n".join([*replays, f"return bool({source})"]), "    ")
            names = ", ".join(i.name for i in given)
            values = ", ".join(i.ref.name if isinstance(i.ref, OutputRef) else i.name for i in given)
            line = expression.node.lineno
            draft.codes.append(code_at(self.state, f"def {function}({names}):\n{lines}", line))
            source = f"{function}({values})"
        else:
            source = f"bool({source})"
        extra = [i for i in given if not isinstance(i.ref, OutputRef)]
        state.add_inputs(draft, extra, outside, expression.node.lineno)
        name = state.temporary_name("if")
        ref = draft.export(label, source, late=True)
        draft.call.outputs[name] = ref
        draft.decisions.append(f"also works out `{text}` for {label}: all its names are made here (no extra step)")
        why = f"`{text}`, worked out in {draft.name} (no extra step)"
        return LoweredCondition(Truth(ref), name, frozenset((name,)), (draft.name,), why)


def step_with_all(state: ParserState, items: list[Item]) -> StepDraft | None:
    """The only Python step that defines some of ``items``, if it can get the others as inputs."""
    steps: set[str] = set()
    for item in items:
        if isinstance(item, Replay):
            continue
        if isinstance(item.ref, OutputRef):
            if not item.required:  # its branch may be skipped, but the condition needs a value anyway
                return None
            steps.add(item.ref.step)
        elif not isinstance(item.ref, (ParameterRef, Constant)):
            return None
    if len(steps) != 1:
        return None
    draft = state.drafts[steps.pop()]
    if draft.command is not None or (not draft.codes):
        return None
    mine: dict[str, Ref | None] = {i.name: i.ref for i in draft.prepare if isinstance(i, Input)}
    mine.update(dict.fromkeys(draft.definitions))
    for item in items:
        if (
            isinstance(item, Input)
            and not isinstance(item.ref, OutputRef)
            and mine.get(item.name, item.ref) != item.ref
        ):
            return None
    return draft


def _exported(ref: Ref) -> Ref | None:
    if isinstance(ref, OutputRef):
        return ExportRef(ref.step, ref.name)
    if isinstance(ref, Merge):
        made = [_exported(c) for c in ref.candidates]
        known = tuple(m for m in made if m is not None)
        return Merge(known) if len(known) == len(made) else None
    return ref if isinstance(ref, (Constant, ParameterRef, ItemRef, StatusRef)) else None


def _single(ref: Ref) -> bool:
    return isinstance(ref, Constant) and (ref.value is None or isinstance(ref.value, bool))
