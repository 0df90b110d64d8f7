"""Which names belong to a nested scope, and which it takes from the notebook: Python's own scoping rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kfnb.analysis.syntax.ast_queries import (
    COMPREHENSIONS,
    FUNCTIONS,
    arguments,
    children,
    defaults,
    pattern_names,
)

#: The commonest nodes, which bind nothing themselves.
PLAIN = (ast.Constant, ast.Attribute, ast.Call, ast.Subscript, ast.BinOp, ast.Assign, ast.Expr, ast.keyword)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Scope:
    """One scope: the names that are local to a block of code, and the scope around it."""

    def __init__(self, kind: str, own: set[str], declared: set[str], parent: Scope | None, mangler: str = "") -> None:
        self.kind, self.own, self.declared, self.parent = kind, own, declared, parent
        self.mangler: str = mangler or (parent.mangler if parent else "")

    def is_global(self, name: str) -> bool:
        scope: Scope | None = self
        first = True
        while scope is not None:
            if name in scope.declared:
                return True
            if (first or scope.kind != "class") and name in scope.own:
                return False
            first = False
            scope = scope.parent
        return True

    def mangled(self, name: str) -> str:
        """``__x`` in class ``C`` is ``_C__x``: https://docs.python.org/3/reference/expressions.html#private-name-mangling"""
        if self.mangler and name.startswith("__") and not name.endswith("__") and "." not in name:
            return f"_{self.mangler}{name}"
        return name


def bindings(body: Iterable[ast.AST]) -> tuple[set[str], set[str], set[str]]:
    """Names that a block binds, declares ``global`` and declares ``nonlocal``; nested blocks are not entered."""
    bound: set[str] = set()
    declared: set[str] = set()
    outer: set[str] = set()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):  # first, since most nodes are names
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            continue
        if isinstance(node, PLAIN):
            stack += children(node)
            continue
        if isinstance(node, FUNCTIONS):
            bound.add(node.name)
            stack += [*node.decorator_list, *defaults(node.args)]
            continue
        if isinstance(node, ast.ClassDef):
            bound.add(node.name)
            stack += [*node.decorator_list, *node.bases, *node.keywords]
            continue
        if isinstance(node, ast.Lambda):
            stack += defaults(node.args)
            continue
        if isinstance(node, COMPREHENSIONS):
            bound |= set(walrus_names(node))
            continue
        if isinstance(node, ast.AnnAssign) and not node.simple and node.value is None:
            continue  # `(x): int` makes no local name
        if isinstance(node, ast.Global):
            declared |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer |= set(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {a.asname or a.name.split(".")[0] for a in node.names if a.name != "*"}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.match_case):
            bound |= set(pattern_names(node.pattern))
        stack += children(node)
    return bound - declared - outer, declared, outer


def walrus_names(comprehension: ast.AST) -> Iterable[str]:
    """The names that a comprehension binds by ``:=``, which belong to the block around it."""
    stack = list(children(comprehension))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.NamedExpr):
            yield node.target.id
        if not isinstance(node, ast.Lambda):
            stack += children(node)


def future_annotations(tree: ast.Module) -> bool:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            if any(a.name == "annotations" for a in node.names):
                return True
    return False


def function_scope(node: FunctionNode, body: list[ast.AST], parent: Scope) -> Scope:
    bound, declared, outer = bindings(body)
    own = {parent.mangled(n) for n in bound | {a.arg for a in arguments(node.args)}}
    own -= declared | outer
    if _in_class(parent):
        own.add("__class__")
    return Scope("function", own, {parent.mangled(n) for n in declared}, parent)


def class_scope(node: ast.ClassDef, parent: Scope) -> Scope:
    bound, declared, outer = bindings(node.body)
    mangler = node.name.lstrip("_")
    scope = Scope("class", set(), set(), parent, mangler)
    scope.own = {scope.mangled(n) for n in bound - outer} | {"__module__", "__qualname__"}
    scope.declared = {scope.mangled(n) for n in declared}
    return scope


def _in_class(scope: Scope | None) -> bool:
    while scope is not None:
        if scope.kind == "class":
            return True
        scope = scope.parent
    return False


MODULE = Scope("module", set(), set(), None)
