"""The progress of a running step: the last line that it printed, and the percentage in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kfnb.runs.attempt_logs import last_line

LONGEST_LINE = 200  #: characters of a reported line
PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?\s?%")
COUNT = re.compile(r"(?<![\d./])(\d{1,9})\s?(?:/|of)\s?(\d{1,9})(?![\d./])")


@dataclass(frozen=True)
class Printed:
    """``percent`` is ``None`` when the line says nothing of it."""

    line: str
    percent: int | None


def printed(log: Path) -> Printed | None:
    """The last printed line of a log; ``None`` if the log is empty."""
    line = last_line(log)[:LONGEST_LINE]
    return Printed(line, percent_in(line)) if line else None


def percent_in(line: str) -> int | None:
    """The progress that a line states, such as ``45%``, ``3/10`` or ``epoch 3 of 10``; ``None`` if it states none."""
    found = PERCENT.search(line)
    if found is not None and int(found[1]) <= 100:
        return int(found[1])
    count = COUNT.search(line)
    if count is not None and 0 < int(count[2]) >= int(count[1]):
        return 100 * int(count[1]) // int(count[2])
    return None
