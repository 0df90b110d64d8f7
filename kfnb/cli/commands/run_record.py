"""The commands that read the record of runs: ``runs``, ``status``, ``logs``, ``result``; and ``cancel`` and ``archive``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (
    OK,
    NotebookPath,
    as_json,
    cluster_errors,
    emit,
    refuse,
    resolved,
    run_argument,
    status_of,
    store,
)
from kfnb.states import RUN_STATES
from kfnb.terminal_escapes import terminal_text
from kfnb.wording import duration, elapsed, moment

if TYPE_CHECKING:
    from kfnb.notebook.notebook_source import Source
    from kfnb.runs.attempt_logs import LogLine


@click.command()
@click.argument("notebook", type=NotebookPath(dir_okay=False), required=False)
@as_json
@click.option("-n", "count", default=20, show_default=True, help="How many.")
@click.option("--tag", help="Only runs with this tag.")
@click.option("--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option("--state", "states", multiple=True, type=click.Choice(RUN_STATES), help="Only runs in this state.")
@click.option("--text", help="Only runs with this text in the id, the names, the parameters, the note or a tag.")
def runs(notebook: Source | None, as_json: bool, count: int, states: tuple[str, ...], **wanted: Any) -> None:
    """List the newest runs, of NOTEBOOK or of all; a notebook that was renamed or moved keeps its runs."""
    from kfnb.client.runs_table import runs_of
    from kfnb.runs.record.run_query import RunQuery

    record = store()
    query = RunQuery() if notebook is None else runs_of(record, notebook)
    found, _ = record.find(replace(query, count=count, states=states, **wanted))
    if as_json:
        emit(found)
        return
    if not found:
        is_all = notebook is None and not states and not any(wanted.values())
        click.echo("there is no run yet: kfnb run NOTEBOOK" if is_all else "there is no such run")
    for head in found:
        length = duration(elapsed(head))
        click.echo(
            f"{head['run']}  {head['state']:9}  {moment(head['created'])}  {length:>8}  {head['pipeline']}"
            + (f"  {terminal_text(head['name'])}" if head["name"] else "")
            + _group(head)
        )


def _group(head: dict[str, Any]) -> str:
    return (f"  [{head['experiment']}]" if head["experiment"] else "") + _tags(head)


def _tags(head: dict[str, Any]) -> str:
    return "".join(f"  #{name}" for name in head["tags"])


@click.command()
@click.argument("run_ids", metavar="RUN…", nargs=-1, required=True, shell_complete=completion_words.run_ids)
@click.option("-a", "--add", multiple=True, metavar="TAG", help="Add a tag; give it several times for several.")
@click.option("-r", "--remove", multiple=True, metavar="TAG", help="Remove a tag.")
@click.option("--note", help="Set the note; an empty one removes it.")
@as_json
def tag(
    run_ids: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...], note: str | None, as_json: bool
) -> None:
    """Give runs tags and a note, or show those that they have."""
    record = store()
    heads = []
    for run_id in dict.fromkeys(resolved(record, r, as_json) for r in run_ids):
        if add or remove:
            kept = (t for t in record.head(run_id)["tags"] if t not in remove)
            record.label(run_id, tags=(*kept, *add))
        record.label(run_id, note=note)
        heads.append(record.head(run_id))
    if as_json:
        emit([{k: h[k] for k in ("run", "tags", "note")} for h in heads])
        return
    for head in heads:
        click.echo(f"{head['run']}{_tags(head)}" + (f"  {head['note']}" if head["note"] else ""))


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
