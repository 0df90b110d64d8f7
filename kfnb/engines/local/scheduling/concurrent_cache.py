"""Locks on cached results: when several runs need the same result at one time, one run produces it and the others wait."""

from __future__ import annotations

import os
from pathlib import Path

from kfnb.runs.record.file_lock import hold

LOOK_EVERY = 0.05  #: seconds between two looks at a result that another run produces


class ResultLocks:
    """The locks that one run holds on the results it produces, by their keys. They end with the run's process.

    Parameters
    ----------
    folder
        The folder of the lock files, which all runs that share results use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handles: dict[str, int] = {}

    def acquire(self, key: str) -> bool:
        """Take the lock on a result. Returns ``False`` when this run or another run holds it already."""
        if key in self._handles:
            return False
        self._folder.mkdir(exist_ok=True)
        handle = hold(self._folder / key)
        if handle is None:
            return False
        self._handles[key] = handle
        return True

    def release(self, key: str) -> None:
        """Release the lock on a result that is in the cache now, or that this run will not produce."""
        handle = self._handles.pop(key, None)
        if handle is not None:
            # A run that has this file open already may take the lock now: it then finds the result in the cache.
            (self._folder / key).unlink(missing_ok=True)
            os.close(handle)
