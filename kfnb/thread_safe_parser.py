"""A thread-safe `ast.parse`.

CPython 3.11 before 3.11.8 counts the depth of a syntax tree in a variable that all threads share (python/cpython#106905). If two
threads parse at the same time, one of them can get a `SystemError`. Servers and kernels read notebooks in threads.
"""

from __future__ import annotations

import ast
from typing import Any

MAX_ATTEMPTS = 20  #: the first one nearly always succeeds


def parse(source: str) -> ast.Module:
    """The syntax tree of statements. Raises what `ast.parse` raises for invalid source."""
    tree: ast.Module = _parse(source, "exec")
    return tree


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of one expression. Raises what `ast.parse` raises for invalid source."""
    tree: ast.Expression = _parse(source, "eval")
    return tree.body


def _parse(source: str, mode: str) -> Any:
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return ast.parse(source, mode=mode)
        except SystemError:  # another thread was parsing at the same time
            continue
    return ast.parse(source, mode=mode)
