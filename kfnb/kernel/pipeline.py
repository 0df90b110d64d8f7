"""``%%pipeline`` in a live kernel: the cell becomes a pipeline, is shown as a graph, and runs as plain Python when asked."""

from __future__ import annotations

import ast
from typing import Any

from kfnb.kernel.component import BadComponent
from kfnb.notebook import notebook_from_json
from kfnb.notebook.pipelines import PIPELINE_MAGIC
from kfnb.pipeline.build import build
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters import bind
from kfnb.problems import NotebookError, errors

STATUS = "kfnb_status"


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
        shell.user_ns.update(run_plain(body, built.pipeline, values, shell.user_ns, shell))


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


# -------------------------------------------------------------------- as plain Python
def run_plain(
    source: str, pipeline: Pipeline, values: dict[str, Any], names: dict[str, Any], shell: Any = None
) -> dict[str, Any]:
    """Run a pipeline cell's code as the body of a function of its parameters; what its names are at the end.

    ``.after`` has no meaning here, where everything runs in order, and is left out; ``kfnb_status`` is given to handlers.
    """
    text = shell.transform_cell(source) if shell is not None else source
    filename = shell.compile.cache(text, shell.execution_count) if shell is not None else "<pipeline>"
    tree = _Plain().visit(ast.parse(text))
    known = {p.name for p in pipeline.parameters}
    body = [n for n in tree.body if not _declares(n, known)]
    body.append(ast.Return(ast.Call(ast.Name("locals", ast.Load()), [], [])))
    arguments = ast.arguments([], [ast.arg(n) for n in values], None, [], [], None, [])
    function = ast.FunctionDef("pipeline", arguments, body, [])
    if hasattr(function, "type_params"):
        function.type_params = []
    module = ast.fix_missing_locations(ast.Module([function], []))
    found: dict[str, Any] = {}
    exec(compile(module, filename, "exec"), names, found)
    left: dict[str, Any] = found["pipeline"](**values)
    return {n: v for n, v in left.items() if not n.startswith("_") and n != STATUS}


def _declares(node: ast.stmt, known: set[str]) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in known


class _Plain(ast.NodeTransformer):
    """The cell without its order marks."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "after" and isinstance(node.func.value, ast.Call):
            return node.func.value
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "after":
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        self.generic_visit(node)
        before = ast.parse(f"{STATUS} = {{'state': 'succeeded', 'step': None, 'message': ''}}").body
        caught = ast.parse(
            f"try: pass\nexcept BaseException as _error:\n"
            f"    {STATUS} = {{'state': 'failed', 'step': None, 'message': str(_error)}}\n    raise"
        ).body[0]
        assert isinstance(caught, ast.Try)
        caught.body = node.body
        for made in (*before, *caught.handlers):
            for part in ast.walk(made):
                if isinstance(part, (ast.stmt, ast.expr, ast.excepthandler)):
                    part.lineno = part.end_lineno = node.lineno
        node.body = [*before, ast.copy_location(caught, node)]
        return node
