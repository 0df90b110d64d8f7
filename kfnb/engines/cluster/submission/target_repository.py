"""Opens the repositories of images that a target names, with the access that the target has to them."""

from __future__ import annotations

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.registry.client.registry_access import RegistryAccess
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.images.registry.references import ARCHIVE, OCI, registry_path


def open_for(settings: ClusterOptions, name: str) -> ImageRepository:
    """A repository, with the access that the target has to its registry."""
    from kfnb.images.registry.open_repository import open_repository

    ours = settings.repository and registry_path(settings.repository).registry
    is_ours = not name.startswith((OCI, ARCHIVE)) and registry_path(name).registry == ours
    return open_repository(name, access_of(settings) if is_ours else None)


def access_of(settings: ClusterOptions) -> RegistryAccess:
    """How a target's repository is reached."""
    return RegistryAccess(
        settings.repository_auth_file,
        settings.repository_ca_file,
        settings.repository_certificate,
        settings.repository_key,
        settings.repository_allow_http,
    )
