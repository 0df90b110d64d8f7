"""Argo's own server, as far as kfnb asks it: answers by path, for whoever has the token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse


@contextmanager
def argo_served(answers: dict[str, Any], token: str = "good") -> Iterator[str]:
    """The server's address. ``answers``: by path JSON, or the text of a log."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            path = urlparse(self.path).path
            if self.headers.get("Authorization") != f"Bearer {token}":
                self._send(401, {"code": 16, "message": "token not valid"})
            elif path in answers:
                self._send(200, answers[path])
            else:
                self._send(404, {"code": 5, "message": f"{path} not found"})

        def _send(self, status: int, body: Any) -> None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
