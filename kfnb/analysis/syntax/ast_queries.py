"""Small queries on nodes of Python's syntax tree, shared by the whole analysis."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

COLLECTIONS = ("dict", "list", "set", "deque", "defaultdict", "OrderedDict", "Counter", "count", "WeakValueDictionary")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: For each kind of node the fields that may hold other nodes.
CHILD_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(
        name
        for name in kind._fields
        if name not in ("arg", "attr", "ctx", "id", "kind", "level", "lineno", "module", "op", "ops", "simple", "type_comment")
    )
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind is not ast.Constant
} | {ast.Constant: ()}  # fmt: skip
#: Nodes for a part of another value, which is in their field ``value``.
PARTS = frozenset((ast.Attribute, ast.Subscript, ast.Starred, ast.Await))
JUMPS = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def targets(target: ast.expr) -> Iterator[str]:
    """The names that an assignment target binds."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from targets(element)
    elif isinstance(target, ast.Starred):
        yield from targets(target.value)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes that `ast.iter_child_nodes` gives, without contexts and operators."""
    nodes: list[ast.AST] = []
    for name in CHILD_FIELDS[type(node)]:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            nodes.append(value)
        elif isinstance(value, list):
            nodes += [v for v in value if isinstance(v, ast.AST)]
    return nodes


def bound_in(tree: ast.AST) -> set[str]:
    """The names that code binds anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(a.asname or a.name.split(".")[0] for a in node.names)
    return names


def pattern_names(pattern: ast.pattern) -> Iterator[str]:
    """The names that a ``case`` pattern captures."""
    for node in ast.walk(pattern):
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def root(node: ast.expr | None) -> str | None:
    """The name that a chain of attributes, subscripts and calls starts from."""
    while node is not None:
        if type(node) is ast.Name:
            return node.id
        if type(node) is ast.Call:
            node = node.func
        elif type(node) in PARTS:
            node = node.value  # type: ignore[attr-defined]  # all of `PARTS` have it
        else:
            return None
    return None


def dotted(node: ast.expr, origin: Callable[[str], str | None]) -> str | None:
    """The library name of ``np.random.seed``: ``"numpy.random.seed"``, when its first name is an import."""
    path = ""
    while type(node) is ast.Attribute:
        path = f".{node.attr}{path}"
        node = node.value
    if type(node) is ast.Name:
        first = origin(node.id)
        return first + path if first else None
    return dotted(node.value, origin) if type(node) is ast.Subscript else None


def arguments(args: ast.arguments) -> list[ast.arg]:
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [a for a in every if a is not None]


def defaults(args: ast.arguments) -> list[ast.expr]:
    return [*args.defaults, *(d for d in args.kw_defaults if d is not None)]


def annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    annotations = [a.annotation for a in arguments(node.args) if a.annotation is not None]
    return annotations + ([node.returns] if node.returns is not None else [])


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def is_collection(node: ast.expr | None) -> bool:
    """Whether a value is a list, dictionary or set, by its syntax or by the name of the call."""
    if isinstance(node, ast.Call):
        return (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in COLLECTIONS
    return isinstance(node, (ast.List, ast.Dict, ast.Set, *COMPREHENSIONS))


def is_literal(node: ast.expr) -> bool:
    """Whether ``node`` is built of constants only, as `ast.literal_eval` accepts (f-strings without fields too)."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd, ast.Not, ast.Invert)) and is_literal(node.operand)
    if isinstance(node, ast.BinOp):
        return is_literal(node.left) and is_literal(node.right)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(is_literal(e) for e in node.elts)
    if isinstance(node, ast.Dict):
        return all(k is not None and is_literal(k) for k in node.keys) and all(is_literal(v) for v in node.values)
    return isinstance(node, ast.JoinedStr) and all(isinstance(v, ast.Constant) for v in node.values)


def is_value(node: ast.expr) -> bool:
    """Whether `literal_value` gives a value for ``node``: ``-True`` has one, ``-"a"`` has none."""
    try:
        literal_value(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, ArithmeticError):
        return False
    return True


ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.inv, ast.Not: operator.not_,
}  # fmt: skip


def literal_value(node: ast.expr) -> Any:
    """The value of a literal, with arithmetic on small numbers (``60 * 60``, ``10**-3``).

    Raises
    ------
    ValueError, TypeError, ArithmeticError
        The node is not a literal, or its value is too large to compute during the analysis.
    """
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        left, right = literal_value(node.left), literal_value(node.right)
        if not all(isinstance(v, (int, float)) and abs(v) <= 1e12 for v in (left, right)):
            raise ValueError("not arithmetic on small numbers")
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ValueError("power too large")
        return ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        return SIGNS[type(node.op)](literal_value(node.operand))
    if isinstance(node, ast.List):
        return [literal_value(e) for e in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(literal_value(e) for e in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {literal_value(k): literal_value(v) for k, v in zip(node.keys, node.values, strict=True) if k}
    return ast.literal_eval(node)


def may_suppress(node: ast.With | ast.AsyncWith) -> bool:
    """Whether a ``with`` may suppress an exception in its body (``contextlib.suppress`` and the like)."""
    words = {w for item in node.items for w in _words(item.context_expr)}
    return bool(words & {"suppress", "raises", "assertRaises"})


def _words(node: ast.expr) -> Iterator[str]:
    for n in ast.walk(node):
        if isinstance(n, ast.Name):
            yield n.id
        elif isinstance(n, ast.Attribute):
            yield n.attr


def rest_of_line(node: ast.stmt, lines: list[str]) -> str:
    """The text after a statement on its last line. Python counts columns in bytes of UTF-8."""
    line = lines[(node.end_lineno or node.lineno) - 1]
    return line.encode("utf-8", "surrogatepass")[node.end_col_offset or 0 :].decode(errors="replace")


def source_of(node: ast.stmt, code: str) -> str:
    """The source of a statement with its own lines, so that line numbers agree.

    If the statement shares a line with another one, the source is generated from the syntax tree.
    """
    lines = code.split("\n")
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    last = node.end_lineno or first
    alone = node.col_offset == 0 and node.end_col_offset is not None
    if alone and not rest_of_line(node, lines).split("#")[0].strip():
        return "\n".join(lines[first - 1 : last])
    return ast.unparse(node)


def reaches_main(parts: Iterable[ast.expr], origin: Callable[[str], str | None]) -> bool:
    """Whether one of these expressions is the module ``__main__`` or a part of it, through which code reaches all names."""
    for part in parts:
        while isinstance(part, (ast.Attribute, ast.Subscript, ast.Starred)):
            if isinstance(part, ast.Subscript) and _is_main(part.slice) and dotted(part.value, origin) == "sys.modules":
                return True
            part = part.value
        if isinstance(part, ast.Name) and origin(part.id) == "__main__":
            return True
        if isinstance(part, ast.Call) and part.args and _is_main(part.args[0]):
            name = dotted(part.func, origin) or getattr(part.func, "id", "")
            if name in ("importlib.import_module", "__import__", "sys.modules.get"):
                return True
    return False


def _is_main(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value == "__main__"
    return isinstance(node, ast.Name) and node.id == "__name__"
