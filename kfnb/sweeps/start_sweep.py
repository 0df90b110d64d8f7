"""``kfnb.sweep``: starts a sweep from Python."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kfnb.client.run_notebook import source_for
from kfnb.notebook.notebook_source import AnyNotebook
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.problems import INFO
from kfnb.sweeps.parameter_grid import grid_of_values
from kfnb.sweeps.run_sweep import Sweep, goal_of
from kfnb.sweeps.sweep_plan import MOST_RUNS, Size, plan


def sweep(
    notebook: AnyNotebook | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    maximize: str | None = None,
    minimize: str | None = None,
    pipeline: str | None = None,
    target: str = "local",
    experiment: str | None = None,
    jobs: int | None = None,
    random: int | None = None,
    seed: int = 0,
    max_runs: int = MOST_RUNS,
    resume: bool = False,
    **options: Any,
) -> Sweep:
    """Run a notebook once for every combination of parameter values, in parallel and in the background.

    Parameters
    ----------
    notebook
        The file. Default, in a kernel: the notebook that the kernel belongs to.
    parameters
        For each a list (range, tuple, array) of values, or one value for all runs. For a parameter that is a list: a list of lists.
    maximize, minimize
        The metric by which the best run is named; one of them or neither.
    experiment
        The group of the runs. Default: the pipeline's name and the time.
    jobs
        Runs at one time. Default: here by cores, on a cluster 20.
    random, seed
        Only so many combinations, drawn by chance; the same seed draws the same.
    max_runs
        More runs are refused.
    resume
        Runs of the experiment that succeeded with the same code and parameters are not run again.
    options
        Fields of `kfnb.engines.engine_interface.RunOptions` for every run, such as ``cache=True`` or ``isolated=True``.

    Raises
    ------
    NotebookError
        With all that is wrong with the notebook, the values, the metric or the size; nothing was begun then.
    BadTarget
        When there is no such target, or it cannot be read.
    ValueError
        When it is asked to both maximize and minimize.

    Examples
    --------
    >>> sweep = kfnb.sweep("train.ipynb", {"lr": [0.1, 0.01], "depth": range(2, 5)}, maximize="accuracy")
    >>> sweep.wait().best().parameters
    {'lr': 0.1, 'depth': 3}
    """
    source = source_for(notebook).snapshot()
    goal = goal_of(maximize, minimize)
    if resume and experiment is None:
        raise ValueError("resume needs experiment=NAME")
    built = build_source(source, pipeline)
    pipeline_to_run = built.require()
    size = Size(random, seed, max_runs, jobs)
    planned = plan(
        source, pipeline_to_run, parameters or {}, grid_of_values, size, target, goal, experiment, resume, **options
    )
    for problem in (*built.problems, *planned.problems):
        if problem.severity != INFO:
            warnings.warn(f"{source}:{problem}", stacklevel=2)
    return Sweep(planned).start()
