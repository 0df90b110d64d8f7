"""Collects the names, calls and assignments of a piece of code in a `CodeBlock`.

The code of a function, lambda, class or comprehension runs later, or with names of its own. The analysis collects once
what it uses of the notebook's names, and judges it in `kfnb.analysis.effects` where the code is used. The results are checked against
CPython's compiler over the whole standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kfnb.analysis.libraries.effect_tables import MUTATORS
from kfnb.analysis.syntax.ast_queries import annotated, arguments, children, defaults, pattern_names, root, targets
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.scopes import FunctionNode, Scope, class_scope, function_scope, walrus_names


class BlockCollector(ast.NodeVisitor):
    """Visits a syntax tree in a given scope, and adds what it finds to a `CodeBlock`."""

    def __init__(self, into: CodeBlock, scope: Scope, lazy_annotations: bool = False) -> None:
        self.block, self.scope, self.lazy_annotations = into, scope, lazy_annotations

    def generic_visit(self, node: ast.AST) -> None:
        for child in children(node):
            self.visit(child)

    def visit_in(self, scope: Scope, nodes: Iterable[ast.AST]) -> None:
        outer, self.scope = self.scope, scope
        for node in nodes:
            self.visit(node)
        self.scope = outer

    # ---- names
    def note_name(self, name: str, line: int, ctx: ast.expr_context) -> None:
        name = self.scope.mangled(name)
        if name == "__debug__" or not self.scope.is_global(name):
            return
        where = {ast.Load: self.block.reads, ast.Store: self.block.writes, ast.Del: self.block.deletes}[type(ctx)]
        where.setdefault(name, line)

    def visit_Name(self, node: ast.Name) -> None:
        self.block.mentions.add(node.id)
        self.note_name(node.id, node.lineno, node.ctx)

    def bind(self, name: str, line: int) -> None:
        self.note_name(name, line, ast.Store())

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                self.bind(alias.asname or alias.name.split(".")[0], node.lineno)

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bind(node.name, node.lineno)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        for name in pattern_names(node.pattern):
            self.bind(name, node.pattern.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)
        if self.scope.kind not in ("function", "comprehension") and not self.lazy_annotations:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.note_source(node.target, node.value)
            self.note_store(node.target)

    # ---- nested blocks
    def type_parameter_scope(self, node: ast.AST) -> Scope:
        """The scope of ``[T]`` in ``def f[T]()``, ``class C[T]`` and ``type A[T]`` (Python 3.12)."""
        names = {self.scope.mangled(p.name) for p in getattr(node, "type_params", [])}
        return Scope("function", names, set(), self.scope) if names else self.scope

    def visit_TypeAlias(self, node: ast.AST) -> None:
        self.visit(node.name)  # type: ignore[attr-defined]  # only in Python 3.12 and later
        self.visit_in(self.type_parameter_scope(node), [*node.type_params, node.value])  # type: ignore[attr-defined]

    def function(self, node: FunctionNode) -> None:
        lambda_ = isinstance(node, ast.Lambda)
        for part in [*getattr(node, "decorator_list", []), *defaults(node.args)]:
            self.visit(part)
        self.block.decorators += getattr(node, "decorator_list", [])
        around = self.type_parameter_scope(node)
        if not isinstance(node, ast.Lambda):
            if not self.lazy_annotations:
                self.visit_in(around, annotated(node))
            self.visit_in(around, getattr(node, "type_params", []))
            self.bind(node.name, node.lineno)
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        outer = self.block
        if outer.kind in ("comprehension", "class body"):
            self.block = CodeBlock("function", "", node.lineno)
        scope = function_scope(node, body, around)
        self.block.nested_names |= scope.own - {"__class__"}
        self.block.nested_params |= {a.arg for a in arguments(node.args)}
        self.visit_in(scope, body)
        if self.block is not outer:
            outer.deferred_reads.update(self.block.reads)
            outer.mentions |= self.block.mentions
            self.block = outer
        self.block.creates_functions = self.block.creates_functions or not lambda_ or self.scope.kind != "module"

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.decorator_list:
            self.visit(part)
        around = self.type_parameter_scope(node)
        self.visit_in(around, [*node.bases, *(k.value for k in node.keywords), *getattr(node, "type_params", [])])
        self.visit_in(class_scope(node, around), node.body)
        self.bind(node.name, node.lineno)
        self.block.creates_functions = True

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        own = {name for g in node.generators for name in targets(g.target)}
        # `:=` binds in the nearest function. At top level that is the notebook's own namespace.
        holder = self.scope
        while holder.kind in ("comprehension",) and holder.parent is not None:
            holder = holder.parent
        if holder.kind == "module" or any(holder.is_global(n) for n in walrus_names(node)):
            for name in walrus_names(node):
                outer, self.scope = self.scope, holder
                self.bind(name, node.lineno)
                self.scope = outer
        scope = Scope("comprehension", own, set(), self.scope)
        if self.block.kind == "comprehension":
            self.block.locals |= own
        rest: list[ast.AST] = [*first.ifs]
        for g in node.generators:
            rest.append(g.target)
            self.note_source(g.target, g.iter)
        for g in node.generators[1:]:
            rest += [g.iter, *g.ifs]
        rest += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.visit_in(scope, rest)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.note_source(node.target, node.value)
        if self.scope.kind != "comprehension":
            self.visit(node.target)

    # ---- assignments, calls and changes of objects
    def note_source(self, target: ast.expr, value: ast.expr) -> None:
        for name in targets(target):
            self.block.sources.setdefault(name, []).append(value)

    def note_closure_write(self, node: ast.expr) -> None:
        """Note that a function changes an object that belongs to the function around it."""
        name = root(node)
        scope: Scope | None = self.scope
        while scope is not None and scope.kind == "comprehension":
            if name in scope.own:
                return
            scope = scope.parent
        if name is None or scope is None or scope.kind != "function" or name in scope.own | scope.declared:
            return
        if not scope.is_global(name):
            self.block.closure_writes.add(name)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.block.closure_writes |= set(node.names)

    def note_store(self, target: ast.expr) -> None:
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            self.block.stores.append(target)
            self.note_closure_write(target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.note_store(element)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.note_source(target, node.value)
            self.note_store(target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.block.stores.append(node.target)
        self.note_closure_write(node.target)
        if isinstance(node.target, ast.Name):
            self.note_name(node.target.id, node.lineno, ast.Load())
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.note_store(target)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.note_source(node.target, node.iter)
        self.note_store(node.target)
        self.generic_visit(node)

    visit_AsyncFor = visit_For

    def visit_withitem(self, node: ast.withitem) -> None:
        if isinstance(node.context_expr, ast.Call):
            self.block.with_calls.append(node.context_expr)
        if node.optional_vars is not None:
            self.note_source(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.block.calls.append(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            self.note_closure_write(node.func.value)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self.block.constants.append(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.block.returns.append(node.value)
        self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        self.block.generator = True
        if node.value is not None:
            self.block.returns.append(node.value)
        self.generic_visit(node)

    visit_YieldFrom = visit_Yield
