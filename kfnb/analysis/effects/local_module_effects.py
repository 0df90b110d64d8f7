"""The effects of functions in local modules, the Python files beside the notebook, found by analysing their source."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kfnb.analysis.effects.class_queries import changes_shared_attribute
from kfnb.analysis.effects.effect_types import OWN_CLASSES, Effect
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.units.abstract_state import VALUE, AbstractState
from kfnb.thread_safe_parser import parse

DEFINED = re.compile(r"\bdef[\s\\]+(\w+)")
STATE = "@module:"  #: prefix of the kind of ambient state that stands for a module's own state


class FunctionEffects(Protocol):
    """The part of `kfnb.analysis.effects.definition_effects.Effects` that this module uses."""

    world: AbstractState

    def summary(self, function: CodeBlock) -> Effect: ...


@dataclass(eq=False)
class LocalModules:
    """The modules beside the notebook, by dotted name.

    ``begin`` returns the functions of a module, and a reader. The functions are known once the reader has been called.
    """

    sources: Mapping[str, str]
    begin: Callable[[str, str], tuple[FunctionEffects, Callable[[], object]]]
    _analyzed: dict[str, FunctionEffects] = field(default_factory=dict)
    _in_progress: set[str] = field(default_factory=set)
    _mutated_globals: dict[str, frozenset[str]] = field(default_factory=dict)
    _names: dict[str, frozenset[str]] = field(default_factory=dict)
    _methods: dict[str, list[tuple[str, CodeBlock]]] = field(default_factory=dict)
    _owners: dict[str, dict[CodeBlock, list[CodeBlock]]] = field(default_factory=dict)

    def split(self, name: str) -> tuple[str, str] | None:
        """The module of a dotted name, and the rest of the name."""
        module, rest = name, ""
        while module:
            if module in self.sources:
                return module, rest
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return None

    def function(self, name: str) -> tuple[str, tuple[CodeBlock, ...]] | None:
        """The module of a dotted name, and the functions and classes that the name may be."""
        module_and_rest = self.split(name)
        if module_and_rest is None:
            return None
        module, rest = module_and_rest
        first, _, method = rest.partition(".")
        known = self._summaries(module).world.definitions.get(first, ())
        if method:
            known = tuple(d.methods[method] for d in known if method in d.methods) or known
        origin = self._summaries(module).world.origins.get(first)
        if not known and origin is not None and self.split(origin) is not None and origin != name:
            return self.function(
                f"{origin}.{method}" if method else origin
            )  # a package that re-exports names of its modules
        return module, known

    def effect(self, module: str, function: CodeBlock) -> Effect:
        """The effect of calling a module's function. The state of modules is part of its ambient state."""
        summary = self._summaries(module).summary(function)
        effect = Effect(
            texts=summary.texts, files=summary.files, ambient=dict(summary.ambient), returns=summary.returns
        )
        effect.mutations = {r: sure for r, sure in summary.mutations.items() if r.startswith("<")}
        effect.stored_into = frozenset(r for r in summary.stored_into if r.startswith("<"))
        effect.library_reach = dict(summary.library_reach)
        if self._mutated_names(module, summary) or self._changes_class(module, function, summary):
            effect.ambient[self.kind(module)] = "set"
        elif self.mutated_globals(module) & summary.reads.keys():
            effect.ambient.setdefault(self.kind(module), "read")
        return effect

    def state_kind_of(self, name: str) -> str | None:
        """The kind of ambient state of the module of a dotted name; ``None`` if it is not a module beside the notebook."""
        module_and_rest = self.split(name) if self.sources else None
        return self.kind(module_and_rest[0]) if module_and_rest is not None else None

    def kind(self, module: str) -> str:
        return STATE + module.partition(".")[0]

    def mutated_globals(self, module: str) -> frozenset[str]:
        """The module's own names whose values its functions change."""
        if module not in self._mutated_globals:
            self._mutated_globals[module] = frozenset()
            summaries = self._summaries(module)
            defs = [d for definitions in summaries.world.definitions.values() for d in definitions]
            every = [*defs, *(m for d in defs for m in d.methods.values())]
            changed = {n for d in every for n in self._mutated_names(module, summaries.summary(d))}
            changed |= {d.name for d in defs if d.kind == "class" and self._mutates_class_state(d, summaries)}
            if module in self._in_progress:
                del self._mutated_globals[module]
                return frozenset(changed)
            self._mutated_globals[module] = frozenset(changed)
        return self._mutated_globals[module]

    def methods(self, name: str) -> list[tuple[str, CodeBlock]]:
        """The methods of this name in the classes of all modules, each with its module, for objects of unknown class."""
        if self._in_progress:
            return []
        if name not in self._methods:
            defining = [m for m, source in self.sources.items() if name in source and name in self._defined(m)]
            self._methods[name] = [
                (module, d.methods[name])
                for module in defining
                for definitions in self._summaries(module).world.definitions.values()
                for d in definitions
                if name in d.methods
            ]
        return self._methods[name]

    def _defined(self, module: str) -> frozenset[str]:
        """Every name that follows ``def`` in the module's text, so that modules without a method need not be parsed."""
        if module not in self._names:
            self._names[module] = frozenset(DEFINED.findall(self.sources[module]))
        return self._names[module]

    def _mutates_class_state(self, cls: CodeBlock, summaries: FunctionEffects) -> bool:
        """Whether the methods of a class change state that its instances or its subclasses share."""
        touched = {r for m in cls.methods.values() for r in summaries.summary(m).mutations}
        return changes_shared_attribute(cls) or bool(OWN_CLASSES & touched)

    def _changes_class(self, module: str, function: CodeBlock, effect: Effect) -> bool:
        """Whether a method may change state that all instances of its class share."""
        summaries = self._summaries(module)
        me = f"<{function.params[0]}>" if function.params else ""
        if not OWN_CLASSES & effect.mutations.keys() and me not in effect.mutations:
            return False
        owners = self._owners.get(module) or _owners(summaries.world)
        if module not in self._in_progress:
            self._owners[module] = owners
        return any(self._mutates_class_state(d, summaries) for d in owners.get(function, ()))

    def _mutated_names(self, module: str, effect: Effect) -> frozenset[str]:
        kinds = self._summaries(module).world.kinds
        touched = {r for r in effect.mutations if kinds.get(r) == VALUE or r in effect.stored_into and r in kinds}
        return effect.writes | effect.deletes | touched

    def _summaries(self, module: str) -> FunctionEffects:
        if module not in self._analyzed:
            self._in_progress.add(module)
            self._analyzed[module], read = self.begin(module, self.sources[module])
            read()  # a module that imports this one meanwhile sees the part that is read so far, as in Python
            self._in_progress.discard(module)
        return self._analyzed[module]


def _owners(world: AbstractState) -> dict[CodeBlock, list[CodeBlock]]:
    """For each method the classes that have it."""
    owners: dict[CodeBlock, list[CodeBlock]] = {}
    for cls in (d for defined in world.definitions.values() for d in defined):
        for method in cls.methods.values():
            owners.setdefault(method, []).append(cls)
    return owners


def tree_of(source: str) -> ast.Module:
    """The syntax tree of a module, an empty one where it is not valid Python."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
