"""An expression of a pipeline cell after parsing, and small questions about expressions."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass
class Expression:
    """An expression in which names stand in place of component calls.

    Parameters
    ----------
    node
        The expression itself.
    names
        The names that it uses, each with a node that uses it.
    rewritten
        Whether its text differs from what the user wrote.
    impure
        Whether it calls something that may return another value the next time.
    """

    node: ast.expr
    names: dict[str, ast.expr] = field(default_factory=dict)
    rewritten: bool = False
    impure: bool = False


def owner(node: ast.expr) -> ast.expr:
    """The object that ``a.b[0].c`` is a part of, which is ``a``."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node


def type_of_expression(node: ast.expr) -> str:
    """The type of a value where its expression alone decides it, else an empty text."""
    if isinstance(node, ast.JoinedStr):
        return "str"
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("str", "int", "float", "bool")
    ):
        return node.func.id
    return ""
