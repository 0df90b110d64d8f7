"""Parses ``if``, ``elif`` and ``else``, and merges the bindings of their branches."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from kfnb.pipeline.model import Merge, Ref
from kfnb.pipeline.program.control_flow.branch_conditions import ConditionParser, LoweredCondition
from kfnb.pipeline.program.control_flow.control_flow_nodes import BranchDraft, ConditionDraft
from kfnb.pipeline.program.parser_protocol import Parser
from kfnb.pipeline.program.steps.backward_slices import Block, If
from kfnb.pipeline.program.steps.step_drafts import Binding, always
from kfnb.pipeline.program.steps.step_placement import calls_component


@dataclass
class BranchParser:
    parser: Parser

    def parse(self, node: ast.If) -> None:
        state = self.parser.state
        name = state.unique_name("if")
        text = ast.unparse(node.test)
        expression = self.parser.expression(node.test)
        conditions = ConditionParser(state)
        asked = conditions.without_step(expression, name, text) or conditions.by_step(expression, name, text, node.test)
        draft = ConditionDraft(name)
        statement = If(node.lineno + state.line_offset)
        outer, nodes, before = state.block, state.nodes, state.scope
        at = len(outer.statements)
        outer.statements.append(statement)
        ends: list[dict[str, Binding]] = []
        count = len(state.drafts)
        test: LoweredCondition | None = asked
        texts: list[str] = []
        orelse, body = node.orelse, node.body
        while True:
            texts += [text] if test is not None else []
            draft.branches.append(BranchDraft(test.test if test else None, text if test else ""))
            if test is not None:
                statement.tests.append((test.code, test.uses))
            state.block = Block(outer, at, statement)
            statement.arms.append(state.block)
            state.scope = dict(before)
            state.nodes = draft.branches[-1].body
            why = f"runs only if {test.why}" if test else f"runs only if not `{'`, not `'.join(texts)}`"
            steps = test.steps if test else asked.steps
            state.enclosing.append((steps, why))
            self.parser.body(body)
            state.enclosing.pop()
            ends.append(state.scope)
            if test is None or not orelse:
                break
            state.block, state.scope, state.nodes = outer, before, nodes
            test, text, body, orelse = self._next(orelse, f"{name}-{len(draft.branches) + 1}")
        if test is not None:
            ends.append(before)
        state.block, state.scope, state.nodes = outer, before, nodes
        nodes.append(draft)
        statement.definitions = frozenset(n for arm in statement.arms for n in arm.definitions())
        state.scope = _merged(before, ends, set(list(state.drafts)[count:]), " or ".join(texts))

    def _next(
        self, orelse: list[ast.stmt], label: str
    ) -> tuple[LoweredCondition | None, str, list[ast.stmt], list[ast.stmt]]:
        """The next branch: an ``elif`` whose condition needs no extra step, else everything that follows as ``else``."""
        first = orelse[0]
        if len(orelse) == 1 and isinstance(first, ast.If):
            state = self.parser.state
            if not calls_component(state, first.test):
                text = ast.unparse(first.test)
                asked = ConditionParser(state).without_step(self.parser.expression(first.test), label, text)
                if asked is not None:
                    return asked, text, first.body, first.orelse
        return None, "", orelse, []


def _merged(
    before: dict[str, Binding], ends: list[dict[str, Binding]], inside: set[str], text: str
) -> dict[str, Binding]:
    """Merge the bindings at the ends of the branches."""
    env = dict(before)
    for name in dict.fromkeys(n for end in ends for n in end):
        values = [end.get(name) for end in ends]
        known = [v for v in values if v is not None]
        if len(known) == len(values) and all(v is known[0] for v in known):
            env[name] = known[0]
            continue
        kinds = {v.type for v in known}
        env[name] = Binding(
            _one_ref([v.ref for v in known], inside), kinds.pop() if len(kinds) == 1 else "",
            all(v.container for v in known), text if len(known) < len(values) else next((v.only_if for v in known if v.only_if), ""),
            known[-1].line,
        )  # fmt: skip
    return env


def _one_ref(refs: list[Ref | None], inside: set[str]) -> Ref | None:
    """One reference for all branches, or ``None``: it takes the first value whose step was not skipped, like a phi node."""
    candidates: list[Ref] = []
    standing: list[Ref] = []
    for ref in refs:
        if ref is None:
            return None
        if not always(ref, inside):
            candidates += ref.candidates if isinstance(ref, Merge) else (ref,)
        elif ref not in standing:
            standing.append(ref)
    if len(standing) > 1:
        return None
    merged = [*reversed(candidates), *standing]
    return merged[0] if len(merged) == 1 else Merge(tuple(merged))
