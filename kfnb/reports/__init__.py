"""Reports of runs: the executed notebook, and the same as a page.

A report is made of the record of runs alone, here and for clusters alike, at any time: of a run that failed or still runs it
has what there is.
"""

from __future__ import annotations

import json
from pathlib import Path

from kfnb.surrogates import write_text

NOTEBOOK, PAGE = ".ipynb", ".html"


class NoReport(ValueError):
    """A report cannot be written. The message says why and what to do."""


def default_name(pipeline: str, run_id: str, suffix: str = PAGE) -> str:
    """The file name of a report, from the pipeline and the run."""
    import re

    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', pipeline).strip('-.') or 'run'}-{run_id}{suffix}"


def write(run_id: str, path: str | Path, home: Path | None = None) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    run_id
        The run's whole id.
    path
        Where to: a file that ends in ``.ipynb`` (the executed notebook) or ``.html`` (a page that needs nothing else), or a
        folder, where a page gets the name of its pipeline and run. A file that is there is overwritten.
    home
        The folder of the record of runs; by default that of this process.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UnknownRun
        When there is no such run.
    NoReport
        For another ending, and for the very notebook that was run: it would be overwritten.
    OSError
        When the file cannot be written.
    """
    from kfnb.reports.cells_with_steps import read_cells
    from kfnb.reports.executed_notebook import executed
    from kfnb.reports.report_data import read_facts
    from kfnb.runs.kept_notebook import kept_notebook
    from kfnb.runs.record.run_store import RunStore

    store = RunStore(home)
    try:
        facts = read_facts(store, run_id)
        target = _target(Path(path), facts.head["pipeline"], run_id, facts.head["notebook"])
        cells = read_cells(kept_notebook(store, run_id), facts.pipeline, facts.head["parameters"])
        notebook = executed(facts, cells)
    finally:
        store.close()
    if target.suffix == NOTEBOOK:
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    else:
        from kfnb.reports.html_report import page

        text = page(notebook, facts.pipeline, facts.states())
    write_text(target, text)
    return target


def _target(path: Path, pipeline: str, run_id: str, notebook: str | None) -> Path:
    """The path of the file to write. Raises `NoReport`."""
    target = path / default_name(pipeline, run_id) if path.is_dir() else path
    if target.suffix not in (NOTEBOOK, PAGE):
        raise NoReport(
            f"a report is a .ipynb or .html file, not `{target.name}`; a page prints to PDF from any browser"
        )
    if notebook and target.exists() and Path(notebook).exists() and target.samefile(notebook):
        raise NoReport(f"`{target}` is the notebook that was run: give the report another name")
    return target


__all__ = ["NoReport", "default_name", "write"]
