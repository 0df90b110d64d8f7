"""The steps of a notebook without marks: each top-level heading begins one, or each cell with a title if there are no headings."""

from __future__ import annotations

import re
import unicodedata

from kfnb.notebook.formats.notebook_file import RawCell

ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
SETEXT = re.compile(r"^ {0,3}(=+|-+)\s*$")


def headings_of(cell: RawCell) -> list[tuple[int, str]]:
    """The level and the text of each heading in a Markdown cell, or in a heading cell of nbformat 3."""
    if cell.kind.startswith("heading-"):
        return [(int(cell.kind[-1]) if cell.kind[-1].isdigit() else 1, cell.source.strip())]
    if cell.kind != "markdown":
        return []
    headings: list[tuple[int, str]] = []
    fenced, previous = False, ""
    for line in cell.source.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            atx = ATX.match(line)
            setext = SETEXT.match(line) if previous.strip() else None
            if atx:
                headings.append((len(atx[1]), atx[2]))
            elif setext and not previous.lstrip().startswith(("-", "*", ">", "|")):
                headings.append((1 if setext[1][0] == "=" else 2, previous.strip()))
        previous = line
    return headings


def top_level(cells: tuple[RawCell, ...]) -> int | None:
    """The level whose headings begin steps: the highest level with several headings, else the highest level.

    A single title at the top of a notebook is the name of the notebook, not a step.
    """
    levels = [level for cell in cells for level, _ in headings_of(cell)]
    if not levels:
        return None
    repeated = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    return repeated[0] if repeated else min(levels)


def slug(text: str, number: int) -> str:
    """The name of a step from the text of its heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-").lower()[:60].rstrip("-")
    if not name:
        return f"section-{number}"
    return name if name[0].isalpha() else f"step-{name}"[:60].rstrip("-")


def step_names(cells: tuple[RawCell, ...]) -> dict[int, str]:
    """The name of the step of each code cell, by the position of the cell in ``cells``."""
    level = None if _titles_begin_steps(cells) else top_level(cells)
    names: dict[int, str] = {}
    taken: set[str] = set()
    name, number = "start", 0
    for position, cell in enumerate(cells):
        for depth, text in headings_of(cell):
            if level is not None and depth == level:
                number += 1
                name = unused_name(slug(text, number), taken)
                taken.add(name)
        title = title_of(cell) if level is None else ""
        if title:
            number += 1
            name = unused_name(slug(title, number), taken)
            taken.add(name)
        if cell.kind == "code":
            names[position] = name
    return names


def title_of(cell: RawCell) -> str:
    """The title of a code cell, which comes from ``# %% Load``, Databricks' ``# DBTITLE``, or the name of a marimo function."""
    title = cell.metadata.get("title") if cell.kind == "code" else None
    return title.strip() if isinstance(title, str) else ""


def _titles_begin_steps(cells: tuple[RawCell, ...]) -> bool:
    """Whether titles begin the steps: some cells have titles, and there is at most one heading, the title of the notebook."""
    return any(map(title_of, cells)) and sum(len(headings_of(cell)) for cell in cells) <= 1


def unused_name(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free
