"""Follows the log of one pod in a thread of its own."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog

PAUSES = (0.3, 0.5, 1.0, 2.0, 5.0)  #: seconds between attempts to read a log, longer each time
MOST_FOLLOWED = 1000  #: logs that a process follows at once
FILES_OF_LOG = 8  #: a followed log opens up to four files, a connection among them; half of all stay free
TURN = 5.0  #: seconds after which a log that waits for its turn looks whether it is still wanted


def most_followed() -> int:
    """How many logs this process may follow at once, so that it does not run out of open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FOLLOWED if files == resource.RLIM_INFINITY else max(1, min(MOST_FOLLOWED, files // FILES_OF_LOG))


_turns = threading.BoundedSemaphore(most_followed())


class PodLogThread(threading.Thread):
    """Follows one pod's log until the container has ended. A log whose connection breaks is read again from its beginning.

    When the process follows as many logs as it may, the log waits until another one has ended.

    Parameters
    ----------
    find_pod
        Returns the name of the pod, or ``None`` while it is not known.
    """

    def __init__(
        self, kube: Kube, recorded: RecordedLog, find_pod: Callable[[], str | None], stopping: Callable[[], bool]
    ) -> None:
        super().__init__(daemon=True)
        self.kube, self.recorded = kube, recorded
        self._find_pod, self._stopping = find_pod, stopping
        self._stopped = threading.Event()
        self._begin, self._has_begun = threading.Lock(), False

    def stop(self) -> None:
        self._stopped.set()

    def stop_waiting(self) -> bool:
        """Give up the turn of this log if it has not come yet, and return whether that is so. Nothing is then read here."""
        with self._begin:
            if not self._has_begun:
                self._stopped.set()
            return not self._has_begun

    def run(self) -> None:
        while not _turns.acquire(timeout=TURN):
            if not self._is_wanted():
                return
        try:
            with self._begin:
                self._has_begun = not self._stopped.is_set()
            self._follow()
        finally:
            _turns.release()

    def _is_wanted(self) -> bool:
        return not self._stopped.is_set() and not self._stopping()

    def _follow(self) -> None:
        tries = 0
        while self._is_wanted() and self.recorded.report.state is None:
            try:
                pod = self._find_pod()
                if pod is not None and not self._stopped.is_set():
                    self.recorded.append(self._lines(pod))
                    return
            except ClusterError as error:
                if not error.retryable:
                    return
            end = time.monotonic() + PAUSES[min(tries, len(PAUSES) - 1)]
            while time.monotonic() < end and not self._stopping() and not self._stopped.wait(0.1):
                pass
            tries += 1

    def _lines(self, pod: str) -> Iterator[str]:
        for line in self.kube.log(pod, follow=True):
            if self._stopped.is_set():
                return
            yield line
