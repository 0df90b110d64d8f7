"""Drafts of conditions, loops and guards while a cell is parsed, and the model's nodes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kfnb.pipeline.model import Branch, Condition, Guard, Loop, Node, Ref, Step, Test
from kfnb.pipeline.program.steps.step_drafts import StepDraft


@dataclass(eq=False)
class BranchDraft:
    when: Test | None
    text: str
    body: list[NodeDraft] = field(default_factory=list)


@dataclass(eq=False)
class ConditionDraft:
    name: str
    branches: list[BranchDraft] = field(default_factory=list)


@dataclass(eq=False)
class LoopDraft:
    name: str
    items: Ref
    text: str
    body: list[NodeDraft] = field(default_factory=list)


@dataclass(eq=False)
class GuardDraft:
    name: str
    body: list[NodeDraft] = field(default_factory=list)
    handler: list[NodeDraft] = field(default_factory=list)


NodeDraft = StepDraft | ConditionDraft | LoopDraft | GuardDraft


def nodes_of(drafts: list[NodeDraft], step: Callable[[StepDraft], Step]) -> tuple[Node, ...]:
    """Turn drafts into the model's nodes. A condition or loop without steps is left out."""
    found: list[Node] = []
    for draft in drafts:
        if isinstance(draft, StepDraft):
            found.append(step(draft))
        elif isinstance(draft, LoopDraft):
            if body := nodes_of(draft.body, step):
                found.append(Loop(draft.name, draft.items, body, text=draft.text))
        elif isinstance(draft, GuardDraft):
            found.append(Guard(draft.name, nodes_of(draft.body, step), nodes_of(draft.handler, step)))
        else:
            branches = [Branch(b.when, nodes_of(b.body, step), b.text) for b in draft.branches]
            while branches and not branches[-1].body:
                branches.pop()
            if branches:
                found.append(Condition(draft.name, tuple(branches)))
    return tuple(found)
