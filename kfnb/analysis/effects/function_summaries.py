"""Function summaries: the effect of calling each function, cached until a name that the function depends on changes."""

from __future__ import annotations

from collections.abc import Callable

from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.syntax.code_block import Deferred
from kfnb.analysis.units.abstract_state import World

ANY = "*"  #: asked for by what depends on every name of the notebook


class Summaries:
    """Effects of functions in one `World`, and the methods of its classes by their name.

    While a function is summarized, each name that it asks for is noted, and each summary that goes into its own. When
    a name changes, only the summaries that depend on it are worked out again.
    """

    def __init__(self, world: World, summarize: Callable[[Deferred, Effect], None]) -> None:
        self._world, self._summarize = world, summarize
        self._found: dict[Deferred, Effect] = {}
        self._users: dict[Deferred, set[Deferred]] = {}  #: function to the functions whose summaries its own is part of
        self._askers: dict[str, set[Deferred]] = {}  #: name to the functions that ask for it
        self._states: dict[str, object] = {}  #: of the names asked for, when they were
        self._main = world.mentions_main
        self._working: list[Deferred] = []
        self._reached: list[int] = []  #: for each function at work the outermost one at work that it leads back to
        self._partial: dict[Deferred, int] = {}  #: those that lack what is not yet known of a function at work
        self._classes: dict[str, tuple[Deferred, ...]] = {}
        self._methods: dict[str, dict[str, list[Deferred]]] = {}  #: method to class to the functions that it may be

    def of(self, function: Deferred) -> Effect:
        """What calling ``function`` may do, through everything it reaches."""
        self._forget_changed()
        if self._working:
            self._users.setdefault(function, set()).add(self._working[-1])
        found = self._found.get(function)
        if found is None:
            return self._work_out(function)
        if self._working:
            if function in self._working:
                self._leads_back(self._working.index(function))
            elif function in self._partial:
                self._leads_back(self._partial[function])
        return found

    def asks(self, name: str) -> None:
        """Note that the function at work depends on what ``name`` is."""
        if self._working:
            self._askers.setdefault(name, set()).add(self._working[-1])
            if name not in self._states:
                self._states[name] = self._world.state(name)

    def methods(self, name: str) -> list[Deferred]:
        """The methods of this name in all classes of the notebook."""
        self._forget_changed()
        self.asks(f".{name}")
        found = self._methods.get(name)
        return list(dict.fromkeys(m for methods in found.values() for m in methods)) if found else []

    # ---------------------------------------------------------------- working out
    def _work_out(self, function: Deferred) -> Effect:
        found = self._found[function] = Effect()  # what recursion sees
        place = len(self._working)
        self._working.append(function)
        self._reached.append(place)
        for name in (function.name, *function.mentions):
            self.asks(name)
        self._summarize(function, found)
        self._working.pop()
        outermost = self._reached.pop()
        if outermost < place:
            self._partial[function] = outermost
            self._leads_back(outermost)
        elif self._partial:
            self._complete(found, place)
        return found

    def _leads_back(self, place: int) -> None:
        self._reached[-1] = min(self._reached[-1], place)

    def _complete(self, whole: Effect, place: int) -> None:
        """Functions that call each other in a ring do what all of them do: ``whole`` is known when the ring is closed."""
        ring = [f for f, outermost in self._partial.items() if outermost >= place]
        for function in ring:
            self._found[function].add(whole, called=False)
            del self._partial[function]

    # ---------------------------------------------------------------- forgetting
    def _forget_changed(self) -> None:
        world = self._world
        if world.mentions_main != self._main:
            self._main = world.mentions_main
            self._found.clear()
        if not world.changed:
            return
        changed = list(world.changed)
        world.changed.clear()
        stale = set(self._askers.get(ANY, ()))
        for name in changed:
            self._learn_classes(name, stale)
            if name in self._askers:
                state = world.state(name)
                if state != self._states[name]:
                    self._states[name] = state
                    stale |= self._askers.pop(name)
        self._forget(stale)

    def _forget(self, stale: set[Deferred]) -> None:
        waiting = list(stale)
        while waiting:
            function = waiting.pop()
            if self._found.pop(function, None) is not None:
                waiting += self._users.pop(function, ())

    def _learn_classes(self, name: str, stale: set[Deferred]) -> None:
        """Note the methods of the classes that ``name`` is now; who asked for methods of these names is stale."""
        before = self._classes.get(name, ())
        now = tuple(d for d in self._world.defs.get(name, ()) if d.kind == "class")
        if before == now:
            return
        for method in {m for cls in before for m in cls.methods}:
            del self._methods[method][name]
        for cls in now:
            for method, function in cls.methods.items():
                self._methods.setdefault(method, {}).setdefault(name, []).append(function)
        for method in {m for cls in (*before, *now) for m in cls.methods}:
            stale |= self._askers.pop(f".{method}", set())
        self._classes[name] = now
