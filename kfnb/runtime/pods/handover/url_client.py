"""Moves files between a step and a value store at a URL. A process of its own does the work (see `url_files`)."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: By the scheme of a URL, the module that `fsspec` needs for it, and the package that has the module.
FILESYSTEMS = {
    "s3": ("s3fs", "s3fs"), "s3a": ("s3fs", "s3fs"), "gs": ("gcsfs", "gcsfs"), "gcs": ("gcsfs", "gcsfs"), "az": ("adlfs", "adlfs"),
    "abfs": ("adlfs", "adlfs"), "abfss": ("adlfs", "adlfs"), "sftp": ("paramiko", "paramiko"), "ssh": ("paramiko", "paramiko"),
    "oss": ("ossfs", "ossfs"), "hf": ("huggingface_hub", "huggingface_hub"), "hdfs": ("pyarrow", "pyarrow"),
}  # fmt: skip


class UrlClient:
    """The value store at ``url``, for one step.

    Parameters
    ----------
    options
        The options of the filesystem.
    sources
        Where packages come from, when the image lacks those of the filesystem.
    packages
        The folder for these packages. The steps of one pod share it, so that they are installed once.
    """

    def __init__(self, url: str, options: dict[str, Any], sources: dict[str, Any], packages: str) -> None:
        self.url, self._options, self._sources, self._packages = url, options, sources, packages
        self._process: Any = None
        self._files: Any = None
        if url.startswith("file://"):
            from kfnb.runtime.pods.handover.url_files import open_files

            self._files = open_files(url, options)

    def get(self, name: str, path: str) -> None:
        """Copy a file of the store to ``path``. Raises `FileNotFoundError` when there is none, else `Failure`."""
        self._do("get", name, path, "load")

    def put(self, path: str, name: str) -> None:
        """Copy a file into the store. Raises `Failure`."""
        self._do("put", path, name, "store")

    def close(self) -> None:
        """End the process that moves files. The next file starts another."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _do(self, action: str, source: str, target: str, kind: str) -> None:
        try:
            answer = self._ask(action, source, target)
        except OSError as error:
            answer = {"type": type(error).__name__, "message": str(error), "gone": isinstance(error, FileNotFoundError)}
        if action == "get" and answer.get("gone"):
            raise FileNotFoundError(2, "the value store has no such file", "%s/%s" % (self.url, source))
        if answer:
            message = "the value store %s cannot be used: %s" % (self.url, answer["message"] or answer["type"])
            raise Failure(kind, answer["type"], message)

    def _ask(self, action: str, source: str, target: str) -> dict[str, Any]:
        if self._files is not None:
            getattr(self._files, action)(source, target)
            return {}
        if self._process is None:
            self._process = self._start()
        self._process.stdin.write(dumps([action, source, target]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            return {"type": "OSError", "message": "the process that moves files ended; the log has its last words"}
        answer: dict[str, Any] = loads(line.decode())
        return answer

    def _start(self) -> Any:
        """Start the process. It has a folder of packages of its own where the image lacks the filesystem's."""
        import subprocess

        from kfnb.runtime.pods.handover import url_files

        environment = dict(os.environ)
        if self._lacks_filesystem():
            environment["PYTHONPATH"] = self._packages
        return subprocess.Popen(
            [sys.executable, url_files.__file__, self.url, dumps(self._options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip

    def _lacks_filesystem(self) -> bool:
        """Whether the image lacks the packages of the filesystem. They are installed then, unless a step of this pod has done so."""
        from importlib.util import find_spec

        scheme = self.url.partition("://")[0]
        module, package = FILESYSTEMS.get(scheme, ("fsspec", "fsspec"))
        if find_spec("fsspec") and find_spec(module):
            return False
        if not os.path.isdir(self._packages):
            from shutil import move

            from kfnb.runtime.pods.install_packages import installed_apart

            made, unfinished = (
                installed_apart(list(dict.fromkeys(("fsspec", package))), self._sources),
                self._packages + ".new",
            )
            os.makedirs(os.path.dirname(self._packages), exist_ok=True)
            move(made, unfinished)  # from another disk, perhaps
            os.rename(unfinished, self._packages)
        return True


def value_store(job: dict[str, Any], folder: str) -> UrlClient:
    """The value store of a step's job. Its packages go into ``folder``, which all steps of the pod share."""
    store = job["values"]
    packages = os.path.join(folder, "store-packages")
    return UrlClient(store["url"], store.get("options", {}), store.get("sources") or job.get("sources", {}), packages)
