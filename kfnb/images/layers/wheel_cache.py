"""Downloads wheels, and keeps them and the layers that they became in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from kfnb.images.layers.index_accounts import accounts_of, new_session
from kfnb.images.layers.layer_archive import CHUNK, LayerDigests
from kfnb.images.locks.lock_model import LockedFile
from kfnb.images.registry.client.attempts import BUSY, LONGEST_WAIT, wait_before_next
from kfnb.problems import UserError
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources

if TYPE_CHECKING:
    import requests

TRIES, TIMEOUT = 4, 60.0

Progress = Callable[[int], None]  #: is told how many bytes of a file are there


class BadDownload(UserError, Exception):
    """A file of a package cannot be had, or is not the one that the lock names."""


class WheelCache:
    """The wheels and layers that images were made of.

    Parameters
    ----------
    folder
        Where they are kept. Default: ``kfnb/images`` in the user's cache folder.
    sources
        Where packages come from. Downloads use the accounts in these addresses.
    """

    def __init__(self, folder: Path | None = None, sources: PackageSources = DEFAULT_SOURCES) -> None:
        self.folder = folder or cache_folder()
        self._sources = sources

    def session(self) -> requests.Session:
        """A session for downloads."""
        return new_session(accounts_of(self._sources))

    # ---------------------------------------------------------------- wheels
    def wheel(self, file: LockedFile, session: requests.Session, progress: Progress = lambda _: None) -> Path:
        """The path of a wheel, which is downloaded unless it is there. Its content has the hash of the lock."""
        path = self._wheel_path(file)
        if not path.exists():
            with self._written(path) as out:
                _download(file, out, session, progress)
        else:
            os.utime(path)
        progress(path.stat().st_size)
        return path

    def forget_wheel(self, file: LockedFile) -> None:
        """Remove a wheel whose layer is kept."""
        self._wheel_path(file).unlink(missing_ok=True)

    def _wheel_path(self, file: LockedFile) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):  # it becomes part of a path
            raise BadDownload(f"the lock has no SHA-256 hash for {file.name}: write it again with `kfnb lock`")
        return self.folder / "wheels" / file.sha256 / Path(file.name).name

    # ---------------------------------------------------------------- layers
    def layer(self, key: str) -> LayerDigests | None:
        """What names the layer that was made of the same files before, if its archive is still there."""
        try:
            told = json.loads(self._described(key).read_text("utf-8"))
            digests = LayerDigests(str(told["digest"]), int(told["size"]), str(told["diff_id"]))
            archive = self.layer_path(key)
            if archive.stat().st_size != digests.size:
                return None
            os.utime(archive)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return digests

    def layer_path(self, key: str) -> Path:
        return self.folder / "layers" / f"{key}.tar.gz"

    def open_layer(self, key: str) -> BinaryIO:
        return self.layer_path(key).open("rb")

    def keep_layer(self, key: str, write: Callable[[IO[bytes]], LayerDigests]) -> LayerDigests:
        """Write the archive of a layer, and what names it."""
        with self._written(self.layer_path(key)) as out:
            digests = write(out)
        with self._written(self._described(key)) as out:
            out.write(json.dumps(asdict(digests)).encode())
        return digests

    def _described(self, key: str) -> Path:
        return self.folder / "layers" / f"{key}.json"

    @contextmanager
    def _written(self, path: Path) -> Iterator[IO[bytes]]:
        """A file that gets its name when it is whole, so that two builds at one time do not meet."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    # ---------------------------------------------------------------- size
    def prune(self, age: float, dry_run: bool = False) -> int:
        """Remove what no image was built of for ``age`` seconds. Returns the bytes."""
        before, size = time.time() - age, 0
        for path in sorted(p for p in self.folder.rglob("*") if p.suffix != ".json" and not p.is_dir()):
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_mtime < before:
                    size += status.st_size
                    if not dry_run:
                        path.unlink()
                        self._described(path.name.partition(".")[0]).unlink(missing_ok=True)
        return size


def cache_folder() -> Path:
    """``kfnb/images`` in the user's cache folder: ``XDG_CACHE_HOME`` or ``~/.cache`` on Linux."""
    from platformdirs import user_cache_path

    return user_cache_path("kfnb", appauthor=False) / "images"


def _download(file: LockedFile, out: IO[bytes], session: requests.Session, progress: Progress) -> None:
    parts = urlsplit(file.url)
    if parts.scheme in ("", "file"):
        path = Path(unquote(parts.path))
        try:
            with path.open("rb") as source:
                _copy(file, iter(lambda: source.read(CHUNK), b""), out, progress)
        except OSError as error:
            raise BadDownload(f"{file.name} cannot be read from {path}: {error.strerror}") from error
        return
    import requests

    for attempt in range(TRIES):
        asked = None
        try:
            with session.get(file.url, stream=True, timeout=TIMEOUT) as answer:
                if answer.status_code < 400:
                    _copy(file, answer.iter_content(CHUNK), out, progress)
                    return
                reason, passing = f"status {answer.status_code}", answer.status_code in BUSY
                asked = answer.headers.get("Retry-After")
        except requests.RequestException as error:
            reason, passing = type(error).__name__, True
        wait = wait_before_next(attempt, asked)
        if not passing or attempt + 1 == TRIES or wait > LONGEST_WAIT:
            raise BadDownload(f"{file.name} cannot be downloaded from {parts.hostname}: {reason}")
        time.sleep(wait)
        out.seek(0)
        out.truncate()


def _copy(file: LockedFile, pieces: Iterator[bytes], out: IO[bytes], progress: Progress) -> None:
    digest, done = hashlib.sha256(), 0
    for piece in pieces:
        out.write(piece)
        digest.update(piece)
        done += len(piece)
        progress(done)
    if digest.hexdigest() != file.sha256:
        raise BadDownload(
            f"{file.name} is not the file of the lock: its hash is {digest.hexdigest()[:12]}…, and the lock says {file.sha256[:12]}…"
        )
