"""Log files of attempts: a line is its time in UTC, a space, and what the step printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path


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
    return lines[-1].partition(" ")[2].rsplit("\r", 1)[-1] if lines and lines[-1] else ""
