"""The modules that the code of steps imports."""

from __future__ import annotations

import ast
import sys

from kfnb.pipeline.model import Pipeline, Replay, Step
from kfnb.runtime.magics.magic_table import QUIET_EXTENSIONS
from kfnb.thread_safe_parser import parse


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a cell, which may contain IPython's syntax. ``None`` when it cannot be parsed."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it may contain IPython's syntax
        from kfnb.runtime.cells.ipython_syntax import translate

        try:
            return parse(translate(source).code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def sources_of(step: Step) -> list[str]:
    """The Python code of a step: its own cells, and the statements of earlier cells that it repeats."""
    own = [c.source for c in step.cells] if not step.shell else []
    return [*own, *_replayed(step)]


def _replayed(step: Step) -> list[str]:
    return [p.code.source for p in step.prepare if isinstance(p, Replay)]


def modules_of(source: str) -> set[str]:
    """The top-level names of the modules that code imports, also inside of functions."""
    tree = tree_of(source)
    if tree is None:
        return set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(a.name.split(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call):
            modules |= _extensions(node)
    return modules


def _extensions(node: ast.Call) -> set[str]:
    """The top-level names of the modules that ``%load_ext`` loads."""
    literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if (
        len(literals) < 2
        or getattr(node.func, "attr", "") != "run_line_magic"
        or literals[0] not in ("load_ext", "reload_ext")
    ):
        return set()
    return {name.split(".")[0] for name in literals[1].split()} - QUIET_EXTENSIONS


def unread_imports(pipeline: Pipeline) -> dict[str, set[str]]:
    """The imports that each step repeats although it reads none of their names, when another step reads them all.

    An import may do more than bind names, so every step repeats it. But when some step reads the names, the import most likely exists
    for these names, and a step that does not read them should not have to install the package.
    """
    reads = {step.name: _read(step) for step in pipeline.steps()}
    everywhere = set().union(*reads.values())
    unread: dict[str, set[str]] = {}
    for step in pipeline.steps():
        unread[step.name] = set()
        for source in _replayed(step):
            bound = _bound(source)
            foreign = {n for n, module in bound.items() if module not in sys.stdlib_module_names}
            if foreign and foreign <= everywhere and not bound.keys() & reads[step.name]:
                unread[step.name].add(source)
    return unread


def _read(step: Step) -> set[str]:
    """The names that a step's code uses. Import statements use none."""
    trees = [tree for source in sources_of(step) if (tree := tree_of(source)) is not None]
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _bound(source: str) -> dict[str, str]:
    """The names that an import statement binds, each with the module that it comes from. Other statements have none."""
    tree = tree_of(source)
    modules: dict[str, str] = {}
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.Import):
            modules.update({a.asname or a.name.split(".")[0]: a.name.split(".")[0] for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            modules.update({a.asname or a.name: (node.module or "").split(".")[0] for a in node.names})
        else:
            return {}
    return modules
