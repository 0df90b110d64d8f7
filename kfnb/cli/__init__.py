"""The command line. A command's module is imported when the command is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple, NoReturn

import click

from kfnb.address_grammar import defer_address_grammar
from kfnb.problems import UserError
from kfnb.surrogates import open_streams_to_any_text
from kfnb.version import __version__


class Entry(NamedTuple):
    """Where a command is defined, and the first sentence of its help."""

    module: str
    function: str
    help: str


COMMANDS = {
    "archive": Entry("run_record", "archive", "Put RUN away on its server (Kubeflow Pipelines): its pages list it no longer."),
    "build": Entry("build_command", "build", "Make images for the steps of NOTEBOOK, with the packages and modules that they import, and put them into a repository."),
    "cancel": Entry("run_record", "cancel", "End RUN: its exit handler still runs."),
    "check": Entry("show_and_check", "check", "Report the problems of NOTEBOOK, as  NB:cell 7:3: …  Exit status 1 when one is an error."),
    "compare": Entry("compare_command", "compare", "Show what differs between two to ten runs: parameters, metrics, states, durations, outputs, settings, environment, packages, code."),
    "compile": Entry("compile_and_targets", "compile_", "Write the pipeline of NOTEBOOK as Kubeflow Pipelines' IR or as an Argo Workflow."),
    "completion": Entry("shell_completion", "completion", 'Print completion code: eval "$(kfnb completion bash)".'),
    "convert": Entry("show_and_check", "convert", "Write a pipeline of NOTEBOOK as a Python package: components, the pipeline, what they need."),
    "delete": Entry("prune_and_delete", "delete", "Delete runs (ids, or beginnings of them), with their logs and the values that no other run has."),
    "init-target": Entry("init_target", "init_target", "Make a target of a cluster: look at what is there, and write it into your configuration as the target NAME."),
    "lock": Entry("lock_command", "lock", "Write the versions and hashes of all packages that the steps of NOTEBOOK need into a file beside it."),
    "logs": Entry("run_record", "logs", "Print what a step of RUN printed, or what all of them did."),
    "prune": Entry("prune_and_delete", "prune", "Delete old runs, with their logs and the values that no other run has."),
    "report": Entry("report", "report", "Write the report of RUN (an id, the beginning of one, or `last`): its notebook with all outputs, states and times."),
    "result": Entry("run_record", "result", "Print a value that a step of RUN left, or write it to a file."),
    "retry": Entry("run_and_retry", "retry", "Take RUN up again where it stood, with the notebook as it is now."),
    "run": Entry("run_and_retry", "run", "Run NOTEBOOK as a pipeline and follow it."),
    "runs": Entry("run_record", "runs", "List the newest runs, of NOTEBOOK or of all; a notebook that was renamed or moved keeps its runs."),
    "schedule": Entry("schedule_command", "schedule", "Run notebooks at set times."),
    "show": Entry("show_and_check", "show", "Show the pipeline that NOTEBOOK becomes."),
    "status": Entry("run_record", "status", "Show where RUN stands (an id, the beginning of one, or `last`)."),
    "sweep": Entry("sweep_command", "sweep", "Run NOTEBOOK once for every combination of parameter values, side by side."),
    "tag": Entry("run_record", "tag", "Give runs tags and a note, or show those that they have."),
    "targets": Entry("compile_and_targets", "targets", "List the targets that NOTEBOOK (or this folder) can run on, and whether each answers."),
    "trust": Entry("trust_command", "trust", "Trust FILE, a kfnb.toml, or those that NOTEBOOK (or this folder) would use, after showing what they would do."),
}  # fmt: skip


def load_command(name: str) -> click.Command | None:
    """Import and return a command; ``None`` when there is none of this name."""
    entry = COMMANDS.get(name)
    if entry is None:
        return None
    command: click.Command = getattr(import_module(f"kfnb.cli.commands.{entry.module}"), entry.function)
    return command


class LazyCommands(click.Group):
    """A group that imports only the command that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        room = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [(n, click.Command(n, help=COMMANDS[n].help).get_short_help_str(room)) for n in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
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


def main() -> None:
    """Run ``kfnb``."""
    defer_address_grammar()
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
        from kfnb.runs.record.database import write_error_text
        from kfnb.runs.record.home_folder import home_folder

        _leave(write_error_text(error, home_folder()))


def _leave(message: str) -> NoReturn:
    """Print what went wrong, as JSON when the command line asks for JSON, and exit."""
    from kfnb.cli.command_helpers import FAILED, emit

    if "--json" in sys.argv:
        emit({"error": message})
    else:
        click.echo(f"kfnb: {message}", err=True)
    sys.exit(FAILED)
