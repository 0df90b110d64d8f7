"""The notebook names that one cell mentions, exactly as CPython's compiler sees them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.collect_code_block import BlockCollector
from kfnb.analysis.syntax.scopes import MODULE, future_annotations


@dataclass(frozen=True)
class Names:
    """Global names of a cell: read anywhere in it (nested functions included), bound, deleted."""

    reads: frozenset[str]
    binds: frozenset[str]
    deletes: frozenset[str]


def names_of(tree: ast.Module) -> Names:
    """Which names of the notebook's namespace a cell may touch, in whatever order."""
    block = CodeBlock("module", "", 1)
    BlockCollector(block, MODULE, future_annotations(tree)).visit(tree)
    return Names(frozenset(block.reads), frozenset(block.writes), frozenset(block.deletes))
