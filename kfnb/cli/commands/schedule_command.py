"""The command ``schedule``: notebooks that run at set times, on this machine and on clusters."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (  # fmt: skip
    as_json,
    cluster_errors,
    emit,
    fixed,
    notebook_argument,
    parameters_option,
    pipeline_option,
    report,
    request_errors,
    required,
    show_travelling,
)
from kfnb.cli.give_schedule import give_to_place, schedule_errors
from kfnb.terminal_escapes import terminal_text
from kfnb.wording import moment

if TYPE_CHECKING:
    from kfnb.notebook.notebook_source import Source
    from kfnb.schedules.schedule_model import Firing, Schedule

CATCH_UP, CONCURRENCY = ("none", "last", "all"), ("allow", "forbid", "replace")

schedule_argument = click.argument("name", metavar="SCHEDULE")
near = click.option(
    "--near", metavar="PATH", type=click.Path(exists=True, path_type=Path),
    help="Whose targets are asked: a notebook or a folder.  [default: this folder]",
)  # fmt: skip


@click.group()
def schedule() -> None:
    """Run notebooks at set times.

    On this machine a small process of yours starts the runs, with the notebook as it is at that time. On Argo and on Kubeflow
    Pipelines the cluster starts them, with the notebook as it was when the schedule was made. SCHEDULE is a name, or TARGET:NAME.
    """


@schedule.command()
@notebook_argument
@click.option("--cron", required=True, metavar="SCHEDULE", help='Minute, hour, day of month, month and day of week, such as "0 6 * * 1-5"; or @daily, @hourly, @weekly.')  # fmt: skip
@click.option("--tz", "zone", metavar="ZONE", help="The time zone, such as Europe/Berlin.  [default: this machine's; on a cluster its own]")  # fmt: skip
@parameters_option("Give a parameter a value.")
@pipeline_option
@click.option("--target", default="local", show_default=True, help="Where to run.", shell_complete=completion_words.target_names)  # fmt: skip
@click.option("--catch-up", type=click.Choice(CATCH_UP), default="none", show_default=True, help="Which missed times are made up for.")  # fmt: skip
@click.option("--concurrency", type=click.Choice(CONCURRENCY), default="forbid", show_default=True, help="While the run before still goes on: start beside it, skip this one, or cancel that one.")  # fmt: skip
@click.option("--name", metavar="NAME", help="The schedule's name.  [default: the pipeline's]")
@click.option("--experiment", metavar="NAME", help="Put the runs into a named group.")
@as_json
def add(
    notebook: Source, cron: str, zone: str | None, parameters: tuple[str, ...], pipeline: str | None, target: str, catch_up: str,
    concurrency: str, name: str | None, experiment: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run NOTEBOOK at set times.

    The notebook, its parameters and the target are checked now, as before a run.
    """
    from kfnb.cli.commands.run_and_retry import parse_parameters
    from kfnb.client.start_run import build_source, prepare

    values = parse_parameters(parameters, as_json)
    notebook = fixed(notebook, as_json)
    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    with request_errors(notebook, as_json), cluster_errors(as_json):
        prepared = prepare(notebook, graph, values, target, experiment=experiment)
    if not as_json:
        report(notebook, (*built.problems, *prepared.problems), quiet=True)
        show_travelling(prepared)
    rules = {"catch_up": catch_up, "concurrency": concurrency, "pipeline": pipeline}
    made = give_to_place(prepared, values, cron, as_json, name=name, zone=zone, **rules)
    with schedule_errors(as_json):
        _show(_found(f"{target}:{made}", notebook.path), notebook.path, as_json)


@schedule.command("list")
@near
@as_json
def list_(near: Path | None, as_json: bool) -> None:
    """List the schedules of all places: those of this machine, and those of the targets."""
    from kfnb.schedule_keeper.all_places import list_schedules
    from kfnb.schedules.describe_schedule import schedule_json

    with schedule_errors(as_json):
        found, silent = list_schedules(near)
    listed = [schedule_json(one.schedule, time.time(), [one.last] if one.last else []) for one in found]
    if as_json:
        emit({"schedules": listed, "silent": silent})
        return
    for one, row in zip(found, listed, strict=True):
        click.echo(terminal_text(_row(one.schedule, row)))
    if not listed:
        click.echo('there is no schedule yet: kfnb schedule add NOTEBOOK --cron "0 6 * * *"')
    for target, why in silent.items():
        click.echo(terminal_text(f"{target} does not tell its schedules: {why}"), err=True)


def _row(schedule: Schedule, told: dict[str, Any]) -> str:
    label = schedule.name if schedule.target == "local" else f"{schedule.target}:{schedule.name}"
    state = "paused" if schedule.paused else "active"
    coming = f"next {schedule.timetable.shown(told['next'][0])}" if told["next"] else ""
    last = f"last {told['history'][0]['state']}" if told["history"] else ""
    return "  ".join(
        part for part in (f"{label:20}", f"{state:6}", told["words"], coming, last, schedule.owner) if part
    )


@schedule.command()
@schedule_argument
@near
@as_json
def show(name: str, near: Path | None, as_json: bool) -> None:
    """Show SCHEDULE: its times in words, the next five, and what became of the earlier ones."""
    with schedule_errors(as_json):
        _show(_found(name, near), near, as_json)


def _show(found: Schedule, near: Path | None, as_json: bool) -> None:
    from kfnb.schedule_keeper.all_places import place_of
    from kfnb.schedules.describe_schedule import schedule_json

    with place_of(found.target, near) as place:
        history = place.history(found.id)
    told = schedule_json(found, time.time(), history)
    if as_json:
        emit(told)
        return
    zone = found.zone or ("UTC, unless the cluster has another zone" if found.target != "local" else "UTC")
    lines = [
        f"{found.name} on {found.target}: {'paused' if found.paused else 'active'}",
        f"  {found.cron}  {told['words']} ({zone})",
        f"  {found.notebook or 'a notebook that its place does not name'}{_parameters(found)}",
        f"  made by {found.owner or 'somebody whom its place does not name'}; catch-up {found.catch_up}; concurrency {found.concurrency}",
        *(f"  next {found.timetable.shown(at)}" for at in told["next"]),
        *(f"  {_outcome(firing)}" for firing in history),
    ]
    click.echo(terminal_text("\n".join(lines)))


def _parameters(found: Schedule) -> str:
    return "".join(f" {name}={value}" for name, value in found.parameters.items())


def _outcome(firing: Firing) -> str:
    times = f"missed {firing.count}, the last of them" if firing.state == "missed" else firing.state
    told = "; ".join(part for part in (f"run {firing.run}" if firing.run else "", firing.message) if part)
    return f"{moment(firing.due)}  {times}{': ' if told else ''}{told}"


def _found(name: str, near: Path | None) -> Schedule:
    from kfnb.schedule_keeper.all_places import find_schedule

    return find_schedule(name, near)


def _act(name: str, near: Path | None, as_json: bool, method: str, *values: Any) -> tuple[Schedule, Any]:
    """Call a method of the schedule's place."""
    from kfnb.schedule_keeper.all_places import place_of

    with schedule_errors(as_json):
        found = _found(name, near)
        with place_of(found.target, near) as place:
            return found, getattr(place, method)(found.id, *values)


def _said(found: Schedule, words: str, as_json: bool, **told: Any) -> None:
    emit({"schedule": found.id, "target": found.target, **told}) if as_json else click.echo(f"{found.name}: {words}")


@schedule.command()
@schedule_argument
@near
@as_json
def pause(name: str, near: Path | None, as_json: bool) -> None:
    """Pause SCHEDULE: nothing starts until `kfnb schedule resume`, and no time counts as missed."""
    _said(_act(name, near, as_json, "set_paused", True)[0], "paused", as_json, paused=True)


@schedule.command()
@schedule_argument
@near
@as_json
def resume(name: str, near: Path | None, as_json: bool) -> None:
    """Resume SCHEDULE."""
    _said(_act(name, near, as_json, "set_paused", False)[0], "active", as_json, paused=False)


@schedule.command()
@schedule_argument
@near
@as_json
def delete(name: str, near: Path | None, as_json: bool) -> None:
    """Delete SCHEDULE. The runs that it made stay."""
    _said(_act(name, near, as_json, "delete")[0], "deleted; its runs stay", as_json, deleted=True)


@schedule.command("run-now")
@schedule_argument
@near
@as_json
def run_now(name: str, near: Path | None, as_json: bool) -> None:
    """Start a run of SCHEDULE now, with its parameters."""
    found, run = _act(name, near, as_json, "run_now")
    _said(found, f"started {run}", as_json, run=run)
