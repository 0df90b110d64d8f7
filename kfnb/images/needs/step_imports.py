"""The modules that the code of steps imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kfnb.pipeline.model import Pipeline, Replay, Step
from kfnb.runtime.magics.magic_table import QUIET_EXTENSIONS
from kfnb.thread_safe_parser import parse


@lru_cache(maxsize=512)  # what a step imports, calls and names is read from the same trees, which nobody changes
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


@lru_cache(maxsize=512)  # steps share much of their code, and each question looks at all nodes
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    """All nodes of the syntax tree of a cell. There are none when it cannot be parsed."""
    tree = tree_of(source)
    return () if tree is None else tuple(ast.walk(tree))


def sources_of(step: Step) -> list[str]:
    """The Python code of a step: its own cells, and the statements of earlier cells that it repeats."""
    own = [c.source for c in step.cells] if not step.shell else []
    return [*own, *_replayed(step)]


def _replayed(step: Step) -> list[str]:
    return [p.code.source for p in step.prepare if isinstance(p, Replay)]


@dataclass(frozen=True)
class Imports:
    """What code imports, also inside of functions.

    Attributes
    ----------
    modules
        The full names: ``from google.cloud import storage`` is ``google.cloud.storage``.
    tentative
        Those of them that are imported in a ``try``, so that the code goes on without them.
    names
        The names that import statements bind, each with the full name of what it is.
    """

    modules: frozenset[str]
    tentative: frozenset[str]
    names: tuple[tuple[str, str], ...]


@lru_cache(maxsize=2048)  # small, unlike trees: a package of a thousand modules is asked for them several times
def imports_of(source: str) -> Imports:
    """What a cell or a module imports."""
    nodes = nodes_of(source)
    tries = [n for n in nodes if isinstance(n, ast.Try) and n.handlers]
    tentative = (m for t in tries for statement in t.body for node in ast.walk(statement) for m in _imported(node))
    return Imports(
        modules=frozenset(m for node in nodes for m in _imported(node)),
        tentative=frozenset(tentative),
        names=tuple({name: full for node in nodes for name, full in _named(node).items()}.items()),
    )


def _named(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.Import):
        return {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in node.names}  # fmt: skip
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return {}


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {a.name for a in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {f"{node.module}.{a.name}" for a in node.names}
    if isinstance(node, ast.Call):
        return _extensions(node) | _by_name(node)
    return set()


def _by_name(node: ast.Call) -> set[str]:
    """The module of ``importlib.import_module("name")`` and ``__import__("name")``."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if node.args else None
    if called not in ("import_module", "__import__") or not isinstance(first, ast.Constant):
        return set()
    name = first.value
    return {name} if isinstance(name, str) and name.replace(".", "").isidentifier() and name[:1] != "." else set()


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
    return set().union(*map(_names_in, sources_of(step)))


@lru_cache(maxsize=512)
def _names_in(source: str) -> frozenset[str]:
    return frozenset(n.id for n in nodes_of(source) if isinstance(n, ast.Name))


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


# -------------------------------------------------------------------- modules beside the notebook
@dataclass(frozen=True)
class Reached:
    """What imports reach: the files of modules beside the notebook, by path, and the full names of modules from elsewhere."""

    files: dict[str, str]
    outside: frozenset[str]

    @property
    def tops(self) -> set[str]:
        """The top-level names of the modules from elsewhere."""
        return {m.partition(".")[0] for m in self.outside}


def reached_from(
    modules: Iterable[str],
    folder: Path,
    elsewhere: Callable[[str], tuple[dict[str, str], set[str]]] = lambda module: ({}, set()),
) -> Reached:
    """What modules and the modules beside the notebook that they import reach. As in Python, the modules in ``folder`` come first.

    Parameters
    ----------
    elsewhere
        Gives the files of a module that is not in ``folder`` and travels all the same, and further modules that it needs.
    """
    files: dict[str, str] = {}
    outside: set[str] = set()
    seen: set[str] = set()
    whole: set[str] = set()  # the top-level names of which all files are there
    queue = list(modules)
    while queue:
        module = queue.pop()
        top = module.partition(".")[0]
        if module in seen:
            continue
        seen.add(module)
        beside = _is_beside(module, folder)
        if not beside and top not in sys.stdlib_module_names and top != "kfnb":
            shipped, needed = elsewhere(module)
            if not shipped:
                outside.add(module)
            elif not shipped.keys() <= files.keys():
                files.update(shipped)
                queue += [
                    *needed,
                    *(m for n, text in shipped.items() if n.endswith(".py") for m in imports_of(text).modules),
                ]
        if beside and top not in whole:
            whole.add(top)
            for path in _files_of(top, folder):
                name = path.relative_to(folder).as_posix()
                files[name] = path.read_text("utf-8")
                queue += imports_of(files[name]).modules
    return Reached(files, frozenset(outside))


def _is_beside(module: str, folder: Path) -> bool:
    top = module.partition(".")[0]
    own = (folder / f"{top}.py", folder / top / "__init__.py")
    return any(p.is_file() for p in own) or _is_in_namespace(module, folder)


def _files_of(top: str, folder: Path) -> list[Path]:
    """The files of a top-level module or package in ``folder``."""
    if (folder / f"{top}.py").is_file():
        return [folder / f"{top}.py"]
    package = folder / top
    return [p for p in package.rglob("*.py") if not any(n.startswith(".") for n in p.relative_to(package).parts)]


def _is_in_namespace(module: str, folder: Path) -> bool:
    """Whether a module with dots in its name stands in a folder without ``__init__.py``, which Python takes as a namespace package.

    The last part may be a name of the module instead, as in ``from tools.text import words``.
    """
    parts = module.split(".")
    places = [folder.joinpath(*parts[:depth]) for depth in range(2, len(parts) + 1)]
    return any(p.with_name(f"{p.name}.py").is_file() or (p / "__init__.py").is_file() for p in places)
