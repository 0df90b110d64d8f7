"""The names of images and repositories, as Docker, podman and skopeo write them.

Source: the grammar of `distribution/reference`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kfnb.images.registry.image_repository import RegistryError, is_digest

OCI, ARCHIVE = "oci:", "docker-archive:"
DOCKER_HUB = "docker.io"  #: the registry of names that name none
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
PATH = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class ImageReference:
    """An image in a repository.

    Parameters
    ----------
    repository
        The repository: ``registry.example.org/team/app``, always with its registry, or ``oci:FOLDER``, or ``docker-archive:FILE``.
    tag
        Its tag. Without a tag and a digest, ``latest``.
    digest
        Its digest, which counts before the tag.
    """

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def reference(self) -> str:
        """What a repository is asked for."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True)
class RegistryPath:
    """A repository in a registry: ``registry.example.org:5000`` and ``team/app``."""

    registry: str
    path: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


def image_reference(text: str) -> ImageReference:
    """Read the name of an image. Raises `RegistryError`."""
    for prefix in (OCI, ARCHIVE):
        if text.startswith(prefix):
            return _local_reference(text, prefix)
    name, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _bad(text, "the digest after `@` is not sha256: with 64 hexadecimal digits")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a port
        head, tag = name, ""
    elif not TAG.fullmatch(tag):
        raise _bad(text, f"`{tag}` cannot be a tag: use letters, digits, `.`, `_` and `-`")
    return ImageReference(str(registry_path(head)), tag, digest)


def registry_path(text: str) -> RegistryPath:
    """Read the name of a repository in a registry. Raises `RegistryError`."""
    registry, slash, path = text.partition("/")
    if not slash or not (registry == "localhost" or any(c in registry for c in ".:[") or registry != registry.lower()):
        registry, path = DOCKER_HUB, text
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not HOST.fullmatch(registry):
        raise _bad(text, f"`{registry}` cannot be a registry: write its host, and its port where it has one")
    if not PATH.fullmatch(path) or len(path) > 255:
        hint = "use small letters" if path.lower() != path else "use small letters, digits, `.`, `_`, `-` and `/`"
        raise _bad(text, f"`{path}` cannot be a repository: {hint}")
    return RegistryPath(registry, path)


def _local_reference(text: str, prefix: str) -> ImageReference:
    name, at, digest = text.partition("@")
    if not at or not is_digest(digest):
        name, digest = text, ""
    head, colon, tag = name[len(prefix) :].rpartition(":")
    if colon and head and TAG.fullmatch(tag):
        return ImageReference(prefix + head, tag, digest)
    if name == prefix:
        raise _bad(text, "a path must follow the colon")
    return ImageReference(name, "", digest)


def _bad(text: str, reason: str) -> RegistryError:
    return RegistryError("bad-reference", f"`{text}` is not the name of an image or repository: {reason}")
