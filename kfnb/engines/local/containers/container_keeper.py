"""The process that keeps the containers of a run: it starts them when the scheduler asks, and removes them whatever happens.

It is a process of its own because containers do not end with the process that started them. When the socket closes, since the scheduler has
ended, it kills and removes its containers and ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from kfnb.engines.local.containers.container_attempt import ContainerAttempt
from kfnb.engines.local.containers.container_tool import ContainerTool
from kfnb.engines.local.containers.ready_images import ReadyImages


@dataclass
class _Keeper:
    connection: socket.socket
    tool: ContainerTool
    run: str
    images: ReadyImages
    attempts: dict[int, ContainerAttempt] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)
    sending: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: dict[str, Any], handles: list[int]) -> None:
        """Start an attempt, or send a signal to one."""
        id_ = request["id"]
        if "signal" in request:
            attempt = self.attempts.get(id_)
            if attempt is not None:
                self._in_thread(lambda: attempt.signal(request["signal"]))
            return
        attempt = ContainerAttempt(
            id_, self.tool, self.images, Path(request["spec"]), handles[0], self.run, request["mask"],
            lambda: self._send({"id": id_, "begun": True}),
        )  # fmt: skip
        self.attempts[id_] = attempt
        self._in_thread(lambda: self._run(attempt))

    def end(self) -> None:
        """Kill all attempts and wait until their containers are gone."""
        for attempt in list(self.attempts.values()):
            attempt.signal(signal.SIGKILL)
        for thread in self.threads:
            thread.join()
        self.tool.remove(*self.tool.containers_of(self.run))

    def _run(self, attempt: ContainerAttempt) -> None:
        try:
            ended = attempt.run_to_end()
        except Exception as error:  # the scheduler must hear of the end in any case
            message = f"{type(error).__name__}: {error}"
            ended = {"status": 2, "error": {"kind": "image", "type": "ContainerError", "message": message}}
        os.close(attempt.log)
        del self.attempts[attempt.id]
        self._send({"id": attempt.id, **ended})

    def _in_thread(self, work: Any) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self.threads = [t for t in self.threads if t.is_alive()] + [thread]
        thread.start()

    def _send(self, message: dict[str, Any]) -> None:
        with self.sending:
            try:
                self.connection.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                return  # the scheduler is gone; the closed socket ends this process next


def keep_containers(connection: socket.socket, tool: ContainerTool, run: str, kept: Path) -> NoReturn:
    """Serve the scheduler until the socket closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # a process that is started here would inherit SIG_IGN
    keeper = _Keeper(connection, tool, run, ReadyImages(tool, kept))
    tool.remove(*tool.containers_of(run))  # of a keeper that was killed
    keeper._send({"ready": True})
    while True:
        data, handles, _, _ = socket.recv_fds(connection, 65536, 4)
        if not data:
            keeper.end()
            os._exit(0)
        for line in data.decode().splitlines():
            keeper.handle(json.loads(line), handles)
