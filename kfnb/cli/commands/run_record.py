"""The commands that read the record of runs: ``runs``, ``status``, ``logs``, ``result``; and ``cancel`` and ``archive``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import OK, as_json, cluster_errors, emit, refuse, resolved, run_argument, status_of, store
from kfnb.terminal_escapes import terminal_text
from kfnb.wording import duration, elapsed, moment

if TYPE_CHECKING:
    from kfnb.runs.attempt_logs import LogLine


@click.command()
@as_json
@click.option("-n", "count", default=20, show_default=True, help="How many.")
def runs(as_json: bool, count: int) -> None:
    """List the newest runs."""
    found = store().runs(count)
    if as_json:
        emit(found)
        return
    if not found:
        click.echo("there is no run yet: kfnb run NOTEBOOK")
    for head in found:
        length = duration(elapsed(head))
        click.echo(
            f"{head['run']}  {head['state']:9}  {moment(head['created'])}  {length:>8}  {head['pipeline']}"
            + _group(head)
        )


def _group(head: dict[str, Any]) -> str:
    return f"  [{head['experiment']}]" if head["experiment"] else ""


@click.command()
@run_argument
@as_json
def status(run_id: str, as_json: bool) -> None:
    """Show where RUN stands (an id, the beginning of one, or `last`)."""
    from kfnb.cli.live_run_table import conclude
    from kfnb.engines.open_engine import engine_of

    record = store()
    run_id = resolved(record, run_id, as_json)
    with cluster_errors(as_json):
        engine_of(record, run_id).refresh(run_id)
    summary = record.summary(run_id)
    if as_json:
        emit(summary)
    else:
        from kfnb.cli.live_run_table import print_table

        print_table(record, summary)
        conclude(record, summary, values=False)
    sys.exit(OK if summary["state"] in ("running", "pending") else status_of(summary["state"]))


@click.command()
@run_argument
@click.argument("step", required=False, shell_complete=completion_words.steps_of_run)
@click.option("-f", "--follow", is_flag=True, help="Go on until the step has ended.")
@click.option("--attempt", type=int, help="Which attempt; by default the last.")
@click.option("--times", is_flag=True, help="Show when each line was printed.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the cluster's own tools wrote into the log, too.")
def logs(run_id: str, step: str | None, follow: bool, attempt: int | None, times: bool, verbose: bool) -> None:
    """Print what a step of RUN printed, or what all of them did."""
    from kfnb.engines.follow_record import follow_all_logs
    from kfnb.engines.open_engine import engine_of
    from kfnb.runs.record.lookup_by_name import UnknownRun

    record = store()
    run_id = resolved(record, run_id)
    engine = engine_of(record, run_id)

    def show(line: LogLine, path: str) -> None:
        prefix = f"[{path}] " if step is None else ""
        click.echo(f"{line.time + ' ' if times else ''}{prefix}{terminal_text(line.text)}")

    try:
        with cluster_errors():
            engine.refresh(run_id)
            if step is None and follow:
                for path, line in follow_all_logs(engine, run_id, verbose):
                    show(line, path)
                return
            for path in [step] if step else [s["path"] for s in record.steps(run_id) if s["attempts"]]:
                for line in engine.logs(run_id, path, attempt, follow, verbose):
                    show(line, path)
    except UnknownRun as error:
        refuse(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


@click.command()
@run_argument
@as_json
def cancel(run_id: str, as_json: bool) -> None:
    """End RUN: its exit handler still runs. Asked a second time, it ends at once."""
    from kfnb.engines.open_engine import engine_of

    record = store()
    run_id = resolved(record, run_id, as_json)
    with cluster_errors(as_json):
        is_cancelling = engine_of(record, run_id).cancel(run_id)
    state = record.head(run_id)["state"]
    if as_json:
        emit({"run": run_id, "cancelling": is_cancelling, "state": state})
    else:
        click.echo(f"{run_id} is being cancelled" if is_cancelling else f"{run_id} has ended already: {state}")


@click.command()
@run_argument
@as_json
def archive(run_id: str, as_json: bool) -> None:
    """Put RUN away on its server (Kubeflow Pipelines): its pages list it no longer. Here it stays in the record."""
    from kfnb.engines.open_engine import engine_of

    record = store()
    run_id = resolved(record, run_id, as_json)
    put_away = getattr(engine_of(record, run_id), "archive", None)
    if put_away is None:
        refuse("only Kubeflow Pipelines has an archive of runs", as_json)
    with cluster_errors(as_json):
        put_away(run_id)
    emit({"run": run_id, "archived": True}) if as_json else click.echo(f"{run_id} is archived")


@click.command()
@run_argument
@click.argument("value", metavar="STEP.NAME")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it to a file, in the format of its ending."
)
@click.option(
    "--format", "ending", metavar="FORMAT", help="The format of the file. Without -o, its name is NAME.FORMAT."
)
@as_json
def result(run_id: str, value: str, output: Path | None, ending: str | None, as_json: bool) -> None:
    """Print a value that a step of RUN left, or write it to a file.

    A table can be written as parquet, csv, feather or html, an array as npy, tensors as npz or safetensors, a model as its library does
    (keras, ubj, json, txt, cbm), a figure as png, svg, pdf or html, plain values as json, text as txt, and any value as pkl.
    """
    from kfnb.client.export_value import NotWritten, write_value
    from kfnb.runs.record.lookup_by_name import UnknownRun
    from kfnb.runtime.step_failures import Failure

    record = store()
    run_id = resolved(record, run_id, as_json)
    step, dot, name = value.rpartition(".")
    if not dot:
        refuse(f"`{value}` should be STEP.NAME", as_json)
    try:
        found = record.value(run_id, step, name)
    except UnknownRun as error:
        refuse(str(error), as_json)
    except Failure as failure:
        refuse(failure.message, as_json)
    if output is not None or ending is not None:
        path = output or Path(f"{name}.{(ending or '').removeprefix('.')}")
        try:
            write_value(found, path, ending)
        except (NotWritten, OSError) as error:
            refuse(str(error), as_json)
        if output is None:
            emit({"run": run_id, "step": step, "name": name, "file": str(path)}) if as_json else click.echo(path)
    elif as_json:
        emit({"run": run_id, "step": step, "name": name, "value": _plain(found)})
    else:
        text = found if isinstance(found, str) else repr(found)
        click.echo(terminal_text(text) if sys.stdout.isatty() else text)


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        from kfnb.runtime.values.value_previews import preview

        return preview(value)
    return value
