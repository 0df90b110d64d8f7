"""The command ``compare``, which shows what differs between runs."""

from __future__ import annotations

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import as_json, cluster_errors, emit, refuse, resolved, store
from kfnb.terminal_escapes import terminal_text


@click.command()
@click.argument("run_ids", metavar="RUN RUN…", nargs=-1, required=True, shell_complete=completion_words.run_ids)
@click.option("--all", "show_all", is_flag=True, help="Show also what is the same in all runs.")
@as_json
def compare(run_ids: tuple[str, ...], show_all: bool, as_json: bool) -> None:
    """Show what differs between two to ten runs: parameters, metrics, states, durations, outputs, settings, environment, packages, code.

    RUN is an id, the beginning of one, `last`, or a notebook, whose newest run it is. The code of the other runs is shown as it
    differs from that of the first one.
    """
    from kfnb.comparison.compare_runs import compare_recorded
    from kfnb.comparison.comparison_text import comparison_lines
    from kfnb.engines.open_engine import engine_of
    from kfnb.runs.record.lookup_by_name import UnknownRun

    record = store()
    chosen = list(dict.fromkeys(resolved(record, run_id, as_json) for run_id in run_ids))
    with cluster_errors(as_json):
        for run_id in chosen:
            engine_of(record, run_id).refresh(run_id)
    try:
        found = compare_recorded(record, chosen)
    except (UnknownRun, ValueError) as error:
        refuse(str(error), as_json)
    if as_json:
        emit(found.to_json())
        return
    for line in comparison_lines(found, show_all):
        click.echo(terminal_text(line))
