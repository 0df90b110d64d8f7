"""Finds out whether unmarked cells redirect output to an object of the notebook, which printing then changes."""

from __future__ import annotations

import ast

STREAMS = ("sys.stdout", "sys.stderr")
OWN = ("sys.__stdout__", "sys.__stderr__")


class Redirects:
    """Follows assignments to ``sys.stdout`` and ``sys.stderr`` through a notebook."""

    def __init__(self) -> None:
        self.active = False
        self._saved: set[str] = set()

    def learn(self, node: ast.stmt) -> None:
        """Record a statement of shared code."""
        if not isinstance(node, ast.Assign):
            return
        value = node.value
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._saved.discard(target.id)
                if isinstance(value, ast.Attribute) and ast.unparse(value) in STREAMS:
                    self._saved.add(target.id)
            elif isinstance(target, ast.Attribute) and ast.unparse(target) in STREAMS:
                own = isinstance(value, ast.Name) and value.id in self._saved
                self.active = not own and ast.unparse(value) not in OWN
