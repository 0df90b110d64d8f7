"""Reads a base image: its manifest and config, and which Python it has. Its layers are not kept on this machine."""

from __future__ import annotations

import json
import posixpath
import re
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from kfnb.images.layers.choose_wheel import Platform
from kfnb.images.registry.image_repository import Descriptor, ImageRepository, Manifest
from kfnb.images.registry.open_repository import open_repository
from kfnb.images.registry.references import image_reference
from kfnb.problems import UserError

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = re.compile(r"(?:\./)?((?:usr/|usr/local/|opt/[^/]+/)?bin)/python(3(?:\.\d+)?)")
MUSL = re.compile(r"(?:\./)?lib/ld-musl-[^/]+")


class BadBase(UserError, Exception):
    """An image on which no image for steps can be built."""


@dataclass(frozen=True)
class BaseImage:
    """The base image of one platform.

    Parameters
    ----------
    name
        As the user writes it.
    digest
        The digest that the name has now: of the index where there is one.
    config
        The image's config, as the OCI image specification describes it.
    python
        The version of its Python, such as ``3.11``.
    """

    name: str
    digest: str
    repository: ImageRepository
    platform: Platform
    manifest: Manifest
    config: dict[str, Any]
    python: str

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        return self.manifest.blobs()[1:]

    def environment(self) -> dict[str, str]:
        return _environment(self.config)


def read_base(
    name: str, platform: Platform, known: Path, opened: Callable[[str], ImageRepository] = open_repository
) -> BaseImage:
    """Read what is needed of a base image.

    Parameters
    ----------
    known
        A folder for what was found in layers, so that each is looked into once.

    Raises
    ------
    BadBase
        When there is none for the platform, or it has no Python.
    """
    reference = image_reference(name)
    repository = opened(reference.repository)
    first = repository.manifest(reference.reference)
    if first is None:
        raise BadBase(f"there is no image {name}")
    manifest = _of_platform(first, repository, platform, name)
    blobs = manifest.blobs()
    with repository.open_blob(blobs[0].digest) as stream:
        config = json.loads(stream.read())
    if config.get("architecture", platform.architecture) != platform.architecture:
        raise BadBase(f"the base image {name} is for linux/{config['architecture']}, and not for {platform}")
    python, libc = _python_of(config, repository, blobs[1:], known)
    if not python:
        raise BadBase(
            f"the base image {name} has no Python 3 on its PATH: name one that has, such as python:3.11-slim, by the mark "
            "`image`, the target's `image` or --base"
        )
    return BaseImage(name, first.digest, repository, Platform(platform.architecture, libc), manifest, config, python)


def _of_platform(found: Manifest, repository: ImageRepository, platform: Platform, name: str) -> Manifest:
    if not found.is_index:
        return found
    offered = [d for d in found.manifests() if d.platform.get("architecture") not in (None, "unknown")]
    for entry in offered:
        if (entry.platform.get("os"), entry.platform.get("architecture")) == ("linux", platform.architecture):
            manifest = repository.manifest(entry.digest)
            if manifest is not None:
                return manifest
    listed = ", ".join(sorted({f"{d.platform.get('os')}/{d.platform['architecture']}" for d in offered}))
    raise BadBase(f"the base image {name} is not made for {platform}, only for {listed or 'nothing'}")


# -------------------------------------------------------------------- the image's Python
@dataclass(frozen=True)
class _Found:
    """What a layer says of Python: the target of each program or link by its path, and whether its C library is musl."""

    programs: dict[str, str]
    musl: bool


def _python_of(
    config: dict[str, Any], repository: ImageRepository, layers: tuple[Descriptor, ...], known: Path
) -> tuple[str, str]:
    """The version of the Python that ``PATH`` finds, and the C library.

    The official images of Python tell the version in a variable, and only their first layer, the system, is looked into for its C library.
    In other images the names in all layers tell the version. Layers are read as a stream, and nothing of them is kept.
    """
    environment = _environment(config)
    told = re.match(r"3\.\d+", environment.get("PYTHON_VERSION", ""))
    programs: dict[str, str] = {}
    musl = False
    for layer in layers[:1] if told else layers:
        found = _look_into(layer, repository, known)
        programs |= found.programs
        musl = musl or found.musl
    libc = "musl" if musl else "glibc"
    if told:
        return told[0], libc
    folders = environment.get("PATH", DEFAULT_PATH).split(":")
    return next((v for f in folders if (v := _version(programs, f.strip("/")))), ""), libc


def _version(programs: dict[str, str], folder: str) -> str:
    """The version of ``python3`` in a folder, which the name of the program tells to which it links."""
    path = f"{folder}/python3"
    if path not in programs and folder in ("bin", "sbin"):  # a link to the folder of that name in `usr`
        path = f"usr/{folder}/python3"
    for _ in range(8):
        target = programs.get(path)
        if target is None:
            return ""
        named = re.search(r"python(3\.\d+)$", path)
        if named:
            return named[1]
        if not target:
            versions = [m[1] for p in programs if (m := re.fullmatch(re.escape(path) + r"(\.\d+)", p))]
            return f"3{versions[0]}" if versions else ""
        path = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target)).lstrip("/")
    return ""


def _look_into(layer: Descriptor, repository: ImageRepository, known: Path) -> _Found:
    kept = known / f"{layer.digest.partition(':')[2]}.json"
    try:
        told = json.loads(kept.read_text("utf-8"))
        return _Found(dict(told["programs"]), bool(told["musl"]))
    except (OSError, ValueError, KeyError, TypeError):
        found = _search(layer, repository)
    known.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"programs": found.programs, "musl": found.musl}), "utf-8")
    return found


def _search(layer: Descriptor, repository: ImageRepository) -> _Found:
    programs: dict[str, str] = {}
    musl = False
    with (
        repository.open_blob(layer.digest) as blob,
        _inflated(layer, blob, repository) as stream,
        tarfile.open(fileobj=stream, mode="r|*") as archive,
    ):
        for entry in archive:
            match = PYTHON.fullmatch(entry.name)
            if match:
                programs[f"{match[1]}/python{match[2]}"] = entry.linkname
            musl = musl or MUSL.fullmatch(entry.name) is not None
    return _Found(programs, musl)


def _inflated(layer: Descriptor, blob: BinaryIO, repository: ImageRepository) -> AbstractContextManager[IO[bytes]]:
    """A layer for `tarfile`, which reads gzip itself, and zstd since Python 3.14."""
    if not layer.media_type.endswith("+zstd") or sys.version_info >= (3, 14):
        return nullcontext(blob)
    try:
        import zstandard
    except ImportError:
        raise BadBase(
            f"a layer of the base image {repository.name} is compressed with zstd: install the package zstandard beside kfnb, "
            "or name a base image whose layers are compressed with gzip"
        ) from None
    reader: AbstractContextManager[IO[bytes]] = zstandard.ZstdDecompressor().stream_reader(
        blob, read_across_frames=True
    )
    return reader


def _environment(config: dict[str, Any]) -> dict[str, str]:
    return dict(v.partition("=")[::2] for v in (config.get("config") or {}).get("Env") or ())
