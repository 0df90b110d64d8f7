"""Builds the images of a pipeline from wheels: no daemon, no root, no container tool. A repository takes what it does not have."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import BinaryIO

from kfnb.images.build_watch import Watch, watch_nothing
from kfnb.images.builders.build_plan import PlannedImage, PlannedPlatform
from kfnb.images.documents.image_documents import (
    HOME,
    KEY,
    STEPS,
    AddedLayer,
    ImageDocuments,
    image_documents,
    image_index,
)
from kfnb.images.documents.sbom import MEDIA_TYPE as SBOM_TYPE
from kfnb.images.documents.sbom import bill_of_materials
from kfnb.images.layers.code_layer import code_key, make_code_layer
from kfnb.images.layers.layer_archive import write_layer
from kfnb.images.layers.package_layers import FORMAT, Compiler, make_layers
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.registry.image_repository import Descriptor, ImageRepository, Manifest

WORKERS = 4
HOME_TITLE, HOME_KEY = "home folder", f"home-{FORMAT}"
CODE_TITLE = "code"


@dataclass(frozen=True)
class BuiltImage:
    """An image in a repository.

    Parameters
    ----------
    set_id, steps
        The requirement set, and the steps that the image is for.
    reference
        The image's name with its digest. This is what a step should be pinned to.
    tag
        The tag that the image has too.
    bytes
        The size of all its blobs, those of the base image too, for one platform. ``None`` when a container tool made it.
    uploaded
        The bytes that the repository did not have, or ``None``.
    """

    set_id: str
    steps: tuple[str, ...]
    reference: str
    tag: str
    platforms: tuple[str, ...]
    bytes: int | None
    uploaded: int | None


def build_images(
    planned: Sequence[PlannedImage],
    repository: ImageRepository,
    cache: WheelCache,
    watch: Watch = watch_nothing,
    interpreter: str | None = None,
) -> tuple[BuiltImage, ...]:
    """Make the planned images and put them into a repository.

    Parameters
    ----------
    interpreter
        Compiles the modules of packages. Default: the current one.

    Raises
    ------
    BadDownload, BadWheel
        When a wheel cannot be had.
    RegistryError
        When a repository refuses.
    """
    return tuple(_build(image, repository, cache, watch, interpreter or sys.executable) for image in planned)


def built_before(image: PlannedImage, repository: ImageRepository) -> BuiltImage | None:
    """The image, when the repository has it already."""
    found = repository.manifest(image.tag)
    if found is None or found.document().get("annotations", {}).get(KEY) != image.key:
        return None
    manifest: Manifest | None = found
    if found.is_index:
        manifest = repository.manifest(found.manifests()[0].digest)
    size = sum(b.size for b in manifest.blobs()) if manifest is not None else 0
    return _built(image, repository, found, size, 0)


def _build(
    image: PlannedImage, repository: ImageRepository, cache: WheelCache, watch: Watch, interpreter: str
) -> BuiltImage:
    before = built_before(image, repository)
    if before is not None:
        return before
    compiler = Compiler(interpreter, image.requirements.python)
    made = [(p, *_make(image, p, cache, compiler, watch)) for p in image.platforms]
    uploads = _Uploads(repository, watch)
    for platform, layers, documents in made:
        uploads.platform(platform, layers, documents, cache)
    manifests = [documents.manifest for _, _, documents in made]
    for (platform, _, _), manifest in zip(made, manifests, strict=True):
        repository.put_manifest(manifest.content, manifest.media_type, manifest.digest)
        bill = bill_of_materials(
            image.tag, manifest.digest, (platform.base.name, platform.base.digest), platform.packages
        )
        repository.attach(manifest.descriptor, SBOM_TYPE, SBOM_TYPE, bill)
    if len(made) > 1:
        pairs = [(p.base, m) for (p, _, _), m in zip(made, manifests, strict=True)]
        top = image_index(pairs, _annotations(image, image.platforms[0]))
    else:
        (top,) = manifests
    # The tag comes last: whoever sees it finds all that belongs to the image, its list of packages too.
    repository.put_manifest(top.content, top.media_type, image.tag)
    size = sum(b.size for b in manifests[0].blobs())
    return _built(image, repository, top, size, uploads.bytes)


def _built(image: PlannedImage, repository: ImageRepository, top: Manifest, size: int, uploaded: int) -> BuiltImage:
    platforms = tuple(str(p.base.platform) for p in image.platforms)
    requirements = image.requirements
    reference = f"{repository.name}@{top.digest}"
    return BuiltImage(requirements.id, requirements.steps, reference, image.tag, platforms, size, uploaded)


# -------------------------------------------------------------------- what is made
def _make(
    image: PlannedImage, platform: PlannedPlatform, cache: WheelCache, compiler: Compiler, watch: Watch
) -> tuple[list[tuple[str, AddedLayer]], ImageDocuments]:
    """The layers, each with its key in the cache, and the documents."""
    made = make_layers(platform.layers, cache, compiler, lambda title, done, size: watch(title, "download", done, size))
    home = cache.layer(HOME_KEY) or cache.keep_layer(HOME_KEY, lambda out: write_layer((), out, folders=[HOME]))
    layers = [(HOME_KEY, AddedLayer(HOME_TITLE, home))]
    layers += [(m.key, AddedLayer(m.title, m.digests)) for m in made]
    if image.code:  # it comes last, because it changes most often
        layers.append((code_key(image.code), AddedLayer(CODE_TITLE, make_code_layer(image.code, cache))))
    documents = image_documents(
        platform.base, [added for _, added in layers], _labels(image), _annotations(image, platform)
    )
    return layers, documents


def _labels(image: PlannedImage) -> dict[str, str]:
    return {STEPS: ",".join(image.requirements.steps), "org.opencontainers.image.version": image.key[:12]}


def _annotations(image: PlannedImage, platform: PlannedPlatform) -> dict[str, str]:
    """The annotations that the OCI specification names, and the key by which an image is found again."""
    return {
        "org.opencontainers.image.title": image.tag.rpartition("-")[0],
        "org.opencontainers.image.description": f"The packages of {', '.join(image.requirements.steps)}, made by kfnb",
        "org.opencontainers.image.created": platform.base.config.get("created") or "1970-01-01T00:00:00Z",
        "org.opencontainers.image.base.name": image.base_image,
        "org.opencontainers.image.base.digest": platform.base.digest,
        KEY: image.key,
    }


# -------------------------------------------------------------------- what is sent
class _Uploads:
    """Puts blobs into a repository, several at one time, and counts the bytes that it did not have."""

    def __init__(self, repository: ImageRepository, watch: Watch) -> None:
        self.bytes = 0
        self._repository, self._watch, self._lock = repository, watch, threading.Lock()

    def platform(
        self,
        platform: PlannedPlatform,
        layers: Sequence[tuple[str, AddedLayer]],
        documents: ImageDocuments,
        cache: WheelCache,
    ) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            tasks = [pool.submit(self._copy, d, platform.base.repository) for d in platform.base.layers]
            for key, layer in layers:
                opened = partial(cache.open_layer, key)
                tasks.append(pool.submit(self._put, layer.title, layer.descriptor, opened))
            tasks.append(
                pool.submit(self._put, "config", documents.config_descriptor, lambda: BytesIO(documents.config))
            )
            for task in tasks:
                task.result()

    def _copy(self, descriptor: Descriptor, source: ImageRepository) -> None:
        told = self._teller(f"base {descriptor.digest[7:19]}", descriptor.size)
        self._count(descriptor, self._repository.copy_blob(descriptor, source, told))

    def _put(self, title: str, descriptor: Descriptor, opened: Callable[[], BinaryIO]) -> None:
        told = self._teller(title, descriptor.size)
        self._count(descriptor, self._repository.put_blob(descriptor, opened, told))

    def _teller(self, title: str, size: int) -> Callable[[int], None]:
        return lambda done: self._watch(title, "upload", done, size)

    def _count(self, descriptor: Descriptor, is_new: bool) -> None:
        with self._lock:
            self.bytes += descriptor.size if is_new else 0
