"""The commands ``show``, ``check`` and ``convert``, which read a notebook and run nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kfnb.cli.command_helpers import (
    FAILED,
    OK,
    as_json,
    emit,
    kernel_python,
    notebook_argument,
    pipeline_option,
    refuse,
    report,
    required,
)
from kfnb.problems import errors
from kfnb.surrogates import write_text

if TYPE_CHECKING:
    from kfnb.notebook.notebook_source import Source


@click.command()
@notebook_argument
@as_json
@pipeline_option
@click.option("--svg", is_flag=True, help="Print the graph as an SVG picture.")
@click.option("--why", metavar="STEP", help="Say why this step waits for what it waits for, and needs what it needs.")
def show(notebook: Source, as_json: bool, pipeline: str | None, svg: bool, why: str | None) -> None:
    """Show the pipeline that NOTEBOOK becomes. Nothing is run."""
    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.pipeline.drawing import explain_pipeline as shown

    built = build_source(notebook, pipeline)
    if as_json:
        emit(shown.describe(built))
        sys.exit(FAILED if built.pipeline is None else OK)
    graph = required(built, notebook, False)
    report(notebook, built.problems, quiet=True)
    if svg:
        from kfnb.pipeline.drawing.graph_svg import draw

        click.echo(draw(graph))
    elif why is not None:
        from kfnb.images.explain_needs import explained_needs

        try:
            click.echo(shown.why(built, why))
            for line in explained_needs(graph, notebook.folder, why, kernel_python(notebook)):
                click.echo(line)
        except KeyError:
            names = ", ".join(s.name for s in graph.steps())
            refuse(f"there is no step `{why}`; the steps are {names}")
    else:
        click.echo(shown.text(graph))


@click.command()
@notebook_argument
@as_json
@pipeline_option
def check(notebook: Source, as_json: bool, pipeline: str | None) -> None:
    """Report the problems of NOTEBOOK, as  NB:cell 7:3: …  Exit status 1 when one is an error.

    A notebook with several pipelines has all of them checked.
    """
    from kfnb.pipeline.build.build_from_source import build_all, build_source

    results = [build_source(notebook, pipeline)] if pipeline else build_all(notebook)
    problems = list(dict.fromkeys(p for b in results for p in b.problems))
    bad = errors(problems)
    if as_json:
        emit({"notebook": str(notebook), "problems": [p.to_json() for p in problems]})
    else:
        report(notebook, problems)
        count = len(bad)
        steps = sum(len(list(b.pipeline.steps())) for b in results if b.pipeline is not None)
        click.echo(f"{notebook}: {count} error{'s' * (count != 1)}" if bad else f"{notebook}: ok, {steps} steps")
    sys.exit(FAILED if bad else OK)


@click.command()
@notebook_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write."
)
@pipeline_option
def convert(notebook: Source, output: Path, pipeline: str | None) -> None:
    """Write a pipeline of NOTEBOOK as a Python package: components, the pipeline, what they need."""
    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.pipeline.export.python_functions import NotConvertible
    from kfnb.pipeline.export.python_package import package_of

    built = build_source(notebook, pipeline)
    required(built, notebook, False)
    if output.exists() and any(output.iterdir()):
        refuse(f"{output} is not empty: name another folder, so that nothing is lost")
    try:
        package = package_of(notebook.read(), built, notebook.folder)
    except NotConvertible as error:
        refuse(f"{notebook}: {error}")
    for name, text in package.files.items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    click.echo(f"{output}: {len(package.files)} files; it needs {', '.join(package.requirements) or 'nothing'}")
