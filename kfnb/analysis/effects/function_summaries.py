"""Function summaries: the effect of calling each function, cached until a name that the function depends on changes."""

from __future__ import annotations

from collections.abc import Callable

from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.units.abstract_state import AbstractState

ANY = "*"  #: stands for every name of the notebook, among the names that a summary depends on


class Summaries:
    """The effects of the notebook's functions, and the methods of its classes by their names.

    While a function is summarized, this class notes the names that the summary depends on and the summaries that it
    includes. When a name changes, only the summaries that depend on it are computed again.
    """

    def __init__(self, world: AbstractState, summarize: Callable[[CodeBlock, Effect], None]) -> None:
        self._world, self._summarize = world, summarize
        self._effects: dict[CodeBlock, Effect] = {}
        self._callers: dict[
            CodeBlock, set[CodeBlock]
        ] = {}  #: function to the functions whose summaries include its own
        self._dependents: dict[str, set[CodeBlock]] = {}  #: name to the functions whose summaries depend on it
        self._states: dict[str, object] = {}  #: state of these names when the summaries were computed
        self._mentions_main = world.mentions_main
        self._in_progress: list[CodeBlock] = []
        self._outermost: list[int] = []  #: for each function in progress, the outermost one in progress that it calls
        self._partial: dict[CodeBlock, int] = {}  #: functions whose summaries miss parts of one that is in progress
        self._classes: dict[str, tuple[CodeBlock, ...]] = {}
        self._methods: dict[
            str, dict[str, list[CodeBlock]]
        ] = {}  #: name of a method to name of a class to the methods that it may be

    def of(self, function: CodeBlock) -> Effect:
        """The effect of calling ``function``, with the effects of everything that it reaches."""
        self._invalidate_changed()
        if self._in_progress:
            self._callers.setdefault(function, set()).add(self._in_progress[-1])
        effect = self._effects.get(function)
        if effect is None:
            return self._compute(function)
        if self._in_progress:
            if function in self._in_progress:
                self._note_cycle(self._in_progress.index(function))
            elif function in self._partial:
                self._note_cycle(self._partial[function])
        return effect

    def note_dependency(self, name: str) -> None:
        """Note that the summary in progress depends on what ``name`` is."""
        if self._in_progress:
            self._dependents.setdefault(name, set()).add(self._in_progress[-1])
            if name not in self._states:
                self._states[name] = self._world.state(name)

    def methods(self, name: str) -> list[CodeBlock]:
        """The methods of this name in all classes of the notebook."""
        self._invalidate_changed()
        self.note_dependency(f".{name}")
        by_class = self._methods.get(name)
        return list(dict.fromkeys(m for methods in by_class.values() for m in methods)) if by_class else []

    # ---------------------------------------------------------------- computing
    def _compute(self, function: CodeBlock) -> Effect:
        effect = self._effects[function] = Effect()  # a recursive call uses the incomplete summary
        position = len(self._in_progress)
        self._in_progress.append(function)
        self._outermost.append(position)
        for name in (function.name, *function.mentions):
            self.note_dependency(name)
        self._summarize(function, effect)
        self._in_progress.pop()
        outermost = self._outermost.pop()
        if outermost < position:
            self._partial[function] = outermost
            self._note_cycle(outermost)
        elif self._partial:
            self._close_cycle(effect, position)
        return effect

    def _note_cycle(self, position: int) -> None:
        self._outermost[-1] = min(self._outermost[-1], position)

    def _close_cycle(self, whole: Effect, position: int) -> None:
        """Give all functions of a call cycle the same effect, ``whole``, which is complete once the cycle is closed."""
        cycle = [f for f, outermost in self._partial.items() if outermost >= position]
        for function in cycle:
            self._effects[function].merge(whole, called=False)
            del self._partial[function]

    # ---------------------------------------------------------------- invalidation
    def _invalidate_changed(self) -> None:
        world = self._world
        if world.mentions_main != self._mentions_main:
            self._mentions_main = world.mentions_main
            self._effects.clear()
        if not world.changed:
            return
        changed = list(world.changed)
        world.changed.clear()
        stale = set(self._dependents.get(ANY, ()))
        for name in changed:
            self._update_methods(name, stale)
            if name in self._dependents:
                state = world.state(name)
                if state != self._states[name]:
                    self._states[name] = state
                    stale |= self._dependents.pop(name)
        self._invalidate(stale)

    def _invalidate(self, stale: set[CodeBlock]) -> None:
        waiting = list(stale)
        while waiting:
            function = waiting.pop()
            if self._effects.pop(function, None) is not None:
                waiting += self._callers.pop(function, ())

    def _update_methods(self, name: str, stale: set[CodeBlock]) -> None:
        """Note the methods of the classes that ``name`` is now. Summaries that depend on methods of these names are stale."""
        before = self._classes.get(name, ())
        classes = tuple(d for d in self._world.definitions.get(name, ()) if d.kind == "class")
        if before == classes:
            return
        for method in {m for cls in before for m in cls.methods}:
            del self._methods[method][name]
        for cls in classes:
            for method, function in cls.methods.items():
                self._methods.setdefault(method, {}).setdefault(name, []).append(function)
        for method in {m for cls in (*before, *classes) for m in cls.methods}:
            stale |= self._dependents.pop(f".{method}", set())
        self._classes[name] = classes
