"""The command line."""

from __future__ import annotations

import sys

import click

from kfnb import __version__
from kfnb.cli.compiling import compile_, targets
from kfnb.cli.notebooks import check, convert, show
from kfnb.cli.record import archive, cancel, logs, result, runs, status
from kfnb.cli.reporting import report
from kfnb.cli.running import retry, run
from kfnb.cli.shells import completion
from kfnb.cli.sweeping import sweep
from kfnb.cli.trusting import trust
from kfnb.texts import open_streams_to_any_text


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kfnb")
def cli() -> None:
    """Notebooks become pipelines: mark cells as steps, run them here.

    \b
    kfnb show NB          the graph, and why each edge is there
    kfnb run NB -p a=7    run it, with live status
    kfnb logs last        what the last run printed
    kfnb report last      the executed notebook as a page
    kfnb convert NB -o D  the pipeline as a Python package
    """


for command in (
    run,
    sweep,
    show,
    check,
    compile_,
    convert,
    runs,
    status,
    logs,
    cancel,
    retry,
    result,
    report,
    archive,
    targets,
    trust,
    completion,
):
    cli.add_command(command)


def main() -> None:
    """Entry point of ``kfnb``."""
    open_streams_to_any_text()
    try:
        cli(prog_name="kfnb")
    except OSError as error:
        click.echo(f"kfnb: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        sys.exit(1)
    except Exception as error:
        if type(error).__module__ != "sqlite3":
            raise
        from kfnb.runs.home import home_folder
        from kfnb.runs.store import disk_words

        click.echo(f"kfnb: {disk_words(error, home_folder())}", err=True)
        sys.exit(1)
