"""A thread that keeps the record of one run up to date."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL

FOLLOW_LOCK = "follow.lock"  #: in the run's folder: the process that holds it follows the run


class Follower(Protocol):
    """Brings one run's record up to date."""

    def run(self) -> None:
        """Follow the run until its end."""

    def update(self, log_of: str = "") -> None:
        """Record the current state once, with the log so far of the step at the path ``log_of`` if it runs."""


class FollowThread(threading.Thread):
    """Follows a run while this process holds its lock, and waits for the lock while another process holds it.

    It goes on until it is stopped: a run that has ended may be retried while somebody still looks at it.

    Parameters
    ----------
    home
        The folder of the record of runs.
    create_follower
        Creates the follower of a run: it takes the store, the run's id, and a function that says whether to stop.
    """

    def __init__(
        self, home: Path, run_id: str, create_follower: Callable[[RunStore, str, Callable[[], bool]], Follower]
    ) -> None:
        super().__init__(daemon=True)
        self._home, self.run_id, self._create_follower = home, run_id, create_follower
        self._ended = threading.Event()
        self.error: Exception | None = None

    def stop(self) -> None:
        self._ended.set()
        self.join(5)

    def look(self) -> None:
        """Raise the error that ended the thread, if there is one."""
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        store = RunStore(self._home)  # a connection to SQLite belongs to its thread
        try:
            while not self._ended.is_set():
                if store.head(self.run_id)["state"] in FINAL or not self._follow(store):
                    self._ended.wait(0.5)
        except Exception as error:  # any error must reach whoever waits for this thread
            self.error = error
        finally:
            store.close()

    def _follow(self, store: RunStore) -> bool:
        """Follow the run to its end; ``False`` at once when another process follows it."""
        with holding(store.folder(self.run_id) / FOLLOW_LOCK) as acquired:
            if acquired:
                self._create_follower(store, self.run_id, self._ended.is_set).run()
        return acquired
