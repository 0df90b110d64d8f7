"""Why a step did not run, in the words that the local engine has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.cluster.lowering.jobs_and_blocks import Channel, Gate, Job, condition_text
from kfnb.engines.cluster.lowering.text_steps import NOTHING_GIVEN
from kfnb.pipeline.drawing.expression_text import branch_condition
from kfnb.pipeline.model import Condition, Guard, Loop, Node, Pipeline
from kfnb.states import NO_ITEMS

EMPTY_LOOP = "Skipped, empty params"  #: what Argo says of a loop without items
RUNS = ("running", "succeeded", "failed", "cancelled", "cached")
UNKNOWN = "its condition was false, or a step that it needs was skipped"


class SkipWords:
    """Says why a step of a run was skipped or omitted.

    Parameters
    ----------
    pipeline
        The pipeline of the run, which has the conditions as the user wrote them.
    output_of
        The name of the output that carries a channel, where the engine tells the outputs of steps.
    """

    def __init__(self, pipeline: Pipeline, output_of: Callable[[Job, Channel], str] | None = None) -> None:
        self._conditions = dict(_conditions(pipeline.body))
        self._output_of = output_of

    def of(self, step: ObservedStep, steps: Mapping[str, ObservedStep]) -> str:
        """Why a step did not run. ``steps`` are all steps of the run, by their paths."""
        if step.message.startswith(EMPTY_LOOP):
            return NO_ITEMS
        if step.state == "omitted":
            return self._omitted(step, steps)
        return self._gate(step, steps) or self._needs(step, steps) or UNKNOWN

    # ---------------------------------------------------------------- a failure before it
    def _omitted(self, step: ObservedStep, steps: Mapping[str, ObservedStep]) -> str:
        pending, seen = [step], {step.path}
        while pending:
            for before in _before(pending.pop(), steps):
                if before.state == "failed":
                    return f"{before.shown_path} failed"
                if before.state == "cancelled":
                    return "the run was cancelled"
                if before.path not in seen:
                    seen.add(before.path)
                    pending.append(before)
        return "the run ended before it"

    # ---------------------------------------------------------------- a condition
    def _gate(self, step: ObservedStep, steps: Mapping[str, ObservedStep]) -> str:
        """The first condition around the step that has not led to it."""
        for gate in step.job.gates:
            taken = self._taken(gate, step, steps)
            if taken == gate.branch:
                continue
            if taken is None:
                return ""
            text = self._conditions.get(gate.condition, "")
            if not text and condition_text(step.job, gate.condition) in NOTHING_GIVEN:
                return condition_text(step.job, gate.condition)
            return f"`{text}` was false" if taken < 0 and text else "another branch was taken"
        return ""

    def _taken(self, gate: Gate, step: ObservedStep, steps: Mapping[str, ObservedStep]) -> int | None:
        """The branch that was taken: -1 for none of them, and ``None`` when nothing tells it."""
        channel, suffix = Channel("choice", gate.condition), _suffix(step.path)
        for other in steps.values():
            if not suffix.startswith(_suffix(other.path)):
                continue
            if channel in other.job.outputs and self._output_of is not None:
                choice = other.outputs.get(self._output_of(other.job, channel), "")
                if choice:
                    return int(choice) if choice.isdigit() else -1
        for other in steps.values():
            if other.state in RUNS and _suffix(other.path).startswith(suffix):
                for around in other.job.gates:
                    if around.condition == gate.condition:
                        return around.branch
        if any(s.state in RUNS for s in _deciders(step, steps)):
            return -1
        return None

    # ---------------------------------------------------------------- a step that it needs
    def _needs(self, step: ObservedStep, steps: Mapping[str, ObservedStep]) -> str:
        for before in _before(step, steps):
            if before.state == "skipped" and before.job.helps:
                return self.of(before, steps)
            if before.state == "skipped":
                names = [n for i in step.job.step.inputs for n in _names_from(i.ref, before.job.name)]
                if names:
                    return f"it needs `{names[0]}` of {before.path}, which was skipped"
                return f"{before.path} was skipped"
        return ""


def _before(step: ObservedStep, steps: Mapping[str, ObservedStep]) -> Iterator[ObservedStep]:
    """The steps that a step depends on, in the same iterations where both are in a loop."""
    names, suffix = {n for n, _ in step.job.depends}, _suffix(step.path)
    for other in steps.values():
        inner = _suffix(other.path)
        if other.job.name in names and (inner.startswith(suffix) or suffix.startswith(inner)):
            yield other


def _deciders(step: ObservedStep, steps: Mapping[str, ObservedStep]) -> Iterator[ObservedStep]:
    choices = {c for c in step.job.inputs if c.kind == "choice"}
    return (s for s in _before(step, steps) if choices & set(s.job.outputs) or not choices)


def _names_from(ref: Any, step: str) -> Iterator[str]:
    if getattr(ref, "step", None) == step:
        yield ref.name
    for candidate in getattr(ref, "candidates", ()):
        yield from _names_from(candidate, step)


def _suffix(path: str) -> str:
    return path[len(path.partition("[")[0]) :]


def _conditions(nodes: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
    """The conditions in a pipeline: the name of each, and its text as far as the model still has it."""
    for node in nodes:
        if isinstance(node, Condition):
            yield node.name, " / ".join(branch_condition(b) for b in node.branches if b.when is not None)
            for branch in node.branches:
                yield from _conditions(branch.body)
        elif isinstance(node, Guard):
            yield from _conditions((*node.body, *node.handler))
        elif isinstance(node, Loop):
            yield from _conditions(node.body)
