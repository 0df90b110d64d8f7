"""Parses expressions of a pipeline cell: component calls in them become steps, and the rest stays as it is."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from kfnb.analysis.syntax.ast_queries import names_in, targets
from kfnb.pipeline.program import refused_constructs
from kfnb.pipeline.program.parsed_expression import Expression
from kfnb.pipeline.program.parser_protocol import Parser
from kfnb.pipeline.program.parser_state import ParserState
from kfnb.pipeline.program.steps.step_placement import calls_component, component_call

#: Pure and cheap functions, whose calls may be evaluated twice.
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
class ExpressionParser:
    """Parses one expression. ``expression`` collects what the walk over the tree finds."""

    parser: Parser
    expression: Expression

    @property
    def state(self) -> ParserState:
        return self.parser.state

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
            raise self.state.refuse(refused_constructs.REFUSED[kind], node)
        return self._visit_children(node)

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if name not in self.expression.names:
            self.state.check_use(name, node)
            self.expression.names[name] = node

    def _visit_children(self, node: ast.expr) -> ast.expr:
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
        call, after = component_call(self.state, node)
        if call is not None:
            return self._replace(self.parser.call_value(call, after), node)
        self.expression.impure = self.expression.impure or not self._is_pure(node)
        node.func = self.visit(node.func)
        self.arguments(node)
        return node

    def _is_pure(self, node: ast.Call) -> bool:
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in PURE and function.id not in self.state.scope
        return isinstance(function, ast.Attribute) and function.attr in PURE_METHODS

    def arguments(self, node: ast.Call) -> None:
        """Parse the arguments of a call."""
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.star(argument.value)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            if keyword.arg is None:
                self.star(keyword.value)
            keyword.value = self.visit(keyword.value)

    def star(self, node: ast.expr) -> None:
        """Refuse ``*x`` over the output of a step."""
        for name in names_in(node):
            value = self.state.scope.get(name)
            if value is not None and name not in self.state.parameters:
                raise self.state.refuse(refused_constructs.STAR, node, name)

    def _replace(self, name: str, node: ast.expr) -> ast.Name:
        self.expression.rewritten = True
        made = ast.copy_location(ast.Name(name, ast.Load()), node)
        self.expression.names[name] = made
        return made

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        value = node.value
        if node.attr in ("output", "outputs") and isinstance(value, ast.Name):
            known = self.state.scope.get(value.id)
            if known is not None and known.type:
                raise self.state.refuse(refused_constructs.OUTPUT, node, value.id)
        node.value = self.visit(value)
        return node

    # ---------------------------------------------------------------- what decides or binds inside
    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        for value in node.values[1:]:
            if calls_component(self.state, value):
                raise self.state.refuse(refused_constructs.LATE_CALL, value)
        node.values = [self.visit(v) for v in node.values]
        return node

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        if not calls_component(self.state, node.body) and not calls_component(self.state, node.orelse):
            return self._visit_children(node)
        name = self.state.temporary_name("either")
        arms: list[list[ast.stmt]] = [
            [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], v), v)] for v in (node.body, node.orelse)
        ]
        self.state.rewrite_depth += 1
        self.parser.statement(ast.fix_missing_locations(ast.copy_location(ast.If(node.test, arms[0], arms[1]), node)))
        self.state.rewrite_depth -= 1
        return self._replace(name, node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        if calls_component(self.state, node.body):
            raise self.state.refuse(refused_constructs.LAMBDA_CALL, node)
        bound = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        return self._visit_scoped(node, bound)

    def _visit_scoped(self, node: ast.expr, bound: set[str]) -> ast.expr:
        """Parse an expression that binds names in its own scope."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id not in bound:
                self._name(part)
            elif isinstance(part, ast.Call):
                self.expression.impure = self.expression.impure or not self._is_pure(part)
        return node

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> ast.expr:
        if calls_component(self.state, node):
            if not isinstance(node, (ast.ListComp, ast.DictComp)):
                raise self.state.refuse(refused_constructs.GENERATOR_CALL, node)
            return self._replace(self.parser.comprehension(node), node)
        return self._visit_scoped(node, {n for g in node.generators for n in targets(g.target)})

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _starred(self, node: ast.Starred) -> ast.expr:
        node.value = self.visit(node.value)
        return node
