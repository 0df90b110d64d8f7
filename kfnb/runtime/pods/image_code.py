"""Takes the modules of a step from its image, which was built with them, into its working folder."""

from __future__ import annotations

import os
from zlib import crc32

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

FOLDER = "/opt/kfnb/code"  #: where an image has them


def take_code(checksums: dict[str, int], folder: str) -> dict[str, Any]:
    """Copy modules, and return why a step cannot begin, or nothing.

    Parameters
    ----------
    checksums
        The CRC-32 of each module, by path. A module of another content is never used.
    """
    for name, checksum in checksums.items():
        try:
            with open(os.path.join(FOLDER, name), "rb") as file:
                content = file.read()
        except OSError as error:
            return _failure("the step's image lacks its module %s (%s)" % (name, error.strerror))
        if crc32(content) != checksum:
            return _failure("the step's image has another version of its module %s" % name)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return {}


def _failure(reason: str) -> dict[str, Any]:
    return {
        "kind": "image",
        "type": "ImageError",
        "message": "%s: submit the run again, which builds its images" % reason,
    }
