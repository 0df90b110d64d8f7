"""The files of a value store at a URL: on a shared volume by the standard library, elsewhere by `fsspec`.

As a program it serves one step: it reads requests from standard input and answers each, one JSON line for one. So the step's own
process imports neither `fsspec` nor what that needs, whose versions may be others than those of the user's packages.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Union

    UrlFiles = Union["FolderFiles", "FsspecFiles"]

PIECE = 1 << 20
PATIENCE = 600  #: seconds; a store of the kind S3 may take minutes to put the parts of a large file together
PART = 16 * 1024 * 1024  #: bytes that are sent or asked for at a time; a store takes up to 10,000 parts


def open_files(url: str, options: dict[str, Any]) -> UrlFiles:
    """The files below a URL. ``options`` are those of its filesystem, such as ``endpoint_url``."""
    return FolderFiles(url[len("file://") :]) if url.startswith("file://") else FsspecFiles(url, options)


class FolderFiles:
    """The files below a folder that all pods share."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, name: str, path: str) -> None:
        """Copy a file of the store to ``path``. Raises `FileNotFoundError` when there is none."""
        shutil.copyfile(os.path.join(self._folder, name), path)

    def put(self, path: str, name: str) -> None:
        """Copy a file into the store, where it appears in one go."""
        target = os.path.join(self._folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = "%s.%d.new" % (target, os.getpid())
        shutil.copyfile(path, temporary)
        os.replace(temporary, target)

    def remove(self, name: str) -> None:
        """Remove a folder of the store with all that is in it, if there is such a folder."""
        shutil.rmtree(os.path.join(self._folder, name), ignore_errors=True)


class FsspecFiles:
    """The files below a URL of one of the filesystems of `fsspec`."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        from fsspec.core import url_to_fs

        if url.startswith("s3"):
            options = {"config_kwargs": {"read_timeout": PATIENCE}, **options}
        self._files, self._root = url_to_fs(url.rstrip("/"), **options)

    def get(self, name: str, path: str) -> None:
        """Copy a file of the store to ``path``. Raises `FileNotFoundError` when there is none."""
        # Some filesystems' own way to copy a file keeps hundreds of megabytes of it in memory.
        with self._files.open(self._path(name), "rb", block_size=PART) as source, open(path, "wb") as file:
            shutil.copyfileobj(source, file, PIECE)

    def put(self, path: str, name: str) -> None:
        """Copy a file into the store."""
        target = self._path(name)
        with open(path, "rb") as source, self._files.open(target, "wb", block_size=PART) as file:
            shutil.copyfileobj(source, file, PIECE)

    def remove(self, name: str) -> None:
        """Remove a folder of the store with all that is in it, if there is such a folder."""
        self._files.invalidate_cache()
        if self._files.exists(self._path(name)):
            self._files.rm(self._path(name), recursive=True)

    def _path(self, name: str) -> str:
        return "%s/%s" % (self._root, name)


def serve(url: str, options: dict[str, Any]) -> None:
    """Answer the requests of standard input: ``["get", NAME, PATH]`` or ``["put", PATH, NAME]``."""
    answers, files = os.fdopen(os.dup(1), "w"), None
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        action, source, target = json.loads(line)
        try:
            files = files or open_files(url, options)
            getattr(files, action)(source, target)
            answer: dict[str, Any] = {}
        except Exception as error:  # whatever the client of a store raises
            answer = {"type": type(error).__name__, "message": str(error), "gone": isinstance(error, FileNotFoundError)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
