"""Ends a run when one of its steps cannot start for too long."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kfnb.runs.record.private_record_files import read_object, write_file
from kfnb.wording import duration

FILE = "failed-start.json"  #: in the run's folder: the step that could not start, and why


@dataclass(frozen=True)
class FailedStart:
    """A step that could not start, and the reason."""

    path: str
    text: str


class StartTimeout:
    """Watches how long the steps of one run cannot start.

    Parameters
    ----------
    folder
        The folder of the run.
    workflow
        The name of the Workflow. A retry of the run has another one.
    seconds
        How long a step may wait for something that is in its way. With 0 it may wait for ever.
    stop
        Stops the run on the cluster, so that its exit handlers run.
    """

    def __init__(self, folder: Path, workflow: str, seconds: int, stop: Callable[[], None]) -> None:
        self._path, self._workflow, self._seconds, self._stop = folder / FILE, workflow, seconds, stop
        self._failure: FailedStart | None = None

    def check(self, blocked: Mapping[str, tuple[str, float]]) -> None:
        """Stop the run if a step waits for too long. ``blocked`` has for each step what is in its way, and since when.

        Raises
        ------
        ClusterError
            When the cluster does not stop the run. The next call tries again.
        """
        for path, (text, since) in blocked.items():
            if self._seconds and time.time() - since >= self._seconds and self.failure() is None:
                said = f"it could not start within {duration(self._seconds)}: {text}"
                self._stop()
                write_file(self._path, json.dumps({"workflow": self._workflow, "path": path, "text": said}))
                return

    def failure(self) -> FailedStart | None:
        """The step that ended the run because it could not start. Another process may have ended it."""
        if self._failure is None and self._path.is_file():
            found = read_object(self._path)
            if found.get("workflow") == self._workflow:
                self._failure = FailedStart(str(found["path"]), str(found["text"]))
        return self._failure
