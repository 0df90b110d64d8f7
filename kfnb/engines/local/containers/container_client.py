"""The scheduler's client of the keeper of containers."""

from __future__ import annotations

import selectors
import signal
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_keeper import keep_containers
from kfnb.engines.local.containers.container_tool import ContainerTool
from kfnb.engines.local.processes.fork_client import StepServer


class ContainerClient:
    """Starts steps in containers, through a keeper. It does for containers what `kfnb.engines.local.processes.fork_client.ForkClient` does
    for processes.

    Parameters
    ----------
    run
        The id of the run, which its containers are labelled with.
    kept
        The folder of what later runs share: packages, and what is known of images.
    mask
        The umask of the steps.
    """

    def __init__(self, selector: selectors.BaseSelector, tool: ContainerTool, run: str, kept: Path, mask: int) -> None:
        self._selector, self._tool, self._run, self._kept, self._mask = selector, tool, run, kept, mask
        self._keeper = self._new_keeper()
        self._started: set[int] = set()

    def _new_keeper(self) -> StepServer:
        return StepServer(
            lambda connection: keep_containers(connection, self._tool, self._run, self._kept), self._selector, None
        )

    def start(self, id_: int, spec: str, log: int, libraries: bool, spawn: bool) -> None:
        """Request one step. A container has its own interpreter, so it makes no difference what that has imported."""
        if self._keeper.ended:
            self._keeper = self._new_keeper()
        self._started.add(id_)
        self._keeper.send({"id": id_, "spec": spec, "mask": self._mask}, [log])

    def signal(self, id_: int, number: int) -> None:
        self._keeper.send({"id": id_, "signal": int(number)}, [])

    def messages(self) -> list[dict[str, Any]]:
        """The keeper's messages since the last call. When it has ended, its containers are removed and count as killed."""
        received, self._keeper.inbox = self._keeper.inbox, []
        self._started -= {m["id"] for m in received if "status" in m}
        if not self._keeper.ended or not self._started:
            return received
        self._tool.remove(*self._tool.containers_of(self._run))
        lost, self._started = self._started, set()
        return received + [{"id": id_, "status": -signal.SIGKILL} for id_ in sorted(lost)]

    def close(self) -> None:
        """Close the socket, which ends the keeper."""
        self._keeper.socket.close()
