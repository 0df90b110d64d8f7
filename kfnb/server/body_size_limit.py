"""Limits the bodies of requests: a body that is too long is refused before it is read."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado import iostream, web

from kfnb.server.browser_json import to_wire

LARGEST = 64_000  #: bytes of a body that has no notebook
DRAINED = (
    64_000_000  #: bytes that are discarded after a refusal, so that a client that is still sending can read the answer
)
PATIENCE = 5.0  #: seconds for which a refused body is discarded


@web.stream_request_body
class BoundedBody(JupyterHandler):
    """An endpoint that checks a request when its headers arrive, because they identify the user and state the length of the body."""

    @property
    def largest_body(self) -> int:
        """The largest number of bytes of a body that the endpoint reads."""
        return LARGEST

    async def prepare(self, **options: Any) -> None:
        self.content = bytearray()
        await super().prepare(**options)
        headers = self.request.headers
        length = headers.get("Content-Length", "")
        comes = "Transfer-Encoding" in headers or length not in ("", "0")
        if self.current_user is None and comes:
            await self._refuse_unread(403, "who asks is not known: log in again")
        elif length.isdecimal() and int(length[:20]) > self.largest_body:
            await self._refuse_unread(413, self._too_large(f"{length[:20]} bytes"))

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Take a part of the body. A body without a stated length is refused when it becomes too long."""
        if self._finished or self.current_user is None:
            return None
        if len(self.content) + len(chunk) > self.largest_body:
            self.content = bytearray()
            try:
                raise web.HTTPError(413, self._too_large(f"more than {self.largest_body} bytes"), reason="kfnb")
            except web.HTTPError:
                self.send_error(413, exc_info=sys.exc_info())
            return None
        self.content += chunk
        return None

    def _too_large(self, size: str) -> str:
        return f"the request has {size}, and {self.largest_body} are read at most"

    async def _refuse_unread(self, status: int, message: str) -> None:
        """Answer without reading the body. The rest of it is discarded for a while, because a browser reads no answer while it sends."""
        text = to_wire({"message": message}).encode()
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        self.set_status(status)
        self._log()
        stream = self.detach()
        with contextlib.suppress(iostream.StreamClosedError, asyncio.TimeoutError):
            await stream.write(head.encode() + text)
            await asyncio.wait_for(_drain(stream), PATIENCE)
        stream.close()


async def _drain(stream: iostream.IOStream) -> None:
    remaining = DRAINED
    while remaining > 0:
        remaining -= len(await stream.read_bytes(65_536, partial=True))
