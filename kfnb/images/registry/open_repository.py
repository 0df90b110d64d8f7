"""Opens what keeps images, by its name."""

from __future__ import annotations

from pathlib import Path

from kfnb.images.registry.image_repository import ImageRepository, RegistryError
from kfnb.images.registry.oci_folder import OciFolder
from kfnb.images.registry.references import OCI


def open_repository(text: str) -> ImageRepository:
    """The repository of that name: ``registry.example.org/team/app``, or ``oci:FOLDER``. Raises `RegistryError`."""
    if text.startswith(OCI) and text != OCI:
        return OciFolder(Path(text[len(OCI) :]).expanduser(), text)
    raise RegistryError("bad-reference", f"`{text}` is not a repository that kfnb can open")
