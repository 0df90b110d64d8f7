"""The state of one run, without effects: the results so far decide which steps are ready, skipped or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.local.scheduling.exit_handler_guards import OpenGuard, handler_around, release
from kfnb.engines.local.scheduling.reference_values import ReferenceValues, SkippedByFailure
from kfnb.engines.local.scheduling.step_graph import places_of, required_steps
from kfnb.engines.local.scheduling.step_instances import NotReady, Scope, StepInstances, suffix_of
from kfnb.pipeline.drawing.expression_text import branch_condition, reference_text
from kfnb.pipeline.model import Condition, Constant, Guard, Loop, Node, Pipeline, Step, operands, steps_of
from kfnb.runtime.pods.handover.resolve_references import Broken, Skipped
from kfnb.states import NO_ITEMS

LONGEST_VALUES = 120  #: characters of the values that a reason gives


@dataclass(frozen=True)
class ReadyStep:
    """A step that can run: its path, and the entries of its spec's ``prepare``."""

    path: str
    step: Step
    position: int
    prepare: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class StateChange:
    """The new state of a step that does not run.

    Parameters
    ----------
    state
        ``skipped``, or ``failed`` when a condition, a loop or an input cannot be evaluated.
    failure
        The failure of the step with ``on-failure:continue`` whose value this one needs.
    """

    path: str
    step: str
    position: int
    state: str
    reason: str
    failure: dict[str, Any] | None = None


@dataclass(frozen=True)
class WaitingNode:
    """A node whose inputs are not all there yet."""

    node: Node
    scope: Scope
    guard: OpenGuard | None = None


@dataclass
class RunState:
    """The state of one run. Give it results with `finish`, then ask `advance` what follows.

    Parameters
    ----------
    pipeline, parameters
        The pipeline that runs, and the value of every parameter.
    outcome
        The outcome of the run so far, which its exit handlers read: ``{"state", "step", "message"}``.
    handler_facts
        Returns what else an exit handler can read about the run. It is called when the handler begins.
    closed
        Whether handlers no longer begin.
    """

    pipeline: Pipeline
    parameters: dict[str, Any]
    outcome: dict[str, Any] = field(default_factory=lambda: {"state": "succeeded", "step": None, "message": ""})
    handler_facts: Callable[[], dict[str, Any]] = dict
    closed: bool = False
    instances: StepInstances = field(init=False)
    references: ReferenceValues = field(init=False)
    waiting: list[WaitingNode] = field(default_factory=list)
    dropped: list[WaitingNode] = field(default_factory=list)  #: nodes that never became ready, since the run ended
    omitted: set[str] = field(default_factory=set)  #: steps that were ready when the run ended
    guards: dict[str, OpenGuard | None] = field(default_factory=dict)  #: the guard around every ready or running step
    required: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: the steps that each guard waits for
    statuses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.instances = StepInstances(places_of(self.pipeline))
        self.references = ReferenceValues(self.instances, self.parameters, self.statuses)
        self._enqueue(self.pipeline.body, (), None)

    # ---------------------------------------------------------------- results
    def finish(self, path: str, state: str, result: dict[str, Any]) -> None:
        """Record that a step has ended."""
        self.instances.states[path] = state
        self.instances.results[path] = result
        release(self.guards.pop(path, None), self._begin_handler)

    def tolerate_failure(self, path: str, result: dict[str, Any], failure: dict[str, Any]) -> None:
        """Record the failure of a step with ``on-failure:continue``. Steps that need its values are skipped."""
        self.instances.failures[path] = failure
        self.finish(path, "failed", result)

    # ---------------------------------------------------------------- the end of the run
    def stop(self, failed: str | None = None) -> None:
        """Begin nothing new, except the handlers of guards that were entered.

        The handler that contains the step ``failed`` ends as well.
        """
        broken = handler_around(self.guards.get(failed or ""))
        waiting, self.waiting = self.waiting, []
        ended: list[WaitingNode] = []
        for entry in waiting:
            handler = handler_around(entry.guard)
            continues = not self.closed and handler is not None and handler is not broken
            (self.waiting if continues else ended).append(entry)
        self.dropped += ended
        for entry in ended:
            release(entry.guard, self._begin_handler)

    def continues_after_stop(self, path: str, failed: str | None = None) -> bool:
        """Whether a step that is ready still begins after `stop`."""
        handler = handler_around(self.guards.get(path))
        return not self.closed and handler is not None and handler is not handler_around(self.guards.get(failed or ""))

    def drop(self, path: str) -> None:
        """Record that a step that was ready does not begin."""
        self.omitted.add(path)
        release(self.guards.pop(path, None), self._begin_handler)

    def in_handler(self, path: str) -> bool:
        """Whether the step is part of an exit handler."""
        return handler_around(self.guards.get(path)) is not None

    def guarded_paths(self, path: str) -> list[str] | None:
        """The paths of the steps in the body whose handler has this step; ``None`` for a step in no handler."""
        handler = handler_around(self.guards.get(path))
        if handler is None:
            return None
        names, suffix = {s.name for s in steps_of(handler.node.body)}, suffix_of(handler.scope)
        return [
            p
            for p in self.instances.states
            if p.partition("[")[0] in names and p[len(p.partition("[")[0]) :].startswith(suffix)
        ]

    def current_states(self) -> dict[str, str]:
        """The state of every step that has one, in reading order. Steps that the run's end prevented are omitted."""
        states = {p: "omitted" if p in self.omitted else state for p, state in self.instances.states.items()}
        for entry in self.dropped:
            for step in steps_of((entry.node,)):
                states.setdefault(self.instances.path(step.name, entry.scope), "omitted")
        return {path: states[path] for path in sorted(states, key=self.instances.reading_order)}

    def pending(self) -> Iterator[tuple[str, str, int]]:
        """Path, step and position of every step that has no state yet."""
        for entry in (*self.dropped, *self.waiting):
            for step in steps_of((entry.node,)):
                path = self.instances.path(step.name, entry.scope)
                if path not in self.instances.states:
                    yield path, step.name, self.instances.places[step.name].position

    # ---------------------------------------------------------------- what follows
    def advance(self) -> Iterator[ReadyStep | StateChange]:
        """Yield the steps whose next state follows from the results so far. Call it again after each `finish`."""
        progressed = True
        while progressed:
            progressed = False
            waiting, self.waiting = self.waiting, []
            for entry in waiting:
                try:
                    decided = list(self._visit(entry.node, entry.scope, entry.guard))
                except NotReady:
                    self.waiting.append(entry)
                    continue
                progressed = True
                if not any(isinstance(f, ReadyStep) for f in decided):
                    release(entry.guard, self._begin_handler)
                yield from decided

    def _visit(self, node: Node, scope: Scope, guard: OpenGuard | None) -> Iterator[ReadyStep | StateChange]:
        if isinstance(node, Step):
            yield self._step(node, scope, guard)
        elif isinstance(node, Condition):
            yield from self._condition(node, scope, guard)
        elif isinstance(node, Guard):
            self._enter(node, scope, guard)
        else:
            yield from self._loop(node, scope, guard)

    def _enqueue(self, nodes: tuple[Node, ...], scope: Scope, guard: OpenGuard | None) -> None:
        self.waiting += [WaitingNode(n, scope, guard) for n in nodes]
        if guard is not None:
            guard.open_count += len(nodes)

    def _enter(self, node: Guard, scope: Scope, parent: OpenGuard | None) -> None:
        """Enter a guard as soon as every step outside it that it needs has ended, as on a cluster."""
        if node.name not in self.required:
            self.required[node.name] = required_steps(node)
        for name in self.required[node.name]:
            self.instances.require_final(name, scope)
        guard = OpenGuard(node, scope, parent, open_count=1)
        if parent is not None:
            parent.open_count += 1
        self._enqueue(node.body, scope, guard)
        release(guard, self._begin_handler)

    def _begin_handler(self, guard: OpenGuard) -> None:
        """Begin the handler of a guard whose body has ended."""
        self.statuses[(guard.node.name, suffix_of(guard.scope))] = {**self.outcome, **self.handler_facts()}
        if self.closed:
            self.dropped += [WaitingNode(n, guard.scope) for n in guard.node.handler]
        else:
            self._enqueue(guard.node.handler, guard.scope, guard)

    def _step(self, step: Step, scope: Scope, guard: OpenGuard | None) -> ReadyStep | StateChange:
        path = self.instances.path(step.name, scope)
        for name in step.after:
            self.instances.require_final(name, scope)
        prepare: list[dict[str, Any]] = []
        try:
            for item in step.prepare:
                prepare += self.references.prepare_entries(item, scope)
        except Skipped as skipped:
            if isinstance(skipped, SkippedByFailure):
                self.instances.failures[path] = skipped.failure
            return self._change(step, path, "skipped", str(skipped))
        except Broken as error:
            return self._change(step, path, "failed", str(error))
        self.instances.states[path] = "pending"
        self.guards[path] = guard
        return ReadyStep(path, step, self.instances.places[step.name].position, tuple(prepare))

    def _condition(self, node: Condition, scope: Scope, guard: OpenGuard | None) -> Iterator[StateChange]:
        chosen: int | None = None
        reason = ""
        try:
            for index, branch in enumerate(node.branches):
                if branch.when is None or self.references.holds(branch.when, scope):
                    chosen = index
                    break
            reason = "another branch was taken" if chosen is not None else f"`{_text_of(node)}` was false"
            reason += self._deciding(node, scope) if chosen is None else ""
        except Skipped as skipped:
            reason = str(skipped)
        except Broken as error:
            yield from self._fail(node, scope, f"the condition `{_text_of(node)}` cannot be evaluated: {error}")
            return
        for index, branch in enumerate(node.branches):
            if index == chosen:
                self._enqueue(branch.body, scope, guard)
            else:
                yield from self._skip(branch.body, scope, reason)

    def _deciding(self, node: Condition, scope: Scope) -> str:
        """The values that a condition compared, for its reason: ``: score = 0.43``."""
        found: dict[str, None] = {}
        for ref in (ref for branch in node.branches if branch.when is not None for ref in operands(branch.when)):
            with suppress(NotReady, Skipped):  # Python does not look at it either, when what stands before it decides
                text = reference_text(ref)
                if not isinstance(ref, Constant) and text in _text_of(node):
                    found[f"{text} = {self.references.plain_value(ref, scope)!r}"] = None
        shown = ", ".join(found)
        return f": {shown}" if 0 < len(shown) <= LONGEST_VALUES else ""

    def _loop(self, node: Loop, scope: Scope, guard: OpenGuard | None) -> Iterator[StateChange]:
        key = (node.name, suffix_of(scope))
        try:
            items = self.references.plain_value(node.items, scope)
        except Skipped as skipped:
            self.instances.loop_sizes[key] = None
            yield from self._skip(node.body, scope, str(skipped))
            return
        except Broken as error:
            yield from self._fail(node, scope, f"the items of `{node.name}` cannot be evaluated: {error}")
            return
        if not isinstance(items, list):
            yield from self._fail(node, scope, f"the items of `{node.name}` are no list but {items!r}"[:300])
            return
        self.instances.loop_sizes[key] = len(items)
        if not items:
            yield from self._skip(node.body, scope, NO_ITEMS)
        for index, item in enumerate(items):
            self._enqueue(node.body, (*scope, (node.name, index, item)), guard)

    # ---------------------------------------------------------------- steps that do not run
    def _skip(self, body: tuple[Node, ...], scope: Scope, reason: str) -> Iterator[StateChange]:
        for node in body:
            if isinstance(node, Step):
                yield self._change(node, self.instances.path(node.name, scope), "skipped", reason)
            elif isinstance(node, Condition):
                for branch in node.branches:
                    yield from self._skip(branch.body, scope, reason)
            elif isinstance(node, Guard):
                yield from self._skip((*node.body, *node.handler), scope, reason)
            else:
                self.instances.loop_sizes.setdefault((node.name, suffix_of(scope)), None)
                yield from self._skip(node.body, scope, reason)

    def _fail(self, node: Condition | Loop, scope: Scope, reason: str) -> Iterator[StateChange]:
        for step in steps_of((node,)):
            yield self._change(step, self.instances.path(step.name, scope), "failed", reason)

    def _change(self, step: Step, path: str, state: str, reason: str) -> StateChange:
        self.instances.states[path] = state
        position = self.instances.places[step.name].position
        return StateChange(path, step.name, position, state, reason, self.instances.failures.get(path))


def _text_of(node: Condition) -> str:
    """A condition as the user wrote it, as far as the model still has its text."""
    return " / ".join(branch_condition(b) for b in node.branches if b.when is not None)
