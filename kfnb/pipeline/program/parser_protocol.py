"""What the parsers of expressions, calls, branches and loops ask of the parser of statements that owns them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Protocol

from kfnb.pipeline.program.parsed_expression import Expression
from kfnb.pipeline.program.parser_state import ParserState


class Parser(Protocol):
    """Parses whole constructs: an expression may hold a call, a call an expression, and a loop statements."""

    state: ParserState

    def body(self, statements: Iterable[ast.stmt]) -> None:
        """Parse statements one after the other."""

    def statement(self, node: ast.stmt) -> None:
        """Parse one statement."""

    def expression(self, node: ast.expr) -> Expression:
        """Parse an expression; each component call in it becomes a step."""
        ...

    def call_value(self, node: ast.Call, after: list[ast.expr]) -> str:
        """Make a step of a component call, and return the name that stands for its value."""
        ...

    def comprehension(self, node: ast.ListComp | ast.DictComp) -> str:
        """Parse a comprehension that calls components as a loop, and return the name of its list or dict."""
        ...
