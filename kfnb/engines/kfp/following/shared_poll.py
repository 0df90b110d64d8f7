"""One request for the states of all runs that this process follows on a server, however many these are.

Each run says how long its own state may wait. The first that must know asks for all that will soon have to know, and the others find the answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import Connection
from kfnb.engines.kfp.kfp_client import KfpClient

MOST = 50  #: runs in one answer: each comes with its whole pipeline
SOON = 0.5  #: the share of its wait after which a run is asked for with another
REST = 2.0  #: seconds after an error in which the server is left alone
REFUSED = ("forbidden", "refused", "missing")  #: what a server says that gives single runs and no lists
Json = dict[str, Any]

_polls: dict[tuple[Connection, str], SharedPoll] = {}
_polls_lock = threading.Lock()


class FollowedRun:
    """What is known of one run, and when it is to be asked for again."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.wait = 0.0  #: seconds that the last answer may be old
        self._asked: float | None = None
        self._answer: Json | None = None  #: the last answer, until it is taken

    def is_due(self) -> bool:
        """Whether there is an answer that nobody has taken, or it is time for one."""
        return self._answer is not None or self._is_old(1.0)

    def is_soon_due(self) -> bool:
        return self._is_old(SOON)

    def _is_old(self, share: float) -> bool:
        return self._asked is None or time.monotonic() - self._asked >= share * self.wait

    def give(self, answer: Json) -> None:
        self._answer, self._asked = answer, time.monotonic()

    def take(self) -> Json | None:
        """The last answer, once."""
        answer, self._answer = self._answer, None
        return answer


class SharedPoll:
    """The runs that this process follows on one server.

    Parameters
    ----------
    client
        The client that asks. One request goes on at a time.
    """

    def __init__(self, client: KfpClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._followed: list[FollowedRun] = []
        self._has_lists = True
        self._error: tuple[float, ClusterError] | None = None  #: when the server last failed, and how

    @contextmanager
    def following(self, run_id: str) -> Iterator[FollowedRun]:
        """A context in which a run is asked for together with the others."""
        followed = FollowedRun(run_id)
        with self._lock:
            self._followed.append(followed)
        try:
            yield followed
        finally:
            with self._lock:
                self._followed.remove(followed)

    def ask(self, followed: FollowedRun) -> Json:
        """The newest state of a run. Raises `ClusterError`, also when the server no longer has the run."""
        with self._lock:
            answer = followed.take()
            if answer is None:
                self._raise_last_error()
                try:
                    self._ask_for_all(followed)
                    answer = followed.take() or self._ask_for_one(followed)
                except ClusterError as error:
                    self._error = (time.monotonic(), error) if error.retryable else None
                    raise
            return answer

    def _raise_last_error(self) -> None:
        """Raise the error of a moment ago again: a server that is away is not asked by each run in turn."""
        if self._error is not None and time.monotonic() - self._error[0] < REST:
            raise self._error[1]
        self._error = None

    def _ask_for_one(self, followed: FollowedRun) -> Json:
        followed.give(self._client.run(followed.run_id))
        return followed.take() or {}

    def _ask_for_all(self, followed: FollowedRun) -> None:
        """Ask for a run and for all others that will soon be due, if there are any."""
        others = [f for f in self._followed if f is not followed and f.is_soon_due()][: MOST - 1]
        if not others or not self._has_lists:
            return
        asked = [followed, *others]
        try:
            runs = {r["run_id"]: r for r in self._client.runs({f.run_id for f in asked})}
        except ClusterError as error:
            if error.retryable or error.kind not in REFUSED:
                raise
            self._has_lists = False
            return
        for one in asked:
            if one.run_id in runs:
                one.give(runs[one.run_id])


def shared_poll(client: KfpClient, connection: Connection) -> SharedPoll:
    """The poll of a server that all runs in this process share.

    Parameters
    ----------
    connection
        How the server is reached. Two users of one server have polls of their own, since they may have other rights.
    """
    with _polls_lock:
        return _polls.setdefault((connection, client.host), SharedPoll(client))
