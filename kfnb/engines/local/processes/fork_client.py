"""The scheduler's client of the fork servers: one server is bare, one has the notebook's libraries imported."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from kfnb.engines.local.processes import fork_server
from kfnb.engines.local.processes.fork_server import serve


class StepServer:
    """A process that starts steps and follows them to their end, and the messages it has sent.

    Parameters
    ----------
    serve
        What the process does with its end of the socket. It never returns.
    error
        What has gone wrong when the process ends without having been ready; ``None`` when it is only known that it was killed.
    """

    def __init__(
        self, serve: Callable[[socket.socket], NoReturn], selector: selectors.BaseSelector, error: str | None
    ) -> None:
        own_end, server_end = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            own_end.close()
            _become_server(server_end, serve)
        server_end.close()
        self.socket, self.ready, self.ended = own_end, False, False
        self.error = error
        self._unread = b""
        self._children: dict[int, int] = {}  #: the process groups of its steps, by the ids of their attempts
        self.inbox: list[dict[str, Any]] = []
        selector.register(own_end, selectors.EVENT_READ, self._receive)
        self._selector = selector

    def send(self, request: dict[str, Any], handles: list[int]) -> None:
        # a server that has ended is noticed when its messages are read
        with contextlib.suppress(OSError):
            socket.send_fds(self.socket, [json.dumps(request).encode() + b"\n"], handles)

    def _receive(self, _: Any) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError:  # it ended before it had read all requests
            data = b""
        if not data:
            self._server_ended()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ready" in message:
                self.ready, self.error = message["ready"], None
            elif "pid" in message:
                self._children[message["id"]] = message["pid"]
            elif "begun" in message:
                self.inbox.append(message)
            else:
                self._children.pop(message["id"], None)
                self.inbox.append(message)

    def _server_ended(self) -> None:
        """The server was killed. Kill its steps, since nobody waits for them any more."""
        self.ended, self.ready = True, False
        self._selector.unregister(self.socket)
        for group in self._children.values():
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)


def _become_server(connection: socket.socket, serve: Callable[[socket.socket], NoReturn]) -> NoReturn:
    """Become a server in the forked process, which keeps only the socket and the log of the scheduler."""
    os.setsid()  # a killed process group of the scheduler leaves this process to end the steps
    socket_fd = connection.fileno()
    os.closerange(3, socket_fd)
    os.closerange(socket_fd + 1, 256)
    serve(connection)


def _serve_with(connection: socket.socket, imports: list[str], python: str | None) -> NoReturn:
    """Become a fork server, of this interpreter or of ``python``."""
    if python is None:
        serve(connection, imports)
    socket_fd = connection.fileno()
    connection.set_inheritable(True)
    try:
        os.execv(python, [python, fork_server.__file__, str(socket_fd), *imports])
    except OSError as error:
        sys.stderr.write(f"{python} cannot be started: {error}\n")
    os._exit(1)


class ForkClient:
    """Starts steps through the suitable fork server. ``mask`` is the umask of the steps."""

    def __init__(
        self, selector: selectors.BaseSelector, libraries: list[str], python: str | None, mask: int = 0o022
    ) -> None:
        self._selector, self._python, self._mask = selector, python, mask
        self.bare = self._new_server([])
        self.warm = self._new_server(libraries) if libraries else self.bare
        self._servers: dict[int, StepServer] = {}

    def _new_server(self, libraries: list[str]) -> StepServer:
        python = self._python
        error = f"`{python}` could not be started: its error message is in the run's scheduler.log" if python else None
        return StepServer(lambda connection: _serve_with(connection, libraries, python), self._selector, error)

    def start(self, id_: int, spec: str, log: int, libraries: bool, spawn: bool) -> None:
        """Request one step. ``log`` is the writing end of its pipe."""
        if self.bare.ended:
            self.bare = self._new_server([])
        server = self.warm if libraries and self.warm.ready and not spawn else self.bare
        self._servers[id_] = server
        server.send({"id": id_, "spec": spec, "spawn": spawn, "mask": self._mask}, [log])

    def signal(self, id_: int, number: int) -> None:
        self._servers[id_].send({"id": id_, "signal": int(number)}, [])

    def messages(self) -> list[dict[str, Any]]:
        """The servers' messages since the last call. The steps of a server that has ended count as killed."""
        received: list[dict[str, Any]] = []
        for server in {id(p): p for p in self._servers.values()}.values():
            received += server.inbox
            server.inbox = []
        for message in received:
            del self._servers[message["id"]]
        lost = {id_: server.error for id_, server in self._servers.items() if server.ended}
        for id_ in lost:
            del self._servers[id_]
        return received + [{"id": id_, "status": -signal.SIGKILL, "why": error} for id_, error in lost.items()]

    def close(self) -> None:
        """Close the sockets, which ends the servers."""
        for server in {id(p): p for p in (self.bare, self.warm)}.values():
            server.socket.close()
