"""A file lock that the system lets go of when its holder dies, however it dies."""

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
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
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
def holding(path: Path) -> Iterator[bool]:
    """Hold the lock for a while; ``False``: another has it."""
    handle = hold(path)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a living process has the lock."""
    if not path.exists():
        return False
    handle = hold(path)
    if handle is None:
        return True
    os.close(handle)
    return False
