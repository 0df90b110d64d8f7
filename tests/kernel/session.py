"""A kernel as front ends have it: of a real Jupyter server, with a session for a notebook's file, cells with ids."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import websocket

from tests.ports import free_port

TOKEN = "token"


class Session:
    """A server on ``folder`` and the session of a notebook in it. ``execute`` gives what the cell shows, as text."""

    def __init__(self, home: Path, notebook: Path) -> None:
        port = free_port()
        env = {**os.environ, "KFNB_HOME": str(home / "kfnb"), "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython")}  # fmt: skip
        options = [f"--port={port}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={notebook.parent}", "--allow-root", "--no-browser"]  # fmt: skip
        self._log = (home / "server.log").open("w")
        self._server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *options], env=env, stderr=self._log)
        self._url = f"http://127.0.0.1:{port}"
        session = {"path": notebook.name, "name": notebook.name, "type": "notebook", "kernel": {"name": "python3"}}
        self.folder = notebook.parent
        self.id = self._begin(session)
        self._sequence = 0

    def _begin(self, session: dict[str, Any]) -> str:
        end = time.monotonic() + 60
        while True:
            try:
                made = self.ask("POST", "api/sessions", session)
                break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < end and self._server.poll() is None, "the server does not come up"
                time.sleep(0.05)
        address = f"{self._url.replace('http', 'ws')}/api/kernels/{made['kernel']['id']}/channels"
        self._socket = websocket.create_connection(address, header=[f"Authorization: token {TOKEN}"], timeout=60)
        return str(made["id"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"token {TOKEN}"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or "null")

    def rename(self, old: str, new: str) -> None:
        """As the file browser does it."""
        self.ask("PATCH", f"api/contents/{old}", {"path": new})
        self.ask("PATCH", f"api/sessions/{self.id}", {"path": new, "name": new, "type": "notebook"})

    def execute(self, code: str, cell_id: str = "scratch") -> str:
        """Run a cell, as a front end does that can ask its user."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True, "stop_on_error": True}  # fmt: skip
        shown: list[str] = []
        mine = self._send("execute_request", content, {"cellId": cell_id})
        answered = idle = False
        while not (answered and idle):
            message = self._receive(mine)
            kind, told = message["msg_type"], message["content"]
            answered |= kind == "execute_reply"
            idle |= kind == "status" and told["execution_state"] == "idle"
            if kind == "stream":
                shown.append(told["text"])
            elif kind in ("execute_result", "display_data"):
                shown.append(told["data"].get("text/plain", "") + "\n")
            elif kind == "error":
                shown.append("\n".join(told["traceback"]) + "\n")
        return "".join(shown)

    def complete(self, code: str) -> list[str]:
        """What Tab offers at the end of the code."""
        mine = self._send("complete_request", {"code": code, "cursor_pos": len(code)}, {})
        while True:
            message = self._receive(mine)
            if message["msg_type"] == "complete_reply":
                return list(message["content"]["matches"])

    def _send(self, kind: str, content: dict[str, Any], metadata: dict[str, Any]) -> str:
        identity = uuid.uuid4().hex
        header = {
            "msg_id": identity,
            "msg_type": kind,
            "username": "",
            "session": "tests",
            "version": "5.3",
            "date": "",
        }
        message = {"header": header, "parent_header": {}, "metadata": metadata, "content": content, "channel": "shell", "buffers": []}  # fmt: skip
        self._socket.send(json.dumps(message))
        return identity

    def _receive(self, mine: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") == mine:
                return message

    def close(self) -> None:
        self._socket.close()
        self._server.terminate()
        self._server.wait(30)
        self._log.close()
