"""A file lock that the operating system releases when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def hold(path: Path, patience: float = 0.0) -> int | None:
    """Take the lock and give its file descriptor; ``None`` when another process has it.

    ``patience``: seconds to go on trying, since one who only asks `is_held` has it for a moment too.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(handle)
                return None
            time.sleep(0.002)


@contextmanager
def holding(path: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lock inside the block. The value is ``False`` if another process has it."""
    handle = hold(path, patience)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a living process has the lock. The check writes nothing, and several checks do not disturb each other."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
