"""Plans a sweep: checks its size, its metric and every one of its runs before anything runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from kfnb.client.start_run import Prepared, prepare
from kfnb.engines.cluster.targets.targets import Target, usable_target
from kfnb.notebook.notebook_source import Source
from kfnb.pipeline.model import Json, Pipeline
from kfnb.pipeline.parameters.bind_values import fit
from kfnb.pipeline.serialize import to_json
from kfnb.problems import NotebookError, Problem
from kfnb.runs.kept_pipeline import PIPELINE
from kfnb.runs.record.private_record_files import DamagedRecord, read_json
from kfnb.runs.record.run_store import RunStore
from kfnb.sweeps.parameter_grid import Grid, value_text
from kfnb.sweeps.shared_files import Files, files_of
from kfnb.sweeps.sweep_results import Goal

Values = TypeVar("Values")
MOST_RUNS = 200  #: of a sweep, unless the user allows more
CLUSTER_JOBS = 20  #: runs that a cluster works on at the same time


@dataclass(frozen=True)
class Size:
    """Which combinations run, and how many at the same time.

    Parameters
    ----------
    count
        Combinations drawn by chance, with ``seed``; ``None``: all.
    most
        Runs above which a sweep is refused.
    jobs
        Runs at one time. ``None``: here as many as the machine has cores, or one where the steps hand each other files in the
        folder that all runs share; `CLUSTER_JOBS` on a cluster.
    """

    count: int | None = None
    seed: int = 0
    most: int = MOST_RUNS
    jobs: int | None = None


@dataclass(frozen=True)
class Plan:
    """A sweep that has passed all checks and can start.

    Parameters
    ----------
    combinations, prepared
        What each run is given, and the run.
    jobs
        Runs at one time.
    earlier
        Ids of runs that stand already, by the number of their combination.
    problems
        What the user should know.
    """

    grid: Grid
    combinations: tuple[dict[str, Json], ...]
    prepared: tuple[Prepared, ...]
    experiment: str
    jobs: int
    goal: Goal | None
    earlier: dict[int, str]
    problems: tuple[Problem, ...]

    @property
    def pipeline(self) -> Pipeline:
        return self.prepared[0].pipeline

    @property
    def target(self) -> Target:
        return self.prepared[0].target


def plan(
    source: Source, pipeline: Pipeline, values_by_name: Values, grid_of: Callable[[Pipeline, Values], Grid], size: Size, target: str = "local",
    goal: Goal | None = None, experiment: str | None = None, resume: bool = False, **options: Any,
) -> Plan:  # fmt: skip
    """Check a sweep.

    Parameters
    ----------
    given, grid_of
        The values of parameters, and what reads them: `kfnb.sweeps.parameter_grid.grid_of_texts` or `grid_of_values`.
    experiment
        Default: the pipeline's name and the time.
    resume
        Runs of the experiment that succeeded with the same code and the same parameters stand and are not run again.
    options
        Fields of `RunOptions` for every run.

    Raises
    ------
    NotebookError
        With all that is wrong.
    BadTarget
        When there is no such target, or it cannot be read.
    """
    chosen = usable_target(target, source.path)
    found_problems = _unknown(pipeline, goal)
    try:
        grid = grid_of(pipeline, values_by_name)
        found_problems = [*_too_many(grid, size), *_nothing(pipeline, grid), *found_problems]
    except NotebookError as error:
        found_problems = [*error.problems, *found_problems]
    if found_problems:
        raise NotebookError(found_problems)
    name = experiment or f"{pipeline.name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    combinations = grid.combinations(size.count, size.seed)
    prepared = _prepared(source, pipeline, combinations, chosen, {**options, "experiment": name})
    jobs, notes = _jobs(pipeline, chosen, size, bool(options.get("isolated")))
    if goal is None and not pipeline.metrics:
        notes.append(Problem("KF508", "the pipeline records no metric", "mark a cell that binds numbers `metrics`"))
    notes = [*(p for one in prepared for p in one.problems), *notes]
    earlier = _earlier(name, pipeline, prepared) if resume else {}
    return Plan(grid, tuple(combinations), tuple(prepared), name, jobs, goal, earlier, tuple(dict.fromkeys(notes)))


def _too_many(grid: Grid, size: Size) -> list[Problem]:
    runs = grid.size if size.count is None else min(size.count, grid.size)
    if runs <= size.most:
        return []
    lengths = " × ".join(str(len(grid.values[n])) for n in grid.swept)
    hint = f"raise --max-runs to {runs}, or take a part by chance with --random"
    shown = f"{lengths} = {grid.size}" if size.count is None and len(grid.swept) > 1 else str(runs)
    return [Problem("KF505", f"the sweep would be {shown} runs, which is more than {size.most}", hint)]


def _nothing(pipeline: Pipeline, grid: Grid) -> list[Problem]:
    """Refuse a sweep without a parameter that has several values."""
    if grid.values:
        return []
    known = ", ".join(f"{p.name}: {p.type} = {value_text(p.default)}" for p in pipeline.parameters)
    hint = f"it has {known}" if known else "it has none: mark a cell of assignments `parameters`"
    return [Problem("KF502", "no parameter is given values, such as lr=0.1,0.01", hint)]


def _unknown(pipeline: Pipeline, goal: Goal | None) -> list[Problem]:
    known = pipeline.metrics
    if goal is None or goal.metric in known:
        return []
    hint = f"it records {', '.join(known)}" if known else "it records none: mark a cell that binds numbers `metrics`"
    return [Problem("KF506", f"the pipeline records no metric `{goal.metric}`", hint, name=goal.metric)]


def _prepared(
    source: Source, pipeline: Pipeline, combinations: list[dict[str, Json]], target: Target, options: dict[str, Any]
) -> list[Prepared]:  # fmt: skip
    """Prepare a run for each combination. Only a cluster may refuse a run because of its parameters, so only there each is checked."""
    if target.engine == "local":
        first = prepare(source, pipeline, combinations[0], target.name, fit, **options)
        values = first.options.parameters
        return [replace(first, options=replace(first.options, parameters={**values, **c})) for c in combinations]
    found: list[Prepared] = []
    problems: dict[Problem, None] = {}
    for combination in combinations:
        try:
            found.append(prepare(source, pipeline, combination, target.name, fit, **options))
        except NotebookError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise NotebookError(tuple(problems))
    return found


def _jobs(pipeline: Pipeline, target: Target, size: Size, isolated: bool) -> tuple[int, list[Problem]]:
    """How many runs go on at the same time, and the warnings about files that the runs share."""
    if target.engine != "local":
        return size.jobs or CLUSTER_JOBS, []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    files = files_of(pipeline) if not isolated else Files((), ())
    hint = "--isolated gives each step a folder of its own"
    notes = []
    if files.overwritten:
        message = f"every run writes {_quoted(files.overwritten)} in the same folder: the file of the last one stays"
        notes.append(Problem("KF507", message, hint))
    if not files.opened or size.jobs == 1:
        return size.jobs or cores, notes
    if size.jobs is None:
        message = (
            f"the runs go one after the other: all of them write and read {_quoted(files.opened)} in the same folder"
        )
        return 1, [*notes, Problem("KF507", message, hint)]
    message = (
        f"a run may read what another wrote: all of them write and read {_quoted(files.opened)} in the same folder"
    )
    return size.jobs, [*notes, Problem("KF507", message, f"leave --jobs out, or {hint}")]


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _earlier(experiment: str, pipeline: Pipeline, prepared: list[Prepared]) -> dict[int, str]:
    """For each combination, the newest run of the experiment that succeeded with the same code."""
    code = json.loads(json.dumps(to_json(pipeline)))
    store = RunStore()
    try:
        reusable: dict[str, str] = {}
        for head in store.runs(100_000):
            if (head["experiment"], head["pipeline"], head["state"]) != (experiment, pipeline.name, "succeeded"):
                continue
            if _was_run(store, head["run"], code):
                reusable.setdefault(_key(head["parameters"]), head["run"])
    finally:
        store.close()
    keys = [_key(p.options.parameters) for p in prepared]
    return {n: reusable[key] for n, key in enumerate(keys) if key in reusable}


def _was_run(store: RunStore, run_id: str, code: Json) -> bool:
    """Whether a run ran this code; false if the pipeline of the run is missing or damaged."""
    try:
        return bool(read_json(store.folder(run_id) / PIPELINE) == code)
    except (FileNotFoundError, DamagedRecord):
        return False


def _key(parameters: dict[str, Json]) -> str:
    return json.dumps(parameters, sort_keys=True)
