"""The scheduler's side of the warm parents: one bare, one with the notebook's libraries imported."""

from __future__ import annotations

import json
import os
import selectors
import socket
from typing import Any, NoReturn

from kfnb.engines.local.warm import serve


class Parent:
    """One forking parent and the messages it has sent."""

    def __init__(self, imports: list[str], selector: selectors.BaseSelector) -> None:
        mine, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            mine.close()
            _become(theirs, imports)
        theirs.close()
        self.pid, self.socket, self.ready = pid, mine, False
        self._rest = b""
        self.inbox: list[dict[str, Any]] = []
        selector.register(mine, selectors.EVENT_READ, self._arrived)
        self._selector = selector

    def _arrived(self, _: Any) -> None:
        data = self.socket.recv(65536)
        if not data:
            self._selector.unregister(self.socket)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ready" in message:
                self.ready = message["ready"]
            else:
                self.inbox.append(message)


def _become(connection: socket.socket, imports: list[str]) -> NoReturn:
    """In the forked parent: nothing of the scheduler's but the socket and its log."""
    keep = connection.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 256)
    serve(connection, imports)


class Forks:
    """Starts steps in the parent that suits them."""

    def __init__(self, selector: selectors.BaseSelector, libraries: list[str]) -> None:
        self.bare = Parent([], selector)
        self.warm = Parent(libraries, selector) if libraries else self.bare
        self._where: dict[int, Parent] = {}

    def start(self, id_: int, spec: str, log: int, libraries: bool, spawn: bool) -> None:
        """Ask for one step; ``log`` is the writing end of its pipe."""
        parent = self.warm if libraries and self.warm.ready and not spawn else self.bare
        request = json.dumps({"id": id_, "spec": spec, "spawn": spawn}).encode() + b"\n"
        socket.send_fds(parent.socket, [request], [log])
        self._where[id_] = parent

    def signal(self, id_: int, number: int) -> None:
        request = {"id": id_, "signal": int(number)}
        self._where[id_].socket.sendall(json.dumps(request).encode() + b"\n")

    def messages(self) -> list[dict[str, Any]]:
        """What the parents have said since the last time."""
        found: list[dict[str, Any]] = []
        for parent in {id(p): p for p in (self.bare, self.warm)}.values():
            found += parent.inbox
            parent.inbox = []
        return found

    def close(self) -> None:
        """The parents end when their sockets close."""
        for parent in {id(p): p for p in (self.bare, self.warm)}.values():
            parent.socket.close()
