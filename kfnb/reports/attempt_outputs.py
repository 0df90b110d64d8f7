"""The outputs of an attempt, in nbformat's form, at the cells that printed, showed or raised them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.runs.attempt_displays import ERROR, PLAIN, Display, read_displays
from kfnb.runs.attempt_logs import cells_of, read_log

HEAD, TAIL = 50_000, 150_000  #: bytes that a report shows of the beginning and of the end of a log
LINE = 20_000  #: characters that a report shows of a line
Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line of a log, and the number of the cell that printed it; 0 if it is unknown."""

    text: str
    cell: int = 0


def outputs_of(folder: Path, cells: Sequence[int], error: Json | None) -> dict[int, list[Json]]:
    """The outputs of an attempt by cell, in the order in which they came.

    Parameters
    ----------
    folder
        The attempt's folder, which need not be there.
    cells
        The step's cells, in order, of which there is at least one.
    error
        How the attempt failed, if it did. Its text is taken out of the log and becomes an ``error`` output.

    Where the record does not say which cell printed a line, displays tell; what comes after them is put at the last cell
    that ran.
    """
    displays = read_displays(folder)
    lines = read_lines(folder / "log")
    last = _last(cells, error)
    if error is not None:
        lines = _without_error(lines, error)
    if not any(line.cell for line in lines):
        lines = _placed(lines, displays, last)
    found: dict[int, list[Json]] = {}
    for cell in cells:
        mine = [line.text for line in lines if (line.cell if line.cell in cells else last) == cell]
        shown = [d for d in displays if (d.cell if d.cell in cells else last) == cell]
        found[cell] = _woven(mine, shown)
    if error is not None:
        found[last].append(error_output(error))
    return {cell: outputs for cell, outputs in found.items() if outputs}


def _last(cells: Sequence[int], error: Json | None) -> int:
    """The number of the last cell that ran."""
    at = error.get("cell") if error else None
    return at if isinstance(at, int) and at in cells else cells[0] if error and at else cells[-1]


# ---------------------------------------------------------------- reading
def read_lines(log: Path) -> list[Line]:
    """The lines of a log with their cells. A long log is shortened to its beginning, a note about the gap, and its end."""
    begins = cells_of(log)
    size = log.stat().st_size if log.exists() else 0
    if size <= HEAD + TAIL:
        return list(_lines(log, 0, size, begins))
    with log.open("rb") as file:
        file.seek(size - TAIL)
        file.readline()
        tail = file.tell()
    head = list(_lines(log, 0, HEAD, begins))
    after = list(_lines(log, tail, size, begins))
    left_out = f"… {(size - HEAD - TAIL) / 1000:,.0f} kB of the log are left out here: `kfnb logs` prints all of it …"
    return [*head, Line(left_out, head[-1].cell if head else 0), *after]


def _lines(log: Path, start: int, end: int, begins: list[tuple[int, int]]) -> Iterable[Line]:
    at, cell, waiting = start, 0, list(begins)
    for line, after in read_log(log, start):
        if at >= end:
            return
        while waiting and waiting[0][0] <= at:
            cell = waiting.pop(0)[1]
        # what a carriage return wrote over is not seen in a notebook either
        yield Line(line.text.rstrip("\r").rsplit("\r", 1)[-1][:LINE], cell)
        at = after


# ---------------------------------------------------------------- placing
def _without_error(lines: list[Line], error: Json) -> list[Line]:
    """The log without the traceback at its end."""
    error_lines = _error_text(error)
    texts = [line.text for line in lines]
    for at in range(len(texts) - len(error_lines), max(-1, len(texts) - len(error_lines) - 50), -1):
        if texts[at : at + len(error_lines)] == error_lines:
            return lines[:at] + lines[at + len(error_lines) :]
    return lines


def _error_text(error: Json) -> list[str]:
    text = error.get("traceback") or f"{error.get('type')}: {error.get('message')}"
    return [t[:LINE] for t in str(text).rstrip().split("\n")]


def _placed(lines: list[Line], displays: list[Display], last: int) -> list[Line]:
    """Assign the lines of a log without cell numbers: lines before a display go to its cell, the rest to the last cell."""
    texts = [line.text for line in lines]
    found: list[Line] = []
    for display in displays:
        at = _find(texts, display.text, len(found))
        if at is not None:
            found += [Line(t, display.cell) for t in texts[len(found) : at + len(display.text)]]
    return found + [Line(t, last) for t in texts[len(found) :]]


def _find(texts: list[str], texts_to_find: tuple[str, ...], start: int) -> int | None:
    """The index at or after ``start`` at which ``texts`` contains ``texts_to_find``."""
    for at in range(start, len(texts) - len(texts_to_find) + 1 if texts_to_find else 0):
        if texts[at] == texts_to_find[0] and tuple(texts[at : at + len(texts_to_find)]) == texts_to_find:
            return at
    return None


def _woven(texts: list[str], displays: list[Display]) -> list[Json]:
    """Text and displays in their order: a display replaces its own text in the log."""
    found: list[Json] = []
    at = 0
    for display in displays:
        place = _find(texts, display.text, at)
        if place is not None:
            found += stream(texts[at:place])
            at = place + len(display.text)
        if display.data:
            found.append(_output(display))
    return found + stream(texts[at:])


# ---------------------------------------------------------------- nbformat's outputs
def _output(display: Display) -> Json:
    raised = display.data.get(ERROR)
    if raised is None:
        return shown(display.data, display.metadata)
    return error_output({"type": raised.get("ename"), "message": raised.get("evalue"), "traceback": display.data.get(PLAIN)})  # fmt: skip


def stream(texts: Sequence[str]) -> list[Json]:
    return [{"output_type": "stream", "name": "stdout", "text": "\n".join(texts) + "\n"}] if texts else []


def shown(data: Json, metadata: Json | None = None) -> Json:
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def error_output(error: Json) -> Json:
    return {
        "output_type": "error", "ename": str(error.get("type") or "Error"), "evalue": str(error.get("message") or ""),
        "traceback": _error_text(error),
    }  # fmt: skip
