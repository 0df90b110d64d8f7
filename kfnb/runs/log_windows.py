"""Parts of a log for a view that shows only some of its lines: from a byte on, before a byte, at its end; and where a text is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kfnb.runs.attempt_logs import LogLine, read_log
from kfnb.terminal_escapes import without_codes

BLOCK = 1 << 20  #: bytes that are read at once
STEP_BACK = 64 * 1024  #: bytes that are read at once backwards
MOST_BYTES = 1 << 24  #: that are read backwards at all
LONGEST_LINE = 20_000  #: characters of a line that are kept
MOST_MATCHES = 10_000  #: whose places are told


@dataclass(frozen=True)
class Window:
    """Lines that follow one another: those from byte ``begin`` to byte ``next`` of a log."""

    lines: tuple[LogLine, ...]
    begin: int
    next: int


@dataclass(frozen=True)
class Matches:
    """Where a text is in a log: how many lines have it, and of the first of them the number (from 0) and the byte."""

    count: int
    places: tuple[tuple[int, int], ...]


def lines_from(log: Path, start: int, most: int) -> Window:
    """At most ``most`` lines from byte ``start`` on. An unfinished last line is left out."""
    lines: list[LogLine] = []
    following = start
    for line, after in read_log(log, start):
        lines.append(_cut(line))
        following = after
        if len(lines) == most:
            break
    return Window(tuple(lines), start, following)


def lines_before(log: Path, end: int | None, most: int) -> Window:
    """The last ``most`` lines before byte ``end``, which is the beginning of a line; by default the last of the log."""
    if not log.is_file():
        return Window((), 0, 0)
    with log.open("rb") as file:
        end = min(file.seek(0, 2) if end is None else end, file.seek(0, 2))
        begin, ends = end, 0
        while begin and ends <= most and end - begin < MOST_BYTES:
            size = min(STEP_BACK, begin)
            begin -= size
            file.seek(begin)
            ends += file.read(size).count(b"\n")
    begins, at = [begin], begin
    lines: list[LogLine] = []
    for line, after in read_log(log, begin):
        if after > end:
            break
        lines.append(_cut(line))
        begins.append(after)
        at = after
    # the first may be a part of a line, unless the log begins there
    kept = max(min(most, len(lines) - (1 if begin else 0)), 0)
    return Window(tuple(lines[len(lines) - kept :]), begins[len(lines) - kept], at)


def number_at(log: Path, byte: int) -> int:
    """The number of the line (from 0) that begins at ``byte``."""
    if not byte:
        return 0
    number = 0
    with log.open("rb") as file:
        while byte and (block := file.read(min(BLOCK, byte))):
            number += block.count(b"\n")
            byte -= len(block)
    return number


def find_in_log(log: Path, text: str) -> Matches:
    """The lines that have a text, upper case or lower case alike, without regard to terminal colours."""
    wanted = text.lower()
    count = begin = 0
    places: list[tuple[int, int]] = []
    for number, (line, after) in enumerate(read_log(log)):
        if wanted in (without_codes(line.text) if "\x1b" in line.text else line.text).lower():
            count += 1
            if len(places) < MOST_MATCHES:
                places.append((number, begin))
        begin = after
    return Matches(count, tuple(places))


def texts_of(log: Path) -> Iterator[str]:
    """The lines of a log as a person sees them, with their colours."""
    for line, _ in read_log(log):
        yield line.text.rstrip("\r").rsplit("\r", 1)[-1]


def _cut(line: LogLine) -> LogLine:
    return LogLine(line.time, line.text[:LONGEST_LINE])
