"""The abstract state: what the analysis knows about the notebook's names at one point of the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kfnb.analysis.syntax.code_block import CodeBlock

IMPORT, DEF, SCALAR, VALUE = "import", "def", "scalar", "value"


NO_NAMES: frozenset[str] = frozenset()
NOTHING: frozenset[CodeBlock] = frozenset()


@dataclass(eq=False)
class AbstractState:
    """Grows while units are read; `branches` joins what alternatives leave.

    Parameters
    ----------
    must
        Names the current unit surely bound so far.
    known
        Names bound anywhere so far.
    kinds
        One of `IMPORT DEF SCALAR VALUE` for each known name.
    defs
        Functions and classes a name may be.
    carry
        Functions and classes that a value may hold inside.
    alias
        Names that may share an object, as an undirected graph.
    origins
        Import name to library name (``np`` to ``numpy``).
    later
        The same for imports anywhere in the notebook: a function may use one that comes after it.
    made_by
        The library call that made a value.
    texts
        The text that a name is bound to, where it is known.
    places
        Names of objects that a library keeps, with the expression for each: ``logging.getLogger()``.
    stateful
        Names of functions and classes on which some code keeps state.
    remembering
        Functions with ``lru_cache`` whose first call for an argument does more than give a result.
    listed
        Classes that are items of a collection, and may be changed through it.
    mutating_methods
        Names bound to a method that changes its object, such as ``add = rows.append``.
    added_builtins
        Names that some code has added to the builtins.
    reads_subclasses
        Whether the notebook reads the subclasses of a class somewhere, so that deriving a class is an effect.
    mentions_main
        Code read so far has the name of the module ``__main__`` in it, through which all names can be reached.
    lazy_annotations
        ``from __future__ import annotations`` stood in a cell read so far: as in IPython it counts for all cells after it.
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
    changed: set[str] = field(default_factory=set)  #: names of which something has changed since `Summaries` looked

    def origin(self, name: str) -> str | None:
        kind = self.kinds.get(name)
        if kind is None:
            return self.imports_anywhere.get(name)
        return self.origins.get(name) if kind == IMPORT else None

    def _tables(self) -> tuple[Mapping[str, object], ...]:
        return self.kinds, self.definitions, self.held_callables, self.origins, self.made_by, self.texts, self.places

    def state(self, name: str) -> tuple[object, ...]:
        """All that the summary of a function may depend on of the names that it mentions."""
        return (
            *(table.get(name) for table in self._tables()),
            name in self.known, name in self.stateful, name in self.collected_classes, name in self.mutating_methods,
        )  # fmt: skip

    def callables(self, name: str) -> frozenset[CodeBlock]:
        """Functions and classes reached through ``name``."""
        defined = self.definitions.get(name)
        if defined is None:
            return self.held_callables.get(name, NOTHING)
        return frozenset(defined) | self.held_callables.get(name, NOTHING)

    def bind(
        self,
        name: str,
        kind: str,
        callables: frozenset[CodeBlock] = frozenset(),
        shares: Iterable[str] = (),
        made_by: str | None = None,
        text: str | None = None,
    ) -> None:
        """``name`` is a new object; it shares with the names in ``shares``."""
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
            self.aliases[other] |= others - {other}  # what was joined through the name stays joined
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
        """Whether ``name`` is an object that may change: no number, and no function or class without a state."""
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
        """After alternatives, each a snapshot of its own: sure of what all are sure of, aware of what any did."""
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
