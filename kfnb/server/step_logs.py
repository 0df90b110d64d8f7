"""Answers requests about the logs and displays of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kfnb.runs.attempt_displays import ERROR, Placed, place, read_displays
from kfnb.runs.html_pages import page_of
from kfnb.runs.kept_pipeline import begun_step
from kfnb.runs.log_windows import find_in_log, lines_before, lines_from, number_at, texts_of
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL, STEP_FINAL

LOG_PART = 2_000  #: lines of a log in one answer
HTML = "text/html"


def log_from(store: RunStore, run_id: str, path: str, attempt: int | None, start: int) -> dict[str, Any]:
    """The lines of a log from byte ``start`` on. ``all`` says that nothing will follow them."""
    step, number, folder = _attempt(store, run_id, path, attempt)
    found = lines_from(folder / "log", start, LOG_PART)
    over = len(found.lines) < LOG_PART and (step["state"] in STEP_FINAL or number < (step["attempts"] or 0))
    return _chunk(step, number, found, over, None)


def log_before(store: RunStore, run_id: str, path: str, attempt: int | None, end: int | None) -> dict[str, Any]:
    """The lines of a log before byte ``end``, or its last ones; for these ``first`` is the number of the first of them."""
    step, number, folder = _attempt(store, run_id, path, attempt)
    found = lines_before(folder / "log", end, LOG_PART)
    over = end is None and (step["state"] in STEP_FINAL or number < (step["attempts"] or 0))
    return _chunk(step, number, found, over, number_at(folder / "log", found.begin) if end is None else None)


def _chunk(step: dict[str, Any], attempt: int, found: Any, over: bool, first: int | None) -> dict[str, Any]:
    lines = [(line.time, line.text) for line in found.lines]
    return {
        "attempt": attempt, "attempts": step["attempts"] or 0, "lines": lines, "first": first,
        "begin": found.begin, "next": found.next, "all": over,
    }  # fmt: skip


def matches(store: RunStore, run_id: str, path: str, attempt: int | None, text: str) -> dict[str, Any]:
    """The lines of a log that have a text: how many, and the number and the byte of each."""
    found = find_in_log(_attempt(store, run_id, path, attempt)[2] / "log", text)
    return {"count": found.count, "places": [list(p) for p in found.places]}


def displays(store: RunStore, run_id: str, path: str, attempt: int | None) -> list[dict[str, Any]]:
    """The displays of an attempt as MIME bundles, in order, each with the lines of the log that represent it."""
    return [_on_wire(number, p) for number, p in enumerate(_placed(_attempt(store, run_id, path, attempt)[2]))]


def display_page(
    store: RunStore, run_id: str, path: str, attempt: int | None, number: int, start: int
) -> dict[str, Any]:
    """The rows of a large table that was displayed, from row ``start`` on. Raises `UnknownRun` where there is no such table."""
    found = read_displays(_attempt(store, run_id, path, attempt)[2])
    html = found[number].data.get(HTML) if number < len(found) else None
    page = page_of(html, start) if isinstance(html, str) else None
    if page is None:
        raise UnknownRun(f"display {number} of step `{path}` is no table with pages")
    return {"html": page.html, "start": page.start, "count": page.count, "rows": page.rows}


def _placed(folder: Path) -> list[Placed]:
    return list(place(read_displays(folder), texts_of(folder / "log")))


def _on_wire(number: int, placed: Placed) -> dict[str, Any]:
    shown = placed.display
    data, page = shown.data, None
    html = data.get(HTML)
    found = page_of(html) if isinstance(html, str) else None
    if found is not None:
        data = {HTML: found.html}
        page = {"start": found.start, "count": found.count, "rows": found.rows}
    if ERROR in data:  # its text is in the log already, and stays there
        return {
            "number": number,
            "cell": shown.cell,
            "data": {},
            "metadata": {},
            "line": placed.line,
            "count": 0,
            "page": None,
        }
    return {
        "number": number, "cell": shown.cell, "data": data, "metadata": shown.metadata,
        "line": placed.line, "count": placed.count, "page": page,
    }  # fmt: skip


def _attempt(store: RunStore, run_id: str, path: str, attempt: int | None) -> tuple[dict[str, Any], int, Path]:
    """The record of a step, the number of one of its attempts (by default the last), and the folder of that.

    A step that has not begun has a folder that is not there. Raises `UnknownRun` when the run has no such step.
    """
    step = begun_step(store, run_id, path)
    if step is None:
        name = path.partition("[")[0]  # which the pipeline has; what follows it was not checked
        state = "omitted" if store.head(run_id)["state"] in FINAL else "pending"
        return {"path": name, "state": state, "attempts": 0}, 1, store.attempt_folder(run_id, name, 0)
    last = max(step["attempts"] or 1, 1)
    number = min(attempt or last, last)
    return step, number, store.attempt_folder(run_id, path, number)
