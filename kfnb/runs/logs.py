"""Log files of attempts: a line is its time in UTC, a space, and what the step printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from kfnb.runs.files import DamagedRecord, append_to
from kfnb.terminal import without_codes

CELLS = "cells"  #: beside the log: a line for each cell, with the byte of the log where it begins and its number


@dataclass(frozen=True)
class LogLine:
    """``time`` is ISO 8601 in UTC."""

    time: str
    text: str


def stamp() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LogWriter:
    """Stamps what arrives, whole lines at a time; the last line need not end.

    Parameters
    ----------
    mark
        A word that stands before the number of the cell that prints from there on, both between record separators. Such
        marks are taken out of the log; where each cell begins is written beside it (see `cells_of`).
    """

    def __init__(self, path: Path, mark: str = "") -> None:
        self._file = append_to(path)
        self._rest = b""
        self._mark = re.compile(rb"\x1e%s (\d+)\x1e" % mark.encode()) if mark else None
        self._cells = path.parent / CELLS

    def feed(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if lines:
            self._write(lines)
        if len(self._rest) > 1_000_000:  # one endless line must not fill the memory
            self._write([self._rest])
            self._rest = b""

    def close(self) -> None:
        if self._rest and self._unmarked(self._rest, 0):
            self._write([self._rest])
        self._rest = b""
        self._file.close()

    def _write(self, lines: list[bytes]) -> None:
        prefix = stamp().encode() + b" "
        for line in lines:
            self._file.write(prefix + self._unmarked(line, len(prefix)) + b"\n")
        self._file.flush()

    def _unmarked(self, line: bytes, before: int) -> bytes:
        """A line of the log, ``before`` bytes of which are its stamp, without marks. A cell begins with its first whole line."""
        if self._mark is None or b"\x1e" not in line:
            return line
        first, *told = self._mark.split(line)
        text = first + b"".join(told[1::2])
        if told and before:
            begin = self._file.tell() + (before + len(text) + 1 if first else 0)
            with append_to(self._cells) as file:
                file.write(b"%d %s\n" % (begin, told[-2]))
        return text


def read_log(path: Path, start: int = 0) -> Iterator[tuple[LogLine, int]]:
    """The lines of a log file from byte ``start``, each with the byte after it; an unfinished last line is left out.

    Raises `DamagedRecord` when something else stands in its place.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except (IsADirectoryError, NotADirectoryError):
        raise DamagedRecord(path, "there is a folder where a log should be") from None
    with file:
        file.seek(start)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            start += len(raw)
            time, _, text = raw[:-1].decode("utf-8", "backslashreplace").partition(" ")
            yield LogLine(time, text), start


def cells_of(path: Path) -> list[tuple[int, int]]:
    """For a log whose cells were marked: the byte where each begins, and its number. A cell that printed nothing is left out."""
    try:
        rows = (path.parent / CELLS).read_text("ascii").split("\n")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise DamagedRecord(path.parent / CELLS, error) from None
    except (IsADirectoryError, NotADirectoryError):
        raise DamagedRecord(path.parent / CELLS, "there is a folder where a file should be") from None
    pairs = (r.partition(" ") for r in rows if r)
    try:
        return [(int(begin), int(cell)) for begin, _, cell in pairs]
    except ValueError as error:
        raise DamagedRecord(path.parent / CELLS, error) from None


def last_line(path: Path) -> str:
    """The last whole line's text without colours, reading only the end of the file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 4096))
        lines = file.read().decode("utf-8", "replace").rstrip("\n").split("\n")
    return without_codes(lines[-1].partition(" ")[2]) if lines and lines[-1] else ""


def tail_of(path: Path, most: int = 500_000) -> int:
    """The byte at which the last ``most`` bytes of a log file begin, or the line after it."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size <= most:
            return 0
        file.seek(size - most)
        return size - most + len(file.readline())
