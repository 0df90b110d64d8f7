"""The global names that one cell reads, binds and deletes, exactly as CPython's compiler sees them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.collect_code_block import BlockCollector
from kfnb.analysis.syntax.scopes import MODULE, future_annotations


@dataclass(frozen=True)
class Names:
    """The global names that a cell reads (in nested functions too), binds and deletes."""

    reads: frozenset[str]
    binds: frozenset[str]
    deletes: frozenset[str]


def names_of(tree: ast.Module) -> Names:
    """The names of the notebook's namespace that a cell may read, bind or delete, in any order."""
    block = CodeBlock("module", "", 1)
    BlockCollector(block, MODULE, future_annotations(tree)).visit(tree)
    return Names(frozenset(block.reads), frozenset(block.writes), frozenset(block.deletes))
