"""``%%pipeline`` in a live kernel: the cell becomes a pipeline, is shown as a graph, and runs as plain Python when asked."""

from __future__ import annotations

from typing import Any

from kfnb.kernel.component import BadComponent
from kfnb.notebook import notebook_from_json
from kfnb.notebook.pipelines import PIPELINE_MAGIC
from kfnb.pipeline.build import build
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters import bind
from kfnb.pipeline.plain import run_plain
from kfnb.problems import NotebookError, errors


def load(shell: Any) -> None:
    """Register the magic with an IPython shell."""
    shell.register_magic_function(lambda line, cell: run(shell, line, cell), "cell", "pipeline")


def run(shell: Any, line: str, body: str) -> None:
    """Read the cell with those that were run before it, show its graph, and with ``--run`` run it here."""
    notebook = notebook_from_json(_notebook(shell, f"{PIPELINE_MAGIC} {line}\n{body}"))
    if not notebook.pipelines:
        raise BadComponent("\n".join(str(p) for p in notebook.problems))
    cell = notebook.pipelines[-1]
    built = build(notebook, cell.name)
    for problem in built.problems:
        if problem.severity == "warning":
            print(problem)
    if built.pipeline is None:
        raise BadComponent("\n".join(str(p) for p in errors(built.problems)))
    _show(built.pipeline)
    if cell.run:
        try:
            values = bind(built.pipeline, dict(cell.given))
        except NotebookError as error:
            raise BadComponent(str(error)) from None
        text = shell.transform_cell(body)
        filename = shell.compile.cache(text, shell.execution_count)
        shell.user_ns.update(run_plain(text, values, shell.user_ns, filename))


def _notebook(shell: Any, source: str) -> dict[str, Any]:
    """The kernel's own history as a notebook: what was run, in the order of running."""
    earlier = shell.history_manager.input_hist_raw[1 : shell.execution_count]
    sources = ["" if s.lstrip().startswith(PIPELINE_MAGIC) else s for s in earlier]
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"in-{n}", "metadata": {}, "source": s, "outputs": [], "execution_count": None}
        for n, s in enumerate([*sources, source], 1)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": cells}


def _show(pipeline: Pipeline) -> None:
    from IPython.display import display

    from kfnb.pipeline.show import text
    from kfnb.pipeline.svg import draw

    show: Any = display
    show({"image/svg+xml": draw(pipeline), "text/plain": text(pipeline)}, raw=True)
