"""The files that a step's code names, and which of them it writes."""

from __future__ import annotations

import ast
import re

from kfnb.pipeline.model import Step

FILE = re.compile(r"^(?!\w+://)[\w./@+ -]*\w\.\w{1,8}$")  #: a text that names a file
#: Functions and methods that write the file that they are given (``DataFrame.to_csv``, ``numpy.save``, ``Figure.savefig``, …).
WRITES = re.compile(
    r"^(?:to_(?!dict|numpy|list|string)\w+|save\w*|write\w*|dump\w*|im(?:save|write)|copy\w*|move|urlretrieve)$"
)
MODE = re.compile(r"^[rbt]*[wax+]")  #: of ``open``


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a cell, also where it has IPython's additions; ``None`` when it cannot be read."""
    try:
        return ast.parse(source)
    except SyntaxError:  # IPython's additions
        from kfnb.runtime.syntax import translate

        try:
            return ast.parse(translate(source).code)
        except SyntaxError:
            return None


def files_of(step: Step) -> tuple[set[str], set[str]]:
    """The files that a step's code names, and those of them that it writes."""
    named: set[str] = set()
    written: set[str] = set()
    for code in step.cells if not step.shell else ():
        tree = tree_of(code.source)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Constant):
                named |= _files(node)
            elif isinstance(node, ast.Call) and _writes(node):
                inside = [*node.args, *(k.value for k in node.keywords)]
                inside += [node.func.value] if isinstance(node.func, ast.Attribute) else []
                written |= {f for n in inside for f in _files(n)} | {f for n in inside for f in _path(n)}
    return named, written


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open":
        modes = [
            a for a in (*call.args, *(k.value for k in call.keywords if k.arg == "mode")) if isinstance(a, ast.Constant)
        ]
        return any(isinstance(m.value, str) and MODE.match(m.value) for m in modes)
    return bool(WRITES.match(name))


def _files(node: ast.AST) -> set[str]:
    found = isinstance(node, ast.Constant) and isinstance(node.value, str) and FILE.match(node.value)
    return {node.value} if found else set()  # type: ignore[attr-defined]  # a constant, as asked


def _path(node: ast.AST) -> set[str]:
    """The file of ``Path("…")``."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Path" and node.args:
        return _files(node.args[0])
    return set()
