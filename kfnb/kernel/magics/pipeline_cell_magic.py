"""``%%pipeline`` in a live kernel: shows the graph of the cell, and runs it as plain Python on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kfnb.kernel_notebook.executed_cells import BadComponent, Registered, registered
from kfnb.notebook import notebook_from_json
from kfnb.notebook.marks.cell_marks import magic_line
from kfnb.notebook.marks.pipeline_line import PIPELINE_MAGIC
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Json, Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.pipeline.program.run_as_plain_python import run_plain
from kfnb.problems import NotebookError


def load(shell: Any) -> None:
    """Register the magic with an IPython shell."""
    cells = registered(shell)
    shell.register_magic_function(lambda line, cell: run(cells, line, cell), "cell", "pipeline")


def run(cells: Registered, line: str, body: str) -> None:
    """Read the cell with those that were run before it, show its graph, and with ``--run`` run it here."""
    shell = cells.shell
    here = cells.running is not None and magic_line(cells.running.source, PIPELINE_MAGIC) is not None
    more = None if here else f"{PIPELINE_MAGIC} {line}\n{body}"
    notebook = notebook_from_json(cells.notebook(more), folder=Path.cwd())
    if not notebook.pipelines:
        raise BadComponent("\n".join(str(p) for p in notebook.problems))
    cell = notebook.pipelines[-1]
    built = build(notebook, cell.name)
    for problem in built.problems:
        if problem.severity == "warning":
            print(problem)
    try:
        pipeline = built.require()
    except NotebookError as error:
        raise BadComponent(str(error)) from None
    _show(pipeline)
    if cell.run:
        try:
            values = bind(pipeline, dict(cell.arguments))
        except NotebookError as error:
            raise BadComponent(str(error)) from None
        values = {p.name: _made(p, values[p.name], shell.user_ns) for p in pipeline.parameters}
        text = shell.transform_cell(body)
        filename = shell.compile.cache(text, cells.running.last if cells.running else 0)
        shell.user_ns.update(run_plain(text, values, shell.user_ns, filename))


def _made(parameter: Parameter, value: Json, names: dict[str, Any]) -> Any:
    """What the parameter is in a step: a date, a path, a member of an enumeration."""
    if parameter.conversion:
        found = {parameter.name: value}
        exec(compile(parameter.conversion, "<parameter>", "exec", dont_inherit=True), names, found)
        return found[parameter.name]
    return value


def _show(pipeline: Pipeline) -> None:
    from IPython.display import display

    from kfnb.pipeline.drawing.explain_pipeline import text
    from kfnb.pipeline.drawing.graph_svg import draw

    show: Any = display
    show({"image/svg+xml": draw(pipeline), "text/plain": text(pipeline)}, raw=True)
