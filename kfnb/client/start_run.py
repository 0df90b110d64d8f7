"""Starts runs: checks everything that can be checked before a run, then submits it to an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kfnb.client.run_object import Run
from kfnb.engines.cluster.targets.targets import (
    Target,
    misplaced_options,
    options_of,
    usable_target,
    withheld_problems,
)
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.processes.launch_run_process import Launch, launch
from kfnb.engines.open_engine import engine_for
from kfnb.images.build_watch import Watch, watch_nothing
from kfnb.images.needs.kernel_interpreters import installed_interpreter
from kfnb.notebook.notebook_source import Source
from kfnb.pipeline.build.build_pipeline import Built, build, pipelines_of
from kfnb.pipeline.model import Json, Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import bind, convert
from kfnb.problems import NotebookError, Problem, errors
from kfnb.runs.kept_notebook import keep_notebook
from kfnb.runs.notebook_runs import notebook_of_run
from kfnb.runs.record.run_store import RunStore


def build_source(source: Source, pipeline: str | None = None) -> Built:
    """The notebook's pipeline (``pipeline``: which one), or what stands in its way."""
    try:
        return build(source.read(), pipeline)
    except NotebookError as error:
        return Built(None, error.problems)


def build_all(source: Source) -> list[Built]:
    """Every pipeline of the notebook, or what stands in the way."""
    try:
        notebook = source.read()
    except NotebookError as error:
        return [Built(None, error.problems)]
    return [build(notebook, name) for name in pipelines_of(notebook)]


@dataclass(frozen=True)
class Prepared:
    """A run that has passed all checks; ``problems`` are its warnings and infos."""

    source: Source
    pipeline: Pipeline
    options: RunOptions
    target: Target
    problems: tuple[Problem, ...]

    def travelling(self) -> str:
        """The files that are about to leave this machine with the run, in one line; empty when there are none."""
        if self.target.engine == "local":
            return ""
        from kfnb.images.needs.step_requirements import travelling_files, travelling_text

        settings = options_of(self.target)
        options = self.options
        return travelling_text(
            travelling_files(
                self.pipeline,
                self.source.folder,
                settings.packages,
                options.parameters,
                options.python,
                settings.travel_limit,
            )
        )

    def submit(self, launch: Launch = launch, watch: Watch = watch_nothing) -> Run:
        """Start the run; ``launch`` and ``watch`` are as for `engine_for`. Raises `ClusterError`."""
        store = RunStore()
        try:
            run_id = engine_for(store, self.target, launch, watch).submit(self.pipeline, self.options)
            keep_notebook(store, run_id, self.source.data())
            return Run(run_id, store.home)
        finally:
            store.close()


def prepare(
    source: Source, pipeline: Pipeline, values: Mapping[str, Any], target: str = "local",
    convert: Callable[[Any, Parameter], Json] = convert, **options: Any,
) -> Prepared:  # fmt: skip
    """Check everything that can be checked before a run.

    Parameters
    ----------
    source
        The notebook that ``pipeline`` was made from, fixed: it is kept with the run.
    given
        Parameters; ``convert`` makes their values (see `kfnb.pipeline.parameters.bind_values.bind`).
    options
        Fields of `RunOptions` beside ``parameters``, ``notebook`` and ``folder``.

    Raises
    ------
    NotebookError
        For a parameter that is not there or cannot be converted, for what the target cannot do, and for one that is not trusted.
    BadTarget
        When there is no such target, or it cannot be read.
    """
    chosen = usable_target(target, source.path)
    other_kernel: list[Problem] = []
    if chosen.engine != "local" and options.get("python") is None:
        # the packages of a cluster's steps are those of the notebook's kernel, which need not be this process
        interpreter = installed_interpreter(source.data())
        options["python"] = interpreter.python
        other_kernel += [interpreter.problem] if interpreter.problem is not None else []
    run_options = RunOptions(bind(pipeline, values, convert), notebook=source.key, folder=str(source.folder), **options)
    misplaced = misplaced_options(chosen, run_options)
    if misplaced:
        raise NotebookError(misplaced)
    store = RunStore()
    try:
        run_options = replace(run_options, notebook_id=notebook_of_run(store, source.key, source.data()))
        problems = [*withheld_problems(chosen), *other_kernel, *engine_for(store, chosen).check(pipeline, run_options)]
    finally:
        store.close()
    if errors(problems):
        raise NotebookError(errors(problems))
    return Prepared(source, pipeline, run_options, chosen, tuple(problems))
