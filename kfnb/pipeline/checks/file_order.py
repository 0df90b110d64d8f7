"""Finds the order of steps that use the same files, and warns where it cannot tell whether they do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kfnb.analysis.files.file_call_tables import LOOK, UPDATE, WRITE
from kfnb.analysis.files.path_patterns import HOLES, PERHAPS, SAME, UNKNOWN, filled_with, is_hole, relation, shown
from kfnb.analysis.unit_facts import Site
from kfnb.analysis.units.definition_reader import IMPORTED
from kfnb.pipeline.build.reaching_definitions import Flow
from kfnb.pipeline.model import Edge
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import PARAMETER, STEP
from kfnb.problems import Problem

CHANGES = (WRITE, UPDATE)
MODULES = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class FileOrder:
    """Two steps that run one after the other because of files."""

    before: Unit
    after: Unit
    path: str  #: one that either writes and the other uses
    files: tuple[str, ...]  #: all that ``before`` writes and ``after`` opens without making them anew
    silent: tuple[str, ...] = ()  #: of these, those that ``after`` would not miss


@dataclass(frozen=True)
class Doubt:
    """Two steps that may use the same file; only the run shows whether they do."""

    before: Unit
    after: Unit
    unit: Unit  #: whose path is not known
    path: str
    site: Site


@dataclass(frozen=True)
class FileUse:
    """What is known about the files of a pipeline."""

    orders: tuple[FileOrder, ...]
    doubts: tuple[Doubt, ...]


def file_use(units: tuple[Unit, ...], flow: Flow) -> FileUse:
    """Find the pairs of steps of which one writes a file that the other uses, in reading order."""
    steps = [u for u in units if u.kind == STEP and not (u.marks is not None and u.marks.exit)]
    touching = [at for at, u in enumerate(steps) if any(how in CHANGES for _, how in u.facts.files)]
    if not touching:
        return FileUse((), ())
    meeting = _Meeting(units, _imported_again(units, flow))
    orders: list[FileOrder] = []
    doubts: list[Doubt] = []
    for before, after in sorted({(min(a, b), max(a, b)) for a in touching for b in range(len(steps)) if a != b}):
        order = meeting.order(steps[before], steps[after])
        if order is not None:
            orders.append(order)
        elif (doubt := meeting.doubt(steps[before], steps[after])) is not None:
            doubts.append(doubt)
    return FileUse(tuple(orders), tuple(doubts))


def _imported_again(units: tuple[Unit, ...], flow: Flow) -> dict[str, frozenset[str]]:
    """For each step, find the modules that it imports again for earlier units, because a step may have written them."""
    found: dict[str, frozenset[str]] = {}
    for index, unit in enumerate(units):
        if unit.kind == STEP:
            places = {*flow.effects[index], *(at for need in flow.uses[index].values() for at in need.statements)}
            sources = (units[u].facts.replays[p].source for u, p in places if p < len(units[u].facts.replays))
            found[unit.name] = frozenset(IMPORTED + m for source in sources for m in MODULES.findall(source))
    return found


class _Meeting:
    """Compares the paths that two steps use. A parameter in a path counts as its default where nothing else is known."""

    def __init__(self, units: tuple[Unit, ...], again: Mapping[str, frozenset[str]]) -> None:
        self.again = again
        self.defaults = {
            u.name: u.parameter.default
            for u in units
            if u.kind == PARAMETER and u.parameter is not None and isinstance(u.parameter.default, str)
        }

    def order(self, before: Unit, after: Unit) -> FileOrder | None:
        mine, theirs = before.facts, after.facts
        common: dict[str, None] = {}
        files: dict[str, None] = {}
        silent: dict[str, None] = {}
        anew = {path for path, how in theirs.files if how == WRITE}
        for path, how in mine.files:
            for other, what in theirs.files:
                if not (how in CHANGES or what in CHANGES) or self.relation(path, other) not in (SAME, PERHAPS):
                    continue
                written = path if how in CHANGES else other
                common.setdefault(written)
                if how in CHANGES and what != WRITE and other not in anew:
                    files.setdefault(self.named(path))
                    if what in (LOOK, UPDATE):
                        silent.setdefault(self.named(path))
            if how in CHANGES and any(self.mentioned(path, t) for t in (*theirs.texts, *self.again[after.name])):
                common.setdefault(path)
                if not any(w == WRITE and self.relation(path, p) == SAME for p, w in theirs.files):
                    files.setdefault(self.named(path))
        for path, how in theirs.files:
            if how in CHANGES and any(self.mentioned(path, t) for t in mine.texts):
                common.setdefault(path)
        if not common:
            return None
        return FileOrder(before, after, shown(sorted(common)[0]), tuple(sorted(files)), tuple(sorted(silent)))

    def doubt(self, before: Unit, after: Unit) -> Doubt | None:
        mine, theirs = before.facts.files, after.facts.files
        for (path, how), site in mine.items():
            for (other, what), place in theirs.items():
                if (how in CHANGES or what in CHANGES) and self.relation(path, other) == UNKNOWN:
                    if any(c.isalnum() for c in HOLES.sub("", path)):
                        return Doubt(before, after, after, other, place)
                    return Doubt(before, after, before, path, site)
        return None

    def relation(self, one: str, other: str) -> str | None:
        found = relation(one, other)
        if found is None or found == SAME or not self.defaults:
            return found if found is not None else self._by_default(one, other, None)
        return self._by_default(one, other, found)

    def _by_default(self, one: str, other: str, found: str | None) -> str | None:
        usual = relation(filled_with(one, self.defaults), filled_with(other, self.defaults))
        whole = any(is_hole(p) and p[1:-1] in self.defaults for p in (one, other))
        return usual if whole or usual == SAME else found

    def mentioned(self, path: str, text: str) -> bool:
        """Whether a text in a step is the written ``path``, or the name of the module that the path holds."""
        if text.startswith(IMPORTED):
            module = text[len(IMPORTED) :]
            return os.path.basename(path) == module + ".py" or module in os.path.normpath(path).split("/")[:-1]
        if "*" in path or path.endswith(text) and is_hole(path):
            return path == text
        return (
            relation(path, text) == SAME
            or bool(self.defaults)
            and (relation(filled_with(path, self.defaults), filled_with(text, self.defaults)) == SAME)
        )

    def named(self, path: str) -> str:
        return shown(filled_with(path, self.defaults))


def doubt_problems(doubts: Iterable[Doubt], edges: Sequence[Edge]) -> Iterator[Problem]:
    """Warn of each pair of steps that no order keeps apart."""
    doubts = list(doubts)
    reached = _reached(edges) if doubts else {}
    for doubt in doubts:
        before, after = doubt.before.name, doubt.after.name
        if after in reached.get(before, ()):
            continue
        cell_id = next((c.id for c in doubt.unit.cells if c.number == doubt.site.cell), None)
        yield Problem(
            "KF315",
            f"`{before}` and `{after}` may use the same file and may run at the same time: only the run shows the path `{shown(doubt.path)}` in {doubt.unit.name}",
            f"if the order matters, mark `{after}` with `after:{before}`", doubt.site.cell, cell_id, doubt.site.line, after,
        )  # fmt: skip


def _reached(edges: Sequence[Edge]) -> Mapping[str, set[str]]:
    """For every step, find all steps that wait for it."""
    following: dict[str, set[str]] = {}
    for edge in edges:
        following.setdefault(edge.source, set()).add(edge.to)
    found: dict[str, set[str]] = {}
    for start in following:
        stack, mine = [start], set[str]()
        while stack:
            for name in following.get(stack.pop(), ()):
                if name not in mine:
                    mine.add(name)
                    stack.append(name)
        found[start] = mine
    return found
