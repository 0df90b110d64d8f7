"""The data types of effect analysis: `Effect`, the `Frame` that resolves names, and how arguments map to parameters."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kfnb.analysis.files.path_patterns import depends_on_parameter, hole, parameter_key, text_value
from kfnb.analysis.files.shell_command_files import Use
from kfnb.analysis.libraries.random_draws import PLAIN, maker_of
from kfnb.analysis.syntax.code_block import CodeBlock
from kfnb.analysis.units.abstract_state import AbstractState

Roots = frozenset[str]
NONE: Roots = frozenset()
#: Special roots: an argument of a nested function; the state of nested functions; the class of a method's object.
ARGUMENT, CLOSURE, OWN_CLASS = "<>", "<closure>", "<class>"
OWN_CLASSES = frozenset((OWN_CLASS, "<cls>"))
RootsOf = Callable[[ast.expr, "Frame"], Roots]


@dataclass(eq=False, slots=True)
class Effect:
    """What a piece of code does when it runs.

    A root in ``<>`` is a parameter of the function, or one of `ARGUMENT`, `CLOSURE` and `OWN_CLASS`. ``library_reach``
    says what the code may change in libraries and how far each call reaches (`kfnb.analysis.effects.library_call_reach`).
    """

    reads: dict[str, str] = field(default_factory=dict)  #: name: the function through which the code reaches it
    writes: frozenset[str] = NONE  #: fields that are rarely used share one empty set, for speed
    deletes: frozenset[str] = NONE
    mutations: dict[str, bool] = field(default_factory=dict)  #: root: whether its object surely changes
    stored_into: frozenset[str] = NONE  #: the roots among `mutations` whose own attributes or items are set
    library_reach: dict[str, int] = field(default_factory=dict)
    ambient: dict[str, str] = field(default_factory=dict)  #: kind: "read", "draw" or "set"
    files: frozenset[Use] = frozenset()
    texts: frozenset[str] = NONE
    returns: Roots = NONE
    opaque: bool = False
    creates_functions: bool = False
    mutates_class_state: bool = False  #: for a class: its own code changes something that all its instances share

    def add_mutations(self, roots: Iterable[str], sure: bool = False) -> None:
        roots = tuple(roots)
        for r in roots:
            self.mutations[r] = sure or self.mutations.get(r, False)
        if sure:
            self.stored_into |= frozenset(roots)

    def add_reach(self, place: str, how: int) -> None:
        self.library_reach[place] = max(how, self.library_reach.get(place, 0))

    def merge(self, other: Effect, called: bool = True) -> None:
        """Merge the effects of ``other`` that are visible outside it, which are all but those on its parameters.

        ``called`` is false for a function that is only mentioned, because it changes libraries only when it is called.
        """
        for place, far in other.library_reach.items() if called else ():
            self.add_reach(place, far)
        if other.stored_into:
            self.stored_into |= {r for r in other.stored_into if not r.startswith("<")}
        for name, via in other.reads.items():
            self.reads.setdefault(name, via)
        self.writes |= other.writes
        self.deletes |= other.deletes
        self.add_mutations((r for r, sure in other.mutations.items() if not r.startswith("<")))
        for kind, how in other.ambient.items():
            if self.ambient.get(kind) in (None, "read") or how == "set":
                self.ambient[kind] = how
        if other.files:
            self.files |= {use for use in other.files if not depends_on_parameter(use[0])}
        self.texts |= other.texts
        self.opaque |= other.opaque


class Frame:
    """Resolves a name at one place of the code to the notebook's names and the parameters that may share its object."""

    def __init__(self, world: AbstractState, roots: RootsOf, function: CodeBlock | None = None) -> None:
        self.world, self.roots, self.function = world, roots, function
        self.memo: dict[str, Roots] = {}
        self.resolving: set[str] = set()  #: names whose sources are being followed, so that the search ends in a cycle

    def local(self, name: str) -> bool:
        function = self.function
        return function is not None and (
            name in function.locals or name in function.nested_names and name not in function.reads
        )

    def roots_of(self, name: str) -> Roots:
        function = self.function
        if (
            function is None
            or not self.local(name)
            and name not in function.sources
            and name not in function.nested_names
        ):
            return frozenset((name,))
        if name not in self.memo:
            self.memo[name] = frozenset((f"<{name}>",)) if name in function.params else NONE
            if name in function.nested_names and name in function.reads:
                self.memo[name] = frozenset((name,))  # local in a nested function, global in this one
            if name in function.nested_params:
                self.memo[name] |= {ARGUMENT}
            if name in function.closure_writes:
                self.memo[name] |= {CLOSURE}
            for source in function.sources.get(name, ()):
                self.memo[name] |= self.roots(source, self)
        return self.memo[name]

    def origin(self, name: str) -> str | None:
        return None if self.local(name) else self.world.origin(name)

    def maker(self, name: str) -> str:
        """The library call that created the value of ``name``; ``""`` where it is unknown."""
        function = self.function
        if function is None or not self.local(name) and name not in function.sources:
            return self.world.made_by.get(name, "")
        if name in function.params or name in self.resolving or name not in function.sources:
            return ""
        self.resolving.add(name)
        maker = maker_of(ast.Tuple(function.sources[name], ast.Load()), self.origin, self.maker)
        self.resolving.discard(name)
        return PLAIN if maker is None else maker

    def text(self, name: str) -> str | None:
        """The known text of ``name``. A parameter gives a hole, which each call fills with its argument."""
        function = self.function
        if function is None or not self.local(name) and name not in function.sources:
            return self.world.texts.get(name)
        if name in function.params:
            return hole(parameter_key(name))
        sources = function.sources.get(name, ())
        if len(sources) != 1 or name in self.resolving:
            return None
        self.resolving.add(name)
        text = text_value(sources[0], self.text)
        self.resolving.discard(name)
        return text


def bind_arguments(
    function: CodeBlock, args: list[ast.expr], keywords: list[ast.keyword]
) -> list[tuple[str | None, list[ast.expr]]]:
    """Which arguments arrive in which parameter; ``None`` for those that may arrive in any."""
    bound: list[tuple[str | None, list[ast.expr]]] = []
    positional = [p for p in function.params if p not in function.starred]
    for index, value in enumerate(args):
        if isinstance(value, ast.Starred):
            bound += [(p, [value.value]) for p in function.params]
        elif index < len(positional):
            bound.append((positional[index], [value]))
        else:
            bound += [(p, [value]) for p in function.starred]
    for keyword in keywords:
        if keyword.arg is None:
            bound += [(p, [keyword.value]) for p in function.params]
        elif keyword.arg in function.params:
            bound.append((keyword.arg, [keyword.value]))
        else:
            bound += [(p, [keyword.value]) for p in function.starred]
    return bound
