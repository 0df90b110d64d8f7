"""The code of several runs, cell by cell: which cells are the same one, and which lines of it differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from kfnb.comparison.compared_run import ComparedCell

CONTEXT = 3  #: equal lines that are shown around a change
SAME, REMOVED, ADDED, GAP = " ", "-", "+", "…"


@dataclass(frozen=True)
class CodeVersion:
    """One text of a cell.

    Parameters
    ----------
    runs
        The runs that had it.
    changes
        How it came from the cell's first version: pairs of a mark and a line. ``-`` lines are gone, ``+`` lines are new, lines
        with a space are the same, and ``…`` stands for lines that are left out. Empty for the first version.
    """

    runs: tuple[str, ...]
    source: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CodeRow:
    """A cell in all runs.

    Parameters
    ----------
    numbers
        Its number among the code cells, from 1, by run. A run without the cell has none.
    steps
        The steps that it belongs to.
    versions
        That of the first run that has the cell comes first.
    """

    numbers: Mapping[str, int]
    steps: tuple[str, ...]
    versions: tuple[CodeVersion, ...]
    differs: bool


def compare_code(cells: Mapping[str, Sequence[ComparedCell]]) -> tuple[CodeRow, ...]:
    """Compare the code of runs. ``cells``: the code cells of each run by its id, in their order."""
    slots: list[dict[str, ComparedCell]] = []
    for run, own in cells.items():
        _add(slots, run, own)
    return tuple(_row(slot, len(cells)) for slot in slots)


def _add(slots: list[dict[str, ComparedCell]], run: str, cells: Sequence[ComparedCell]) -> None:
    """Put the cells of a run to those of other runs that are the same cell, and the others where they stand among these."""
    partners = _partners(slots, cells)
    at = 0
    for cell, partner in zip(cells, partners, strict=True):
        if partner is None:
            slots.insert(at, {run: cell})
            at += 1
        else:
            partner[run] = cell
            at = next(n for n, slot in enumerate(slots) if slot is partner) + 1


def _partners(
    slots: list[dict[str, ComparedCell]], cells: Sequence[ComparedCell]
) -> list[dict[str, ComparedCell] | None]:
    """For each cell its slot: that of its id, else that of the same text, else the one at the same place between such."""
    by_id = {cell.id: slot for slot in slots for cell in slot.values() if cell.id}
    found = [by_id.get(cell.id) if cell.id else None for cell in cells]
    free_slots = [slot for slot in slots if not any(slot is one for one in found)]
    free_cells = [n for n, slot in enumerate(found) if slot is None]
    texts = [next(iter(slot.values())).source for slot in free_slots]
    matcher = SequenceMatcher(None, texts, [cells[n].source for n in free_cells], autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind in ("equal", "replace"):
            for slot, number in zip(free_slots[first:last], free_cells[begin:end], strict=False):
                found[number] = slot
    return found


def _row(slot: Mapping[str, ComparedCell], runs: int) -> CodeRow:
    texts: dict[str, list[str]] = {}
    for run, cell in slot.items():
        texts.setdefault(cell.source, []).append(run)
    first = next(iter(texts))
    versions = tuple(
        CodeVersion(tuple(having), text, () if text == first else line_changes(first, text))
        for text, having in texts.items()
    )
    steps = tuple(dict.fromkeys(step for cell in slot.values() for step in cell.steps))
    numbers = {run: cell.number for run, cell in slot.items()}
    return CodeRow(numbers, steps, versions, len(versions) > 1 or len(slot) < runs)


def line_changes(old: str, new: str) -> tuple[tuple[str, str], ...]:
    """The lines that differ between two texts, with some around them, as `CodeVersion.changes` has them."""
    before, after = old.split("\n"), new.split("\n")
    found: list[tuple[str, str]] = []
    end = 0
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT):
        if group[0][1] > end:
            found.append((GAP, ""))
        for kind, first, last, begin, stop in group:
            if kind == "equal":
                found += [(SAME, line) for line in before[first:last]]
            else:
                found += [(REMOVED, line) for line in before[first:last]]
                found += [(ADDED, line) for line in after[begin:stop]]
        end = group[-1][2]
    return (*found, (GAP, "")) if end < len(before) else tuple(found)
