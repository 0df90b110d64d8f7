"""Python's parser, for threads.

CPython 3.11 before 3.11.8 counts how deep a syntax tree is in one place for all threads (python/cpython#106905): where two
threads parse at one time, one of them may get a `SystemError` instead of its tree. A server and a kernel read notebooks in threads.
"""

from __future__ import annotations

import ast
from typing import Any

TRIES = 20  #: of which nearly always the first succeeds


def parse(source: str) -> ast.Module:
    """The syntax tree of statements. Raises what `ast.parse` raises against the source."""
    tree: ast.Module = _parsed(source, "exec")
    return tree


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of one expression. Raises what `ast.parse` raises against the source."""
    tree: ast.Expression = _parsed(source, "eval")
    return tree.body


def _parsed(source: str, mode: str) -> Any:
    for _ in range(TRIES - 1):
        try:
            return ast.parse(source, mode=mode)
        except SystemError:  # another thread parsed meanwhile
            continue
    return ast.parse(source, mode=mode)
