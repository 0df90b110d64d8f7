"""The code blocks of definitions at the notebook's top level: functions, lambdas, classes and comprehensions.

Each is collected once for its node and cached, because a notebook is read again whenever one of its cells changes. No
code changes the trees.
"""

from __future__ import annotations

import ast
import functools

from kfnb.analysis.syntax.ast_queries import FUNCTIONS, is_collection, names_in, targets
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.collect_code_block import BlockCollector
from kfnb.analysis.syntax.scopes import MODULE, FunctionNode, class_scope, function_scope


@functools.lru_cache(maxsize=1024)
def function_block(node: FunctionNode, name: str = "<lambda>", lazy: bool = False) -> CodeBlock:
    """The code block of a function or lambda at the notebook's top level, which runs when it is called."""
    block = CodeBlock("function", name, node.lineno)
    positional = [*node.args.posonlyargs, *node.args.args]
    extra = [a.arg for a in (node.args.vararg, node.args.kwarg) if a is not None]
    block.params = tuple(a.arg for a in positional) + tuple(a.arg for a in node.args.kwonlyargs) + tuple(extra)
    block.starred = frozenset(extra)
    with_default = [*zip(reversed(positional), reversed(node.args.defaults), strict=False)]
    with_default += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
    block.defaults = {a.arg: d for a, d in with_default}
    block.mentions.update(n for _, d in with_default if not isinstance(d, ast.Constant) for n in names_in(d))
    block.shared_objects = frozenset(a.arg for a, d in with_default if not isinstance(d, (ast.Constant, ast.Name)))
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    scope = function_scope(node, body, MODULE)
    block.locals = scope.own
    BlockCollector(block, scope, lazy).visit_in(scope, body)
    if isinstance(node, ast.Lambda):
        block.returns.append(node.body)
    return block


@functools.lru_cache(maxsize=1024)
def comprehension_block(node: ast.expr) -> CodeBlock:
    """The code block of a comprehension at the notebook's top level, which runs at once."""
    block = CodeBlock("comprehension", "", node.lineno)
    BlockCollector(block, MODULE).visit(node)
    return block


@functools.lru_cache(maxsize=1024)
def class_block(node: ast.ClassDef, lazy: bool = False) -> CodeBlock:
    """The code block of a class at the notebook's top level: what its methods do when an instance is used."""
    block = CodeBlock("class", node.name, node.lineno)
    BlockCollector(block, MODULE, lazy).visit_ClassDef(node)
    block.writes.pop(node.name, None)
    scope = class_scope(node, MODULE)
    block.methods = {}
    for part in node.body:
        if isinstance(part, FUNCTIONS):
            method = function_block(part, part.name, lazy)
            body_scope = function_scope(part, list(part.body), scope)
            method.locals = body_scope.own
            block.methods[part.name] = method
    named = [*node.bases, *(k.value for k in node.keywords if k.arg == "metaclass")]
    block.bases = tuple(b.id for b in named if isinstance(b, ast.Name))
    block.calls, block.stores, block.decorators = [], [], []
    block.attributes = [p.value for p in node.body if isinstance(p, ast.Assign) and isinstance(p.value, ast.Call)]
    block.shared_objects = frozenset(
        name
        for part in node.body
        if isinstance(part, (ast.Assign, ast.AnnAssign)) and is_collection(part.value)
        for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
        for name in targets(target)
        if isinstance(part, ast.Assign) or not node.decorator_list or "ClassVar" in ast.dump(part.annotation)
    )
    return block
