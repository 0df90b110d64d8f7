"""Why a step in a container failed, in words for the user."""

from __future__ import annotations

import errno
from typing import Any

READ_ONLY = f"[Errno {errno.EROFS}]"
NOT_ALLOWED = f"[Errno {errno.EACCES}]"


class ContainerFailure(Exception):
    """A step cannot run in its container. ``type`` is the name of the failure, the text says why."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type

    def to_json(self) -> dict[str, Any]:
        return {"kind": "image", "type": self.type, "message": str(self)}


def memory_error(limit: str) -> dict[str, Any]:
    """The error of a step in whose container the kernel killed a process for its memory. ``limit`` is the mark, if there is one."""
    message = "the system was out of memory, and killed the step"
    if limit:
        message = f"the step used more memory than its mark `memory:{limit}` allows, and was killed: raise the mark, or work on smaller parts of the data"
    return {"kind": "died", "type": "OutOfMemory", "message": message}


def with_hint(error: dict[str, Any]) -> dict[str, Any]:
    """The error of a step, with what its container has to do with it."""
    message = str(error.get("message", ""))
    if message.startswith(READ_ONLY):
        hint = "in a container, a step can write to the notebook's folder and to /tmp"
    elif message.startswith(NOT_ALLOWED):
        hint = "in a container, a step runs as the user who started the run, not as the user of the image"
    else:
        return error
    return {**error, "message": f"{message}; {hint}"}
