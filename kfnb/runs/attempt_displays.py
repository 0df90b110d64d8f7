"""The displays of an attempt: MIME bundles in order, and where each stands in the attempt's log."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.runs.record.private_record_files import read_json_lines

RECORD = "kfnb_report"  #: the metadata key under which reports store their data
PLAIN = "text/plain"
ERROR = "application/vnd.jupyter.error"  #: the error of a cell that may raise
JSON_TYPE = re.compile(r"[\w-]+/[\w.+-]*\+?json")
TYPE = re.compile(r"[\w-]+/[\w.+-]+")
LONGEST_TEXT = 1_000  #: lines of a display's text that are looked for in a log

Json = dict[str, Any]


@dataclass(frozen=True)
class Display:
    """A rich display of a cell. ``data`` is empty where the cell has removed it again.

    ``text`` has the lines of the log that represent it; they need not be those of ``data``, which may be newer.
    """

    cell: int
    data: Json
    metadata: Json
    text: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """A display at the ``count`` lines of a log from number ``line`` (from 0) that represent it."""

    display: Display
    line: int
    count: int


def read_displays(folder: Path) -> list[Display]:
    """The displays of an attempt, as far as nbformat allows them."""
    found = []
    for record in read_json_lines(folder / "display.jsonl"):
        try:
            data = _bundle(record["data"])
            if not data and "text" not in record:
                continue
            printed = record.get("text", data.get(PLAIN, ""))
            lines = tuple(printed.split("\n")) if isinstance(printed, str) and printed else ()
            found.append(Display(record["cell"], data, _metadata(record.get("metadata")), lines))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # it is no display
    return found


def place(displays: Iterable[Display], texts: Iterable[str]) -> Iterator[Placed]:
    """Find the displays in the lines of a log, in their order. One that the log does not have follows the one before it."""
    waiting = deque(displays)
    longest = min(max((len(d.text) for d in waiting), default=0), LONGEST_TEXT)
    window: deque[str] = deque(maxlen=longest)
    begin = end = 0  #: lines before `begin` belong to displays that are placed
    for number, text in enumerate(texts if longest else ()):
        window.append(text)
        end = number + 1
        at = next((i for i, d in enumerate(waiting) if _ends_with(window, d.text) and end - len(d.text) >= begin), None)
        if at is None:
            continue
        for _ in range(at):
            yield Placed(waiting.popleft(), begin, 0)
        found = waiting.popleft()
        yield Placed(found, end - len(found.text), len(found.text))
        begin = end
        if not waiting:
            return
    for display in waiting:
        yield Placed(display, end, 0)


def _ends_with(window: deque[str], text: tuple[str, ...]) -> bool:
    if not text or len(text) > len(window) or window[-1] != text[-1]:
        return False
    return all(window[-n] == text[-n] for n in range(2, len(text) + 1))


def _bundle(data: Json) -> Json:
    """A MIME bundle in the form that nbformat allows: text, and any value for JSON types."""
    return {
        k: v for k, v in data.items()
        if TYPE.fullmatch(k) and (isinstance(v, dict) if k in ("application/json", ERROR) else isinstance(v, str) or JSON_TYPE.fullmatch(k))
    }  # fmt: skip


def _metadata(found: Any) -> Json:
    return {k: v for k, v in found.items() if k != RECORD} if isinstance(found, dict) else {}
