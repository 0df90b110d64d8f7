"""The commands ``prune`` and ``delete``, which remove runs from the record."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import as_json, emit, refuse, resolved, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from kfnb.runs.retention.prune_runs import Pruned
    from kfnb.runs.retention.retention_settings import Retention

UNUSED = 30 * 24 * 3600.0  #: seconds after which wheels, layers and packages go that nothing has used


@click.command()
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Keep the newest N runs of every notebook's pipeline."
)
@click.option("--older", metavar="AGE", help="Delete runs that ended longer ago, such as 12h, 30d or 4w.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@as_json
def prune(keep: int | None, older: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete old runs, with their logs and the values that no other run has.

    With --keep and --older a run goes for either reason. Without both, what kfnb.toml in your configuration folder says
    counts: [record] with keep and older. Runs that have not ended stay. Wheels and layers go too that no image was built of
    for 30 days, and installed packages that no step has used for as long.
    """
    from kfnb.images.layers.wheel_cache import WheelCache
    from kfnb.runs.retention.prune_runs import (
        Pruned,
        delete_runs,
        outdated,
        prune_packages,
        size_of,
        size_of_runs,
        unused_packages,
    )

    limits = _limits(keep, older, as_json)
    record = store()
    runs = outdated(record, limits)
    unused = WheelCache().prune(UNUSED, dry_run)
    if dry_run:
        unused += sum(size_of(f) for f in unused_packages(record.home, UNUSED))
        _report(Pruned(tuple(runs), size_of_runs(record, runs)), as_json, "would be deleted", unused)
        return
    unused += prune_packages(record.home, UNUSED)
    _report(delete_runs(record, runs, _progress(len(runs)), skip=True), as_json, "deleted", unused)


@click.command()
@click.argument("run_ids", metavar="RUN…", nargs=-1, required=True, shell_complete=completion_words.run_ids)
@as_json
def delete(run_ids: tuple[str, ...], as_json: bool) -> None:
    """Delete runs (ids, or beginnings of them), with their logs and the values that no other run has.

    What a run left on a cluster stays there, but for its values in a store at a URL.
    """
    from kfnb.runs.record.lookup_by_name import UnknownRun
    from kfnb.runs.retention.prune_runs import delete_runs

    record = store()
    runs = list(dict.fromkeys(resolved(record, r, as_json) for r in run_ids))
    try:
        done = delete_runs(record, runs, _progress(len(runs)))
    except UnknownRun as error:
        refuse(str(error), as_json)
    _report(done, as_json, "deleted")


def _limits(keep: int | None, older: str | None, as_json: bool) -> Retention:
    """What stays: as the command line says, else as it is configured."""
    from kfnb.runs.retention.retention_settings import Retention, age, retention

    if keep is None and older is None:
        configured = retention()
        if not configured.limits:
            refuse("say what stays: --keep N, --older 30d, or both", as_json)
        return configured
    try:
        return Retention(keep, None if older is None else age(older))
    except ValueError as error:
        refuse(str(error), as_json)


def _progress(count: int) -> Callable[[str], None]:
    """Says in a terminal what is being deleted."""
    done = 0

    def show(run_id: str) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{min(done, count)}/{count} {run_id}", nl=False, err=True)

    return show


def _report(done: Pruned, as_json: bool, verb: str, unused: int = 0) -> None:
    """Say what has gone. ``unused`` are the bytes of wheels, layers and packages."""
    if as_json:
        emit(
            {
                "runs": list(done.runs),
                "bytes": done.bytes + unused,
                "dry_run": verb != "deleted",
                "stayed": list(done.stayed),
            }
        )
        return
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    for run_id in done.runs:
        click.echo(run_id)
    for why in done.stayed:
        click.echo(why, err=True)
    count = len(done.runs)
    click.echo(f"{count} run{'' if count == 1 else 's'} {verb}, {done.bytes / 1e6:.1f} MB")
    if unused:
        click.echo(f"unused wheels, layers and packages {verb}, {unused / 1e6:.1f} MB")
