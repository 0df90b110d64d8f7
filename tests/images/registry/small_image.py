"""A small image of one layer, which the tests put into repositories."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass

from kfnb.images.registry.image_repository import OCI_CONFIG, OCI_MANIFEST, Descriptor, ImageRepository, digest_of

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class SmallImage:
    """An image in memory: its manifest and its blobs."""

    manifest: bytes
    blobs: tuple[tuple[Descriptor, bytes], ...]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def small_image(content: bytes = b"hello", architecture: str = "amd64") -> SmallImage:
    """An image whose only file, ``/hello.txt``, has that content."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("hello.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    layer = gzip.compress(tar.getvalue(), 1, mtime=0)
    config = json.dumps({
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["/hello.txt"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()]},
    }).encode()  # fmt: skip
    blobs = tuple(
        (Descriptor(kind, digest_of(data), len(data)), data) for kind, data in ((OCI_CONFIG, config), (LAYER, layer))
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blobs[0][0].to_json(),
        "layers": [blobs[1][0].to_json()],
    }
    return SmallImage(json.dumps(manifest).encode(), blobs)


def put_image(repository: ImageRepository, image: SmallImage, tag: str) -> Descriptor:
    """Store an image, as a builder does."""
    for descriptor, content in image.blobs:
        repository.put_blob(descriptor, lambda content=content: io.BytesIO(content))
    return repository.put_manifest(image.manifest, OCI_MANIFEST, tag)
