"""Decides which statements of unmarked cells are shared code: cheap, repeatable, and safe to run in every step."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from kfnb.analysis.effects.library_call_reach import LIBRARY, SETTING_METHODS, UNPROVED, reach_of
from kfnb.analysis.libraries import pure_calls
from kfnb.analysis.libraries.effect_tables import PURE_METHODS, VIEW_METHODS
from kfnb.analysis.replay.replayable_statements import imports_only
from kfnb.analysis.syntax.ast_queries import (
    COMPREHENSIONS,
    FUNCTIONS,
    arguments,
    dotted,
    is_literal,
    root,
    targets,
)
from kfnb.pipeline.units.object_configuring_calls import configures, makes_folders, receiver_of
from kfnb.pipeline.units.shared_scope import SharedScope, assigned_targets, bound_names

METHODS = (PURE_METHODS | VIEW_METHODS | pure_calls.METHODS) - pure_calls.SLOW_METHODS
OPERATIONS = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.IfExp, ast.JoinedStr, ast.FormattedValue, ast.Tuple, ast.List,
              ast.Set, ast.Dict, ast.Starred, ast.Slice, ast.Attribute)  # fmt: skip
UNORDERED = frozenset("list tuple enumerate iter next zip map filter reversed dict array".split())
SLOW = "may be slow, or do more than give a value"
LONG = "may be slow"
DIFFERS = "gives another value each time"


class Obstacle(NamedTuple):
    """The reason why a statement cannot run again in every step that needs it."""

    text: str
    line: int
    why: str

    @property
    def once(self) -> bool:
        """Whether the statement must run once, because a second run gives something else or changes a step's value."""
        return self.why not in (SLOW, LONG)


class SharedCodeRules:
    """Decides for each statement of a notebook whether it is shared code.

    Parameters
    ----------
    scope
        What shared code before the statement has bound.
    """

    def __init__(self, scope: SharedScope) -> None:
        self.scope = scope
        self._active_calls: set[str] = set()  #: functions whose bodies are being judged, so that recursion ends

    # ---------------------------------------------------------------- statements
    def obstacle(self, node: ast.stmt) -> Obstacle | None:
        """Return why a statement cannot be shared code, or ``None`` if it can."""
        if imports_only(node) or isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Pass, ast.Import, ast.ImportFrom)):
            return None
        self.scope.forget_excluded()
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            return self._assignment(node)
        if isinstance(node, ast.Expr):
            return self._statement_expression(node)
        if isinstance(node, ast.If):
            if makes_folders(node.body, True) and not node.orelse:
                return None
            return self._value(node.test) or self._block([*node.body, *node.orelse])
        if isinstance(node, ast.For):
            self.scope.local_scopes.append(set(targets(node.target)))
            found = self._iterable(node.iter) or self._block([*node.body, *node.orelse])
            self.scope.local_scopes.pop()
            return found
        if isinstance(node, ast.With):
            return self._context(node)
        if isinstance(node, ast.Try):
            return self._block([*node.body, *(s for h in node.handlers for s in h.body), *node.orelse, *node.finalbody])
        if isinstance(node, (ast.Assert, ast.Raise, ast.Return, ast.Delete)):
            values = [v for v in ast.iter_child_nodes(node) if isinstance(v, ast.expr)]
            return self._any(values)
        if isinstance(node, (ast.Break, ast.Continue)):
            return None
        return Obstacle(_head(node), node.lineno, SLOW)

    def _context(self, node: ast.With) -> Obstacle | None:
        """Judge a ``with`` statement: its context managers may only change settings of the process while it lasts."""
        for item in node.items:
            call = item.context_expr
            name = dotted(call.func, self.scope.origin_of) if isinstance(call, ast.Call) else None
            if name not in pure_calls.CONTEXTS:
                return Obstacle(_head(node), node.lineno, SLOW)
            found = self._any([*call.args, *(k.value for k in call.keywords)]) if isinstance(call, ast.Call) else None
            if found is not None:
                return found
        return self._block(node.body)

    def _block(self, body: list[ast.stmt]) -> Obstacle | None:
        bound: set[str] = set()
        self.scope.local_scopes.append(bound)
        found = None
        for node in body:
            found = found or self.obstacle(node)
            bound |= bound_names(node)
        self.scope.local_scopes.pop()
        return found

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Obstacle | None:
        if node.value is None:
            return None
        for target in assigned_targets(node):
            for part in ast.walk(target):
                if not isinstance(part, (ast.Attribute, ast.Subscript)):
                    continue
                # `plt.rcParams["x"] = 1` sets an option of a library; `df["x"] = 1` changes a step's value
                library = root(part) in self.scope.origins or isinstance(part, ast.Attribute) and is_literal(node.value)
                inner = (
                    isinstance(part, ast.Subscript) and isinstance(part.value, ast.Attribute) and is_literal(node.value)
                )
                if not (library or inner or self.scope.is_cheap(root(part) or "")):
                    return Obstacle(_short(part), part.lineno, "changes what a step makes")
            if isinstance(node, ast.AugAssign) and isinstance(target, ast.Name) and not self.scope.is_cheap(target.id):
                return Obstacle(target.id, target.lineno, "changes what a step makes")
        return self._value(node.value)

    def _statement_expression(self, node: ast.Expr) -> Obstacle | None:
        call = node.value
        if not isinstance(call, ast.Call):
            return self._value(call)
        values = [*call.args, *(k.value for k in call.keywords)]
        name = dotted(call.func, self.scope.origins.get)
        if (
            root(call.func) == "get_ipython"
            or self._sets_attribute(call)
            or name is not None
            and self._registers_with_library(name, values)
            or name in pure_calls.SETTINGS
            or _changes_library_state(call, name)
            or makes_folders([node], False)
        ):
            return self._any(values)
        if isinstance(call.func, ast.Attribute) and self._configures(call, call.func.attr):
            return self._any(values) or self._arguments(call, values)
        return self._value(call)

    def _configures(self, call: ast.Call, method: str) -> bool:
        """Whether a call configures an object of shared code, as ``client.configure(retries=3)`` does."""
        name = receiver_of(call)
        if name is None or name not in self.scope.cheap or name in self.scope.origins:
            return False
        known = self.scope.instances.get(name)
        if known is None:
            return configures(method)
        body = [f for f in self.scope.classes[known].body if isinstance(f, ast.FunctionDef) and f.name == method]
        return self._function(call, body[0]) is None if body else configures(method)

    def _sets_attribute(self, call: ast.Call) -> bool:
        """Whether a call sets an attribute of a library or of an object of shared code, as ``setattr(math, "twice", f)`` does."""
        plain = isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr") and bool(call.args)
        owner = root(call.args[0]) if plain else None
        return owner is not None and (owner in self.scope.origins or owner in self.scope.cheap)

    def _registers_with_library(self, name: str, values: list[ast.expr]) -> bool:
        """Whether a call changes a library for good, or passes functions or classes that the library may keep."""
        reach = reach_of(name)
        handed = any(
            isinstance(v, ast.Name) and (v.id in self.scope.functions or v.id in self.scope.classes) for v in values
        )
        slow = name.startswith(pure_calls.NOT_CHEAP) or name.rpartition(".")[2] in pure_calls.RUNNING
        return not slow and (reach == LIBRARY or reach == UNPROVED and handed)

    # ---------------------------------------------------------------- expressions
    def _any(self, nodes: Iterable[ast.expr | None]) -> Obstacle | None:
        return next((o for n in nodes if n is not None and (o := self._value(n)) is not None), None)

    def _value(self, node: ast.expr) -> Obstacle | None:
        if isinstance(node, (ast.Constant, ast.Name, ast.Lambda)):
            return None
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Subscript):
            return self._any((node.value, node.slice))
        if isinstance(node, COMPREHENSIONS):
            return self._comprehension(node)
        if isinstance(node, ast.NamedExpr):
            return self._value(node.value)
        if isinstance(node, ast.BinOp) and (self.scope.is_large(node.left) or self.scope.is_large(node.right)):
            if isinstance(node.op, ast.Mult) and any(
                isinstance(n, (ast.List, ast.Tuple)) for n in (node.left, node.right)
            ):
                return Obstacle(_short(node), node.lineno, LONG)
        if isinstance(node, OPERATIONS):
            return self._any(v for v in ast.iter_child_nodes(node) if isinstance(v, ast.expr))
        return Obstacle(_short(node), node.lineno, SLOW)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Obstacle | None:
        found = None
        depth = len(self.scope.local_scopes)
        for generator in node.generators:
            found = found or (
                self._iterable(generator.iter) if not isinstance(node, ast.SetComp) else self._value(generator.iter)
            )
            self.scope.local_scopes.append(set(targets(generator.target)))
            found = found or self._any(generator.ifs)
        found = found or self._any([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        del self.scope.local_scopes[depth:]
        return found

    def _iterable(self, node: ast.expr) -> Obstacle | None:
        if self.scope.is_unordered(node):
            return Obstacle(_short(node), node.lineno, DIFFERS)
        heavy = next((n for n in ast.walk(node) if isinstance(n, ast.Name) and not self.scope.is_cheap(n.id)), None)
        if heavy is not None:
            return Obstacle(heavy.id, heavy.lineno, "is made by a step")
        return self._value(node)

    def _call(self, node: ast.Call) -> Obstacle | None:
        values = [*node.args, *(k.value for k in node.keywords)]
        found = self._any(values) or self._arguments(node, values)
        if found is not None:
            return found
        name = dotted(node.func, self.scope.origin_of)
        if name is not None:
            return self._library(node, name, values)
        if isinstance(node.func, ast.Name):
            return self._named(node, node.func.id)
        if isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if method not in METHODS and not (method == "parse_args" and values):
                return Obstacle(_short(node), node.lineno, SLOW)
            receiver = root(node.func.value)
            if receiver is not None and not self.scope.is_cheap(receiver):
                return Obstacle(_short(node), node.lineno, f"works on `{receiver}`, which a step makes")
            if method == "join" and node.args and self.scope.is_unordered(node.args[0]):
                return Obstacle(_short(node), node.lineno, DIFFERS)
            return self._value(node.func.value)
        return Obstacle(_short(node), node.lineno, SLOW)

    def _arguments(self, node: ast.Call, values: list[ast.expr]) -> Obstacle | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in pure_calls.SIZED and any(self.scope.is_large(v) for v in values):
            return Obstacle(_short(node), node.lineno, LONG)
        if name in UNORDERED and any(self.scope.is_unordered(v) for v in node.args):
            return Obstacle(_short(node), node.lineno, DIFFERS)
        if name in pure_calls.PASSING:
            return None
        for value in values:
            for part in ast.walk(value):
                if (
                    isinstance(part, ast.Name)
                    and isinstance(part.ctx, ast.Load)
                    and not self.scope.is_cheap(part.id)
                    and not _bound_in(value, part.id)
                ):
                    return Obstacle(_short(node), node.lineno, f"works on `{part.id}`, which a step makes")
        return None

    def _library(self, node: ast.Call, name: str, values: list[ast.expr]) -> Obstacle | None:
        now = name.startswith(("pandas.", "numpy.")) and any(
            isinstance(v, ast.Constant) and v.value in pure_calls.NOW for v in values
        )
        if name in pure_calls.NONDETERMINISTIC or now or name in pure_calls.OWN_GENERATORS and not values:
            return Obstacle(_short(node), node.lineno, DIFFERS)
        if name in pure_calls.OWN_GENERATORS:
            return None
        if name.startswith(pure_calls.NOT_CHEAP) or not name.startswith(pure_calls.PREFIXES) and not _estimator(name):
            return Obstacle(_short(node), node.lineno, SLOW)
        return None

    def _named(self, node: ast.Call, name: str) -> Obstacle | None:
        if name in self.scope.classes:
            return self._instance(node, name)
        if name in self.scope.functions:
            return self._function(node, self.scope.functions[name])
        if name in pure_calls.NONDETERMINISTIC_BUILTINS:
            return Obstacle(_short(node), node.lineno, DIFFERS)
        if name in pure_calls.BUILTINS or name in self.scope.cheap and name[:1].isupper():
            return None  # `Point(1, 2)`, where `Point` is made by `namedtuple`
        return Obstacle(_short(node), node.lineno, SLOW)

    def _instance(self, node: ast.Call, name: str) -> Obstacle | None:
        cls = self.scope.classes[name]
        bases = [b for b in cls.bases if not isinstance(b, ast.Subscript)]
        for base in bases:
            last = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if last in self.scope.classes:
                found = self._instance(node, last)
                if found is not None:
                    return found
            elif last not in pure_calls.BASES and last not in self.scope.cheap:
                return Obstacle(_short(node), node.lineno, SLOW)
        if any(
            k.arg == "metaclass" and getattr(k.value, "id", getattr(k.value, "attr", "")) != "ABCMeta"
            for k in cls.keywords
        ):
            return Obstacle(_short(node), node.lineno, SLOW)
        for part in cls.body:
            if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__post_init__", "__new__"):
                found = self._function(node, part)
                if found is not None:
                    return found
        return None

    def _function(self, call: ast.Call, function: ast.FunctionDef) -> Obstacle | None:
        """Judge a call of the notebook's own function: it can run again if its whole body can."""
        marker = f"{function.name} {function.lineno}"
        simple = not any(
            isinstance(n, (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.While)) for n in ast.walk(function)
        )
        if marker in self._active_calls or function.decorator_list or not simple:
            return Obstacle(_short(call), call.lineno, SLOW)
        self._active_calls.add(marker)
        self.scope.local_scopes.append({a.arg for a in arguments(function.args)})
        found = self._block(function.body)
        self.scope.local_scopes.pop()
        self._active_calls.discard(marker)
        return None if found is None else Obstacle(_short(call), call.lineno, found.why if found.once else SLOW)


def _bound_in(node: ast.expr, name: str) -> bool:
    """Whether a comprehension or lambda in ``node`` binds ``name`` in its own scope."""
    for part in ast.walk(node):
        if isinstance(part, ast.Lambda) and any(a.arg == name for a in arguments(part.args)):
            return True
        if isinstance(part, ast.comprehension) and name in targets(part.target):
            return True
    return any(isinstance(p, ast.Lambda) for p in ast.walk(node))  # read when it is called


def _estimator(name: str) -> bool:
    """Whether a call creates an estimator of scikit-learn without fitting it."""
    last = name.rpartition(".")[2]
    return name.startswith("sklearn.") and (
        last[:1].isupper() or last in ("make_pipeline", "make_column_transformer", "make_union", "clone")
    )


def _changes_library_state(call: ast.Call, name: str | None) -> bool:
    """Whether a call sets state of a library: `np.random.seed(0)`, `pd.set_option(…)`, `%cd data`."""
    words = (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")).lower()
    starts = ("seed", "set_", "use", "filterwarnings", "simplefilter", "chdir", "basicconfig", "register", "rc", "setlocale",
              "update", "manual_seed", "append", "insert", "setrecursionlimit", "disable", "seterr", "load_dotenv", "init_", "setlevel",
              "enable")  # fmt: skip
    changes = (
        words.startswith(starts)
        or words in ("set", "pandas", "theme")
        or getattr(call.func, "attr", "") in SETTING_METHODS
    )
    return changes and (isinstance(call.func, ast.Attribute) or name is not None)


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    if len(text) <= 40:
        return text
    return f"{ast.unparse(node.func)[:36]}(…)" if isinstance(node, ast.Call) else f"{text[:38]}…"


def _head(node: ast.stmt) -> str:
    return ast.unparse(node).split("\n")[0][:40]
