"""The values that steps, conditions and loops refer to, found in the results of the steps before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfnb.engines.local.scheduling.step_instances import NotReady, Scope, StepInstances, suffix_of
from kfnb.engines.static_step_spec import replayed
from kfnb.pipeline.model import (
    All,
    Any_,
    Collected,
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
)
from kfnb.runtime.pods.handover.resolve_references import COMPARE, Broken, Skipped, first_value
from kfnb.states import ENDED


class SkippedByFailure(Skipped):
    """A value is missing because a step with ``on-failure:continue`` failed; ``failure`` says which step."""

    def __init__(self, reason: str, failure: dict[str, Any]) -> None:
        super().__init__(reason)
        self.failure = failure


@dataclass(frozen=True)
class ReferenceValues:
    """Evaluates references. Every method raises `NotReady` while a value is still being produced.

    Parameters
    ----------
    instances
        The steps' states and results.
    parameters
        The run's value of every parameter.
    statuses
        What the handler of a guard reads as the run's status, by guard and the suffix of its scope.
    """

    instances: StepInstances
    parameters: dict[str, Any]
    statuses: dict[tuple[str, str], dict[str, Any]]

    def prepare_entries(self, item: Input | Replay, scope: Scope) -> list[dict[str, Any]]:
        """The entries of a spec's ``prepare`` for one input or one piece of shared code."""
        if isinstance(item, Replay):
            return [replayed(item)]
        try:
            value = self.value(item.ref, scope)
        except Skipped:
            if item.required:
                raise
            return []
        if value is None:
            return []
        if "json" in value:
            return [{"value": item.name, "json": value["json"]}]
        if "bundles" in value:
            return [{"collect": item.name, **value}]
        return [{"load": item.name, **value}]

    def value(self, ref: Ref, scope: Scope) -> dict[str, Any] | None:
        """Where a step finds a value: ``json``, a ``bundle`` or ``bundles``; ``None`` when its producer did not bind it."""
        if isinstance(ref, Constant):
            return {"json": ref.value}
        if isinstance(ref, ParameterRef):
            return {"json": self.parameters[ref.name]}
        if isinstance(ref, ItemRef):
            return {"json": next(item for loop, _, item in scope if loop == ref.loop)}
        if isinstance(ref, StatusRef):
            keys = ((ref.guard, suffix_of(scope[:n])) for n in range(len(scope), -1, -1))
            return {"json": next(self.statuses[k] for k in keys if k in self.statuses)}
        if isinstance(ref, Merge):
            return first_value(ref.candidates, lambda candidate: self.value(candidate, scope))
        if isinstance(ref, Collected):
            return self._collected(ref, scope)
        (path,) = self.instances.paths(ref.step, scope)
        return self._result_of(ref, path)

    def plain_value(self, ref: Ref, scope: Scope) -> Any:
        """The value that a condition or loop needs. Raises `Skipped` when nothing produced it."""
        value = self.value(ref, scope)
        if value is None:
            raise Skipped(f"`{getattr(ref, 'name', ref)}` was not bound")
        return value.get("json")

    def holds(self, test: Test, scope: Scope) -> bool:
        """Whether a condition holds, evaluated from left to right as Python does."""
        if isinstance(test, Truth):
            return bool(self.plain_value(test.ref, scope))
        if isinstance(test, Not):
            return not self.holds(test.test, scope)
        if isinstance(test, All):
            return all(self.holds(t, scope) for t in test.tests)
        if isinstance(test, Any_):
            return any(self.holds(t, scope) for t in test.tests)
        assert isinstance(test, Compare)
        left, right = self.plain_value(test.left, scope), self.plain_value(test.right, scope)
        try:
            return bool(COMPARE[test.op](left, right))
        except TypeError as error:
            raise Broken(f"{error} ({left!r} {test.op} {right!r})") from None

    def _result_of(self, ref: OutputRef | ExportRef, path: str) -> dict[str, Any] | None:
        state = self.instances.states.get(path)
        if path in self.instances.failures:
            outcome = "failed" if state == "failed" else "was skipped"
            raise SkippedByFailure(f"it needs `{ref.name}` of {path}, which {outcome}", self.instances.failures[path])
        if state == "skipped":
            raise Skipped(f"it needs `{ref.name}` of {path}, which was skipped")
        if state not in ENDED:
            raise NotReady
        result = self.instances.results[path]
        if isinstance(ref, ExportRef):
            if ref.name in result.get("late", {}):
                raise Broken(result["late"][ref.name])
            return {"json": result["exports"][ref.name]} if ref.name in result["exports"] else None
        output = result["outputs"].get(ref.name)
        return {"bundle": output["bundle"], "name": ref.name} if output else None

    def _collected(self, ref: Collected, scope: Scope) -> dict[str, Any]:
        """The values of all iterations in order. The list has an entry for a failed iteration, but none for a skipped one."""
        values: list[dict[str, Any]] = []
        for path in self.instances.paths(ref.ref.step, scope):
            try:
                value = self._result_of(ref.ref, path)
            except SkippedByFailure as skipped:
                value = {"bundle": {"failed": skipped.failure}}
            except Skipped:
                continue
            if value is not None:
                values.append(value)
        if isinstance(ref.ref, OutputRef):
            return {"bundles": [v["bundle"] for v in values], "name": ref.ref.name}
        failed = next((v["bundle"]["failed"] for v in values if "bundle" in v), None)
        if failed is not None:
            raise Broken(f"{failed['step']} failed for one item: {failed['type']}: {failed['message']}")
        return {"json": [v["json"] for v in values]}
