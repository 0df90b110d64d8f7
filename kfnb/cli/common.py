"""What several commands share: reading a notebook, showing problems, ending with the right status."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from kfnb.problems import INFO, NotebookError, Problem, errors

if TYPE_CHECKING:
    from kfnb.pipeline.build import Built
    from kfnb.runs.store import RunStore

OK, FAILED, USAGE, CANCELLED = 0, 1, 2, 130

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
notebook_argument = click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
pipeline_option = click.option("--pipeline", metavar="NAME", help="Which pipeline, when the notebook has several.")
run_argument = click.argument("run_id", metavar="RUN")


def built(path: Path, pipeline: str | None = None) -> Built:
    """The notebook's pipeline (``pipeline``: which one), or what stands in its way."""
    from kfnb.notebook import read_notebook
    from kfnb.pipeline.build import Built, build

    try:
        return build(read_notebook(path), pipeline)
    except NotebookError as error:
        return Built(None, error.problems)


def all_built(path: Path) -> list[Built]:
    """Every pipeline of the notebook, or what stands in the way."""
    from kfnb.notebook import read_notebook
    from kfnb.pipeline.build import Built, build, pipelines_of

    try:
        notebook = read_notebook(path)
    except NotebookError as error:
        return [Built(None, error.problems)]
    return [build(notebook, name) for name in pipelines_of(notebook)]


def report(path: Path, problems: Iterable[Problem], quiet: bool = False) -> None:
    """Print problems as ``NB:cell 7:3: error KF301: …``, errors and warnings; ``quiet`` leaves infos out."""
    for problem in problems:
        if not quiet or problem.severity != INFO:
            click.echo(f"{path}:{problem}", err=True)


def fail(path: Path, problems: Iterable[Problem], as_json: bool) -> NoReturn:
    """End with the notebook's errors."""
    problems = list(problems)
    if as_json:
        first = next(iter(errors(problems)), None)
        emit({"error": str(first) if first else "the notebook has errors", "problems": [p.to_json() for p in problems]})
    else:
        report(path, problems)
    sys.exit(FAILED)


def refuse(message: str, as_json: bool = False) -> NoReturn:
    """End because the command line asks for something that is not there."""
    if as_json:
        emit({"error": message})
    else:
        click.echo(f"kfnb: {message}", err=True)
    sys.exit(USAGE)


def emit(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False))


def store() -> RunStore:
    from kfnb.runs.store import RunStore

    try:
        return RunStore()
    except OSError as error:
        refuse(f"the record of runs cannot be opened: {error}. Set KFNB_HOME to a folder that can be written to")


def resolved(runs: RunStore, ref: str, as_json: bool = False) -> str:
    """The id of a run from what the user typed."""
    from kfnb.runs.store import UnknownRun

    try:
        return runs.resolve(ref)
    except UnknownRun as error:
        refuse(str(error), as_json)


@contextmanager
def cluster_words(as_json: bool = False) -> Iterator[None]:
    """End with what a cluster answered, when it is no answer that helps."""
    from kfnb.engines.cluster.kube import ClusterError
    from kfnb.engines.cluster.targets import BadTarget

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
