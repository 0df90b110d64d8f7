"""Base images of a few kilobytes, with the names of a Python and nothing that runs."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import zstandard

from kfnb.images.registry.image_repository import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor, digest_of
from kfnb.images.registry.oci_folder import OciFolder

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


def make_base(
    folder: Path, architectures: Iterable[str] = ("amd64",), links: dict[str, str] | None = None, env: Iterable[str] = (),
    files: Iterable[str] = (), zstd: bool = False,
) -> str:  # fmt: skip
    """Write a base image, whose layer has the links and files, and give its name. The layer is compressed with gzip, or else with ``zstd``."""
    repository = OciFolder(folder)
    entries = []
    for architecture in architectures:
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            for name, target in (links if links is not None else {"usr/bin/python3": "python3.11"}).items():
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                archive.addfile(entry)
            for name in ("usr/bin/python3.11" if links is None else "etc/hosts", f"etc/{architecture}", *files):
                archive.addfile(tarfile.TarInfo(name))
        content = zstandard.compress(plain.getvalue()) if zstd else gzip.compress(plain.getvalue(), mtime=0)
        layer = Descriptor(ZSTD if zstd else LAYER, digest_of(content), len(content))
        repository.put_blob(layer, lambda content=content: io.BytesIO(content))
        config = json.dumps({
            "architecture": architecture, "os": "linux", "created": "2026-01-02T03:04:05Z",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", *env], "User": "root", "Cmd": ["python3"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain.getvalue())]}, "history": [{"created_by": "test"}],
        }).encode()  # fmt: skip
        stored = Descriptor(OCI_CONFIG, digest_of(config), len(config))
        repository.put_blob(stored, lambda config=config: io.BytesIO(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": stored.to_json(),
            "layers": [layer.to_json()],
        }
        found = json.dumps(manifest).encode()
        entries.append(
            Descriptor(OCI_MANIFEST, digest_of(found), len(found), {}, {"os": "linux", "architecture": architecture})
        )
        repository.put_manifest(found, OCI_MANIFEST, digest_of(found))
    if len(entries) == 1:
        repository.put_manifest(found, OCI_MANIFEST, "latest")
    else:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [e.to_json() for e in entries]}
        repository.put_manifest(json.dumps(index).encode(), OCI_INDEX, "latest")
    return f"oci:{folder}:latest"
