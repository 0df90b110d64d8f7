"""Servers that write down whatever they hear: what must not be contacted, and what must not be told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Ear:
    """A server on this machine: ``connections`` that were opened, ``heard``: the path and the headers of requests.

    ``answer``: the status and the headers of every answer; its body is an empty object.
    """

    connections: int = 0
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answer: tuple[int, dict[str, str]] = (200, {})
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def secrets(self) -> list[str]:
        """What was told of who asks."""
        return [h[n] for _, h in self.heard for n in ("authorization", "cookie", "proxy-authorization") if n in h]


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            ear.connections += 1
            super().setup()

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            ear.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers = ear.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ear.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield ear
    finally:
        server.shutdown()
        server.server_close()
