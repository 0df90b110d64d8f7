"""Writes and reads zip archives without the `zipfile` package, whose import would take a step longer than starting Python.

An archive of 2 GB or more, and one that another program wrote in a form of its own, are left to the package.
"""

from __future__ import annotations

import os
from binascii import crc32

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Union

    Source = Union[bytes, str]  # the content, or the path of a file

STORED, DEFLATED = 0, 8
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
LARGE = 2 * 1000**3  #: bytes; larger archives have another form
PIECE = 1 << 20
DATE = 33  #: 1 January 1980, the first day that an archive can name


def write_zip(path: str, entries: list[tuple[str, Source]]) -> None:
    """Write an archive without compression. An entry is a name, and its content or the path of a file with it."""
    if sum(_size(source) for _, source in entries) > LARGE:
        _write_large(path, entries)
        return
    central = []
    with open(path, "wb") as file:
        for name, source in entries:
            at = file.tell()
            encoded = name.encode()
            file.write(_local_header(encoded, 0, 0))
            crc, size = _write_content(file, source)
            file.seek(at)
            file.write(_local_header(encoded, crc, size))
            file.seek(0, 2)
            central.append(_central_header(encoded, crc, size, at))
        at = file.tell()
        file.write(b"".join(central))
        sizes = _number(len(entries), 2) * 2 + _number(sum(map(len, central)), 4) + _number(at, 4)
        file.write(END + bytes(4) + sizes + bytes(2))


class LightZip:
    """An archive that is open for reading. Raises `OSError` or `ValueError` for anything else."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")
        self._entries = self._read_entries()
        self._large: Any = None
        if self._entries is None:
            from zipfile import ZipFile

            self._large = ZipFile(path)

    def names(self) -> list[str]:
        return list(self._large.namelist() if self._entries is None else self._entries)

    def read(self, name: str) -> bytes:
        """The content of an entry. Raises `KeyError` when there is none, and `ValueError` when it is damaged."""
        if self._entries is None:
            return self._large.read(name)  # type: ignore[no-any-return]
        method, crc, packed, at = self._entries[name]
        data = self._content(at, packed)
        if method == DEFLATED:
            from zlib import decompress

            data = decompress(data, -15)
        if crc32(data) != crc:
            raise ValueError("the entry %s is damaged" % name)
        return data

    def copy(self, name: str, path: str) -> None:
        """Write the content of an entry to a file."""
        if self._entries is not None and self._entries[name][0] == DEFLATED:
            with open(path, "wb") as file:
                file.write(self.read(name))
            return
        with open(path, "wb") as file:
            for piece in self._pieces(name):
                file.write(piece)

    def _pieces(self, name: str) -> Any:
        if self._entries is None:
            with self._large.open(name) as source:
                yield from iter(lambda: source.read(PIECE), b"")
            return
        _, crc, left, at = self._entries[name]
        self._content(at, 0)
        found = 0
        while left:
            piece = self._file.read(min(left, PIECE))
            if not piece:
                raise ValueError("the entry %s is cut off" % name)
            found, left = crc32(piece, found), left - len(piece)
            yield piece
        if found != crc:
            raise ValueError("the entry %s is damaged" % name)

    def _content(self, at: int, size: int) -> bytes:
        """Go to the content of the entry whose local header begins at ``at``, and read ``size`` bytes of it."""
        self._file.seek(at)
        header = self._file.read(30)
        self._file.seek(_integer(header, 26, 2) + _integer(header, 28, 2), 1)
        return self._file.read(size)

    def _read_entries(self) -> Any:
        """The method, checksum, packed size and place of each entry by its name. ``None`` for a form that is not ours."""
        self._file.seek(0, 2)
        end = max(0, self._file.tell() - 22)
        self._file.seek(end)
        record = self._file.read(22)
        count, start = _integer(record, 10, 2), _integer(record, 16, 4)
        if record[:4] != END or count == 0xFFFF or start == 0xFFFFFFFF:
            return None
        self._file.seek(start)
        table, at, entries = self._file.read(end - start), 0, {}
        for _ in range(count):
            if table[at : at + 4] != CENTRAL:
                return None
            length, more = _integer(table, at + 28, 2), _integer(table, at + 30, 2) + _integer(table, at + 32, 2)
            name = table[at + 46 : at + 46 + length].decode()
            entries[name] = (
                _integer(table, at + 10, 2),
                _integer(table, at + 16, 4),
                _integer(table, at + 20, 4),
                _integer(table, at + 42, 4),
            )
            at += 46 + length + more
        return entries


def _write_content(file: Any, source: Source) -> tuple[int, int]:
    """Write the content of an entry, and return its checksum and its size."""
    crc = size = 0
    for piece in _pieces_of(source):
        crc, size = crc32(piece, crc), size + file.write(piece)
    return crc, size


def _pieces_of(source: Source) -> Any:
    if isinstance(source, bytes):
        yield source
        return
    with open(source, "rb") as file:
        yield from iter(lambda: file.read(PIECE), b"")


def _local_header(name: bytes, crc: int, size: int) -> bytes:
    return LOCAL + _common(crc, size) + _number(len(name), 2) + bytes(2) + name


def _central_header(name: bytes, crc: int, size: int, at: int) -> bytes:
    head = CENTRAL + _number(20, 2) + _common(crc, size) + _number(len(name), 2)
    return head + bytes(8) + _number(0o600 << 16, 4) + _number(at, 4) + name


def _common(crc: int, size: int) -> bytes:
    """What both headers of an entry have: the version, flags, method, time, date, checksum, and the size twice."""
    head = _number(20, 2) + bytes(2) + _number(STORED, 2) + bytes(2) + _number(DATE, 2)
    return head + _number(crc, 4) + _number(size, 4) * 2


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def _integer(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _size(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else os.path.getsize(source)


def _write_large(path: str, entries: list[tuple[str, Source]]) -> None:
    from zipfile import ZipFile

    with ZipFile(path, "w") as file:
        for name, source in entries:
            if isinstance(source, bytes):
                file.writestr(name, source)
            else:
                file.write(source, name)
