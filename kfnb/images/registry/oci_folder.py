"""``oci:FOLDER``: images in a folder of the OCI image layout, which skopeo, podman, buildah and others read.

Source: the OCI image specification 1.1, "OCI Image Layout".
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from kfnb.images.registry.checked_stream import checked, chunks
from kfnb.images.registry.image_repository import (
    OCI_MANIFEST,
    Descriptor,
    ImageRepository,
    Manifest,
    Progress,
    RegistryError,
    checked_digest,
    index_document,
    is_digest,
    json_object,
    no_progress,
    put_bytes,
    put_referrer,
)

TAG = "org.opencontainers.image.ref.name"  #: the annotation that holds a tag in the index of the layout
LAYOUT = {"imageLayoutVersion": "1.0.0"}  #: the content of the file ``oci-layout``
_INDEX_LOCK = threading.Lock()


class OciFolder:
    """A folder of the OCI image layout. It is made with the first thing that is stored."""

    def __init__(self, folder: Path, name: str = "") -> None:
        self.folder, self.name = folder, name or f"oci:{folder}"

    def has_blob(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def open_blob(self, digest: str) -> BinaryIO:
        try:
            return checked(self._path(digest).open("rb"), digest, self.name)
        except FileNotFoundError:
            raise RegistryError("missing", f"{self.name} has no blob {digest}") from None
        except OSError as error:
            raise self._error(error) from None

    def put_blob(self, descriptor: Descriptor, open: Callable[[], BinaryIO], progress: Progress = no_progress) -> bool:
        if self.has_blob(descriptor.digest):
            return False
        with open() as source:
            self._store(descriptor.digest, source, progress)
        progress(descriptor.size)
        return True

    def copy_blob(self, descriptor: Descriptor, source: ImageRepository, progress: Progress = no_progress) -> bool:
        return self.put_blob(descriptor, lambda: source.open_blob(descriptor.digest), progress)

    def manifest(self, reference: str) -> Manifest | None:
        entries = self.entries()
        if not is_digest(reference):
            tagged = [e for e in entries if e.annotations.get(TAG) == reference]
            if not tagged:
                return None
            reference = tagged[-1].digest
        elif not self.has_blob(reference):
            return None
        with self.open_blob(reference) as stream:
            content = stream.read()
        media_type = json_object(content).get("mediaType") or next(
            (e.media_type for e in entries if e.digest == reference), OCI_MANIFEST
        )
        return Manifest(str(media_type), reference, content)

    def put_manifest(self, content: bytes, media_type: str, reference: str) -> Descriptor:
        stored = Descriptor.of(media_type, content)
        put_bytes(self, stored, content)
        if not is_digest(reference):
            self._add_entry(Descriptor(media_type, stored.digest, stored.size, {TAG: reference}))
        return stored

    def attach(self, subject: Descriptor, artifact_type: str, media_type: str, content: bytes) -> None:
        manifest = put_referrer(self, subject, artifact_type, media_type, content)
        stored = Descriptor.of(OCI_MANIFEST, manifest, artifact_type)
        put_bytes(self, stored, manifest)
        self._add_entry(stored)

    def check_writable(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise self._error(error) from None

    def entries(self) -> tuple[Descriptor, ...]:
        """What the index of the layout lists: the manifests with a tag, and what is attached to them."""
        try:
            content = (self.folder / "index.json").read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._error(error) from None
        return tuple(Descriptor.from_json(d) for d in json_object(content).get("manifests") or [])

    def _path(self, digest: str) -> Path:
        algorithm, _, digits = checked_digest(digest).partition(":")
        return self.folder / "blobs" / algorithm / digits

    def _store(self, digest: str, source: BinaryIO, progress: Progress) -> None:
        """Write a blob, which gets its name when it is whole and has its digest."""
        path, done = self._path(digest), 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                try:
                    with checked(source, digest, "the source of a layer") as stream:
                        for chunk in chunks(stream):
                            file.write(chunk)
                            done += len(chunk)
                            progress(done)
                    os.chmod(file.name, 0o644)
                    os.replace(file.name, path)
                except BaseException:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            raise self._error(error) from None

    def _add_entry(self, added: Descriptor) -> None:
        """Add to the index of the layout, in place of what had the tag, or of the same."""
        tag = added.annotations.get(TAG)
        with _INDEX_LOCK:
            kept = [
                e for e in self.entries() if (e.annotations.get(TAG) != tag if tag else (e.digest, dict(e.annotations)) != (added.digest, {}))
            ]  # fmt: skip
            self._write("oci-layout", LAYOUT)
            self._write("index.json", index_document([*kept, added]))

    def _write(self, name: str, document: Mapping[str, object]) -> None:
        temporary = self.folder / f".{name}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps(document, indent=1) + "\n")
            os.replace(temporary, self.folder / name)
        except OSError as error:
            raise self._error(error) from None

    def _error(self, error: OSError) -> RegistryError:
        return RegistryError("refused", f"{self.name} cannot be read or written: {error.strerror}")
