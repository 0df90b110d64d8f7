"""What runs next: conditions, loops, merges and skips, decided as values arrive. No effects; the scheduler has those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.local.scheduling.exit_handler_guards import Open, Scope, close, handling
from kfnb.engines.local.scheduling.step_graph import Place, awaited, places_of
from kfnb.engines.step_spec import replayed
from kfnb.pipeline.drawing.expression_text import asked
from kfnb.pipeline.model import (
    All,
    Any_,
    Collected,
    Compare,
    Condition,
    Constant,
    ExportRef,
    Guard,
    Input,
    ItemRef,
    Loop,
    Merge,
    Node,
    Not,
    OutputRef,
    ParameterRef,
    Pipeline,
    Ref,
    Replay,
    StatusRef,
    Step,
    Test,
    Truth,
    steps_of,
)
from kfnb.runtime.pods.resolve_references import COMPARE, Broken, Skipped
from kfnb.states import NO_ITEMS

DONE = ("succeeded", "cached")


class SkippedByFailure(Skipped):
    """A value will not be made, since a step failed that may fail; ``failure`` says which."""

    def __init__(self, reason: str, failure: dict[str, Any]) -> None:
        super().__init__(reason)
        self.failure = failure


class NotYet(Exception):
    """A value is still being made."""


@dataclass(frozen=True)
class Ready:
    """A step that can run: its path, and what its spec's ``prepare`` says."""

    path: str
    step: Step
    position: int
    prepare: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Change:
    """A step's new state that needs no running: ``skipped``, or ``failed`` where a condition or loop is broken.

    ``failure``: of the step that was let fail, whose value this one needs.
    """

    path: str
    step: str
    position: int
    state: str
    reason: str
    failure: dict[str, Any] | None = None


@dataclass
class Waiting:
    node: Node
    scope: Scope
    guard: Open | None = None


@dataclass
class Core:
    """The state of one run. Feed it results with `finish`; ask `advance` what follows.

    Parameters
    ----------
    pipeline, parameters
        What is run.
    ended
        How the run stands, for handlers: ``{"state", "step", "message"}``.
    about
        What else handlers are told of the run, when one begins.
    """

    pipeline: Pipeline
    parameters: dict[str, Any]
    places: dict[str, Place] = field(init=False)
    states: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)  #: of steps that were let fail, or need one
    expanded: dict[tuple[str, str], int | None] = field(default_factory=dict)  #: loop and scope: items; None: skipped
    waiting: list[Waiting] = field(default_factory=list)
    dropped: list[Waiting] = field(default_factory=list)  #: what the run's end left undone
    guards: dict[str, Open | None] = field(default_factory=dict)  #: of every step that is ready or runs
    awaited: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: what each guard waits for
    statuses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=lambda: {"state": "succeeded", "step": None, "message": ""})
    closed: bool = False  #: no handler begins any more
    gone: set[str] = field(default_factory=set)  #: steps that were ready when the run's end came
    about: Callable[[], dict[str, Any]] = dict

    def __post_init__(self) -> None:
        self.places = places_of(self.pipeline)
        self._add(self.pipeline.body, (), None)

    # ---------------------------------------------------------------- what follows
    def finish(self, path: str, state: str, result: dict[str, Any]) -> None:
        """A step has ended."""
        self._final(path, state, result)

    def let_fail(self, path: str, result: dict[str, Any], failure: dict[str, Any]) -> None:
        """A step has failed that may: what needs its values is skipped, the rest goes on."""
        self.failures[path] = failure
        self._final(path, "failed", result)

    def _final(self, path: str, state: str, result: dict[str, Any]) -> None:
        self.states[path] = state
        self.results[path] = result
        close(self.guards.pop(path, None), self._begin)

    def stop(self, failed: str | None = None) -> None:
        """Nothing new begins but handlers of guards that were entered; a handler in which ``failed`` stands ends too."""
        spoilt = handling(self.guards.get(failed or ""))
        now, self.waiting = self.waiting, []
        ended: list[Waiting] = []
        for waiting in now:
            within = handling(waiting.guard)
            goes = not self.closed and within is not None and within is not spoilt
            (self.waiting if goes else ended).append(waiting)
        self.dropped += ended
        for waiting in ended:
            close(waiting.guard, self._begin)

    def goes_on(self, path: str, failed: str | None = None) -> bool:
        """Whether a step that is ready still begins after `stop`."""
        within = handling(self.guards.get(path))
        return not self.closed and within is not None and within is not handling(self.guards.get(failed or ""))

    def drop(self, path: str) -> None:
        """A step that was ready does not begin."""
        self.gone.add(path)
        close(self.guards.pop(path, None), self._begin)

    def in_handler(self, path: str) -> bool:
        return handling(self.guards.get(path)) is not None

    def handled(self, path: str) -> list[str] | None:
        """The paths of the steps that a step of a handler comes after; ``None`` for a step that stands in no handler."""
        within = handling(self.guards.get(path))
        if within is None:
            return None
        names, suffix = {s.name for s in steps_of(within.node.body)}, _suffix(within.scope)
        return [
            p for p in self.states if p.partition("[")[0] in names and p[len(p.partition("[")[0]) :].startswith(suffix)
        ]

    def _add(self, nodes: tuple[Node, ...], scope: Scope, guard: Open | None) -> None:
        self.waiting += [Waiting(n, scope, guard) for n in nodes]
        if guard is not None:
            guard.count += len(nodes)

    def _begin(self, guard: Open) -> None:
        """A guard's body is over: its handler's turn."""
        self.statuses[(guard.node.name, _suffix(guard.scope))] = {**self.ended, **self.about()}
        if self.closed:
            self.dropped += [Waiting(n, guard.scope) for n in guard.node.handler]
        else:
            self._add(guard.node.handler, guard.scope, guard)

    def advance(self) -> Iterator[Ready | Change]:
        """Everything that has become clear; call it again after each `finish`."""
        moved = True
        while moved:
            moved = False
            now, self.waiting = self.waiting, []
            for waiting in now:
                try:
                    found = list(self._look(waiting))
                except NotYet:
                    self.waiting.append(waiting)
                    continue
                moved = True
                if not any(isinstance(f, Ready) for f in found):
                    close(waiting.guard, self._begin)
                yield from found

    def standing(self) -> dict[str, str]:
        """The state of every step that has one: what the run's end left undone is omitted."""
        found = {path: "omitted" if path in self.gone else state for path, state in self.states.items()}
        for waiting in self.dropped:
            for step in steps_of((waiting.node,)):
                found.setdefault(self._path(step.name, waiting.scope), "omitted")
        return dict(sorted(found.items(), key=self._place))

    def _place(self, entry: tuple[str, str]) -> tuple[int, list[int]]:
        """Where a path stands: in reading order, iterations in theirs."""
        name, *indexes = entry[0].replace("]", "").split("[")
        return self.places[name].position, [int(i) for i in indexes]

    def pending(self) -> Iterator[tuple[str, str, int]]:
        """Path, step and position of every step that has no state yet."""
        for waiting in (*self.dropped, *self.waiting):
            for step in steps_of((waiting.node,)):
                path = self._path(step.name, waiting.scope)
                if path not in self.states:
                    yield path, step.name, self.places[step.name].position

    def _look(self, waiting: Waiting) -> Iterator[Ready | Change]:
        node, scope = waiting.node, waiting.scope
        if isinstance(node, Step):
            yield self._step(node, scope, waiting.guard)
        elif isinstance(node, Condition):
            yield from self._condition(node, scope, waiting.guard)
        elif isinstance(node, Guard):
            self._enter(node, scope, waiting.guard)
        else:
            yield from self._loop(node, scope, waiting.guard)

    def _enter(self, node: Guard, scope: Scope, around: Open | None) -> None:
        """As on a cluster, the block begins when all that it takes from outside is there."""
        if node.name not in self.awaited:
            self.awaited[node.name] = awaited(node)
        for name in self.awaited[node.name]:
            self._wait_for(name, scope)
        guard = Open(node, scope, around, count=1)
        if around is not None:
            around.count += 1
        self._add(node.body, scope, guard)
        close(guard, self._begin)

    def _step(self, step: Step, scope: Scope, guard: Open | None) -> Ready | Change:
        path = self._path(step.name, scope)
        for name in step.after:
            self._wait_for(name, scope)
        prepare: list[dict[str, Any]] = []
        try:
            for item in step.prepare:
                prepare += self._prepared(item, scope)
        except Skipped as why:
            if isinstance(why, SkippedByFailure):
                self.failures[path] = why.failure
            return self._changed(step, path, "skipped", str(why))
        except Broken as error:
            return self._changed(step, path, "failed", str(error))
        self.states[path] = "pending"
        self.guards[path] = guard
        return Ready(path, step, self.places[step.name].position, tuple(prepare))

    def _condition(self, node: Condition, scope: Scope, guard: Open | None) -> Iterator[Change]:
        chosen: int | None = None
        reason = ""
        try:
            for index, branch in enumerate(node.branches):
                if branch.when is None or self.holds(branch.when, scope):
                    chosen = index
                    break
            reason = f"`{_words(node)}` was false" if chosen is None else "another branch was taken"
        except Skipped as why:
            reason = str(why)
        except Broken as error:
            yield from self._break((node,), scope, f"the condition `{_words(node)}` cannot be worked out: {error}")
            return
        for index, branch in enumerate(node.branches):
            if index == chosen:
                self._add(branch.body, scope, guard)
            else:
                yield from self._skip(branch.body, scope, reason)

    def _loop(self, node: Loop, scope: Scope, guard: Open | None) -> Iterator[Change]:
        key = (node.name, _suffix(scope))
        try:
            items = self.plain(node.items, scope)
        except Skipped as why:
            self.expanded[key] = None
            yield from self._skip(node.body, scope, str(why))
            return
        except Broken as error:
            yield from self._break(node.body, scope, f"the items of `{node.name}` cannot be worked out: {error}")
            return
        if not isinstance(items, list):
            yield from self._break(node.body, scope, f"the items of `{node.name}` are no list but {items!r}"[:300])
            return
        self.expanded[key] = len(items)
        if not items:
            yield from self._skip(node.body, scope, NO_ITEMS)
        for index, item in enumerate(items):
            self._add(node.body, (*scope, (node.name, index, item)), guard)

    def _skip(self, body: tuple[Node, ...], scope: Scope, reason: str) -> Iterator[Change]:
        for node in body:
            if isinstance(node, Step):
                yield self._changed(node, self._path(node.name, scope), "skipped", reason)
            elif isinstance(node, Condition):
                for branch in node.branches:
                    yield from self._skip(branch.body, scope, reason)
            elif isinstance(node, Guard):
                yield from self._skip((*node.body, *node.handler), scope, reason)
            else:
                self.expanded.setdefault((node.name, _suffix(scope)), None)
                yield from self._skip(node.body, scope, reason)

    def _break(self, body: tuple[Node, ...], scope: Scope, reason: str) -> Iterator[Change]:
        for step in steps_of(body):
            yield self._changed(step, self._path(step.name, scope), "failed", reason)

    def _changed(self, step: Step, path: str, state: str, reason: str) -> Change:
        self.states[path] = state
        return Change(path, step.name, self.places[step.name].position, state, reason, self.failures.get(path))

    # ---------------------------------------------------------------- paths
    def _path(self, name: str, scope: Scope) -> str:
        """``train`` or ``train[2]``: the indexes of the loops around the step, as far as they are decided."""
        loops = self.places[name].loops
        return name + "".join(f"[{i}]" for loop, i, _ in scope if loop in loops)

    def _paths(self, name: str, scope: Scope) -> list[str]:
        """The step's instances that a reader in ``scope`` sees, in order. Raises `NotYet` while a loop is open."""
        inner = [loop for loop in self.places[name].loops if loop not in {s[0] for s in scope}]
        shared = tuple(s for s in scope if s[0] in self.places[name].loops)
        suffixes = [_suffix(shared)]
        for loop in inner:
            wider: list[str] = []
            for suffix in suffixes:
                if (loop, suffix) not in self.expanded:
                    raise NotYet
                count = self.expanded[(loop, suffix)]
                if count is None:
                    raise Skipped(f"{name} was skipped")
                wider += [f"{suffix}[{i}]" for i in range(count)]
            suffixes = wider
        return [name + suffix for suffix in suffixes]

    def _wait_for(self, name: str, scope: Scope) -> None:
        if name not in self.places:
            return
        try:
            paths = self._paths(name, scope)
        except Skipped:
            return
        if any(self.states.get(p) not in (*DONE, "skipped") and p not in self.failures for p in paths):
            raise NotYet

    # ---------------------------------------------------------------- values
    def _prepared(self, item: Input | Replay, scope: Scope) -> list[dict[str, Any]]:
        if isinstance(item, Replay):
            return [replayed(item)]
        try:
            found = self.value(item.ref, scope)
        except Skipped:
            if item.required:
                raise
            return []
        if found is None:
            return []
        if "json" in found:
            return [{"value": item.name, "json": found["json"]}]
        if "bundles" in found:
            return [{"collect": item.name, **found}]
        return [{"load": item.name, **found}]

    def value(self, ref: Ref, scope: Scope) -> dict[str, Any] | None:
        """How a step gets a value: ``json``, a ``bundle`` or ``bundles``; ``None``: its maker did not bind it."""
        if isinstance(ref, Constant):
            return {"json": ref.value}
        if isinstance(ref, ParameterRef):
            return {"json": self.parameters[ref.name]}
        if isinstance(ref, ItemRef):
            return {"json": next(item for loop, _, item in scope if loop == ref.loop)}
        if isinstance(ref, StatusRef):
            keys = ((ref.guard, _suffix(scope[:n])) for n in range(len(scope), -1, -1))
            return {"json": next(self.statuses[k] for k in keys if k in self.statuses)}
        if isinstance(ref, Merge):
            return self._merged(ref, scope)
        if isinstance(ref, Collected):
            return self._collected(ref, scope)
        (path,) = self._paths(ref.step, scope)
        return self._from(ref, path)

    def _from(self, ref: OutputRef | ExportRef, path: str) -> dict[str, Any] | None:
        state = self.states.get(path)
        if path in self.failures:
            happened = "failed" if state == "failed" else "was skipped"
            raise SkippedByFailure(f"it needs `{ref.name}` of {path}, which {happened}", self.failures[path])
        if state == "skipped":
            raise Skipped(f"it needs `{ref.name}` of {path}, which was skipped")
        if state not in DONE:
            raise NotYet
        result = self.results[path]
        if isinstance(ref, ExportRef):
            if ref.name in result.get("late", {}):
                raise Broken(result["late"][ref.name])
            return {"json": result["exports"][ref.name]} if ref.name in result["exports"] else None
        kept = result["outputs"].get(ref.name)
        return {"bundle": kept["bundle"], "name": ref.name} if kept else None

    def _merged(self, ref: Merge, scope: Scope) -> dict[str, Any] | None:
        reason: Skipped | None = None
        for candidate in ref.candidates:
            try:
                found = self.value(candidate, scope)
            except Skipped as why:
                reason = reason or why
                continue
            if found is not None:
                return found
        if reason is not None:
            raise reason
        return None

    def _collected(self, ref: Collected, scope: Scope) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for path in self._paths(ref.ref.step, scope):
            try:
                value = self._from(ref.ref, path)
            except SkippedByFailure as why:
                value = {"bundle": {"failed": why.failure}}
            except Skipped:
                continue
            if value is not None:
                found.append(value)
        if isinstance(ref.ref, OutputRef):
            return {"bundles": [v["bundle"] for v in found], "name": ref.ref.name}
        failed = next((v["bundle"]["failed"] for v in found if "bundle" in v), None)
        if failed is not None:
            raise Broken(f"{failed['step']} failed for one item: {failed['type']}: {failed['message']}")
        return {"json": [v["json"] for v in found]}

    def plain(self, ref: Ref, scope: Scope) -> Any:
        """A value that a condition or loop asks for. Raises `Skipped` where it was not made."""
        found = self.value(ref, scope)
        if found is None:
            raise Skipped(f"`{getattr(ref, 'name', ref)}` was not bound")
        return found.get("json")

    # ---------------------------------------------------------------- conditions
    def holds(self, test: Test, scope: Scope) -> bool:
        """Python's meaning, from left to right."""
        if isinstance(test, Truth):
            return bool(self.plain(test.ref, scope))
        if isinstance(test, Not):
            return not self.holds(test.test, scope)
        if isinstance(test, All):
            return all(self.holds(t, scope) for t in test.tests)
        if isinstance(test, Any_):
            return any(self.holds(t, scope) for t in test.tests)
        assert isinstance(test, Compare)
        left, right = self.plain(test.left, scope), self.plain(test.right, scope)
        try:
            return bool(COMPARE[test.op](left, right))
        except TypeError as error:
            raise Broken(f"{error} ({left!r} {test.op} {right!r})") from None


def _suffix(scope: Scope) -> str:
    return "".join(f"[{index}]" for _, index, _ in scope)


def _words(node: Condition) -> str:
    """A condition in the user's words, as far as the model still has them."""
    return " / ".join(asked(b) for b in node.branches if b.when is not None)
