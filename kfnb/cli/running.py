"""Commands that run a notebook: ``run`` and ``retry``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kfnb.cli.common import (  # fmt: skip
    OK,
    as_json,
    built,
    cluster_words,
    emit,
    fail,
    notebook_argument,
    pipeline_option,
    refuse,
    report,
    resolved,
    run_argument,
    status_of,
    store,
)
from kfnb.problems import NotebookError, errors

if TYPE_CHECKING:
    from kfnb.engines.base import Engine, RunOptions
    from kfnb.pipeline.model import Pipeline


@click.command()
@notebook_argument
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="Give a parameter a value.")
@pipeline_option
@click.option("--step", "only", metavar="STEP", help="Run this step only, with values of the newest run.")
@click.option("--from", "start", metavar="STEP", help="Run from this step on, with values of the newest run.")
@click.option("--cache", is_flag=True, help="Take earlier results of steps with the same code and inputs.")
@click.option("--isolated", is_flag=True, help="Give each step a folder of its own, as a cluster does.")
@click.option("--experiment", metavar="NAME", help="Put the run into a named group.")
@click.option("--target", default="local", show_default=True, help="Where to run.")
@click.option("--cron", metavar="SCHEDULE", help='Do not run now: put it on the target\'s clock, such as "0 6 * * *".')
@click.option("--via-kfp", is_flag=True, help="Argo: submit the Workflow through Kubeflow Pipelines' legacy path.")
@click.option("--spawn", is_flag=True, help="Start every step in a fresh interpreter.")
@click.option("--python", metavar="PATH", help="The interpreter of the steps, with its own packages; it needs no kfnb.")
@click.option(
    "--max-parallel", type=click.IntRange(min=0), default=0, help="Most steps at one time (0: by the machine)."
)
@click.option("--detach", is_flag=True, help="Print the run's id and return; the run goes on.")
@as_json
def run(
    notebook: Path,
    parameters: tuple[str, ...],
    pipeline: str | None,
    only: str | None,
    start: str | None,
    cache: bool,
    isolated: bool,
    experiment: str | None,
    target: str,
    cron: str | None,
    via_kfp: bool,
    spawn: bool,
    python: str | None,
    max_parallel: int,
    detach: bool,
    as_json: bool,
) -> None:
    """Run NOTEBOOK as a pipeline and follow it.

    Exit status: 0 it succeeded, 1 it failed or the notebook has errors, 2 the command line is wrong, 130 it was cancelled.
    """
    from kfnb.engines.base import RunOptions
    from kfnb.engines.cluster.targets import target_named
    from kfnb.engines.opening import engine_for
    from kfnb.pipeline.parameters import bind

    with cluster_words(as_json):
        chosen = target_named(target, notebook)
    given = given_parameters(parameters, as_json)
    found = built(notebook, pipeline)
    if found.pipeline is None:
        fail(notebook, found.problems, as_json)
    try:
        values = bind(found.pipeline, given)
    except NotebookError as error:
        if not as_json:
            report(notebook, error.problems)
        else:
            emit({"error": str(error.problems[0]), "problems": [p.to_json() for p in error.problems]})
        sys.exit(2)
    if not as_json:
        report(notebook, found.problems, quiet=True)
    path = str(notebook.absolute())
    options = RunOptions(
        values, experiment, cache, isolated, only, start, path, str(notebook.absolute().parent), max_parallel, spawn,
        python and os.path.abspath(shutil.which(python) or python),
    )  # fmt: skip
    engine = engine_for(store(), chosen)
    problems = engine.check(found.pipeline, options)
    wrong = errors(problems)
    if wrong:
        refuse(wrong[0].message + f"; {wrong[0].hint}", as_json)
    if not as_json:
        report(notebook, problems, quiet=True)
    with cluster_words(as_json):
        if cron is not None:
            scheduled(engine, found.pipeline, options, cron, as_json)
        if via_kfp:
            uploaded(engine, found.pipeline, options, as_json)
        run_id = engine.submit(found.pipeline, options)
    if detach:
        emit({"run": run_id}) if as_json else click.echo(run_id)
        sys.exit(OK)
    follow(engine, run_id, as_json)


def scheduled(engine: Engine, pipeline: Pipeline, options: RunOptions, cron: str, as_json: bool) -> NoReturn:
    """Put a pipeline on a cluster's clock."""
    schedule = getattr(engine, "schedule", None)
    if schedule is None:
        refuse("this machine has no clock for runs: name a target of Kubeflow Pipelines or Argo", as_json)
    name = schedule(pipeline, options, cron)
    emit({"schedule": name, "cron": cron}) if as_json else click.echo(f"{name}: {cron}")
    sys.exit(OK)


def uploaded(engine: Engine, pipeline: Pipeline, options: RunOptions, as_json: bool) -> NoReturn:
    """Submit Argo's form of a pipeline through Kubeflow Pipelines."""
    legacy = getattr(engine, "submit_workflow", None)
    if legacy is None:
        refuse("--via-kfp needs a target of Kubeflow Pipelines", as_json)
    run = legacy(pipeline, options)
    emit({"remote": run}) if as_json else click.echo(f"run {run} of Kubeflow Pipelines; follow it there")
    sys.exit(OK)


def given_parameters(parameters: tuple[str, ...], as_json: bool) -> dict[str, str]:
    """What ``-p NAME=VALUE`` gave."""
    found: dict[str, str] = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals or not name:
            refuse(f"`-p {text}` should be `-p NAME=VALUE`", as_json)
        found[name.strip()] = value
    return found


def follow(engine: Engine, run_id: str, as_json: bool, since: int = 0) -> None:
    """Watch a run to its end, show it, and leave with its status. Ctrl-C cancels it."""
    from kfnb.cli.live import watch

    with cluster_words(as_json):
        watch(engine, run_id, quiet=as_json, since=since)
    summary = engine.store.summary(run_id)
    if as_json:
        emit(summary)
    else:
        from kfnb.cli.live import conclude

        conclude(engine.store, summary)
    sys.exit(status_of(summary["state"]))


@click.command()
@run_argument
@click.option("--from", "start", metavar="STEP", help="Run this step and all after it again.")
@click.option("--detach", is_flag=True, help="Return at once; the run goes on.")
@as_json
def retry(run_id: str, start: str | None, detach: bool, as_json: bool) -> None:
    """Take RUN up again where it stood, with the notebook as it is now.

    What succeeded, with the same code and the same inputs, is not run again.
    """
    from kfnb.engines.opening import engine_of
    from kfnb.runs.store import UnknownRun

    runs = store()
    run_id = resolved(runs, run_id, as_json)
    engine = engine_of(runs, run_id)
    head = runs.head(run_id)
    pipeline = None
    if head["notebook"] and Path(head["notebook"]).exists():
        found = built(Path(head["notebook"]), head["pipeline"])
        if found.pipeline is None:
            fail(Path(head["notebook"]), found.problems, as_json)
        pipeline = found.pipeline
    events = runs.events(run_id)
    try:
        with cluster_words(as_json):
            engine.retry(run_id, start, pipeline)
    except UnknownRun as error:
        refuse(str(error), as_json)
    if detach:
        emit({"run": run_id}) if as_json else click.echo(run_id)
        sys.exit(OK)
    follow(engine, run_id, as_json, events[-1].seq if events else 0)
