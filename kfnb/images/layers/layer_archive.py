"""Writes files as a layer: a tar archive in gzip that is the same whoever writes it, and whenever."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from kfnb.images.layers.deflate_streams import MEMBER_HEAD, member_tail, stored, with_short_zeros

OWNER, GROUP = 1000, 0  #: the group is that of any user whom OpenShift or a pod's setting gives a container
BLOCK = 512
CHUNK = 1 << 20
MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class LayerFile:
    """A file of a layer.

    Parameters
    ----------
    path
        Its place in the image, without the first ``/``.
    size
        How many bytes it has.
    deflated
        Gives its content as the pieces of a deflate stream.
    """

    path: str
    size: int
    deflated: Callable[[], Iterator[bytes]]
    executable: bool = False


@dataclass(frozen=True)
class LayerDigests:
    """What names a layer: ``digest`` and ``size`` of the compressed archive, and ``diff_id``, the digest of the archive itself."""

    digest: str
    size: int
    diff_id: str


class DamagedFile(Exception):
    """The content of a file is not as long as its archive says."""


def plain_file(path: str, content: bytes, executable: bool = False) -> LayerFile:
    """A file whose content is at hand."""
    return LayerFile(path, len(content), lambda: stored([content]), executable)


def write_layer(files: Iterable[LayerFile], out: IO[bytes], folders: Iterable[str] = ()) -> LayerDigests:
    """Write files, and the folders that hold them, in the order of their paths. Of two files with one path the later counts.

    Parameters
    ----------
    folders
        Folders that exist even when they are empty. The first part of a path is a folder of the base image, which stays as it is.
    """
    writer = _Writer(out)
    by_path = {f.path: f for f in files}
    inner = {p.as_posix() for path in (*by_path, *(f"{f}/." for f in folders)) for p in PurePosixPath(path).parents}
    inner |= set(folders)
    pad = b""
    for path in sorted({*by_path, *(f for f in inner if "/" in f)}):
        file = by_path.get(path)
        if file is None:
            writer.head(pad + _head(path, 0, True, folder=True))
            pad = b""
            continue
        writer.head(pad + _head(path, file.size, file.executable))
        pad = b""
        if file.size:
            writer.body(file)
            pad = bytes(-file.size % BLOCK)
    writer.head(pad + bytes(2 * BLOCK))
    return LayerDigests(f"sha256:{writer.blob.hexdigest()}", writer.size, f"sha256:{writer.archive.hexdigest()}")


def _head(path: str, size: int, executable: bool, folder: bool = False) -> bytes:
    """The head of a file in a tar archive. The group may do what the owner may."""
    entry = tarfile.TarInfo(path + "/" if folder else path)
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    entry.size, entry.mode = size, 0o775 if executable else 0o664
    entry.uid, entry.gid, entry.mtime = OWNER, GROUP, 0
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


class _Writer:
    """Writes gzip members, and computes both digests."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.blob, self.archive, self.size = hashlib.sha256(), hashlib.sha256(), 0

    def head(self, content: bytes) -> None:
        self.archive.update(content)
        self._write(MEMBER_HEAD + with_short_zeros(content) + member_tail(zlib.crc32(content), len(content)))

    def body(self, file: LayerFile) -> None:
        self._write(MEMBER_HEAD)
        inflater, crc, size = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
        for piece in file.deflated():
            self._write(piece)
            content = inflater.decompress(piece)
            self.archive.update(content)
            crc, size = zlib.crc32(content, crc), size + len(content)
        if size != file.size or not inflater.eof:
            raise DamagedFile(f"{file.path} has {size} bytes instead of {file.size}")
        self._write(member_tail(crc, size))

    def _write(self, piece: bytes) -> None:
        self._out.write(piece)
        self.blob.update(piece)
        self.size += len(piece)
