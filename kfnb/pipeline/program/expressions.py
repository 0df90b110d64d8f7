"""Expressions of a pipeline cell: component calls inside them become steps of their own, the rest stays as it is."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kfnb.analysis.syntax.ast_queries import names_in, targets
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.parser_state import Program

if TYPE_CHECKING:
    from kfnb.pipeline.program.statements import Translator

#: Calls that give the same for the same arguments, change nothing, and cost little: they may be worked out twice.
PURE = frozenset(
    "str int float bool len abs min max sum sorted round list dict tuple set frozenset range enumerate zip repr reversed any "
    "all divmod isinstance type format ord chr bin hex pow slice complex bytes".split()
)
PURE_METHODS = frozenset(
    "format upper lower title capitalize strip lstrip rstrip split rsplit splitlines join replace startswith endswith get keys "
    "values items count index find rfind zfill ljust rjust center encode decode copy removeprefix removesuffix is_integer "
    "union intersection difference isdigit isalpha partition rpartition casefold swapcase most_common".split()
)


@dataclass
class Expression:
    """An expression as its reader finds it.

    Parameters
    ----------
    node
        Component calls replaced by names.
    names
        Names it reads, with a node each.
    changed
        Its text is no longer the user's own.
    impure
        It calls something that may give another value the next time.
    """

    node: ast.expr
    names: dict[str, ast.expr] = field(default_factory=dict)
    changed: bool = False
    impure: bool = False


@dataclass
class Reader:
    """Reads one expression. ``found`` grows while the tree is walked."""

    translator: Translator
    found: Expression

    @property
    def program(self) -> Program:
        return self.translator.program

    def visit(self, node: ast.expr) -> ast.expr:
        kind = type(node)
        if kind is ast.Constant:
            return node
        if kind is ast.Name:
            self._name(node)  # type: ignore[arg-type]
            return node
        method = getattr(self, f"_{kind.__name__.lower()}", None)
        if method is not None:
            made: ast.expr = method(node)
            return made
        if kind in refused_constructs.REFUSED:
            raise self.program.refuse(refused_constructs.REFUSED[kind], node)
        return self._inside(node)

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if name not in self.found.names:
            self.program.check(name, node)
            self.found.names[name] = node

    def _inside(self, node: ast.expr) -> ast.expr:
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, ast.expr):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                for at, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        value[at] = self.visit(item)
        return node

    # ---------------------------------------------------------------- calls
    def _call(self, node: ast.Call) -> ast.expr:
        call, after = self.translator.component_call(node)
        if call is not None:
            draft = self.translator.calls.place(call, after)
            return self._instead(self.translator.calls.named(draft, call), node)
        self.found.impure = self.found.impure or not self._pure(node)
        node.func = self.visit(node.func)
        self.arguments(node)
        return node

    def _pure(self, node: ast.Call) -> bool:
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in PURE and function.id not in self.program.env
        return isinstance(function, ast.Attribute) and function.attr in PURE_METHODS

    def arguments(self, node: ast.Call) -> None:
        """Read the arguments of a call."""
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.star(argument.value)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            if keyword.arg is None:
                self.star(keyword.value)
            keyword.value = self.visit(keyword.value)

    def star(self, node: ast.expr) -> None:
        """Refuse ``*x`` over what a step gives."""
        for name in names_in(node):
            value = self.program.env.get(name)
            if value is not None and name not in self.program.parameters:
                raise self.program.refuse(refused_constructs.STAR, node, name)

    def _instead(self, name: str, node: ast.expr) -> ast.Name:
        self.found.changed = True
        made = ast.copy_location(ast.Name(name, ast.Load()), node)
        self.found.names[name] = made
        return made

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        value = node.value
        if node.attr in ("output", "outputs") and isinstance(value, ast.Name):
            known = self.program.env.get(value.id)
            if known is not None and known.type:
                raise self.program.refuse(refused_constructs.OUTPUT, node, value.id)
        node.value = self.visit(value)
        return node

    # ---------------------------------------------------------------- what decides or binds inside
    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        for value in node.values[1:]:
            if self.calls_inside(value):
                raise self.program.refuse(refused_constructs.LATE_CALL, value)
        node.values = [self.visit(v) for v in node.values]
        return node

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        if not self.calls_inside(node.body) and not self.calls_inside(node.orelse):
            return self._inside(node)
        name = self.program.temp("either")
        arms: list[list[ast.stmt]] = [
            [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], v), v)] for v in (node.body, node.orelse)
        ]
        self.program.rewritten += 1
        self.translator.statement(
            ast.fix_missing_locations(ast.copy_location(ast.If(node.test, arms[0], arms[1]), node))
        )
        self.program.rewritten -= 1
        return self._instead(name, node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        if self.calls_inside(node.body):
            raise self.program.refuse(refused_constructs.LAMBDA_CALL, node)
        bound = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        return self._closed(node, bound)

    def _closed(self, node: ast.expr, bound: set[str]) -> ast.expr:
        """An expression with names of its own."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id not in bound:
                self._name(part)
            elif isinstance(part, ast.Call):
                self.found.impure = self.found.impure or not self._pure(part)
        return node

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> ast.expr:
        if self.calls_inside(node):
            if not isinstance(node, (ast.ListComp, ast.DictComp)):
                raise self.program.refuse(refused_constructs.GENERATOR_CALL, node)
            return self._instead(self.translator.loops.comprehension(node), node)
        return self._closed(node, {n for g in node.generators for n in targets(g.target)})

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _starred(self, node: ast.Starred) -> ast.expr:
        node.value = self.visit(node.value)
        return node

    def calls_inside(self, node: ast.AST) -> bool:
        """Whether a component is called in ``node``."""
        return any(isinstance(n, ast.Call) and self.translator.component_call(n)[0] is not None for n in ast.walk(node))


def owner(node: ast.expr) -> ast.expr:
    """What ``a.b[0].c`` is a part of: ``a``."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node
