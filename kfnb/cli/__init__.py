"""The command line."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from kfnb import __version__
from kfnb.cli.command_helpers import FAILED, emit
from kfnb.cli.commands.compile_command import compile_, targets
from kfnb.cli.commands.prune_and_delete import delete, prune
from kfnb.cli.commands.report import report
from kfnb.cli.commands.run_and_retry import retry, run
from kfnb.cli.commands.run_record import archive, cancel, logs, result, runs, status
from kfnb.cli.commands.shell_completion import completion
from kfnb.cli.commands.show_and_check import check, convert, show
from kfnb.cli.commands.sweep_command import sweep
from kfnb.cli.commands.trust_command import trust
from kfnb.problems import UserError
from kfnb.surrogates import open_streams_to_any_text


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
    delete,
    prune,
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
        _leave(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        if isinstance(error, UserError):
            _leave(str(error))
        if type(error).__module__ != "sqlite3":
            raise
        from kfnb.runs.record.home_folder import home_folder
        from kfnb.runs.record.run_store import disk_words

        _leave(disk_words(error, home_folder()))


def _leave(message: str) -> NoReturn:
    """End with what went wrong, as JSON where that was asked for."""
    if "--json" in sys.argv:
        emit({"error": message})
    else:
        click.echo(f"kfnb: {message}", err=True)
    sys.exit(FAILED)
