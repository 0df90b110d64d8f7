"""Log files of attempts. A line is its time in UTC, a space, and what the step printed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from kfnb.runs.record.private_record_files import DamagedRecord, append_to
from kfnb.runtime.secret_mask import SecretMask
from kfnb.terminal_escapes import without_codes

LOG, EXECUTOR = (
    "log",
    "executor",
)  #: in an attempt's folder: what the step printed, and what the cluster's own tools wrote
END_PART = 0.1  #: of a log that is full: what each of the two files takes that keep its end
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
    limit
        Bytes of what is printed that are kept. Of more, the middle is left out, and a line in its place says so.
    mask
        What hides the values of secrets, also one of which a part arrives later: only whole lines are written.
    """

    def __init__(self, path: Path, mark: str = "", limit: int = 0, mask: SecretMask | None = None) -> None:
        self._mask = mask
        self._path, self._file = path, append_to(path)
        self._limit, self._printed = limit, 0
        self._end: LogEnd | None = None
        self._rest = b""
        self._cell_mark = re.compile(rb"\x1e%s (\d+)\x1e" % mark.encode()) if mark else None
        self._cells = path.parent / CELLS

    def feed(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if lines:
            self._write(lines)
        if len(self._rest) > 1_000_000:  # one endless line must not fill the memory
            # a secret may have begun at its end
            kept = 0 if self._mask is None else self._mask.longest
            hidden = self._hidden(self._rest)
            self._write([hidden[: len(hidden) - kept]])
            self._rest = hidden[len(hidden) - kept :]

    def close(self) -> None:
        if self._rest and self._unmarked(self._rest)[0]:
            self._write([self._rest])
        self._rest = b""
        if self._end is not None:
            self._end.append_to(self._file, self._note_cell)
        self._file.close()

    def _write(self, lines: list[bytes]) -> None:
        prefix = stamp().encode() + b" "
        for line in lines:
            text, cell, first = self._unmarked(line)
            whole = prefix + text + b"\n"
            self._printed += len(text) + 1
            if self._end is None and self._limit and self._printed > self._limit * (1 - 2 * END_PART):
                self._file.flush()
                self._end = LogEnd(self._path, self._limit)
            if self._end is not None:
                self._end.add(whole, len(text) + 1, cell, first)
                continue
            if cell is not None:
                self._note_cell(self._file.tell() + (len(whole) if first else 0), cell)
            self._file.write(whole)
        self._file.flush()

    def _note_cell(self, begin: int, cell: int) -> None:
        with append_to(self._cells) as file:
            file.write(b"%d %d\n" % (begin, cell))

    def _unmarked(self, line: bytes) -> tuple[bytes, int | None, bool]:
        """A line without marks; the cell that begins in it, and whether something stood before. A cell begins with its first whole line."""
        if self._cell_mark is None or b"\x1e" not in line:
            return self._hidden(line), None, False
        first, *fields = self._cell_mark.split(line)
        text = self._hidden(first + b"".join(fields[1::2]))
        return text, int(fields[-2]) if fields else None, bool(first)

    def _hidden(self, text: bytes) -> bytes:
        return text if self._mask is None else self._mask.data(text)


class LogEnd:
    """The newest lines of a log that is full: two files that take turns, until they are put behind it.

    Parameters
    ----------
    log
        The log's path.
    limit
        Bytes of what is printed that a log may have in all; each file takes the part `END_PART` of them.
    """

    def __init__(self, log: Path, limit: int) -> None:
        self._paths = [log.with_name(f"{log.name}.end-{n}") for n in (1, 2)]
        self._most = limit * END_PART
        self._parts: list[list[tuple[int, int, bool]]] = [[], []]  #: of both: where cells begin
        self._sizes, self._printed = [0, 0], [0, 0]
        self._lines, self._left_out = [0, 0], (0, 0)
        self._before: int | None = None  #: the cell that printed last of what is left out
        self._files = [self._open(0), self._open(1)]

    def _open(self, number: int) -> BinaryIO:
        self._paths[number].unlink(missing_ok=True)
        return append_to(self._paths[number])

    def add(self, line: bytes, printed: int, cell: int | None, behind: bool) -> None:
        """One stamped line, of which ``printed`` bytes count; a ``cell`` that begins with it, or ``behind`` it."""
        if self._printed[1] + printed > self._most and self._sizes[1]:
            self._turn()
        if cell is not None:
            self._parts[1].append((self._sizes[1] + (len(line) if behind else 0), cell, behind))
        self._files[1].write(line)
        self._sizes[1] += len(line)
        self._printed[1] += printed
        self._lines[1] += 1

    def _turn(self) -> None:
        """The older part goes, the newer one is the older from here on."""
        self._left_out = (self._left_out[0] + self._lines[0], self._left_out[1] + self._printed[0])
        if self._parts[0]:
            self._before = self._parts[0][-1][1]
        self._files[0].close()
        for part in (self._sizes, self._printed, self._lines):
            part[0], part[1] = part[1], 0
        self._parts = [self._parts[1], []]
        self._paths.reverse()
        self._files = [self._files[1], self._open(1)]

    def append_to(self, file: BinaryIO, note_cell: Callable[[int, int], None]) -> None:
        """Put what is kept behind the log, with a line for what is not."""
        lines, size = self._left_out
        if lines:
            text = f"… {lines} lines, {size / 1e6:.1f} MB, are left out here: a log is kept up to a size ([record] log in kfnb.toml) …"
            file.write(f"{stamp()} {text}\n".encode())
        if self._before is not None:
            note_cell(file.tell(), self._before)
        for path, part, open_file in zip(self._paths, self._parts, self._files, strict=True):
            open_file.close()
            begin = file.tell()
            for at, cell, _ in part:
                note_cell(begin + at, cell)
            with path.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
            path.unlink()


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
