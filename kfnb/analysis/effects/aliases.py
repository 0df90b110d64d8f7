"""Alias analysis: which names may share an object with a value, and which functions and classes a value may hold."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable

from kfnb.analysis.effects.class_queries import changes_shared_attribute, shared_attributes
from kfnb.analysis.effects.effect_types import (
    CLOSURE,
    NONE,
    OWN_CLASS,
    OWN_CLASSES,
    Effect,
    Frame,
    Roots,
    bind_arguments,
)
from kfnb.analysis.effects.local_module_effects import LocalModules
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.syntax.ast_queries import COMPREHENSIONS, PARTS, children, dotted, root
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.syntax.definition_blocks import function_block
from kfnb.analysis.units.abstract_state import IMPORT, SCALAR, VALUE, AbstractState

NO_CALLABLES: frozenset[CodeBlock] = frozenset()
SCALAR_CALLS = effect_tables.word_set(
    "len int float str bool repr format ord chr range round abs sum min max hash id isinstance"
)
#: Expressions whose value is a new object that holds no other one.
FRESH = frozenset((ast.Constant, ast.Compare, ast.JoinedStr, ast.Lambda, ast.BinOp, ast.UnaryOp, type(None)))
#: Expressions whose value holds no function or class.
NO_FUNCTION = frozenset((ast.Constant, ast.Compare, ast.JoinedStr, type(None)))
COPYING_SLICES = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.List, ast.ListComp)


class AliasAnalysis(ABC):
    """Alias analysis of one notebook's names and the modules beside it."""

    def __init__(self, world: AbstractState, modules: LocalModules) -> None:
        self.world, self.modules = world, modules
        self._lambdas: dict[ast.Lambda, CodeBlock] = {}
        self._answers: dict[tuple[ast.Call, Frame], Roots] = {}  #: the roots of calls, while one statement is read

    @abstractmethod
    def summary(self, function: CodeBlock) -> Effect:
        """The effect of calling a function."""

    @abstractmethod
    def note_dependency(self, name: str) -> None:
        """Note that the summary in progress depends on what ``name`` is."""

    @abstractmethod
    def methods_named(self, name: str) -> list[CodeBlock]:
        """The methods of this name in all classes of the notebook."""

    def lambda_block(self, node: ast.Lambda) -> CodeBlock:
        """The code block of a lambda: always the same object, so that the lambda is summarized once."""
        if node not in self._lambdas:
            self._lambdas[node] = function_block(node)
        return self._lambdas[node]

    def frame(self, function: CodeBlock | None = None) -> Frame:
        """The frame that resolves names inside ``function``, or at top level."""
        return Frame(self.world, self.roots, function)

    def roots(self, node: ast.expr | None, frame: Frame) -> Roots:
        """The names that may share an object with the value of ``node``."""
        if type(node) is ast.Name:
            scalar = self.world.kinds.get(node.id) == SCALAR and not frame.local(node.id)
            return NONE if scalar else frame.roots_of(node.id)
        if type(node) in FRESH:
            return NONE
        if type(node) is ast.Call:
            return self._cached_call_roots(node, frame)
        if isinstance(node, ast.Attribute) and node.attr == "__class__":
            own = self.roots(node.value, frame)
            return frozenset(OWN_CLASS if r.startswith("<") else n for r in own for n in self._class_names(r, r))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and self.world.callables(node.value.id):
            classes = self.lineage(self.world.callables(node.value.id)) if not frame.local(node.value.id) else []
            shared = frozenset(c.name for c in classes if node.attr in shared_attributes(c))
            return self.roots(node.value, frame) | shared
        if isinstance(node, (ast.Attribute, ast.Starred, ast.Await, ast.NamedExpr, ast.FormattedValue)):
            return self.roots(node.value, frame)
        if isinstance(node, ast.Subscript):
            return (
                NONE
                if isinstance(node.slice, COPYING_SLICES) and not _negative(node.slice)
                else self.roots(node.value, frame)
            )
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return self._roots_of_all(node.elts, frame)
        if isinstance(node, ast.Dict):
            return self._roots_of_all(node.values, frame)
        if isinstance(node, ast.IfExp):
            return self._roots_of_all([node.body, node.orelse], frame)
        if isinstance(node, ast.BoolOp):
            return self._roots_of_all(node.values, frame)
        if isinstance(node, COMPREHENSIONS):
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            fresh = isinstance(element, (ast.Constant, ast.Compare, ast.JoinedStr, ast.BinOp, ast.Dict, ast.List))
            own = (
                NONE
                if fresh and not _mentions(element)
                else self._roots_of_all([g.iter for g in node.generators], frame)
            )
            return own | (self.roots(element, frame) - {n for g in node.generators for n in _loop_names(g.target)})
        return NONE

    def _cached_call_roots(self, node: ast.Call, frame: Frame) -> Roots:
        """`_call_roots`, cached for one statement: each call in a chain needs the roots of those before it several times."""
        answer = self._answers.get((node, frame))
        if answer is None:
            answer = self._answers[node, frame] = self._call_roots(node, frame)
        return answer

    def begin_statement(self) -> None:
        """Forget the answers for the statement before, which may not hold in the next one."""
        self._answers.clear()

    def _class_names(self, name: str, other: str) -> list[str]:
        """The notebook's classes that the object of ``name`` may be an instance of; ``other`` where none is known."""
        return [c.name for c in self.lineage(self.world.callables(name))] or [other]

    def _roots_of_all(self, nodes: Iterable[ast.expr | None], frame: Frame) -> Roots:
        return NONE.union(*(self.roots(n, frame) for n in nodes))

    def _call_roots(self, node: ast.Call, frame: Frame) -> Roots:
        function = node.func
        values = [*node.args, *[k.value for k in node.keywords]]
        if isinstance(function, ast.Attribute):
            library = dotted(function, frame.origin)
            if library is not None:
                shares = function.attr in effect_tables.VIEW_FUNCTIONS or function.attr[:1].isupper()
                return self._roots_of_all(values, frame) if shares else self._module_returns(library, node, frame)
            shared = NONE
            methods = self._methods(function, frame)
            for method in methods:
                shared |= self._returned(method, [function.value, *node.args], node.keywords, frame)
            if not methods and (
                function.attr in effect_tables.VIEW_METHODS or function.attr not in effect_tables.PURE_METHODS
            ):
                shared |= self.roots(function.value, frame)
            if function.attr in ("setdefault", "get", "pop") or self._holds_callable(function.value, frame):
                shared |= self._roots_of_all(values, frame)
            return shared
        if isinstance(function, ast.Name) and not frame.local(function.id):
            name = function.id
            shared = NONE
            if name == "type" and len(node.args) == 1 and name not in self.world.kinds:
                own = self.roots(node.args[0], frame)
                return frozenset(OWN_CLASS if r.startswith("<") else n for r in own for n in self._class_names(r, r))
            callables = self.world.callables(name)
            if any(f.kind == "class" for f in callables):
                shared |= self._roots_of_all(values, frame) | self._instance_keeping_classes(callables)
            for callee in callables:
                if callee.kind != "class":
                    shared |= self._returned(callee, node.args, node.keywords, frame)
            if self.world.kinds.get(name) in (VALUE, None) and not self.world.callables(name):
                if name in effect_tables.VIEW_FUNCTIONS or name[:1].isupper():
                    return self._roots_of_all(values, frame)
                return (
                    NONE
                    if name in effect_tables.PURE_BUILTINS or name in SCALAR_CALLS
                    else self._roots_of_all(values, frame)
                )
            if self.world.kinds.get(name) == IMPORT and (name in effect_tables.VIEW_FUNCTIONS or name[:1].isupper()):
                return self._roots_of_all(values, frame)
            origin = frame.origin(name)
            return shared | self._module_returns(origin, node, frame) if origin else shared
        own = self.roots(function, frame) if isinstance(function, ast.Name) and function.id == "cls" else NONE
        return self._roots_of_all(values, frame) | own

    def _module_returns(self, name: str, node: ast.Call, frame: Frame) -> Roots:
        """The roots of the arguments that a function of a local module may return."""
        known = self.modules.function(name) if self.modules.sources else None
        shared = NONE
        for function in known[1] if known is not None else ():
            returns = self.modules.effect(known[0], function).returns if known is not None else NONE
            for param, values in bind_arguments(function, node.args, node.keywords):
                if param is None or f"<{param}>" in returns:
                    shared |= self._roots_of_all(values, frame)
        return shared

    def _returned(self, function: CodeBlock, args: list[ast.expr], keywords: list[ast.keyword], frame: Frame) -> Roots:
        summary = self.summary(function)
        shared = frozenset(r for r in summary.returns if not r.startswith("<"))
        for param, values in bind_arguments(function, args, keywords):
            if param is None or f"<{param}>" in summary.returns:
                shared |= self._roots_of_all(values, frame)
        return shared

    # ---------------------------------------------------------------- what a value may hold
    def callables_in(self, node: ast.expr | None) -> frozenset[CodeBlock]:
        """Functions and classes of the notebook that the value of a top-level expression may hold."""
        if node is None or type(node) in NO_FUNCTION:
            return NO_CALLABLES
        if type(node) is ast.Name:
            return self.world.callables(node.id)
        callables: set[CodeBlock] = set()
        stack: list[ast.AST] = [node]
        while stack:
            part = stack.pop()
            if type(part) is ast.Name:
                callables |= self.world.callables(part.id)
            elif type(part) in NO_FUNCTION:
                continue
            elif type(part) is ast.Call:
                if type(part.func) is not ast.Name:
                    stack.append(part.func)
                elif part.func.id in SCALAR_CALLS and not self.world.callables(part.func.id):
                    continue
                else:
                    callables |= {
                        f
                        for f in self.world.callables(part.func.id)
                        if f.kind == "class" or self.summary(f).creates_functions
                    }
                stack += part.args
                stack += [k.value for k in part.keywords]
            elif type(part) in PARTS:
                stack.append(part.value)  # type: ignore[attr-defined]  # all of `PARTS` have it
            elif type(part) is ast.Lambda:
                callables.add(self.lambda_block(part))
            else:
                stack += children(part)
        return frozenset(callables)

    def _holds_callable(self, node: ast.expr, frame: Frame) -> bool:
        """Whether the value of ``node`` may hold a function or class of the notebook."""
        for name in self.roots(node, frame):
            if self.world.callables(name) and not name.startswith("<"):
                return True
        return False

    def _methods(self, function: ast.Attribute, frame: Frame) -> list[CodeBlock]:
        """The notebook's methods that ``x.attr`` may be: those of x's class where it is known, else all of that name."""
        base = root(function.value)
        if base is not None and not frame.local(base):
            callables = self.world.callables(base) if base not in ("super",) else frozenset()
        elif isinstance(function.value, ast.Call) and isinstance(function.value.func, ast.Name):
            callables = self.world.callables(function.value.func.id)
        else:
            return self.methods_named(function.attr)
        methods: list[CodeBlock] = []
        stack, visited = [d for d in callables if d.kind == "class"], set()
        while stack:
            cls = stack.pop()
            if cls in visited:
                continue
            visited.add(cls)
            if function.attr in cls.methods:
                methods.append(cls.methods[function.attr])
            for base in cls.bases:
                self.note_dependency(base)
                stack += self.world.definitions.get(base, ())
        return methods

    def lineage(self, classes: Iterable[CodeBlock]) -> list[CodeBlock]:
        """These classes and all their base classes, as far as the notebook defines them."""
        ancestors: dict[CodeBlock, None] = {}
        stack = [c for c in classes if c.kind == "class"]
        while stack:
            cls = stack.pop()
            if cls not in ancestors:
                ancestors[cls] = None
                for base in cls.bases:
                    self.note_dependency(base)
                    stack += [d for d in self.world.callables(base) if d.kind == "class"]
        return list(ancestors)

    def collected_classes_in(self, node: ast.expr, frame: Frame) -> list[str]:
        """The classes that ``node`` may be if it is an item of a list, dict or other collection."""
        owners = (
            [r for r in self.roots(node, frame) if self.world.kinds.get(r) == VALUE]
            if self.world.collected_classes
            else []
        )
        classes = [c for r in owners for c in self.lineage(self.world.callables(r))]
        for cls in classes:
            self.note_dependency(cls.name)
        return [c.name for c in classes if c.name in self.world.collected_classes]

    def has_closure_state(self, name: str) -> bool:
        """Whether ``name`` is a function created by another one, and keeps state in its closure between calls."""
        callables = self.world.held_callables.get(name)
        return bool(callables) and any(CLOSURE in self.summary(f).mutations for f in callables or ())

    def _instance_keeping_classes(self, classes: Iterable[CodeBlock]) -> Roots:
        """The classes that keep references to their own instances, as singletons and registries do."""
        return frozenset(
            c.name
            for c in self.lineage(classes)
            if any(
                n in c.methods and OWN_CLASSES & self.summary(c.methods[n]).mutations.keys()
                for n in ("__new__", "__call__")
            )
            or changes_shared_attribute(c)
        )


def _negative(node: ast.expr) -> bool:
    """Whether an index is negative or computed: ``x[-1]`` is an element, not a copy."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        or (isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor)))
    )


def _mentions(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) for n in ast.walk(node)) and isinstance(node, (ast.Dict, ast.List))


def _loop_names(target: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
