"""The command ``report``, which writes the report of a run."""

from __future__ import annotations

from pathlib import Path

import click

from kfnb.cli.command_helpers import as_json, cluster_errors, emit, refuse, resolved, run_argument, store


@click.command()
@run_argument
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="A .html or .ipynb file, or a folder; by default a page in this folder, named after the pipeline and the run.",
)  # fmt: skip
@as_json
def report(run_id: str, output: Path | None, as_json: bool) -> None:
    """Write the report of RUN (an id, the beginning of one, or `last`): its notebook with all outputs, states and times.

    A page (.html) needs nothing else and prints well; a notebook (.ipynb) opens anywhere. A file that is there is
    overwritten, but never the notebook that was run. A run that failed or still runs has a report of what there is.
    """
    from kfnb.engines.open_engine import engine_of
    from kfnb.reports import NoReport, write

    record = store()
    run_id = resolved(record, run_id, as_json)
    with cluster_errors(as_json):
        engine_of(record, run_id).refresh(run_id)
    try:
        path = write(run_id, output or Path(), record.home)
    except NoReport as error:
        refuse(str(error), as_json)
    except OSError as error:
        refuse(f"the report cannot be written: {error.strerror or error}: {error.filename or output}", as_json)
    emit({"run": run_id, "report": str(path)}) if as_json else click.echo(path)
