"""The reader of marimo notebooks, whose cells are the bodies of functions decorated with ``@app.cell``. It executes nothing.

The order of cells in a marimo file does not matter: marimo runs each cell after the cells that define the names it reads.
The reader returns the cells in that order.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from kfnb.notebook.formats.text_cells import TextCell
from kfnb.problems import NotebookError, Problem
from kfnb.thread_safe_parser import parse

APP = re.compile(r"^\w+ = marimo\.App\(", re.MULTILINE)
CELL = re.compile(r"^(@app\.(cell|function|class_definition)\b|with app\.setup\b)", re.MULTILINE)
MARIMO_IMPORT = "import marimo as mo"  #: left out where only Markdown cells use it


@dataclass(frozen=True)
class _Cell:
    cell: TextCell
    reads: frozenset[str]
    defines: frozenset[str]


def is_marimo(text: str) -> bool:
    """Whether a script is a marimo notebook."""
    return APP.search(text) is not None and CELL.search(text) is not None


def read(text: str, path: str) -> tuple[dict[str, Any], list[TextCell]]:
    """The metadata, which is empty, and the cells in the order in which marimo runs them.

    Raises
    ------
    NotebookError
        KF104 when the file is not Python.
    """
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        hint = "correct the line: the whole file is one Python module"
        problem = Problem("KF104", f"{path} is not Python: {getattr(error, 'msg', error)}", hint, line=line)
        raise NotebookError([problem]) from None
    lines = text.split("\n")
    cells = [c for node in tree.body if (c := _cell(node, lines)) is not None]
    used = {name for c in cells if c.cell.kind == "code" for name in c.reads}
    return {}, [c.cell for c in _in_run_order(cells) if c.cell.source != MARIMO_IMPORT or "mo" in used]


def _cell(node: ast.stmt, lines: list[str]) -> _Cell | None:
    if isinstance(node, ast.With) and _decorator(node.items[0].context_expr) == "setup":
        names = {a.asname or a.name.split(".")[0] for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}  # fmt: skip
        bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        source, first = _body(node.body, node.end_lineno or node.lineno, lines)
        return _Cell(TextCell("code", source, first), frozenset(), frozenset(names | bound))
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or not node.decorator_list:
        return None
    decorator = _decorator(node.decorator_list[0])
    if decorator in ("function", "class_definition"):
        source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        return _Cell(TextCell("code", source, node.lineno), frozenset(), frozenset((node.name,)))
    if decorator != "cell" or isinstance(node, ast.ClassDef):
        return None
    return _function_cell(node, lines)


def _function_cell(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> _Cell:
    body, defines = node.body, frozenset[str]()
    last = node.end_lineno or node.lineno
    if isinstance(body[-1], ast.Return):
        value = body[-1].value
        defines = frozenset(n.id for n in ast.walk(value) if isinstance(n, ast.Name)) if value is not None else defines
        last, body = body[-1].lineno - 1, body[:-1]
    reads = frozenset(a.arg for a in node.args.args)
    if len(body) == 1 and (markdown := _markdown_text(body[0])) is not None:
        return _Cell(TextCell("markdown", markdown, body[0].lineno), reads, defines)
    head = (body[0].lineno if body else last + 1) - 1
    while head > node.lineno and lines[head - 1].strip().startswith("#"):
        head -= 1  # comments above the first statement belong to the cell
    source = textwrap.dedent("\n".join(lines[head:last])).rstrip("\n")
    metadata: dict[str, Any] = {"title": node.name} if node.name.strip("_") else {}
    disabled = any(k.arg == "disabled" and getattr(k.value, "value", False) for d in node.decorator_list if isinstance(d, ast.Call) for k in d.keywords)  # fmt: skip
    metadata |= {"tags": ["skip"]} if disabled else {}
    return _Cell(TextCell("code", source, head + 1, metadata), reads, defines)


def _body(body: list[ast.stmt], last: int, lines: list[str]) -> tuple[str, int]:
    first = body[0].lineno
    return textwrap.dedent("\n".join(lines[first - 1 : last])).rstrip("\n"), first


def _decorator(node: ast.expr) -> str:
    """``cell`` of ``@app.cell`` and ``@app.cell(…)``."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "app" else ""


def _markdown_text(node: ast.stmt) -> str | None:
    """The text of ``mo.md("…")``."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "md":
        return None
    text = call.args[0] if len(call.args) == 1 else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return None
    return textwrap.dedent(text.value).strip()


def _in_run_order(cells: list[_Cell]) -> list[_Cell]:
    """The cells in an order in which each follows the cells that define its names; apart from that, in the order of the file."""
    defined = {name for c in cells for name in c.defines}
    available: set[str] = set()
    remaining, ordered = list(cells), list[_Cell]()
    while remaining:
        cell = next((c for c in remaining if c.reads & defined <= available | c.defines), remaining[0])
        remaining.remove(cell)
        ordered.append(cell)
        available |= cell.defines
    return ordered
