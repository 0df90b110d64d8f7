"""Follows the log of one pod in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog

PAUSES = (0.3, 0.5, 1.0, 2.0, 5.0)  #: seconds between attempts to read a log, longer each time


class PodLogThread(threading.Thread):
    """Follows one pod's log until the container has ended. A log whose connection breaks is read again from its beginning.

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

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        tries = 0
        while not self._stopped.is_set() and not self._stopping() and self.recorded.report.state is None:
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
