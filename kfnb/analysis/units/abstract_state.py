"""The abstract state: what the analysis knows about the notebook's names at one point of the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kfnb.analysis.syntax.code_block import Deferred

IMPORT, DEF, SCALAR, VALUE = "import", "def", "scalar", "value"


NOBODY: frozenset[str] = frozenset()
NOTHING: frozenset[Deferred] = frozenset()


@dataclass(eq=False)
class World:
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

    later: Mapping[str, str] = field(default_factory=dict)
    must: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)
    defs: dict[str, tuple[Deferred, ...]] = field(default_factory=dict)
    carry: dict[str, frozenset[Deferred]] = field(default_factory=dict)
    alias: dict[str, frozenset[str]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)  #: texts of files that ``%run`` may run, by their path
    places: dict[str, str] = field(default_factory=dict)
    stateful: set[str] = field(default_factory=set)
    remembering: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    mutating_methods: set[str] = field(default_factory=set)
    added_builtins: set[str] = field(default_factory=set)
    reads_subclasses: bool = False
    mentions_main: bool = True
    lazy_annotations: bool = False
    changed: set[str] = field(default_factory=set)  #: names of which something has changed since `Summaries` looked

    def origin(self, name: str) -> str | None:
        kind = self.kinds.get(name)
        if kind is None:
            return self.later.get(name)
        return self.origins.get(name) if kind == IMPORT else None

    def _tables(self) -> tuple[Mapping[str, object], ...]:
        return self.kinds, self.defs, self.carry, self.origins, self.made_by, self.texts, self.places

    def state(self, name: str) -> tuple[object, ...]:
        """All that the summary of a function may depend on of the names that it mentions."""
        return (
            *(table.get(name) for table in self._tables()),
            name in self.known, name in self.stateful, name in self.listed, name in self.mutating_methods,
        )  # fmt: skip

    def holds(self, name: str) -> frozenset[Deferred]:
        """Functions and classes reached through ``name``."""
        defined = self.defs.get(name)
        if defined is None:
            return self.carry.get(name, NOTHING)
        return frozenset(defined) | self.carry.get(name, NOTHING)

    def bind(
        self,
        name: str,
        kind: str,
        holds: frozenset[Deferred] = frozenset(),
        shares: Iterable[str] = (),
        made_by: str | None = None,
        text: str | None = None,
    ) -> None:
        """``name`` is a new object; it shares with the names in ``shares``."""
        self.must.add(name)
        self.known.add(name)
        self.kinds[name] = kind
        self.defs.pop(name, None)
        self.carry.pop(name, None)
        if holds:
            self.carry[name] = holds
        self.changed.add(name)
        others = self.unshare((name,))
        for other in others if len(others) > 1 else ():
            self.alias[other] |= others - {other}  # what was joined through the name stays joined
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
            self.alias[one] = self.alias.get(one, NOBODY) | {other}
            self.alias[other] = self.alias.get(other, NOBODY) | {one}

    def may_share(self, name: str) -> bool:
        """Whether ``name`` is an object that may change: no number, and no function or class without a state."""
        return self.kinds.get(name, VALUE) == VALUE or name in self.stateful

    def unshare(self, names: Iterable[str]) -> frozenset[str]:
        """Remove these names from the alias graph, and return their former aliases."""
        found = NOBODY
        for name in names:
            others = self.alias.pop(name, NOBODY)
            for other in others:
                self.alias[other] -= {name}
            found |= others
        return found

    def hold(self, name: str, more: frozenset[Deferred]) -> None:
        if more - self.carry.get(name, frozenset()):
            self.carry[name] = self.carry.get(name, frozenset()) | more
            self.changed.add(name)

    def group(self, name: str) -> frozenset[str]:
        """Every name that may share an object with ``name``, itself included."""
        found, stack = {name}, [name]
        while stack:
            for other in self.alias.get(stack.pop(), ()):
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return frozenset(found)

    def groups(self, names: set[str]) -> dict[str, frozenset[str]]:
        """`group` for each of these names that has one."""
        found: dict[str, frozenset[str]] = {}
        for name in names & self.alias.keys():
            if name not in found and self.alias[name]:
                group = self.group(name)
                found.update(dict.fromkeys(names & group, group))
        return found

    def snapshot(self) -> World:
        return World(
            self.later, set(self.must), set(self.known), dict(self.kinds), dict(self.defs), dict(self.carry),
            dict(self.alias), dict(self.origins), dict(self.made_by), dict(self.texts), self.programs,
            dict(self.places), self.stateful, self.remembering, self.listed, self.mutating_methods, self.added_builtins,
            self.reads_subclasses, self.mentions_main, self.lazy_annotations,
        )  # fmt: skip

    def become(self, other: World) -> None:
        for mine, theirs in zip(self._tables(), other._tables(), strict=True):
            if mine != theirs:
                self.changed.update(name for name, _ in mine.items() ^ theirs.items())
        self.changed |= self.known ^ other.known
        changed = self.changed
        vars(self).update(vars(other))
        self.changed = changed

    def join(self, ends: list[World]) -> None:
        """After alternatives, each a snapshot of its own: sure of what all are sure of, aware of what any did."""
        if not ends:
            return
        joined, *rest = ends
        for other in rest:
            joined.must &= other.must
            joined.known |= other.known
            for name, kind in other.kinds.items():
                joined.kinds[name] = kind if joined.kinds.get(name, kind) == kind else VALUE
            for name, functions in other.defs.items():
                known = joined.defs.get(name, ())
                joined.defs[name] = (
                    known if known is functions else known + tuple(f for f in functions if f not in known)
                )
            for name, held in other.carry.items():
                joined.carry[name] = joined.carry.get(name, frozenset()) | held
            for name, shared in other.alias.items():
                mine = joined.alias.get(name, NOBODY)
                joined.alias[name] = shared if mine is shared else mine | shared
            joined.origins = {**other.origins, **joined.origins}
            joined.made_by = {**other.made_by, **joined.made_by}
            joined.places = {**other.places, **joined.places}
            joined.texts = {k: v for k, v in joined.texts.items() if other.texts.get(k) == v}
        self.become(joined)


def _put(table: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value
