"""The scope of shared code: the names that it binds up to a statement, and what is known of their values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping

from kfnb.analysis.libraries import pure_calls
from kfnb.analysis.replay.replayable_statements import import_names
from kfnb.analysis.syntax.ast_queries import arguments, literal_value, targets
from kfnb.analysis.syntax.scopes import bindings
from kfnb.pipeline.units.output_into_objects import Redirects


class SharedScope:
    """The names that shared code binds, filled in reading order.

    Parameters
    ----------
    origins
        Import name to library name, over the whole notebook.
    """

    def __init__(self, origins: Mapping[str, str]) -> None:
        self.origins = origins
        self.cheap: set[str] = set()  #: names that shared code binds to small values
        self.functions: dict[str, ast.FunctionDef] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.instances: dict[str, str] = {}  #: names of objects of the notebook's classes, with the class
        self.unordered: set[str] = set()
        self.large: set[str] = set()
        self.redirects = Redirects()
        self.local_scopes: list[set[str]] = []  #: names of the functions, loops and comprehensions around a statement
        self._excluded: list[ast.AST] = []
        self._defined_since: set[str] = set()  #: functions and classes defined since names were last forgotten

    def add(self, node: ast.stmt) -> None:
        """Remember what a shared statement binds."""
        self.redirects.learn(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self._defined_since.add(node.name)
        if isinstance(node, ast.FunctionDef):
            self.functions[node.name] = node
            self.cheap.add(node.name)
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
            self.cheap.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            names = {n for t in assigned_targets(node) for n in targets(t)}
            self._bind(names, node.value)
        else:
            self.cheap |= bound_names(node)

    def _bind(self, names: set[str], value: ast.expr) -> None:
        for known in (self.cheap, self.unordered, self.large):
            known -= names
        parts = list(ast.walk(value))
        own = _own_names(parts)
        if all(n.id in own or self.is_cheap(n.id) for n in parts if isinstance(n, ast.Name)):
            self.cheap |= names
        for name in names:
            self.instances.pop(name, None)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.classes:
            self.instances.update(dict.fromkeys(names, value.func.id))
        if self.is_unordered(value):
            self.unordered |= names
        if self.is_large(value):
            self.large |= names

    def add_parameters(self, names: Iterable[str]) -> None:
        """Add the names of parameters of the pipeline."""
        self.cheap.update(names)

    def exclude(self, node: ast.AST) -> None:
        """Add code that is not shared, such as a step's cell. Its names are forgotten before the next question."""
        self._excluded.append(node)

    def forget_excluded(self) -> None:
        """Forget the names that excluded statements bind."""
        if not self._excluded:
            return
        names = {n for node in self._excluded for n in bound_names(node)} - self._defined_since
        self._excluded.clear()
        self._defined_since.clear()
        for name in names:
            self.cheap.discard(name)
            self.functions.pop(name, None)
            self.classes.pop(name, None)

    def is_cheap(self, name: str) -> bool:
        return (
            name in self.cheap
            or name in self.origins
            or any(name in s for s in self.local_scopes)
            or hasattr(builtins, name)
        )

    def origin_of(self, name: str) -> str | None:
        return None if name in self.cheap or any(name in s for s in self.local_scopes) else self.origins.get(name)

    def is_unordered(self, node: ast.expr) -> bool:
        """Whether an expression is a set of texts, whose order differs between processes."""
        if isinstance(node, (ast.Set, ast.SetComp)):
            return not (
                isinstance(node, ast.Set)
                and all(isinstance(e, ast.Constant) and not isinstance(e.value, (str, bytes)) for e in node.elts)
            )
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset") and bool(node.args)
        if isinstance(node, ast.BinOp):
            return self.is_unordered(node.left)
        return isinstance(node, ast.Name) and node.id in self.unordered

    def is_large(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.large
        if isinstance(node, ast.Tuple):
            return any(self.is_large(e) for e in node.elts)
        try:
            value = literal_value(node) if isinstance(node, (ast.Constant, ast.BinOp)) else None
        except (ValueError, TypeError, ArithmeticError, RecursionError, SyntaxError):
            return False
        return isinstance(value, (int, float)) and abs(value) > pure_calls.LARGE


def bound_names(node: ast.AST) -> set[str]:
    """The names that a statement or cell binds, without imports and without the inside of functions."""
    return bindings(node.body if isinstance(node, ast.Module) else [node])[0] - set(import_names(node))


def assigned_targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.expr]:
    return list(node.targets) if isinstance(node, ast.Assign) else [node.target]


def _own_names(parts: list[ast.AST]) -> set[str]:
    """The names that comprehensions and lambdas among ``parts`` bind in their own scope."""
    found = {n for p in parts if isinstance(p, ast.comprehension) for n in targets(p.target)}
    return found | {a.arg for p in parts if isinstance(p, ast.Lambda) for a in arguments(p.args)}
