"""Why a step in a container failed, in words for the user."""

from __future__ import annotations

import errno
import re
from typing import Any

from kfnb.engines.cluster.following.words.image_words import ABSENT, DENIED, UNREACHABLE, own_words

#: What podman and docker say before the cause.
BEFORE_THE_CAUSE = re.compile(
    r'^Error(?: response from daemon)?: (?:initializing source \S+: )?(?:pinging container registry \S+: )?(?:Get "[^"]*": )?'
)
READ_ONLY = f"[Errno {errno.EROFS}]"
NOT_ALLOWED = f"[Errno {errno.EACCES}]"


class ContainerFailure(Exception):
    """A step cannot run in its container. ``type`` is the name of the failure, the text says why."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type

    def to_json(self) -> dict[str, Any]:
        return {"kind": "image", "type": self.type, "message": str(self)}


def missing_words(image: str, tool: str, said: str) -> str:
    """Why an image is not there. ``said`` is the last line of the tool that was to pull it."""
    cause = own_words(BEFORE_THE_CAUSE.sub("", said))
    why = f" ({cause})" if cause else ""
    if UNREACHABLE.search(cause):
        return f"the image {image} is not on this machine, and its registry cannot be reached{why}"
    if DENIED.search(cause):
        return f"the image {image} is not on this machine, and its registry refuses it{why}: log in with `{tool} login`, or correct the image's name"
    if ABSENT.search(cause):
        return f"the image {image} does not exist{why}: correct the mark `image`, or make the image with `{tool} build`"
    return f"the image {image} is not on this machine and cannot be pulled{why}"


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
