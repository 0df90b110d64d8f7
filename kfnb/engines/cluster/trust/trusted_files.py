"""The files beside notebooks that the user has trusted, with the hash of their content. Only the user can write this list."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.config_files import ConfigFile
from kfnb.engines.cluster.targets.connection import read_configuration
from kfnb.runs.record.file_lock import hold
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.private_record_files import FOLDER_MODE, make_folder, write_file


@dataclass(frozen=True)
class Trusted:
    """A file that the user has trusted, with the hash of its content at that time.

    Parameters
    ----------
    files
        The SHA-256 of the files beside it that it names, by their paths, such as a kubeconfig and the programs that this runs. They are
        trusted only with this content, too.
    """

    path: str
    sha256: str
    time: float
    files: dict[str, str] = field(default_factory=dict)


class TrustStore:
    """The list of the files that the user has trusted.

    Parameters
    ----------
    folder
        The folder of the list. It is created when the user trusts a file for the first time.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or home_folder() / "trust"
        self._file = self._folder / "files.json"

    def all(self) -> list[Trusted]:
        """The trusted files, the oldest first. Raises `BadTarget` when somebody else may have written the list."""
        try:
            content = read_configuration(self._file)
            about = self._file.stat()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BadTarget(f"{self._file} cannot be read: {error.strerror}") from None
        if about.st_uid not in (0, os.getuid()) or stat.S_IMODE(about.st_mode) & 0o022:
            raise BadTarget(
                f"{self._file} can be written by other users, so kfnb does not use it: delete it, and trust your files again"
            )
        try:
            return [Trusted(**entry) for entry in json.loads(content)]
        except (ValueError, TypeError):
            raise BadTarget(f"{self._file} cannot be read: delete it, and trust files again") from None

    def of(self, file: ConfigFile) -> Trusted | None:
        """The entry of a file, or ``None`` when the user has not trusted it, or when it or a file that it names has changed since."""
        trusted = next((t for t in self.all() if t.path == str(file.path)), None)
        if trusted is None or trusted.sha256 != file.sha256:
            return None
        return trusted if all(hash_of(Path(p)) == h != "" for p, h in trusted.files.items()) else None

    def add(self, file: ConfigFile, files: dict[str, str]) -> None:
        """Trust a file with its current content. ``files`` are the hashes of the files beside it that it names."""
        with self._changing() as entries:
            entries[:] = [t for t in entries if t.path != str(file.path)]
            entries.append(Trusted(str(file.path), file.sha256, time.time(), files))

    def remove(self, path: Path) -> bool:
        """Stop trusting a file. Returns whether it was trusted."""
        with self._changing() as entries:
            remaining = [t for t in entries if t.path != str(path)]
            removed = len(remaining) < len(entries)
            entries[:] = remaining
        return removed

    @contextmanager
    def _changing(self) -> Iterator[list[Trusted]]:
        """A context with all entries, which the caller may change. A lock keeps other processes from changing them at the same time, and a
        reader finds either the old entries or the new ones.
        """
        make_folder(self._folder)
        self._folder.chmod(FOLDER_MODE)
        lock = hold(self._folder / "lock", patience=10)
        if lock is None:
            raise BadTarget(f"another process is changing {self._folder}: try again")
        try:
            entries = self.all()
            yield entries
            write_file(self._file, json.dumps([asdict(t) for t in entries], indent=1))
        finally:
            os.close(lock)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file. It is empty when the file cannot be read."""
    try:
        return hashlib.sha256(read_configuration(path)).hexdigest()
    except OSError:
        return ""
