"""Shows how far a run is on its way to its cluster: one bar in a terminal, else a line when a layer is begun."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from kfnb.engines.cluster.submission.delivery import DeliveryProgress, begun
from kfnb.images.build_watch import watch_nothing

if TYPE_CHECKING:
    from kfnb.engines.cluster.targets.targets import Target
    from kfnb.images.build_watch import Watch

WORDS = {"download": "downloads", "upload": "sends", "build": "builds:"}


@contextmanager
def builds_shown(target: Target, quiet: bool) -> Iterator[Watch]:
    """What an engine tells of the images of a target, which has a repository for them or not."""
    if quiet or not target.settings.get("repository"):
        yield watch_nothing
    elif sys.stderr.isatty():
        with _bar() as watch:
            yield watch
    else:
        told: set[tuple[str, str]] = set()

        def watch_lines(title: str, doing: str, done: int, size: int) -> None:
            if (title, doing) not in told:
                told.add((title, doing))
                click.echo(f"kfnb {WORDS[doing]} {title}{f' ({size / 1e6:.1f} MB)' if size else ''}", err=True)

        yield watch_lines


@contextmanager
def _bar() -> Iterator[Watch]:
    """One bar for all that is downloaded, built, sent and submitted."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    told = DeliveryProgress()
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(str(begun("package")), total=1.0)

        def watch(title: str, doing: str, done: int, size: int) -> None:
            delivery = told.told(title, doing, done, size)
            progress.update(bar, completed=delivery.share, description=str(delivery))

        yield watch
