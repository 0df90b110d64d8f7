"""The commands ``run`` and ``retry``, which run a notebook."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (  # fmt: skip
    OK,
    as_json,
    cluster_errors,
    emit,
    fixed,
    notebook_argument,
    parameters_option,
    pipeline_option,
    refuse,
    report,
    request_errors,
    required,
    resolved,
    run_argument,
    show_travelling,
    status_of,
    store,
)

if TYPE_CHECKING:
    from kfnb.client.start_run import Prepared
    from kfnb.engines.engine_interface import Engine
    from kfnb.notebook.notebook_source import Source


def container_tool(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Check what ``--containers`` got: where no value is meant, it takes the next word for one."""
    if value not in (None, "auto", "podman", "docker"):
        raise click.BadParameter(f"`{value}` is neither podman nor docker; write `--containers` after the notebook")
    return value


@click.command()
@notebook_argument
@parameters_option("Give a parameter a value.")
@pipeline_option
@click.option(
    "--step",
    "only",
    metavar="STEP",
    shell_complete=completion_words.steps,
    help="Run this step only, with values of the newest run.",
)
@click.option(
    "--from",
    "start",
    metavar="STEP",
    shell_complete=completion_words.steps,
    help="Run from this step on, with values of the newest run.",
)
@click.option(
    "--any-parameters", is_flag=True, help="With --step or --from: take values that were made with other parameters."
)
@click.option("--cache", is_flag=True, help="Take earlier results of steps with the same code and inputs.")
@click.option("--isolated", is_flag=True, help="Give each step a folder of its own, as a cluster does.")
@click.option(
    "--containers",
    is_flag=False,
    flag_value="auto",
    metavar="[podman|docker]",
    callback=container_tool,
    help="Run each step in a container on this machine.",
)
@click.option("--image", metavar="REF", help="With --containers: the image of steps that name none.")
@click.option("--name", metavar="TEXT", help="What to call the run.")
@click.option("--priority", type=int, metavar="N", help="Argo: of the runs that wait, the highest number begins first.")
@click.option("--experiment", metavar="NAME", help="Put the run into a named group.")
@click.option(
    "--target", default="local", show_default=True, help="Where to run.", shell_complete=completion_words.target_names
)
@click.option(
    "--cron",
    metavar="SCHEDULE",
    help='Do not run now, but at these times, such as "0 6 * * *": as `kfnb schedule add`.',
)
@click.option("--fuse", is_flag=True, help="On a cluster: run chains of light steps in one pod.")
@click.option("--via-kfp", is_flag=True, help="Argo: submit the Workflow through Kubeflow Pipelines' legacy path.")
@click.option("--spawn", is_flag=True, help="Start every step in a fresh interpreter.")
@click.option("--python", metavar="PATH", help="The interpreter of the steps, with its own packages; it needs no kfnb.")
@click.option(
    "--max-parallel", type=click.IntRange(min=0), default=0, help="Most steps at one time (0: by the machine)."
)
@click.option("--detach", is_flag=True, help="Print the run's id and return; the run goes on.")
@as_json
def run(
    notebook: Source,
    parameters: tuple[str, ...],
    pipeline: str | None,
    only: str | None,
    start: str | None,
    any_parameters: bool,
    cache: bool,
    isolated: bool,
    containers: str | None,
    image: str | None,
    name: str | None,
    priority: int | None,
    experiment: str | None,
    target: str,
    cron: str | None,
    fuse: bool,
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
    from kfnb.cli.target_builds import builds_shown
    from kfnb.client.start_run import prepare
    from kfnb.engines.open_engine import engine_for
    from kfnb.pipeline.build.build_from_source import build_source

    values = parse_parameters(parameters, as_json)
    notebook = fixed(notebook, as_json)
    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    with request_errors(notebook, as_json), cluster_errors(as_json):
        prepared = prepare(
            notebook, graph, values, target, name=name, priority=priority, experiment=experiment, cache=cache, isolated=isolated, only=only, start=start, any_parameters=any_parameters,
            max_parallel=max_parallel, spawn=spawn, fuse=fuse, containers=containers, image=image, python=python and os.path.abspath(shutil.which(python) or python),
        )  # fmt: skip
    if not as_json:
        report(notebook, (*built.problems, *prepared.problems), quiet=True)
        show_travelling(prepared)
    if cron is not None:
        from kfnb.cli.give_schedule import give_to_place

        name = give_to_place(prepared, values, cron, as_json, pipeline=pipeline)
        emit({"schedule": name, "cron": cron}) if as_json else click.echo(f"{name}: {cron}")
        sys.exit(OK)
    with cluster_errors(as_json), builds_shown(prepared.target, as_json) as watch:
        engine = engine_for(store(), prepared.target, watch=watch)
        if via_kfp:
            uploaded(engine, prepared, as_json)
        run_id = prepared.submit(watch=watch).id
    if detach:
        emit({"run": run_id}) if as_json else click.echo(run_id)
        sys.exit(OK)
    follow(engine, run_id, as_json)


def uploaded(engine: Engine, prepared: Prepared, as_json: bool) -> NoReturn:
    """Submit Argo's form of a pipeline through Kubeflow Pipelines."""
    legacy = getattr(engine, "submit_workflow", None)
    if legacy is None:
        refuse("--via-kfp needs a target of Kubeflow Pipelines", as_json)
    run = legacy(prepared.pipeline, prepared.options)
    emit({"remote": run}) if as_json else click.echo(f"run {run} of Kubeflow Pipelines; follow it there")
    sys.exit(OK)


def parse_parameters(parameters: tuple[str, ...], as_json: bool) -> dict[str, str]:
    """What ``-p NAME=VALUE`` gave."""
    values: dict[str, str] = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals or not name:
            refuse(f"`-p {text}` should be `-p NAME=VALUE`", as_json)
        values[name.strip()] = value
    return values


def follow(engine: Engine, run_id: str, as_json: bool, since: int = 0) -> None:
    """Watch a run to its end, show it, and leave with its status. Ctrl-C cancels it."""
    from kfnb.cli.live_run_table import watch
    from kfnb.engines.cluster.clients.cluster_errors import ClusterError

    with cluster_errors(as_json):
        try:
            watch(engine, run_id, quiet=as_json, since=since)
        except ClusterError as error:
            again = f"the run goes on without this command, and `kfnb logs {run_id} -f` follows it again"
            raise ClusterError(error.kind, f"{error}; {again}", error.retryable) from None
    summary = engine.store.summary(run_id)
    if as_json:
        emit(summary)
    else:
        from kfnb.cli.live_run_table import conclude

        conclude(engine.store, summary)
    sys.exit(status_of(summary["state"]))


@click.command()
@run_argument
@click.option(
    "--from",
    "start",
    metavar="STEP",
    shell_complete=completion_words.steps_of_run,
    help="Run this step and all after it again.",
)
@click.option("--detach", is_flag=True, help="Return at once; the run goes on.")
@as_json
def retry(run_id: str, start: str | None, detach: bool, as_json: bool) -> None:
    """Take RUN up again where it stood, with the notebook as it is now.

    What succeeded, with the same code and the same inputs, is not run again.
    """
    from kfnb.cli.target_builds import builds_shown
    from kfnb.engines.open_engine import engine_of, target_of
    from kfnb.notebook.notebook_source import division_in, source_of
    from kfnb.pipeline.build.build_from_source import build_again
    from kfnb.runs.kept_notebook import keep_notebook, kept_notebook
    from kfnb.runs.record.lookup_by_name import UnknownRun

    runs = store()
    run_id = resolved(runs, run_id, as_json)
    engine = engine_of(runs, run_id)
    head = runs.head(run_id)
    pipeline, notebook = None, None
    if head["notebook"] and Path(head["notebook"]).exists():
        division = division_in(kept_notebook(runs, run_id))
        notebook = fixed(replace(source_of(head["notebook"]), division=division), as_json)
        pipeline = required(build_again(notebook, head["pipeline"]), notebook, as_json)
    events = runs.events(run_id)
    try:
        with cluster_errors(as_json), builds_shown(target_of(runs, run_id), as_json) as watch:
            engine_of(runs, run_id, watch=watch).retry(run_id, start, pipeline)
    except UnknownRun as error:
        refuse(str(error), as_json)
    if notebook is not None:
        keep_notebook(runs, run_id, notebook.json)
    if detach:
        emit({"run": run_id}) if as_json else click.echo(run_id)
        sys.exit(OK)
    follow(engine, run_id, as_json, events[-1].seq if events else 0)
