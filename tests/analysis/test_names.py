"""The names of a cell equal those CPython's own compiler emits, over every file of the standard library."""

from __future__ import annotations

import ast
import dis
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfnb.analysis.syntax.ast_queries import children
from kfnb.analysis.syntax.compiled_names import names_of

IGNORED = {
    "__module__",
    "__qualname__",
    "__name__",
    "__annotations__",
    "__doc__",
    "__classdict__",
    "__conditional_annotations__",
    "__firstlineno__",
    "__static_attributes__",
    "__type_params__",
    "__classcell__",
    "__annotate__",
    "__annotate_func__",
}
FOLDERS = ["", "json", "email", "asyncio", "unittest", "concurrent/futures", "importlib", "xml/etree", "multiprocessing", "test", "lib2to3", "idlelib", "distutils", "ctypes", "logging", "http", "collections", "encodings", "tkinter", "sqlite3", "urllib", "wsgiref", "curses", "dbm", "ensurepip", "html", "pydoc_data", "re", "tomllib", "turtledemo", "venv", "xmlrpc", "zoneinfo"]  # fmt: skip


#: Files that probe the optimizer, and names in class bodies of which only the run tells whose they are.
PROBES = {"test_compile.py", "test_grammar.py", "test_listcomps.py", "test_type_params.py", "test_type_aliases.py", "test_typing.py"}  # fmt: skip


class LiveCode(ast.NodeTransformer):
    """Drops what the compiler drops: branches on constants."""

    def constant(self, node: ast.expr) -> bool | None:
        if isinstance(node, ast.Constant):
            return bool(node.value)
        if isinstance(node, ast.Name) and node.id == "__debug__":
            return True
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.constant(node.operand)
            return None if inner is None else not inner
        return None

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        known = self.constant(node.test)
        if known is None:
            return node
        return (node.body if known else node.orelse) or ast.copy_location(ast.Pass(), node)

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return (node.orelse or ast.copy_location(ast.Pass(), node)) if self.constant(node.test) is False else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        known = self.constant(node.test)
        return node if known is None else node.body if known else node.orelse


def has_constant_branches(tree: ast.Module) -> bool:
    live, pending = LiveCode(), [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If | ast.While | ast.IfExp) and live.constant(node.test) is not None:
            return True
        pending.extend(children(node))
    return False


NAME_OPERATIONS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL")  # fmt: skip
OPERATIONS = {dis.opmap[name]: name for name in NAME_OPERATIONS if name in dis.opmap}


def name_instructions(code: types.CodeType) -> Iterator[tuple[str, str]]:
    """The instructions that have a name, as `dis.get_instructions` gives them, in a third of its time."""
    extended = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument |= extended
        extended = argument << 8 if operation == dis.EXTENDED_ARG else 0
        if operation in OPERATIONS:
            name = OPERATIONS[operation]
            flagged = name == "LOAD_GLOBAL" and sys.version_info >= (3, 11)  # the lowest bit is not part of the number
            yield name, code.co_names[argument >> 1 if flagged else argument]


def compiler_names(code: types.CodeType, module: bool = True, into: dict[str, set[str]] | None = None) -> dict:
    """Global names in the bytecode, by what is done with them; names a class body both reads and binds are `unsure`."""
    found = into if into is not None else {"reads": set(), "binds": set(), "deletes": set(), "unsure": set()}
    is_class = not module and not code.co_flags & 0x2 and not code.co_flags & 0x1
    steps = set(name_instructions(code))
    own = {name for op, name in steps if op == "STORE_NAME"} if is_class else set()
    for op, name in steps:
        if op in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"):
            found["unsure" if name in own else "reads"].add(name)
        elif op == "STORE_GLOBAL" or (op == "STORE_NAME" and module):
            found["binds"].add(name)
        elif op == "DELETE_GLOBAL" or (op == "DELETE_NAME" and module):
            found["deletes"].add(name)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            compiler_names(const, False, found)
    return found


def files(times: int) -> list[Path]:
    """Every eighth file; with ``--times 8``, as `make test-more` has it, all."""
    library = Path(sysconfig.get_path("stdlib"))
    found = [f for folder in FOLDERS for f in sorted((library / folder).glob("*.py"))]
    return [f for n, f in enumerate(found) if n % 8 < times and f.name not in PROBES]


@pytest.mark.slow  # hundreds of files: what code may say is learnt from code that was written for other purposes
def test_the_names_of_the_files_of_the_standard_library_equal_the_compilers(times: int) -> None:
    checked, wrong = 0, []
    for path in files(times):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                text = path.read_text("utf-8")
                tree = ast.parse(text)
                code = compile(tree, str(path), "exec", dont_inherit=True)
            except (SyntaxError, UnicodeDecodeError, ValueError):
                continue
        checked += 1
        truth = compiler_names(code)
        ours = names_of(LiveCode().visit(tree) if has_constant_branches(tree) else tree)
        deleted_by_except = truth["deletes"] - ours.deletes
        for what, mine in (("reads", ours.reads), ("binds", ours.binds), ("deletes", ours.deletes)):
            theirs = truth[what] - IGNORED
            extra = mine - theirs - IGNORED - truth["unsure"]
            missing = theirs - mine
            if what == "deletes":
                missing -= deleted_by_except & ours.binds
            if missing or extra:
                wrong.append(f"{path.name} {what}: missing {sorted(missing)} extra {sorted(extra)}")
    assert checked > 100
    assert not wrong, f"{len(wrong)} of {checked} on {sys.version}:\n" + "\n".join(wrong[:40])
