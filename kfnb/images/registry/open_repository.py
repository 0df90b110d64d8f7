"""Opens what keeps images, by its name."""

from __future__ import annotations

from pathlib import Path

from kfnb.images.registry.client.registry_access import RegistryAccess
from kfnb.images.registry.docker_archive import DockerArchive
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.images.registry.oci_folder import OciFolder
from kfnb.images.registry.references import ARCHIVE, OCI, image_reference, registry_path


def open_repository(text: str, access: RegistryAccess | None = None) -> ImageRepository:
    """The repository of a name.

    Parameters
    ----------
    text
        ``registry.example.org/team/app``, ``oci:FOLDER`` or ``docker-archive:FILE``, without a tag.
    access
        What the user set for the registry.

    Raises
    ------
    RegistryError
        When it is no name of a repository, or what its registry needs on this machine cannot be read.
    """
    if text.startswith(OCI) and text != OCI:
        return OciFolder(Path(text[len(OCI) :]).expanduser(), text)
    if text.startswith(ARCHIVE) and text != ARCHIVE:
        return DockerArchive(Path(text[len(ARCHIVE) :]).expanduser(), text)
    if text.startswith((OCI, ARCHIVE)):
        image_reference(text)  # says what is missing
    # `requests` takes longer to import than a folder takes to write
    from kfnb.images.registry.client.registry_repository import RegistryRepository

    return RegistryRepository(registry_path(text), access)
