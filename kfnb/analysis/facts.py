"""What the analysis finds: the facts of one unit (the cells of a step, or one statement of shared code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Site:
    """A place in the notebook: code cell and line, both from 1."""

    cell: int
    line: int


@dataclass(frozen=True)
class Replayable:
    """A statement that may be run again in a later step: an import, a definition, a literal, a setting.

    ``effect``: wanted by every later step for what it does (star imports, imports never read, settings), not for a name.
    """

    cell: int
    line: int
    source: str
    binds: tuple[str, ...]
    reads: frozenset[str]
    effect: bool = False
    star: bool = False
    position: tuple[int, int] = (0, 0)  #: unit, then order in the unit


@dataclass(frozen=True)
class Facts:
    """Names of one unit, as it meets them from top to bottom.

    Parameters
    ----------
    reads
        Names that may be read before the unit surely bound them, with the first place. Includes what called
        functions read.
    via
        For a name read inside a function or class: the name through which it is reached.
    may, must
        Names that may be, and surely are, bound when the unit has ended.
    touches, definite
        Names whose object may be, and surely is, changed in place.
    unbound
        Names surely deleted at the end.
    replays
        Statements of the unit that later units may run again.
    kinds
        ``import``, ``def``, ``scalar`` or ``value`` for every name known at the end of the unit.
    groups
        Names that may share an object at the end of the unit.
    opaque
        Place of an ``exec`` or the like that hides which names are used.
    writes_files, texts
        Literal paths written; every literal text (a path among them is a read).
    """

    reads: Mapping[str, Site]
    via: Mapping[str, str]
    may: Mapping[str, Site]
    must: frozenset[str]
    touches: Mapping[str, Site]
    definite: frozenset[str]
    unbound: frozenset[str]
    replays: tuple[Replayable, ...]
    kinds: Mapping[str, str]
    groups: Mapping[str, frozenset[str]]
    opaque: Site | None = None
    writes_files: Mapping[str, Site] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    requirements: tuple[str, ...] = ()
