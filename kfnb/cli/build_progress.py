"""Shows in a terminal what a build downloads and sends: one bar for each layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kfnb.images.build_watch import watch_nothing

if TYPE_CHECKING:
    from rich.progress import TaskID

    from kfnb.images.build_watch import Watch

WORDS = {"download": "downloading", "upload": "sending", "build": "building:"}


@contextmanager
def shown(quiet: bool) -> Iterator[Watch]:
    """What a build tells while it goes on. It is shown on the standard error, when that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield watch_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[tuple[str, str], TaskID] = {}

        def watch(title: str, doing: str, done: int, size: int) -> None:
            key = (title, doing)
            if key not in tasks:
                tasks[key] = progress.add_task(f"{WORDS[doing]} {title}", total=None)
            progress.update(tasks[key], completed=done, total=size or None, visible=not size or done < size)

        yield watch
