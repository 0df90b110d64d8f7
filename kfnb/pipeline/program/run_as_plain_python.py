"""Runs a pipeline cell as plain Python, in one process from top to bottom."""

from __future__ import annotations

import ast
from typing import Any

from kfnb.analysis.syntax.ast_queries import is_literal
from kfnb.pipeline.references import STATUS
from kfnb.runtime.components.component_decorators import MARK
from kfnb.runtime.values.failed_iteration import Failed
from kfnb.thread_safe_parser import parse

CALLED = "_kfnb_called"


def run_plain(
    source: str, values: dict[str, Any], names: dict[str, Any], filename: str = "<pipeline>"
) -> dict[str, Any]:
    """Run a pipeline cell's code as the body of a function of its parameters; what its names are at the end.

    ``.after`` has no meaning here, where everything runs in order, and is left out; ``kfnb_status`` is given to handlers.

    Parameters
    ----------
    values
        A value for every parameter.
    names
        The global names: components, helpers, imports.
    """
    components = {n: v.__dict__[MARK] for n, v in names.items() if MARK in getattr(v, "__dict__", ())}
    lenient = any(about.get("on_failure") == "continue" for about in components.values())
    tree = PlainPython(tuple(values), frozenset(components) if lenient else frozenset()).visit(parse(source))
    _, body = head_and_rest(tree)
    body.append(ast.Return(ast.Call(ast.Name("locals", ast.Load()), [], [])))
    arguments = ast.arguments([], [ast.arg(n) for n in (*values, CALLED)], None, [], [], None, [])
    function = ast.FunctionDef("pipeline", arguments, body, [])
    if "type_params" in ast.FunctionDef._fields:  # Python 3.12
        function.type_params = []  # type: ignore[attr-defined,unused-ignore]
    module = ast.fix_missing_locations(ast.Module([function], []))
    namespace: dict[str, Any] = {}
    exec(compile(module, filename, "exec"), names, namespace)
    final_values: dict[str, Any] = namespace["pipeline"](**values, **{CALLED: called})
    for value in final_values.values():
        for index, one in enumerate(value if isinstance(value, list) else ()):
            if isinstance(one, Failed):
                one.index = index
    return {n: v for n, v in final_values.items() if not n.startswith("_") and n != STATUS}


def called(component: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a component in a pipeline whose steps may fail. A component that needs the value of a failed one is not called."""
    lost = next((a for a in (*args, *kwargs.values()) if isinstance(a, Failed)), None)
    if lost is not None:
        return lost
    try:
        return component(*args, **kwargs)
    except Exception as error:
        about = component.__dict__[MARK]
        if about.get("on_failure") != "continue":
            raise
        print(f"{about['name']} failed: {type(error).__name__}: {error}; the rest goes on")
        return Failed(about["name"], None, type(error).__name__, str(error))


def head_and_rest(tree: ast.Module) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Split a cell into the typed assignments that declare parameters, after its docstring, and the statements after them."""
    rest = list(tree.body)
    if rest and isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.Constant):
        rest.pop(0)
    head: list[ast.stmt] = []
    while rest and isinstance(rest[0], ast.AnnAssign) and rest[0].value is not None and is_literal(rest[0].value):
        head.append(rest.pop(0))
    return head, rest


class PlainPython(ast.NodeTransformer):
    """Rewrites a cell as plain Python: without ``.after``, and with ``kfnb_status`` for its handlers."""

    def __init__(self, parameters: tuple[str, ...] = (), components: frozenset[str] = frozenset()) -> None:
        self.changed = False
        self._components = components  #: those whose calls are `called`
        given = ", ".join(f"{n!r}: {n}" for n in parameters)
        self._about = f"'run': None, 'pipeline': None, 'parameters': {{{given}}}, 'started': None, 'duration': None, 'steps': None"

    @staticmethod
    def of(source: str, parameters: tuple[str, ...] = ()) -> ast.Module | None:
        """The rewritten cell, or ``None`` when it can stay as it is."""
        reader = PlainPython(parameters)
        tree: ast.Module = reader.visit(parse(source))
        return tree if reader.changed else None

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "after" and isinstance(node.func.value, ast.Call):
            self.changed = True
            return node.func.value
        if isinstance(node.func, ast.Name) and node.func.id in self._components:
            function = ast.copy_location(ast.Name(CALLED, ast.Load()), node.func)
            return ast.copy_location(ast.Call(function, [node.func, *node.args], node.keywords), node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "after":
            self.changed = True
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        self.generic_visit(node)
        if not any(isinstance(n, ast.Name) and n.id == STATUS for f in node.finalbody for n in ast.walk(f)):
            return node
        self.changed = True
        before = parse(f"{STATUS} = {{'state': 'succeeded', 'step': None, 'message': '', {self._about}}}").body
        caught = parse(
            f"try: pass\nexcept BaseException as error:\n"
            f"    {STATUS}.update(state='failed', message=str(error))\n    raise"
        ).body[0]
        assert isinstance(caught, ast.Try)
        caught.body = node.body
        for statement in (*before, *caught.handlers):
            for part in ast.walk(statement):
                if isinstance(part, (ast.stmt, ast.expr, ast.excepthandler)):
                    part.lineno = part.end_lineno = node.lineno
        node.body = [*before, ast.copy_location(caught, node)]
        return node
