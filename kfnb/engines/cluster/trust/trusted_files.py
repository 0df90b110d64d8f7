"""Which files beside notebooks the user has trusted: by their path and content, in a file that only the user can write."""

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
    """A file as it was when the user trusted it.

    Parameters
    ----------
    files
        The SHA-256 of the files beside it that it names, by their paths: a kubeconfig, what that runs. They are trusted as they were, too.
    """

    path: str
    sha256: str
    time: float
    files: dict[str, str] = field(default_factory=dict)


class TrustStore:
    """What the user has trusted.

    Parameters
    ----------
    folder
        The user's own; made when something is first trusted.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or home_folder() / "trust"
        self._file = self._folder / "files.json"

    def all(self) -> list[Trusted]:
        """What was trusted, the oldest first. Raises `BadTarget` when somebody else can have written it."""
        try:
            content = read_configuration(self._file)
            about = self._file.stat()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BadTarget(f"{self._file} cannot be read: {error.strerror}") from None
        if about.st_uid not in (0, os.getuid()) or stat.S_IMODE(about.st_mode) & 0o022:
            raise BadTarget(
                f"{self._file} can be written by others, so it says nothing: delete it, and trust files again"
            )
        try:
            return [Trusted(**entry) for entry in json.loads(content)]
        except (ValueError, TypeError):
            raise BadTarget(f"{self._file} cannot be read: delete it, and trust files again") from None

    def of(self, file: ConfigFile) -> Trusted | None:
        """How the file was trusted, if it and what it names beside it are still what they were then."""
        trusted = next((t for t in self.all() if t.path == str(file.path)), None)
        if trusted is None or trusted.sha256 != file.sha256:
            return None
        return trusted if all(hash_of(Path(p)) == h != "" for p, h in trusted.files.items()) else None

    def add(self, file: ConfigFile, files: dict[str, str]) -> None:
        """Trust a file as it was read, with the hashes of the files that it names beside it."""
        with self._changing() as entries:
            entries[:] = [t for t in entries if t.path != str(file.path)]
            entries.append(Trusted(str(file.path), file.sha256, time.time(), files))

    def remove(self, path: Path) -> bool:
        """Trust a file no longer; ``False``: it was not."""
        with self._changing() as entries:
            remaining = [t for t in entries if t.path != str(path)]
            removed = len(remaining) < len(entries)
            entries[:] = remaining
        return removed

    @contextmanager
    def _changing(self) -> Iterator[list[Trusted]]:
        """All entries, to be changed; nobody else changes them meanwhile, and a reader finds the old ones or the new."""
        make_folder(self._folder)
        self._folder.chmod(FOLDER_MODE)
        lock = hold(self._folder / "lock", patience=10)
        if lock is None:
            raise BadTarget(f"{self._folder} is being changed by another process: try again")
        try:
            entries = self.all()
            yield entries
            write_file(self._file, json.dumps([asdict(t) for t in entries], indent=1))
        finally:
            os.close(lock)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file; empty where there is none that can be read."""
    try:
        return hashlib.sha256(read_configuration(path)).hexdigest()
    except OSError:
        return ""
