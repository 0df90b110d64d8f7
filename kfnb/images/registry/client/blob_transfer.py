"""Blobs on their way to a registry and from it. What breaks off goes on where it was.

Source: the OCI distribution specification 1.1, "Pushing blobs" and "Resuming a blob upload".
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from kfnb.images.registry.client.registry_session import ATTEMPTS, ConnectionBroke, RegistrySession, Sent, reason_of
from kfnb.images.registry.image_repository import Descriptor, Progress, RegistryError

CHUNK = 16 << 20  #: bytes of a request of an upload
BINARY = {"Content-Type": "application/octet-stream"}
NO_CHUNKS = frozenset(
    {400, 404, 405, 411, 415, 501}
)  #: how registries that take a blob only in one piece refuse the first chunk of it


class _Watched(io.BytesIO):
    """A body of a request that tells how much of it has been read."""

    def __init__(self, content: bytes, progress: Progress, before: int) -> None:
        super().__init__(content)
        self._progress, self._before = progress, before

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._progress(self._before + self.tell())
        return content


class _WatchedStream:
    """The rest of a stream as a body of a known length."""

    def __init__(self, stream: BinaryIO, length: int, progress: Progress) -> None:
        self.len, self._stream, self._progress, self._done = (
            length,
            stream,
            progress,
            0,
        )  # `len` is what requests looks for

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._done += len(content)
        self._progress(self._done)
        return content


class BlobUpload:
    """One upload of a blob.

    Parameters
    ----------
    address
        Where the registry wants the blob, from the answer that began the upload.
    begin
        Begins another upload and returns its address.
    """

    def __init__(
        self, session: RegistrySession, scopes: frozenset[str], blob: Descriptor, open: Callable[[], BinaryIO], address: str,
        begin: Callable[[], str], progress: Progress,
    ) -> None:  # fmt: skip
        self._session, self._scopes, self._blob, self._open = session, scopes, blob, open
        self._address, self._begin, self._progress = address, begin, progress

    def run(self) -> None:
        """Raises `RegistryError` when the registry does not have the blob in the end."""
        for attempt in range(ATTEMPTS):
            try:
                if self._blob.size <= CHUNK or not self._in_chunks():
                    self._in_one_piece()
                return
            except ConnectionBroke as broken:
                if attempt + 1 == ATTEMPTS:
                    raise RegistryError("unreachable", f"{broken}, {ATTEMPTS} times in a row") from None
                self._session.pause(attempt)
                self._address = self._begin()

    def _in_one_piece(self) -> None:
        with ExitStack() as opened:

            def body() -> Any:
                stream = opened.enter_context(self._open())
                return _WatchedStream(stream, self._blob.size, self._progress)

            headers = BINARY | {"Content-Length": str(self._blob.size)}
            self._session.request("PUT", self._final(), Sent(self._scopes, headers, body, once=True)).close()

    def _in_chunks(self) -> bool:
        """Send the blob in chunks. Returns False when the registry takes none."""
        done = 0
        with self._open() as stream:
            chunk = stream.read(CHUNK)
            broken = 0
            while chunk:
                try:
                    answer = self._patch(chunk, done)
                    if answer.status_code in NO_CHUNKS and done == 0:
                        self._address = self._begin()
                        return False
                    if answer.status_code < 300:
                        self._go_on(answer)
                        done, broken, chunk = done + len(chunk), 0, stream.read(CHUNK)
                        continue
                    arrived = self._arrived()
                except ConnectionBroke:
                    broken += 1
                    if broken == ATTEMPTS:
                        raise
                    self._session.pause(broken)
                    arrived = self._arrived()
                if arrived is None or not done <= arrived <= done + len(chunk):
                    raise ConnectionBroke("unreachable", f"the upload to {self._session.registry} was lost")
                broken += arrived == done and not broken
                chunk = chunk[arrived - done :] or stream.read(CHUNK)
                done = arrived
        with self._session.request(
            "PUT", self._final(), Sent(self._scopes, BINARY | {"Content-Length": "0"}, accepted=frozenset({404, 416}))
        ) as answer:
            if answer.status_code >= 300:
                raise ConnectionBroke("unreachable", f"the upload to {self._session.registry} was lost")
        return True

    def _patch(self, chunk: bytes, start: int) -> requests.Response:
        headers = BINARY | {"Content-Length": str(len(chunk)), "Content-Range": f"{start}-{start + len(chunk) - 1}"}
        sent = Sent(
            self._scopes, headers, lambda: _Watched(chunk, self._progress, start), once=True, accepted=NO_CHUNKS | {416, 500, 502, 503, 504}
        )  # fmt: skip
        return self._session.request("PATCH", self._address, sent)

    def _arrived(self) -> int | None:
        """How many bytes the registry has, or None when it knows nothing of the upload."""
        answer = self._session.request(
            "GET", self._address, Sent(self._scopes, {}, accepted=frozenset({400, 404, 405}))
        )
        with answer:
            if answer.status_code >= 300:
                return None
            self._go_on(answer)
            found = re.fullmatch(r"(?:bytes=)?(\d+)-(\d+)", answer.headers.get("Range", ""))
            # A registry says 0-0 both for nothing and for the first byte. One byte is sent again rather than left out.
            return 0 if found is None or found[2] == "0" else int(found[2]) + 1

    def _go_on(self, answer: requests.Response) -> None:
        if "Location" in answer.headers:
            self._address = urljoin(answer.url, answer.headers["Location"])

    def _final(self) -> str:
        joint = "&" if urlsplit(self._address).query else "?"
        return f"{self._address}{joint}{urlencode({'digest': self._blob.digest})}"


class BlobDownload:
    """The content of a blob. After a break it goes on where it was.

    Parameters
    ----------
    request
        Asks for the content from a byte on.
    """

    def __init__(
        self, request: Callable[[int], requests.Response], registry: str, pause: Callable[[int], None]
    ) -> None:
        self._request, self._registry, self._pause = request, registry, pause
        self._done, self._breaks = 0, 0
        self._answer = request(0)
        self._size = int(self._answer.headers.get("Content-Length") or -1)

    def read(self, size: int) -> bytes:
        while True:
            try:
                content: bytes = self._answer.raw.read(size, decode_content=False)
                if content or self._size in (-1, self._done):
                    self._done += len(content)
                    self._breaks = 0 if content else self._breaks
                    return content
                reason = "it ended early"
            except Exception as error:  # urllib3 raises errors of many types
                if type(error).__module__.partition(".")[0] not in (
                    "urllib3",
                    "requests",
                    "http",
                    "ssl",
                    "socket",
                    "builtins",
                ):
                    raise
                reason = reason_of(error)
            self._breaks += 1
            if self._breaks == ATTEMPTS:
                raise RegistryError(
                    "unreachable", f"the connection to {self._registry} broke {ATTEMPTS} times: {reason}"
                )
            self._answer.close()
            self._pause(self._breaks)
            self._go_on()

    def close(self) -> None:
        self._answer.close()

    def _go_on(self) -> None:
        self._answer = self._request(self._done)
        if self._done and self._answer.status_code != 206:  # the server sends all of it again
            left = self._done
            while left and (content := self._answer.raw.read(min(left, CHUNK), decode_content=False)):
                left -= len(content)
