"""One watch of one kind of objects in a namespace: it lists them, watches their changes, and begins again when the connection breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube

WATCH = 300  #: seconds of one watch
POLL = 10.0  #: seconds between two lists, where the user may list a kind and not watch it
SELDOM = 60.0  #: seconds between two attempts after an error that does not go away
SHORTEST = 1.0  #: seconds between the beginnings of two watches
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  #: seconds between attempts, longer each time
Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """Which objects are watched.

    Parameters
    ----------
    path
        The path that lists them.
    query
        The selectors.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()


class ResourceWatch:
    """Watches the objects of a kind while somebody needs them.

    Parameters
    ----------
    on_list
        Gets all objects, at the beginning and whenever changes may have been missed.
    on_change
        Gets the kind of a change (``ADDED``, ``MODIFIED``, ``DELETED``) and the object.
    on_error
        Gets an error that does not go away, and ``None`` when the server answers again.
    """

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        on_list: Callable[[list[Json]], None],
        on_change: Callable[[str, Json], None],
        on_error: Callable[[ClusterError | None], None],
    ) -> None:
        self._kube, self._kind = kube, kind
        self._on_list, self._on_change, self._on_error = on_list, on_change, on_error
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._may_watch = True

    def start(self) -> None:
        """Watch from now on. A watch that still runs is used again."""
        with self._lock:
            self._needed.set()
            self._idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"kfnb watch {self._kind.path}", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Let the watch end. It ends with the next change, or when the server ends it, since nothing interrupts reading."""
        with self._lock:
            self._needed.clear()
            self._idle.set()

    def _run(self) -> None:
        tries, version = 0, ""
        while self._goes_on():
            began = time.monotonic()
            try:
                if not version:
                    version = self._list()
                    self._on_error(None)
                version = self._watch(version)
                tries = 0
                if time.monotonic() - began < SHORTEST:  # something between us and the server ends connections at once
                    self._idle.wait(SHORTEST)
            except ClusterError as error:
                if error.kind == "forbidden" and version:
                    self._may_watch = False
                if error.kind in ("forbidden", "gone"):
                    version = ""
                tries += 1
                self._pause(error, tries)
            except Exception as error:  # an answer of another form must reach whoever waits for it
                self._on_error(ClusterError("refused", f"{self._kube.server} sent something unknown: {error!r}"))
                self._idle.wait(SELDOM)
                version = ""

    def _pause(self, error: ClusterError, tries: int) -> None:
        if not error.retryable and tries > len(PAUSES):
            self._on_error(error)
            self._idle.wait(SELDOM)
        else:
            self._idle.wait(PAUSES[min(tries, len(PAUSES)) - 1])

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._needed.is_set():
                self._thread = None
                return False
            return True

    def _list(self) -> str:
        answer = self._kube.session.request_json("GET", self._kind.path, query=dict(self._kind.query))
        self._on_list(list(answer.get("items") or ()))
        return str((answer.get("metadata") or {}).get("resourceVersion") or "0")

    def _watch(self, version: str) -> str:
        """Pass on the changes after a version, and return the version after the last one. It is empty where the user may not watch."""
        if not self._may_watch:
            self._idle.wait(POLL)
            return ""
        query = {**dict(self._kind.query), "allowWatchBookmarks": "true"}
        for change, body in self._kube.watch(self._kind.path, query, version, WATCH):
            version = str(body["metadata"]["resourceVersion"])
            if change != "BOOKMARK":
                self._on_change(change, body)
            if not self._needed.is_set():
                break
        return version
