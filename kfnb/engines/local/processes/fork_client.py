"""The scheduler's side of the warm parents: one bare, one with the notebook's libraries imported."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

from kfnb.engines.local.processes import fork_server
from kfnb.engines.local.processes.fork_server import serve


class Parent:
    """One forking parent and the messages it has sent. ``python``: its interpreter, where that is another."""

    def __init__(self, imports: list[str], selector: selectors.BaseSelector, python: str | None) -> None:
        mine, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            mine.close()
            _become(theirs, imports, python)
        theirs.close()
        self.socket, self.ready, self.gone = mine, False, False
        self.why: str | None = (
            f"`{python}` could not be started: what it said is in the run's scheduler.log" if python else None
        )
        self._rest = b""
        self._children: dict[int, int] = {}  #: process groups of its steps, by the ids of their attempts
        self.inbox: list[dict[str, Any]] = []
        selector.register(mine, selectors.EVENT_READ, self._arrived)
        self._selector = selector

    def ask(self, request: dict[str, Any], handles: list[int]) -> None:
        # one that has ended is noticed where its last words are read
        with contextlib.suppress(OSError):
            socket.send_fds(self.socket, [json.dumps(request).encode() + b"\n"], handles)

    def _arrived(self, _: Any) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError:  # it ended without having read all that it was asked
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ready" in message:
                self.ready, self.why = message["ready"], None
            elif "pid" in message:
                self._children[message["id"]] = message["pid"]
            else:
                self._children.pop(message["id"], None)
                self.inbox.append(message)

    def _lost(self) -> None:
        """It has ended, by the system's hand; nobody waits for its steps any more."""
        self.gone, self.ready = True, False
        self._selector.unregister(self.socket)
        for group in self._children.values():
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)


def _become(connection: socket.socket, imports: list[str], python: str | None) -> NoReturn:
    """In the forked parent: nothing of the scheduler's but the socket and its log."""
    os.setsid()  # whoever kills the scheduler's process group leaves somebody to end the steps
    keep = connection.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 256)
    if python is None:
        serve(connection, imports)
    connection.set_inheritable(True)
    try:
        os.execv(python, [python, fork_server.__file__, str(keep), *imports])
    except OSError as error:
        sys.stderr.write(f"{python} cannot be started: {error}\n")
    os._exit(1)


class Forks:
    """Starts steps in the parent that suits them. ``mask``: which permissions the files do not get that steps make."""

    def __init__(
        self, selector: selectors.BaseSelector, libraries: list[str], python: str | None, mask: int = 0o022
    ) -> None:
        self._selector, self._python, self._mask = selector, python, mask
        self.bare = self._parent([])
        self.warm = self._parent(libraries) if libraries else self.bare
        self._where: dict[int, Parent] = {}

    def _parent(self, libraries: list[str]) -> Parent:
        return Parent(libraries, self._selector, self._python)

    def start(self, id_: int, spec: str, log: int, libraries: bool, spawn: bool) -> None:
        """Ask for one step; ``log`` is the writing end of its pipe."""
        if self.bare.gone:
            self.bare = self._parent([])
        parent = self.warm if libraries and self.warm.ready and not spawn else self.bare
        self._where[id_] = parent
        parent.ask({"id": id_, "spec": spec, "spawn": spawn, "mask": self._mask}, [log])

    def signal(self, id_: int, number: int) -> None:
        self._where[id_].ask({"id": id_, "signal": int(number)}, [])

    def messages(self) -> list[dict[str, Any]]:
        """What the parents have said since the last time. Steps whose parent is gone have ended with it."""
        found: list[dict[str, Any]] = []
        for parent in {id(p): p for p in self._where.values()}.values():
            found += parent.inbox
            parent.inbox = []
        for message in found:
            del self._where[message["id"]]
        lost = {id_: parent.why for id_, parent in self._where.items() if parent.gone}
        for id_ in lost:
            del self._where[id_]
        return found + [{"id": id_, "status": -signal.SIGKILL, "why": why} for id_, why in lost.items()]

    def close(self) -> None:
        """The parents end when their sockets close."""
        for parent in {id(p): p for p in (self.bare, self.warm)}.values():
            parent.socket.close()
