"""The abstract state: what the analysis knows about the notebook's names at one point of the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kfnb.analysis.syntax.code_block import CodeBlock

IMPORT, DEF, SCALAR, VALUE = "import", "def", "scalar", "value"


NO_NAMES: frozenset[str] = frozenset()
NO_CALLABLES: frozenset[CodeBlock] = frozenset()


@dataclass(eq=False)
class AbstractState:
    """The notebook's names as they are known at one point. Reading a unit changes it; `join` merges the states of branches.

    Parameters
    ----------
    must_define
        Names that the current unit has surely bound.
    known
        Names that any unit has bound so far.
    kinds
        One of `IMPORT DEF SCALAR VALUE` for each known name.
    definitions
        The functions and classes that a name may be.
    held_callables
        The functions and classes that a name's value may hold inside.
    aliases
        Names that may share an object, as an undirected graph.
    origins
        The library that an imported name stands for: ``numpy`` for ``np``.
    imports_anywhere
        The same for the imports of the whole notebook. A function may use an import that stands after it.
    made_by
        The library call that created the value of a name.
    texts
        The text that a name is bound to, where it is known.
    places
        Names of objects that a library keeps, with an expression for each: ``logging.getLogger()``.
    stateful
        Names of functions and classes whose own attributes some code changes.
    impure_cached_functions
        Functions with ``lru_cache`` whose first call for an argument does more than return a result.
    collected_classes
        Classes that are items of a collection. Code may change them through it.
    mutating_methods
        Names bound to a method that changes its object, such as ``add = rows.append``.
    added_builtins
        Names that some code has added to the builtins.
    reads_subclasses
        Whether the notebook reads the subclasses of a class somewhere. Then deriving a class is an effect.
    mentions_main
        Whether the code so far names the module ``__main__``, through which it can reach every name.
    lazy_annotations
        Whether a cell so far has ``from __future__ import annotations``. As in IPython, it applies to all later cells.
    """

    imports_anywhere: Mapping[str, str] = field(default_factory=dict)
    must_define: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, tuple[CodeBlock, ...]] = field(default_factory=dict)
    held_callables: dict[str, frozenset[CodeBlock]] = field(default_factory=dict)
    aliases: dict[str, frozenset[str]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)  #: texts of files that ``%run`` may run, by their path
    places: dict[str, str] = field(default_factory=dict)
    stateful: set[str] = field(default_factory=set)
    impure_cached_functions: set[str] = field(default_factory=set)
    collected_classes: set[str] = field(default_factory=set)
    mutating_methods: set[str] = field(default_factory=set)
    added_builtins: set[str] = field(default_factory=set)
    reads_subclasses: bool = False
    mentions_main: bool = True
    lazy_annotations: bool = False
    #: Names whose entries in these tables have changed since `Summaries` last dropped its stale results. Code that changes
    #: a table without `bind` adds the name here.
    changed: set[str] = field(default_factory=set)

    def origin(self, name: str) -> str | None:
        kind = self.kinds.get(name)
        if kind is None:
            return self.imports_anywhere.get(name)
        return self.origins.get(name) if kind == IMPORT else None

    def _tables(self) -> tuple[Mapping[str, object], ...]:
        return self.kinds, self.definitions, self.held_callables, self.origins, self.made_by, self.texts, self.places

    def state(self, name: str) -> tuple[object, ...]:
        """Everything about one name that the summary of a function may depend on."""
        return (
            *(table.get(name) for table in self._tables()),
            name in self.known, name in self.stateful, name in self.collected_classes, name in self.mutating_methods,
        )  # fmt: skip

    def callables(self, name: str) -> frozenset[CodeBlock]:
        """Functions and classes reached through ``name``."""
        defined = self.definitions.get(name)
        if defined is None:
            return self.held_callables.get(name, NO_CALLABLES)
        return frozenset(defined) | self.held_callables.get(name, NO_CALLABLES)

    def bind(
        self,
        name: str,
        kind: str,
        callables: frozenset[CodeBlock] = frozenset(),
        shares: Iterable[str] = (),
        made_by: str | None = None,
        text: str | None = None,
    ) -> None:
        """Bind ``name`` to a new object, which may share parts with the objects of the names in ``shares``."""
        self.must_define.add(name)
        self.known.add(name)
        self.kinds[name] = kind
        self.definitions.pop(name, None)
        self.held_callables.pop(name, None)
        if callables:
            self.held_callables[name] = callables
        self.changed.add(name)
        others = self.unshare((name,))
        for other in others if len(others) > 1 else ():
            self.aliases[other] |= others - {other}  # names that shared through this one go on sharing
        shares = {*shares, *others} if name in (shares := set(shares)) else shares
        _put(self.made_by, name, made_by)
        _put(self.texts, name, text)
        self.places.pop(name, None)
        self.mutating_methods.discard(name)
        if kind == VALUE:
            for other in shares:
                self.share(name, other)

    def share(self, one: str, other: str) -> None:
        if one != other and self.may_share(other) and not other.startswith("<"):
            self.aliases[one] = self.aliases.get(one, NO_NAMES) | {other}
            self.aliases[other] = self.aliases.get(other, NO_NAMES) | {one}

    def may_share(self, name: str) -> bool:
        """Whether the object of ``name`` can change. A number cannot, nor can a function or class without state."""
        return self.kinds.get(name, VALUE) == VALUE or name in self.stateful

    def unshare(self, names: Iterable[str]) -> frozenset[str]:
        """Remove these names from the alias graph, and return their former aliases."""
        former = NO_NAMES
        for name in names:
            others = self.aliases.pop(name, NO_NAMES)
            for other in others:
                self.aliases[other] -= {name}
            former |= others
        return former

    def add_callables(self, name: str, more: frozenset[CodeBlock]) -> None:
        if more - self.held_callables.get(name, frozenset()):
            self.held_callables[name] = self.held_callables.get(name, frozenset()) | more
            self.changed.add(name)

    def group(self, name: str) -> frozenset[str]:
        """Every name that may share an object with ``name``, itself included."""
        members, stack = {name}, [name]
        while stack:
            for other in self.aliases.get(stack.pop(), ()):
                if other not in members:
                    members.add(other)
                    stack.append(other)
        return frozenset(members)

    def groups(self, names: set[str]) -> dict[str, frozenset[str]]:
        """`group` for each of these names that has one."""
        groups: dict[str, frozenset[str]] = {}
        for name in names & self.aliases.keys():
            if name not in groups and self.aliases[name]:
                group = self.group(name)
                groups.update(dict.fromkeys(names & group, group))
        return groups

    def snapshot(self) -> AbstractState:
        return AbstractState(
            self.imports_anywhere, set(self.must_define), set(self.known), dict(self.kinds), dict(self.definitions), dict(self.held_callables),
            dict(self.aliases), dict(self.origins), dict(self.made_by), dict(self.texts), self.programs,
            dict(self.places), self.stateful, self.impure_cached_functions, self.collected_classes, self.mutating_methods, self.added_builtins,
            self.reads_subclasses, self.mentions_main, self.lazy_annotations,
        )  # fmt: skip

    def restore(self, other: AbstractState) -> None:
        for mine, theirs in zip(self._tables(), other._tables(), strict=True):
            if mine != theirs:
                self.changed.update(name for name, _ in mine.items() ^ theirs.items())
        self.changed |= self.known ^ other.known
        changed = self.changed
        vars(self).update(vars(other))
        self.changed = changed

    def join(self, states: list[AbstractState]) -> None:
        """Merge the states at the ends of alternative paths. A definition is sure if it is sure on every path."""
        if not states:
            return
        joined, *rest = states
        for other in rest:
            joined.must_define &= other.must_define
            joined.known |= other.known
            for name, kind in other.kinds.items():
                joined.kinds[name] = kind if joined.kinds.get(name, kind) == kind else VALUE
            for name, functions in other.definitions.items():
                known = joined.definitions.get(name, ())
                joined.definitions[name] = (
                    known if known is functions else known + tuple(f for f in functions if f not in known)
                )
            for name, callables in other.held_callables.items():
                joined.held_callables[name] = joined.held_callables.get(name, frozenset()) | callables
            for name, shared in other.aliases.items():
                mine = joined.aliases.get(name, NO_NAMES)
                joined.aliases[name] = shared if mine is shared else mine | shared
            joined.origins = {**other.origins, **joined.origins}
            joined.made_by = {**other.made_by, **joined.made_by}
            joined.places = {**other.places, **joined.places}
            joined.texts = {k: v for k, v in joined.texts.items() if other.texts.get(k) == v}
        self.restore(joined)


def _put(table: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value
