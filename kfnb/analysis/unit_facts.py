"""The facts that the analysis finds about a unit, which is the cells of one step or one shared statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kfnb.analysis.files.file_call_tables import UPDATE, WRITE
from kfnb.analysis.files.shell_command_files import Use


class Site(NamedTuple):
    """A place in the notebook: code cell and line, both from 1."""

    cell: int
    line: int

    def __str__(self) -> str:
        return f"cell {self.cell}, line {self.line}"


@dataclass(frozen=True)
class Replay:
    """A statement that a later step may run again: an import, a definition, a literal or a setting.

    Parameters
    ----------
    site, source
        Its place in the notebook, and its text as plain Python.
    binds
        Names that it binds.
    reads
        Names that it reads when it runs. Names that are read when a function it defines is called are not included.
    effect
        Whether every later step runs it for its effect: a star import, an import that no code reads, a setting.
    """

    site: Site
    source: str
    binds: frozenset[str]
    reads: frozenset[str]
    effect: bool = False
    star: bool = False


@dataclass(frozen=True)
class Hook:
    """An object of the notebook that a library keeps, and uses while other code runs.

    Parameters
    ----------
    site
        The place where the library receives the object.
    changed_by_callbacks
        Names of values that functions of the notebook change when the library calls them.
    written_by_library
        Names of values that the library holds and writes to.
    """

    site: Site
    changed_by_callbacks: frozenset[str] = frozenset()
    written_by_library: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """The facts about one unit: its uses and definitions of names, its files, and its effects.

    Parameters
    ----------
    reads
        Upward-exposed uses: names that the unit may read before it has surely bound them, with the first place. The
        names that the called functions read are included.
    direct_reads
        The names among `reads` that the unit's own code reads where it cannot have bound them. Uses inside functions
        and uses inside a ``try`` that handles ``NameError`` are not included.
    via
        For a name read inside a function or class: the name through which it is reached.
    may_define, must_define
        Names that may be, and surely are, bound when the unit has ended.
    may_mutate, must_mutate
        Names whose object may be, and surely is, changed in place.
    must_delete
        Names that are surely deleted when the unit has ended.
    replays
        Statements of the unit that later units may run again.
    kinds
        ``import``, ``def``, ``scalar`` or ``value``, at the end of the unit, for the names of the unit.
    groups
        For names of the unit that may share an object at its end: the whole group.
    opaque
        Place of an ``exec`` or the like that hides which names are used.
    files, texts
        Paths used, with what for (`kfnb.analysis.files.file_call_tables`); every other text that may name a file.
    requirements
        The requirements that ``%pip install`` names.
    display_use
        The place that reads the display of an earlier cell (``_``, ``Out[3]``).
    undefined_display
        The first of these displays that no earlier cell surely produces: its name, and the place that reads it.
    unread_programs
        Files that ``%run`` runs and whose text is not known, so that the names that they bind are unknown too.
    library_changes
        State of libraries that the unit changes, by name. State that `replays` or ambient state pass on is not included.
    unproved
        Whether the unit calls a library function that may keep state.
    stateful
        Functions and classes among `may_mutate`, whose own state may change.
    cached_functions
        Functions with ``lru_cache`` whose counters the unit reads, or whose first call for an argument has an effect.
    hooks
        The hooks that the unit leaves with libraries, by place. A hook without names removes an earlier one.
    identity_compared
        Names whose identity is compared (``a is b``).
    """

    reads: Mapping[str, Site] = field(default_factory=dict)
    direct_reads: frozenset[str] = frozenset()
    via: Mapping[str, str] = field(default_factory=dict)
    may_define: Mapping[str, Site] = field(default_factory=dict)
    must_define: frozenset[str] = frozenset()
    may_mutate: Mapping[str, Site] = field(default_factory=dict)
    must_mutate: frozenset[str] = frozenset()
    must_delete: frozenset[str] = frozenset()
    replays: tuple[Replay, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    opaque: Site | None = None
    files: Mapping[Use, Site] = field(default_factory=dict)
    texts: Mapping[str, Site] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    display_use: Site | None = None
    library_changes: Mapping[str, Site] = field(default_factory=dict)
    unproved: bool = False
    stateful: Mapping[str, Site] = field(default_factory=dict)
    cached_functions: Mapping[str, Site] = field(default_factory=dict)
    identity_compared: frozenset[str] = frozenset()
    unread_programs: Mapping[str, Site] = field(default_factory=dict)
    undefined_display: tuple[str, Site] | None = None
    hooks: Mapping[str, Hook] = field(default_factory=dict)

    def written(self) -> tuple[str, ...]:
        """Paths that are written, as far as they are known."""
        return tuple(dict.fromkeys(path for path, how in self.files if how in (WRITE, UPDATE)))
