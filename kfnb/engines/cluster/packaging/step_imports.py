"""What the code of steps imports."""

from __future__ import annotations

import ast
import sys

from kfnb.pipeline.model import Pipeline, Replay, Step
from kfnb.runtime.magics.magic_table import QUIET_EXTENSIONS
from kfnb.thread_safe_parser import parse


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a cell, also where it has IPython's additions; ``None`` when it cannot be read."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # IPython's additions
        from kfnb.runtime.cells.ipython_syntax import translate

        try:
            return parse(translate(source).code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def sources_of(step: Step) -> list[str]:
    """The Python of a step: its own, and what it runs again."""
    own = [c.source for c in step.cells] if not step.shell else []
    return [*own, *_replayed(step)]


def _replayed(step: Step) -> list[str]:
    return [p.code.source for p in step.prepare if isinstance(p, Replay)]


def modules_of(source: str) -> set[str]:
    """The modules that code imports, anywhere in it, by their first name."""
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
    """The modules that ``%load_ext`` loads."""
    literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if (
        len(literals) < 2
        or getattr(node.func, "attr", "") != "run_line_magic"
        or literals[0] not in ("load_ext", "reload_ext")
    ):
        return set()
    return {name.split(".")[0] for name in literals[1].split()} - QUIET_EXTENSIONS


def unread_imports(pipeline: Pipeline) -> dict[str, set[str]]:
    """By step the imports that it runs again though it reads none of their names, while another step does.

    An import may do more than bind names, so it is run again in every step; but where some step reads the names, they are most
    likely what it is there for, and no step should have to install what it does not use.
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
    """The names that a step's code reads; imports read none."""
    trees = [tree for source in sources_of(step) if (tree := tree_of(source)) is not None]
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _bound(source: str) -> dict[str, str]:
    """The names that a statement binds, if it only imports, and the modules that they come from."""
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
