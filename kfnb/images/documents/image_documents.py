"""The config, manifest and index of an image that adds layers to a base image.

Source: the OCI image specification 1.1. The documents depend on the base image and the layers alone, so that two machines write the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kfnb.images.documents.base_image import DEFAULT_PATH, BaseImage
from kfnb.images.layers.layer_archive import GROUP, MEDIA_TYPE, OWNER, LayerDigests
from kfnb.images.layers.wheel_files import PACKAGES, PREFIX
from kfnb.images.registry.image_repository import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    index_document,
)

HOME = "home/kfnb"
#: When a base image does not tell its time, ours is this one: the time of a build would change the digest.
NO_TIME = "1970-01-01T00:00:00Z"
KEY = "io.readthedocs.kfnb.key"  #: the annotation with the hash of all that went into an image
STEPS = "io.readthedocs.kfnb.steps"  #: the label with the steps that an image is for
#: The media types of Docker's second schema, and what the OCI specification calls the same.
SAME_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": MEDIA_TYPE,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}


@dataclass(frozen=True)
class AddedLayer:
    """A layer on top of the base image. ``title`` says in the image's history what it holds."""

    title: str
    digests: LayerDigests

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(MEDIA_TYPE, self.digests.digest, self.digests.size)


@dataclass(frozen=True)
class ImageDocuments:
    """The config and manifest of an image for one platform."""

    config: bytes
    manifest: Manifest

    @property
    def config_descriptor(self) -> Descriptor:
        return Descriptor.of(OCI_CONFIG, self.config)


def image_documents(
    base: BaseImage, layers: Sequence[AddedLayer], labels: Mapping[str, str], annotations: Mapping[str, str]
) -> ImageDocuments:
    """The documents of an image for the base image's platform."""
    config = _compact(_config(base, layers, labels))
    listed = [Descriptor(SAME_TYPES.get(d.media_type, d.media_type), d.digest, d.size) for d in base.layers]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(OCI_CONFIG, config).to_json(),
        "layers": [d.to_json() for d in [*listed, *(layer.descriptor for layer in layers)]],
        "annotations": dict(sorted(annotations.items())),
    }
    return ImageDocuments(config, Manifest.of(OCI_MANIFEST, _compact(document)))


def image_index(manifests: Sequence[tuple[BaseImage, Manifest]], annotations: Mapping[str, str]) -> Manifest:
    """The index of an image for several platforms."""
    entries = [
        replace(m.descriptor, platform={"os": "linux", "architecture": b.platform.architecture}) for b, m in manifests
    ]
    document = index_document(entries) | {"annotations": dict(sorted(annotations.items()))}
    return Manifest.of(OCI_INDEX, _compact(document))


def _config(base: BaseImage, layers: Sequence[AddedLayer], labels: Mapping[str, str]) -> dict[str, Any]:
    inherited = base.config
    settings = dict(inherited.get("config") or {})
    settings["User"] = f"{OWNER}:{GROUP}"
    settings["WorkingDir"] = f"/{HOME}"
    settings["Env"] = [f"{k}={v}" for k, v in _environment(base).items()]
    settings["Labels"] = dict(sorted({**(settings.get("Labels") or {}), **labels}.items()))
    time = inherited.get("created") or NO_TIME
    config: dict[str, Any] = {
        "created": time,
        "architecture": base.platform.architecture,
        "os": "linux",
        **{k: inherited[k] for k in ("variant", "os.version") if inherited.get(k)},
        "config": settings,
        "rootfs": {
            "type": "layers",
            "diff_ids": [*inherited["rootfs"]["diff_ids"], *(layer.digests.diff_id for layer in layers)],
        },
    }
    history = inherited.get("history") or []
    if len([h for h in history if not h.get("empty_layer")]) == len(base.layers):
        config["history"] = [
            *history, *({"created": time, "created_by": "kfnb build", "comment": layer.title} for layer in layers)
        ]  # fmt: skip
    return config


def _environment(base: BaseImage) -> dict[str, str]:
    """The variables of the base image, and those that let its Python find the packages, whatever user runs it."""
    found = base.environment()
    search = [f"/{PACKAGES}", *filter(None, [found.get("PYTHONPATH")])]
    return {
        **found,
        "PATH": f"{found.get('PATH') or DEFAULT_PATH}:/{PREFIX}/bin",
        "PYTHONPATH": ":".join(search),
        "HOME": f"/{HOME}",
    }


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
