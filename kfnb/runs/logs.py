"""Log files of attempts: a line is its time in UTC, a space, and what the step printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

CODES = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)?|.?)", re.DOTALL)


@dataclass(frozen=True)
class LogLine:
    """``time`` is ISO 8601 in UTC."""

    time: str
    text: str


def stamp() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LogWriter:
    """Stamps what arrives, whole lines at a time; the last line need not end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._rest = b""

    def feed(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if lines:
            prefix = stamp().encode() + b" "
            self._file.write(b"".join(prefix + line + b"\n" for line in lines))
            self._file.flush()
        if len(self._rest) > 1_000_000:  # one endless line must not fill the memory
            self._file.write(stamp().encode() + b" " + self._rest + b"\n")
            self._rest = b""

    def close(self) -> None:
        if self._rest:
            self._file.write(stamp().encode() + b" " + self._rest + b"\n")
        self._rest = b""
        self._file.close()


def read_log(path: Path, start: int = 0) -> Iterator[tuple[LogLine, int]]:
    """The lines of a log file from byte ``start``, each with the byte after it; an unfinished last line is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            start += len(raw)
            time, _, text = raw[:-1].decode("utf-8", "backslashreplace").partition(" ")
            yield LogLine(time, text), start


def last_line(path: Path) -> str:
    """The last whole line's text, reading only the end of the file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 4096))
        lines = file.read().decode("utf-8", "replace").rstrip("\n").split("\n")
    return lines[-1].partition(" ")[2].rstrip("\r").rsplit("\r", 1)[-1] if lines and lines[-1] else ""


def without_codes(text: str) -> str:
    """The text without what colours it or moves a cursor in a terminal."""
    return CODES.sub("", text)


def tail_of(path: Path, most: int = 500_000) -> int:
    """The byte at which the last ``most`` bytes of a log file begin, or the line after it."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size <= most:
            return 0
        file.seek(size - most)
        return size - most + len(file.readline())
