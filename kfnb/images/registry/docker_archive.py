"""``docker-archive:FILE``: images in one file, for ``docker load`` and ``podman load``.

The file is what Docker 25 and newer write: a tar of an OCI image layout, with the ``manifest.json`` that older versions read beside it.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from kfnb.images.machines import own_architecture
from kfnb.images.registry.checked_stream import checked
from kfnb.images.registry.image_repository import (
    Descriptor,
    ImageRepository,
    Manifest,
    Progress,
    RegistryError,
    checked_digest,
    index_document,
    is_digest,
    no_progress,
    put_bytes,
)
from kfnb.images.registry.oci_folder import LAYOUT, TAG, OciFolder

NAME = "io.containerd.image.name"  #: where newer versions of Docker look for the name of an image


class DockerArchive:
    """An archive of images.

    It is written as a whole each time that an image gets a tag. Until then, new blobs wait in a folder beside it.
    """

    def __init__(self, file: Path, name: str = "") -> None:
        self.file, self.name = file, name or f"docker-archive:{file}"

    def has_blob(self, digest: str) -> bool:
        return self._waiting.has_blob(digest) or _member(digest) in self._stored

    def open_blob(self, digest: str) -> BinaryIO:
        if self._waiting.has_blob(digest) or _member(digest) not in self._stored:
            return self._waiting.open_blob(digest)
        start, size = self._stored[_member(digest)]
        file = self.file.open("rb")
        file.seek(start)
        return checked(_Section(file, size), digest, self.name)

    def put_blob(self, descriptor: Descriptor, open: Callable[[], BinaryIO], progress: Progress = no_progress) -> bool:
        return not self.has_blob(descriptor.digest) and self._waiting.put_blob(descriptor, open, progress)

    def copy_blob(self, descriptor: Descriptor, source: ImageRepository, progress: Progress = no_progress) -> bool:
        return self.put_blob(descriptor, lambda: source.open_blob(descriptor.digest), progress)

    def manifest(self, reference: str) -> Manifest | None:
        return self._waiting.manifest(reference)

    def put_manifest(self, content: bytes, media_type: str, reference: str) -> Descriptor:
        stored = self._waiting.put_manifest(content, media_type, reference)
        if not is_digest(reference):
            self._write()
        return stored

    def attach(self, subject: Descriptor, artifact_type: str, media_type: str, content: bytes) -> None:
        self._waiting.attach(subject, artifact_type, media_type, content)
        self._write()

    def check_writable(self) -> None:
        self._waiting.check_writable()

    # ---------------------------------------------------------------- what the archive holds
    @cached_property
    def _stored(self) -> dict[str, tuple[int, int]]:
        """The files of the archive as it is, with their places and sizes."""
        try:
            with tarfile.open(self.file, "r:") as archive:
                return {m.name: (m.offset_data, m.size) for m in archive if m.isfile()}
        except FileNotFoundError:
            return {}
        except (OSError, tarfile.TarError) as error:
            raise RegistryError("broken", f"{self.file} is there, and is no archive of images: {error}") from None

    @cached_property
    def _waiting(self) -> OciFolder:
        """A folder with the documents of the archive as it is, and all that is new."""
        try:
            self._folder = tempfile.TemporaryDirectory(dir=self.file.parent, prefix=f".{self.file.name}.")
        except OSError as error:
            raise RegistryError("refused", f"{self.name} cannot be written: {error.strerror}") from None
        folder = OciFolder(Path(self._folder.name), self.name)
        if "index.json" in self._stored:
            (folder.folder / "index.json").write_bytes(self._content("index.json"))
            for entry in folder.entries():
                self._bring(entry, folder)
        return folder

    def _bring(self, entry: Descriptor, folder: OciFolder) -> None:
        """Take the document of an image from the archive into the folder, and the documents that it lists."""
        content = self._content(_member(entry.digest))
        put_bytes(folder, entry, content)
        for listed in Manifest(entry.media_type, entry.digest, content).manifests():
            self._bring(listed, folder)

    def _content(self, member: str) -> bytes:
        if member not in self._stored:
            raise RegistryError("broken", f"{self.file} lacks {member}, so that it cannot be added to: remove it")
        start, size = self._stored[member]
        with self.file.open("rb") as file:
            file.seek(start)
            return file.read(size)

    # ---------------------------------------------------------------- writing
    def _write(self) -> None:
        """Write the archive anew with all that its tags lead to. The same images give the same bytes."""
        entries = sorted(self._waiting.entries(), key=lambda e: (e.annotations.get(TAG, ""), e.digest))
        named = [replace(e, annotations={**e.annotations, **self._name(e)}) for e in entries]
        blobs = {d.digest: d for e in entries for d in self._reachable(e)}
        try:
            with (
                tempfile.NamedTemporaryFile(dir=self._folder.name, delete=False) as file,
                tarfile.open(fileobj=file, mode="w") as archive,
            ):
                for digest in sorted(blobs):
                    with self.open_blob(digest) as stream:
                        _add(archive, _member(digest), blobs[digest].size, stream)
                for name, document in (
                    ("index.json", index_document(named)),
                    ("manifest.json", [self._docker_entry(e) for e in entries if TAG in e.annotations]),
                    ("oci-layout", LAYOUT),
                ):  # fmt: skip
                    content = json.dumps(document).encode()
                    _add(archive, name, len(content), io.BytesIO(content))
            os.chmod(file.name, 0o644)
            os.replace(file.name, self.file)
        except OSError as error:
            raise RegistryError("refused", f"{self.name} cannot be written: {error.strerror}") from None
        self.__dict__.pop("_stored", None)  # it is read anew

    def _manifest(self, entry: Descriptor) -> Manifest:
        manifest = self._waiting.manifest(entry.digest)
        if manifest is None:
            raise RegistryError("broken", f"{self.name} lacks the manifest {entry.digest}")
        return replace(manifest, media_type=entry.media_type)

    def _reachable(self, entry: Descriptor) -> Iterator[Descriptor]:
        manifest = self._manifest(entry)
        yield entry
        if not manifest.is_index:
            yield from manifest.blobs()
        for listed in manifest.manifests():
            yield from self._reachable(listed)

    def _docker_entry(self, entry: Descriptor) -> dict[str, Any]:
        """An image as older versions read it, which know one platform: that of this machine, or the first."""
        manifest = self._manifest(entry)
        if manifest.is_index:
            listed = manifest.manifests()
            manifest = self._manifest(
                next((m for m in listed if m.platform.get("architecture") == own_architecture()), listed[0])
            )
        config, *layers = (_member(d.digest) for d in manifest.blobs())
        return {"Config": config, "RepoTags": [self._tag(entry)], "Layers": layers}

    def _tag(self, entry: Descriptor) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", self.file.name.lower().removesuffix(".tar")).strip("-") or "image"
        return f"{name}:{entry.annotations[TAG]}"

    def _name(self, entry: Descriptor) -> dict[str, str]:
        return {NAME: f"docker.io/library/{self._tag(entry)}"} if TAG in entry.annotations else {}


class _Section:
    """A part of an open file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        return content

    def close(self) -> None:
        self._file.close()


def _member(digest: str) -> str:
    return f"blobs/{checked_digest(digest).replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, size: int, content: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, content)
