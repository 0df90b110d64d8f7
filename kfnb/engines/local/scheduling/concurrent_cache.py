"""Steps that several runs with a cache would make at one time: one makes them, the others wait for what it leaves."""

from __future__ import annotations

import os
from pathlib import Path

from kfnb.runs.record.file_lock import hold

LOOK_EVERY = 0.05  #: seconds between two looks at a step that another run makes


class Sharing:
    """The steps that one run is making, by the keys of their results. A run that dies lets go of all of them.

    Parameters
    ----------
    folder
        Where all runs that share results keep a lock for each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def take(self, key: str) -> bool:
        """Begin to make it; ``False``: somebody does already."""
        if key in self._held:
            return False
        self._folder.mkdir(exist_ok=True)
        handle = hold(self._folder / key)
        if handle is None:
            return False
        self._held[key] = handle
        return True

    def release(self, key: str) -> None:
        """It is made and in the cache, or nobody makes it now."""
        handle = self._held.pop(key, None)
        if handle is not None:
            # who has the file open already and takes the lock then looks into the cache first
            (self._folder / key).unlink(missing_ok=True)
            os.close(handle)
