"""Streams that are checked against the digest of what they should hold."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from kfnb.images.registry.image_repository import RegistryError

CHUNK = 1 << 20


class Source(Protocol):
    """What is read once, from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes, and none at the end."""

    def close(self) -> object: ...


class CheckedStream(io.RawIOBase):
    """A stream that is an error at its end when its content has not the digest that it should have.

    Parameters
    ----------
    source
        Has the content. It is closed with the stream.
    where
        What the user knows it by, for the error.
    """

    def __init__(self, source: Source, digest: str, where: str) -> None:
        self._source, self._digest, self._where = source, digest, where
        self._hash = hashlib.new(digest.partition(":")[0])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._source.read(len(buffer))
        if content:
            self._hash.update(content)
            buffer[: len(content)] = content
        elif self._hash.hexdigest() != self._digest.partition(":")[2]:
            raise RegistryError(
                "broken", f"what {self._where} holds as {self._digest} is something else: it is damaged"
            )
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


def checked(source: Source, digest: str, where: str) -> BinaryIO:
    """A buffered stream of the content of ``source``, which is checked and closed with it."""
    return io.BufferedReader(CheckedStream(source, digest, where), CHUNK)


def chunks(stream: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    while chunk := stream.read(size):
        yield chunk
