"""Finds results of earlier runs for a run of a part of a pipeline, and checks that their parameters were the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.model import (
    Condition,
    Loop,
    Merge,
    Node,
    ParameterRef,
    Pipeline,
    Ref,
    Step,
    bodies_of,
    handlers_of,
    operands,
    sources,
)
from kfnb.pipeline.parameters.mark_placeholders import placeholders
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore

RUNS = 200  #: how many of the newest runs are searched
MISSING = object()


@dataclass(frozen=True)
class ReusedResult:
    """The result of a step in an earlier run. ``other`` are the parameters that it depends on and that had other values then."""

    run: str
    step: dict[str, Any]
    other: dict[str, Any]


def find_reusable(
    store: RunStore, pipeline: Pipeline, options: RunOptions, run_id: str = ""
) -> dict[str, ReusedResult]:
    """The newest results of the steps that a partial run leaves out, by path.

    A result with the same parameters is preferred to a newer one with other parameters.
    """
    if options.only is None and options.start is None:
        return {}
    steps_run = steps_to_run(pipeline, options)
    depends = parameters_of_steps(pipeline)
    reusable: dict[str, ReusedResult] = {}
    for head in store.runs(RUNS):
        if not _is_earlier(head, pipeline, options) or head["run"] == run_id:
            continue
        old_parameters = head["parameters"]
        changed = {
            n: old_parameters.get(n, MISSING)
            for n, v in options.parameters.items()
            if old_parameters.get(n, MISSING) != v
        }
        for step in store.steps(head["run"]):
            if step["state"] not in ("succeeded", "cached") or step["step"] in steps_run:
                continue
            other = {n: v for n, v in changed.items() if n in depends.get(step["step"], ())}
            candidate = reusable.get(step["path"])
            if candidate is None or (candidate.other and not other):
                reusable[step["path"]] = ReusedResult(head["run"], step, other)
    return reusable


def _is_earlier(head: dict[str, Any], pipeline: Pipeline, options: RunOptions) -> bool:
    """Whether a run is one of the same pipeline of the same notebook."""
    own = "notebook_id" if options.notebook_id is not None else "notebook"
    return (head[own], head["pipeline"]) == (getattr(options, own), pipeline.name)


def steps_to_run(pipeline: Pipeline, options: RunOptions) -> set[str]:
    """The steps that a run of a part runs, including its exit handlers."""
    steps_run = {options.only} if options.only else downstream(pipeline, options.start or "")
    return steps_run | {s.name for s in handlers_of(pipeline.body)}


def parameter_problems(store: RunStore, pipeline: Pipeline, options: RunOptions) -> Iterator[Problem]:
    """Problems for values from earlier runs that had other parameters than this run."""
    reused = find_reusable(store, pipeline, options)
    steps_run = steps_to_run(pipeline, options)
    needed = {n: s.name for s in reversed(list(pipeline.steps())) if s.name in steps_run for n in _producers(s)}
    needed.update({n: n for n in _steps_in_conditions(pipeline.body, steps_run)})
    reported: set[tuple[str, str]] = set()
    for result in reused.values():
        name = result.step["step"]
        if name not in needed or not result.other or (name, result.run) in reported:
            continue
        reported.add((name, result.run))
        old_values = ", ".join(f"{n}={'none' if v is MISSING else repr(v)}" for n, v in result.other.items())
        new_values = ", ".join(f"{n}={options.parameters[n]!r}" for n in result.other)
        message = (
            f"the values of step `{name}` are from run {result.run}, which had {old_values}; now there is {new_values}"
        )
        if options.any_parameters:
            yield Problem("KF513", message, name=name)
        else:
            hint = f"run from `{name}` on, give the same values, or take them all the same with --any-parameters"
            yield Problem("KF512", message, hint, name=name)


# -------------------------------------------------------------------- what a step's values depend on
def parameters_of_steps(pipeline: Pipeline) -> dict[str, set[str]]:
    """For every step the parameters that its values depend on, directly or through earlier steps."""
    direct: dict[str, set[str]] = {}
    producers: dict[str, set[str]] = {}
    for step, enclosing in _with_references(pipeline.body, ()):
        refs = [*(i.ref for i in step.inputs), *enclosing]
        direct[step.name] = {n for r in refs for n in _parameters(r)} | placeholders(step.settings)
        producers[step.name] = {s.step for r in refs for s in sources(r)}
    for edge in pipeline.edges:
        if edge.files:
            producers.setdefault(edge.to, set()).add(edge.source)
    return {name: _transitive(name, direct, producers) for name in direct}


def _transitive(name: str, direct: Mapping[str, set[str]], producers: Mapping[str, set[str]]) -> set[str]:
    reached, stack = {name}, [name]
    while stack:
        new = producers.get(stack.pop(), set()) - reached
        reached |= new
        stack += new
    return set().union(*(direct.get(n, set()) for n in reached))


def _with_references(body: Iterable[Node], enclosing: tuple[Ref, ...]) -> Iterator[tuple[Step, tuple[Ref, ...]]]:
    """Every step with the references of the conditions and loops around it."""
    for node in body:
        if isinstance(node, Step):
            yield node, enclosing
            continue
        references = enclosing
        if isinstance(node, Loop):
            references = (*enclosing, node.items)
        elif isinstance(node, Condition):
            references = (*enclosing, *(r for b in node.branches if b.when is not None for r in operands(b.when)))
        for inner in bodies_of(node):
            yield from _with_references(inner, references)


def _parameters(ref: Ref) -> Iterator[str]:
    if isinstance(ref, ParameterRef):
        yield ref.name
    elif isinstance(ref, Merge):
        for candidate in ref.candidates:
            yield from _parameters(candidate)


def _producers(step: Step) -> set[str]:
    return {s.step for i in step.inputs for s in sources(i.ref)}


def _steps_in_conditions(body: Iterable[Node], steps_run: set[str]) -> set[str]:
    """The steps whose values the conditions and loops around the steps to run need."""
    return {
        s.step
        for step, enclosing in _with_references(body, ())
        if step.name in steps_run
        for r in enclosing
        for s in sources(r)
    }
