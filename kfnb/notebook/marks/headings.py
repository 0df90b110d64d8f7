"""A notebook without marks: each top-level heading begins a step; where there are none, each cell that has a title does."""

from __future__ import annotations

import re
import unicodedata

from kfnb.notebook.formats.notebook_file import RawCell

ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
SETEXT = re.compile(r"^ {0,3}(=+|-+)\s*$")


def headings_of(cell: RawCell) -> list[tuple[int, str]]:
    """Level and text of the headings in a markdown (or nbformat 3 heading) cell."""
    if cell.kind.startswith("heading-"):
        return [(int(cell.kind[-1]) if cell.kind[-1].isdigit() else 1, cell.source.strip())]
    if cell.kind != "markdown":
        return []
    found: list[tuple[int, str]] = []
    fenced, before = False, ""
    for line in cell.source.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            atx = ATX.match(line)
            setext = SETEXT.match(line) if before.strip() else None
            if atx:
                found.append((len(atx[1]), atx[2]))
            elif setext and not before.lstrip().startswith(("-", "*", ">", "|")):
                found.append((1 if setext[1][0] == "=" else 2, before.strip()))
        before = line
    return found


def top_level(cells: tuple[RawCell, ...]) -> int | None:
    """The level whose headings begin steps: the highest that occurs twice, else the highest that occurs.

    A single title at the head of a notebook is its name, not a step.
    """
    levels = [level for cell in cells for level, _ in headings_of(cell)]
    if not levels:
        return None
    several = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    return several[0] if several else min(levels)


def slug(text: str, number: int) -> str:
    """A step's name from a heading's text."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-").lower()[:60].rstrip("-")
    if not name:
        return f"section-{number}"
    return name if name[0].isalpha() else f"step-{name}"[:60].rstrip("-")


def step_names(cells: tuple[RawCell, ...]) -> dict[int, str]:
    """For each code cell, by its position in ``cells``, the name of the step it belongs to."""
    level = None if _by_titles(cells) else top_level(cells)
    found: dict[int, str] = {}
    taken: set[str] = set()
    name, number = "start", 0
    for position, cell in enumerate(cells):
        for depth, text in headings_of(cell):
            if level is not None and depth == level:
                number += 1
                name = _free(slug(text, number), taken)
                taken.add(name)
        title = _title(cell) if level is None else ""
        if title:
            number += 1
            name = _free(slug(title, number), taken)
            taken.add(name)
        if cell.kind == "code":
            found[position] = name
    return found


def _title(cell: RawCell) -> str:
    """The title of a code cell: ``# %% Load``, Databricks' title, the name of marimo's function."""
    title = cell.metadata.get("title") if cell.kind == "code" else None
    return title.strip() if isinstance(title, str) else ""


def _by_titles(cells: tuple[RawCell, ...]) -> bool:
    """Whether titles begin the steps: there are some, and at most the notebook's own title is a heading."""
    return any(map(_title, cells)) and sum(len(headings_of(cell)) for cell in cells) <= 1


def _free(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
