"""Shows what is done for the images of a run on a cluster: bars in a terminal, else a line when a layer is begun."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from kfnb.engines.cluster.submission.unbuilt_run import WORDS
from kfnb.images.build_watch import watch_nothing

if TYPE_CHECKING:
    from kfnb.engines.cluster.targets.targets import Target
    from kfnb.images.build_watch import Watch


@contextmanager
def builds_shown(target: Target, quiet: bool) -> Iterator[Watch]:
    """What an engine tells of the images of a target, which has a repository for them or not."""
    if quiet or not target.settings.get("repository"):
        yield watch_nothing
    elif sys.stderr.isatty():
        from kfnb.cli.build_progress import shown

        with shown(quiet=False) as watch:
            yield watch
    else:
        told: set[tuple[str, str]] = set()

        def watch_lines(title: str, doing: str, done: int, size: int) -> None:
            if (title, doing) not in told:
                told.add((title, doing))
                click.echo(f"kfnb {WORDS.get(doing, doing)} {title}{f' ({size / 1e6:.1f} MB)' if size else ''}", err=True)  # fmt: skip

        yield watch_lines
