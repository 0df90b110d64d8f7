"""Plans the images of a pipeline: one for each requirement set. Nothing is downloaded but what says what the base images are."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache as remembered
from functools import partial
from pathlib import Path

from kfnb.images.documents.base_image import BaseImage, read_base
from kfnb.images.layers.choose_wheel import Platform, chosen_wheel
from kfnb.images.layers.code_layer import code_for, code_key
from kfnb.images.layers.package_layers import PackageLayer, package_layers
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_model import Lock, LockedFile, LockedPackage, RequirementSet
from kfnb.images.machines import MACHINES, own_architecture
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.images.registry.open_repository import open_repository
from kfnb.problems import UserError

FORMAT = "1"  #: is part of each tag, and changes when kfnb makes another image of the same packages
TAG_LENGTH = 16


class CannotBuild(UserError, Exception):
    """Images cannot be made from wheels. The message names the packages, and the builder that can."""


@dataclass(frozen=True)
class PlannedPlatform:
    """An image for one platform: its base image, and the layers that are put on it."""

    base: BaseImage
    packages: tuple[tuple[LockedPackage, LockedFile], ...]
    layers: tuple[PackageLayer, ...]


@dataclass(frozen=True)
class PlannedImage:
    """The image of a requirement set.

    Parameters
    ----------
    tag
        The tag, which ends with the beginning of the key.
    key
        The hash of all that goes into the image.
    code
        The modules of its last layer, by path.
    """

    requirements: RequirementSet
    base_image: str
    platforms: tuple[PlannedPlatform, ...]
    tag: str
    key: str
    code: Mapping[str, bytes]


def this_platform() -> Platform:
    """The platform of this machine, when it runs Linux: a notebook mostly runs where its steps will. Else ``linux/amd64``."""
    own = own_architecture()
    return Platform(own if sys.platform == "linux" and own in MACHINES else "amd64")


def default_base(python: str) -> str:
    """The image of steps without one of their own: the slim image of their Python's version."""
    return f"docker.io/library/python:{python}-slim"


def base_image_of(requirements: RequirementSet, base_image: str) -> str:
    """The base image of a set: its own, or else ``base_image``, which may be empty."""
    return requirements.base_image or base_image or default_base(requirements.python)


def plan_images(
    lock: Lock, folder: Path, platforms: Sequence[Platform], base_image: str, cache: WheelCache,
    opened: Callable[[str], ImageRepository] = open_repository, code: Mapping[str, Mapping[str, bytes]] = {},
) -> tuple[PlannedImage, ...]:  # fmt: skip
    """Plan the image of each requirement set.

    Parameters
    ----------
    folder
        The folder of the notebook, in which the lock's own files are.
    base_image
        The base image of sets that name none. It may be empty.
    opened
        Opens the repository of a base image.
    code
        The modules of each step that no index has, by path, by the names of steps.

    Raises
    ------
    CannotBuild
        When a package has no wheel for a platform, or a step needs packages of the system.
    BadBase, RegistryError
        When a base image cannot be read, or has another Python.
    """
    for requirements in lock.sets:  # before any registry is asked
        _refuse_what_has_no_wheel(requirements, platforms)
    # Sets mostly share a base image: its registry is asked once.
    read = remembered(partial(read_base, known=cache.folder / "bases", opened=remembered(opened)))
    planned = []
    for requirements in lock.sets:
        name = base_image_of(requirements, base_image)
        found = tuple(_platform(p, requirements, read(name, p), folder) for p in platforms)
        own_code = code_for(requirements.steps, code)
        key = _key(requirements, found, own_code)
        tag = f"{slug(lock.pipeline)}-{key[:TAG_LENGTH]}"
        planned.append(PlannedImage(requirements, name, found, tag, key, own_code))
    return tuple(planned)


def packages_on(requirements: RequirementSet, platform: Platform) -> tuple[LockedPackage, ...]:
    """The packages that a set needs on a platform."""
    return tuple(p for p in requirements.packages if not p.platforms or str(platform) in p.platforms)


def _platform(platform: Platform, requirements: RequirementSet, base: BaseImage, folder: Path) -> PlannedPlatform:
    if base.python != requirements.python:
        raise CannotBuild(
            f"the base image {base.name} has Python {base.python}, and {_steps(requirements.steps)} run on Python {requirements.python}: "
            f"name a base image with Python {requirements.python} by --base, by the mark `image` or by the target's `image`"
        )
    wheels = [(p, chosen_wheel(p, requirements.python, base.platform)) for p in packages_on(requirements, platform)]
    packages = tuple((p, _placed(w, folder)) for p, w in wheels if w is not None)
    if len(packages) < len(wheels):  # the base image has another C library than most
        missing = [p for p, w in wheels if w is None]
        raise CannotBuild(_without_wheel(missing, requirements, f"{platform} with {base.platform.libc}"))
    return PlannedPlatform(base, packages, package_layers((p.name, w) for p, w in packages))


def _placed(file: LockedFile, folder: Path) -> LockedFile:
    """A file of the lock. One that is beside the notebook has its whole path and its size."""
    if not file.url.startswith("./"):
        return file
    path = folder.resolve() / file.url
    return replace(file, url=path.as_uri(), size=path.stat().st_size if path.exists() else None)


def _refuse_what_has_no_wheel(requirements: RequirementSet, platforms: Sequence[Platform]) -> None:
    if requirements.apt:
        raise CannotBuild(
            f"{_steps(requirements.steps)}: the system's packages {', '.join(requirements.apt)} are no wheels. "
            "Build with --builder podman, buildah or docker, which run apt-get in the base image"
        )
    for platform in platforms:
        packages = packages_on(requirements, platform)
        missing = [p for p in packages if not _has_wheel(p, requirements.python, platform)]
        if missing:
            raise CannotBuild(_without_wheel(missing, requirements, str(platform)))


def _has_wheel(package: LockedPackage, python: str, platform: Platform) -> bool:
    return any(
        chosen_wheel(package, python, Platform(platform.architecture, libc)) is not None for libc in ("glibc", "musl")
    )


def _without_wheel(missing: Sequence[LockedPackage], requirements: RequirementSet, platform: str) -> str:
    names = ", ".join(f"{p.name} {p.version}" for p in missing)
    has = "have" if len(missing) > 1 else "has"
    way = (
        "build with --builder podman, buildah or docker, which compile the sources in the base image"
        if all(p.sdist for p in missing)
        else "there are no sources either: take another version by the mark `package`"
    )
    return f"{names} {has} no wheel for Python {requirements.python} on {platform} (needed by {_steps(requirements.steps)}): {way}"


def _steps(names: Sequence[str]) -> str:
    return f"step {names[0]}" if len(names) == 1 else f"steps {', '.join(names)}"


def _key(requirements: RequirementSet, platforms: Sequence[PlannedPlatform], code: Mapping[str, bytes]) -> str:
    """The hash of all that goes into an image."""
    content = {
        "format": FORMAT,
        "steps": sorted(requirements.steps),
        "code": code_key(code) if code else "",
        "platforms": {
            str(p.base.platform): [p.base.digest, p.base.manifest.digest, *(layer.key for layer in p.layers)] for p in platforms
        },
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def slug(name: str) -> str:
    """A name as a tag may begin."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "pipeline"
