"""Helpers that several commands share: they read the notebook, print problems and exit with the right status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kfnb.cli import completion_words
from kfnb.problems import INFO, NotebookError, Problem, errors, located

if TYPE_CHECKING:
    from kfnb.client.start_run import Prepared
    from kfnb.notebook.notebook_source import Source
    from kfnb.pipeline.build.build_pipeline import Built
    from kfnb.pipeline.model import Pipeline
    from kfnb.runs.record.run_store import RunStore

OK, FAILED, USAGE, CANCELLED = 0, 1, 2, 130
DIVISION = "kfnb.division"  #: what ``--as`` says, among what belongs to the context of a command

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class NotebookPath(click.Path):
    """A notebook's file, as a `Source`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from kfnb.notebook.notebook_source import Source, source_of

        return value if isinstance(value, Source) else source_of(str(super().convert(value, param, ctx)))


def _notebook(ctx: click.Context, param: click.Parameter, value: Source | None) -> Source:
    """The notebook that the command line names, or else the notebook of the kernel in which the command was typed."""
    from kfnb.notebook.notebook_source import Source

    found = value or ctx.find_object(Source)
    if found is None:
        raise click.MissingParameter(ctx=ctx, param=param)
    division = ctx.meta.get(DIVISION)
    return found if division is None else replace(found, division=division)


def _division(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    ctx.meta[DIVISION] = value


def notebook_argument(command: Command) -> Command:
    """Give a command the notebook that it reads, and the option that says how the notebook is divided into steps."""
    path = NotebookPath(exists=True, dir_okay=False)
    argument = click.argument("notebook", type=path, required=False, metavar="NOTEBOOK", callback=_notebook)
    option = click.option(
        "--as",
        "division",
        type=click.Choice(["one", "headings", "cells"]),
        is_eager=True,  # the notebook is made with it
        expose_value=False,
        callback=_division,
        help="Make steps of cells without a mark: all of them one step, a step by heading, or a step per cell.",
    )
    return argument(option(command))


pipeline_option = click.option("--pipeline", metavar="NAME", help="Which pipeline, when the notebook has several.")


def parameters_option(help: str, metavar: str = "NAME=VALUE") -> Callable[[Command], Command]:
    """The option ``-p`` of every command that takes values of parameters; it may be given several times."""
    return click.option(
        "-p", "--parameter", "parameters", metavar=metavar, multiple=True, help=help,
        shell_complete=completion_words.parameters,
    )  # fmt: skip


run_argument = click.argument("run_id", metavar="RUN", shell_complete=completion_words.run_ids)


def report(notebook: Source, problems: Iterable[Problem], quiet: bool = False) -> None:
    """Print problems as ``NB:cell 7:3: error KF301: …``. ``quiet`` omits those that are neither errors nor warnings.

    In a text file the line is that of the file: ``train.py:37: cell 7: error KF301: …``. In a terminal the first message
    of each code ends with the address of the code's page.
    """
    in_terminal = sys.stderr.isatty()
    linked: set[str] = set()
    for problem in problems:
        if quiet and problem.severity == INFO:
            continue
        link = f"  {problem.page}" if in_terminal and problem.code not in linked else ""
        linked.add(problem.code)
        text = located(problem) if notebook.is_text else str(problem)
        has_place = problem.cell is not None or (notebook.is_text and problem.line is not None)
        separator = ":" if has_place else ": "
        click.echo(f"{notebook}{separator}{text}{link}", err=True)


def show_travelling(prepared: Prepared) -> None:
    """Print which files are about to leave this machine."""
    text = prepared.travelling()
    if text:
        click.echo(text, err=True)


def fail(notebook: Source, problems: Iterable[Problem], as_json: bool) -> NoReturn:
    """Print the notebook's problems and exit."""
    problems = list(problems)
    if as_json:
        first = next(iter(errors(problems)), None)
        emit({"error": str(first) if first else "the notebook has errors", "problems": [p.to_json() for p in problems]})
    else:
        report(notebook, problems)
    sys.exit(FAILED)


def required(built: Built, notebook: Source, as_json: bool) -> Pipeline:
    """The pipeline; without one, end with all problems of the notebook."""
    if built.pipeline is None:
        fail(notebook, built.problems, as_json)
    return built.pipeline


def refuse(message: str, as_json: bool = False) -> NoReturn:
    """Print why the command line is wrong and exit."""
    if as_json:
        emit({"error": message})
    else:
        click.echo(f"kfnb: {message}", err=True)
    sys.exit(USAGE)


def emit(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False))


def kernel_python(notebook: Source) -> str | None:
    """The interpreter of a notebook's kernel; ``None`` when that is this one. Without one on this machine, the user is told."""
    from kfnb.images.needs.kernel_interpreters import installed_interpreter

    found = installed_interpreter(notebook.data())
    if found.problem is not None:
        report(notebook, [found.problem])
    return found.python


def store() -> RunStore:
    from kfnb.runs.record.run_store import RunStore

    try:
        return RunStore()
    except OSError as error:
        refuse(f"the record of runs cannot be opened: {error}. Set KFNB_HOME to a folder that can be written to")


def resolved(runs: RunStore, ref: str, as_json: bool = False) -> str:
    """The id of the run that the user typed: an id, the beginning of one, ``last``, or a notebook, whose newest run it is."""
    from kfnb.runs.record.lookup_by_name import UnknownRun

    try:
        return _newest_of(runs, ref) if Path(ref).is_file() else runs.resolve(ref)
    except UnknownRun as error:
        refuse(str(error), as_json)


def _newest_of(runs: RunStore, notebook: str) -> str:
    from kfnb.client.runs_table import runs_of
    from kfnb.runs.record.lookup_by_name import UnknownRun

    found, _ = runs.find(replace(runs_of(runs, notebook), count=1))
    if not found:
        raise UnknownRun(f"{notebook} has not been run as a pipeline yet: kfnb run {notebook}")
    return str(found[0]["run"])


def fixed(notebook: Source, as_json: bool) -> Source:
    """The notebook as it is now, so that the notebook kept with the run is the one that runs. Exits if it cannot be read."""
    try:
        return notebook.snapshot()
    except NotebookError as error:
        fail(notebook, error.problems, as_json)


@contextmanager
def request_errors(notebook: Source, as_json: bool = False) -> Iterator[None]:
    """Print a wrong request (a parameter, a step's name, an interpreter) and exit."""
    try:
        yield
    except NotebookError as error:
        if as_json:
            emit({"error": str(error.problems[0]), "problems": [p.to_json() for p in error.problems]})
        else:
            report(notebook, error.problems)
        sys.exit(USAGE)


@contextmanager
def cluster_errors(as_json: bool = False) -> Iterator[None]:
    """Print the error of a cluster or of a target and exit."""
    from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError

    try:
        yield
    except (ClusterError, BadTarget) as error:
        if as_json:
            emit({"error": str(error)})
        else:
            click.echo(f"kfnb: {error}", err=True)
        sys.exit(FAILED if isinstance(error, ClusterError) else USAGE)


def status_of(state: str) -> int:
    return {"succeeded": OK, "cancelled": CANCELLED}.get(state, FAILED)
