"""`Effects`: the effects of functions and classes of the notebook when they are defined, decorated and used."""

from __future__ import annotations

import ast

from kfnb.analysis.effects.call_effects import CallEffects
from kfnb.analysis.effects.class_queries import changes_shared_attribute, class_creation_methods
from kfnb.analysis.effects.effect_types import CLOSURE, OWN_CLASS, OWN_CLASSES, Effect, Frame
from kfnb.analysis.effects.function_summaries import Summaries
from kfnb.analysis.effects.library_call_reach import (
    UNPROVED,
    known,
    place_of,
    reach_of,
    remaining_after_with,
    store_reach,
)
from kfnb.analysis.effects.local_module_effects import LocalModules
from kfnb.analysis.libraries.ambient_state_calls import ambient_of
from kfnb.analysis.syntax.ast_queries import root
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.units.abstract_state import VALUE, AbstractState


class Effects(CallEffects):
    """The effects of all code in one notebook: calls, functions and classes."""

    def __init__(self, world: AbstractState, modules: LocalModules) -> None:
        super().__init__(world, modules)
        self._summaries = Summaries(world, self._summarize)

    # ---------------------------------------------------------------- functions of the notebook
    def summary(self, function: CodeBlock) -> Effect:
        """The effect of calling a function or using an instance of a class, with everything that it reaches."""
        return self._summaries.of(function)

    def note_dependency(self, name: str) -> None:
        self._summaries.note_dependency(name)

    def methods_named(self, name: str) -> list[CodeBlock]:
        return self._summaries.methods(name)

    def _summarize(self, function: CodeBlock, effect: Effect) -> None:
        effect.reads.update((n, function.name) for n in function.reads)
        effect.writes |= frozenset(function.writes)
        effect.deletes |= frozenset(function.deletes)
        effect.creates_functions = function.creates_functions
        frame = self.frame(function)
        for target in function.stores:
            owner = target.value if isinstance(target, (ast.Attribute, ast.Subscript)) else target
            effect.add_mutations(self.roots(owner, frame), True)
            if isinstance(target, ast.Attribute):
                effect.add_mutations(self.collected_classes_in(owner, frame), True)
            kind = ambient_of(target, frame) or self.module_state_set_by(target, frame)
            if kind is not None:
                effect.ambient[kind] = "set"
            else:
                store_reach(target, frame, effect)
        for call in function.calls:
            before = dict(effect.library_reach)
            self.add_call(call, frame, effect)
            if call in function.with_calls:
                effect.library_reach = remaining_after_with(effect.library_reach, before)
        for decorator in function.decorators:
            self.add_decoration(decorator, frame, effect)
        creation_methods = class_creation_methods(function, False)
        for name, method in function.methods.items():
            summary = self.summary(method)
            if name in creation_methods:  # it runs when a class is derived, not when an instance is used
                effect.reads.update((n, function.name) for n in summary.reads)
            else:
                effect.merge(summary, called=False)
        for name in list(function.reads):
            for callee in self.world.callables(name):
                inner = self.summary(callee)
                effect.merge(inner, called=False)
                effect.creates_functions |= inner.creates_functions or callee.kind == "class"
        if function.kind == "class":
            self._add_class_state(function, effect)
        for value in function.returns:
            effect.returns |= self.roots(value, frame)
        if effect.creates_functions or function.generator:
            effect.returns |= frozenset(f"<{p}>" for p in function.params)

    def _add_class_state(self, cls: CodeBlock, effect: Effect) -> None:
        """Add that the class changes if its methods set something on the class of their object."""
        creation_methods = class_creation_methods(cls, False)
        sets_on_class = any(
            self.summary(m).mutations.get(t)
            for n, m in cls.methods.items()
            if n not in creation_methods
            for t in OWN_CLASSES
        )
        effect.mutates_class_state = (
            sets_on_class or changes_shared_attribute(cls) or self._has_mutating_descriptor(cls)
        )
        if effect.mutates_class_state or any(
            self.summary(c).mutates_class_state for c in self.lineage((cls,)) if c is not cls
        ):
            effect.add_mutations((cls.name,), True)
        if cls.name in effect.stored_into or cls.name in self.world.stateful:
            effect.reads.setdefault(cls.name, cls.name)

    def _has_mutating_descriptor(self, cls: CodeBlock) -> bool:
        """Whether a descriptor in the class's body changes itself when the attribute is read, set or deleted."""
        return any(
            f"<{method.params[0]}>" in self.summary(method).mutations
            for call in cls.attributes
            if isinstance(call.func, ast.Name)
            for descriptor in self.lineage(self.world.callables(call.func.id))
            for name, method in descriptor.methods.items()
            if name in ("__get__", "__set__", "__delete__") and method.params
        )

    # ---------------------------------------------------------------- decorators and base classes
    def add_decoration(self, decorator: ast.expr, frame: Frame, effect: Effect) -> None:
        """Add the effect of a decorator, which is called with the function and may register or wrap it."""
        base = root(decorator)
        if isinstance(decorator, ast.Name) and base in ("property", "staticmethod", "classmethod"):
            return
        self.add_call(ast.copy_location(ast.Call(decorator, [ast.Constant(None)], []), decorator), frame, effect)
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        place = place_of(inner, frame)
        if place is not None:
            if isinstance(decorator, ast.Call) and reach_of(place):
                effect.add_reach(place, reach_of(place))
        elif isinstance(inner, ast.Attribute) and not self._methods(inner, frame):
            effect.add_mutations(self.roots(inner.value, frame), True)  # `@app.route("/")`, `@area.register(int)`

    def calls_decorated_function(self, decorator: ast.expr) -> bool:
        """Whether a decorator of the notebook calls the decorated function at once, as ``@run_now`` would."""
        callables = self.world.callables(decorator.id) if isinstance(decorator, ast.Name) else frozenset()
        return any(
            isinstance(call.func, ast.Name)
            and call.func.id in function.params[:1]
            and call.func.id not in function.nested_names
            for function in callables
            for call in function.calls
        )

    def add_class_creation(self, node: ast.ClassDef, frame: Frame, effect: Effect) -> None:
        """Add what creating a class does to its base classes and to its metaclass."""
        metaclass = [k.value for k in node.keywords if k.arg == "metaclass"]
        for base in [*node.bases, *metaclass]:
            name = root(base)
            place = place_of(base.func if isinstance(base, ast.Call) else base, frame)
            if place is not None and not known(place):
                effect.add_reach(place, UNPROVED)
            if name is None or place is not None or frame.local(name):
                continue
            ancestors = self.lineage(self.world.callables(name))
            creation_methods = {
                m for c in ancestors for n, m in c.methods.items() if n in class_creation_methods(c, base in metaclass)
            }
            mutates_others = any(_changes_other_classes(m, self.summary(m)) for m in creation_methods)
            if mutates_others or self.world.reads_subclasses or not ancestors and self.world.kinds.get(name) == VALUE:
                effect.add_mutations([c.name for c in ancestors] or [name], True)
            for method in creation_methods:
                effect.merge(self.summary(method))


def _changes_other_classes(method: CodeBlock, summary: Effect) -> bool:
    """Whether a method that runs when a class is created may change more than that class."""
    return any(not r.startswith("<") or r in (CLOSURE, OWN_CLASS, f"<{method.params[0]}>") for r in summary.mutations)
