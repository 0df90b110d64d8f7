"""Commands that look at a notebook: ``show`` and ``check``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kfnb.cli.common import FAILED, OK, as_json, built, emit, fail, notebook_argument, refuse, report
from kfnb.problems import errors


@click.command()
@notebook_argument
@as_json
@click.option("--svg", is_flag=True, help="Print the graph as an SVG picture.")
@click.option("--why", metavar="STEP", help="Say why this step waits for what it waits for.")
def show(notebook: Path, as_json: bool, svg: bool, why: str | None) -> None:
    """Show the pipeline that NOTEBOOK becomes. Nothing is run."""
    from kfnb.pipeline import show as shown

    found = built(notebook)
    if as_json:
        emit(shown.describe(found))
        sys.exit(FAILED if found.pipeline is None else OK)
    if found.pipeline is None:
        fail(notebook, found.problems, False)
    report(notebook, found.problems, quiet=True)
    if svg:
        from kfnb.pipeline.svg import draw

        click.echo(draw(found.pipeline))
    elif why is not None:
        try:
            click.echo(shown.why(found, why))
        except KeyError:
            names = ", ".join(s.name for s in found.pipeline.steps())
            refuse(f"there is no step `{why}`; the steps are {names}")
    else:
        click.echo(shown.text(found.pipeline))


@click.command()
@notebook_argument
@as_json
def check(notebook: Path, as_json: bool) -> None:
    """Report the problems of NOTEBOOK, as  NB:cell 7:3: …  Exit status 1 when one is an error."""
    found = built(notebook)
    bad = errors(found.problems)
    if as_json:
        emit({"notebook": str(notebook), "problems": [p.to_json() for p in found.problems]})
    else:
        report(notebook, found.problems)
        count = len(bad)
        steps = len(list(found.pipeline.steps())) if found.pipeline is not None else 0
        click.echo(f"{notebook}: {count} error{'s' * (count != 1)}" if bad else f"{notebook}: ok, {steps} steps")
    sys.exit(FAILED if bad else OK)
