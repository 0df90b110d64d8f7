"""The options of a target that concern the pods of steps, with their defaults."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from kfnb.pipeline.model import Json
from kfnb.requirement_checks import TRAVEL_LIMIT, PackageSources
from kfnb.step_settings import Secret, Settings

if TYPE_CHECKING:
    from kfnb.engines.engine_interface import RunOptions

KIB = 1024
CLUSTER_USER = "cluster"  #: the value of `run_as_user` where the cluster gives each namespace a user


def is_url(values: str) -> bool:
    """Whether the setting `values` is the URL of a store."""
    return "://" in values


@dataclass(frozen=True)
class ClusterOptions:
    """The options that a target in ``kfnb.toml`` may set for the pods of its runs.

    Parameters
    ----------
    image
        The image of steps without an image of their own. The default is the slim Python image of this Python's version, because the
        bytecode of functions depends on it.
    registry
        Where images come from that name no registry, such as ``registry.example.org/mirror``. Without it, each node's own setting counts.
    repository
        Where the images of steps are built to, such as ``registry.example.org/team/app``. Without it, steps install their packages when
        they start.
    repository_auth_file, repository_ca_file, repository_certificate, repository_key, repository_allow_http
        How this machine reaches the registry, where Docker's and podman's own files do not say it.
    builder
        What makes these images: ``layers``, which needs nothing, or a tool that runs a Dockerfile.
    platforms
        The platforms of these images, such as ``linux/amd64``. Without any, that of this machine.
    images
        The images that were built, by the names of the steps. A run has them, and not its target.
    packages
        With ``auto``, a step installs the packages that it imports when it starts, in the versions of this environment. With ``none``, its
        image provides them.
    values
        How values pass from step to step: the URL of a store, such as ``s3://bucket/prefix``. On Argo also ``parameters`` (64 KiB each),
        ``volume:CLAIM``, or the kind of the artifact repository, which is ``s3``, ``gcs``, ``azure`` or ``oss``.
    value_options
        The options of the filesystem of that URL, such as ``endpoint_url``.
    value_secrets
        Secrets for every step with the credentials of that store, each as ``SECRET:KEY:NAME``.
    index_url, extra_index_url, find_links
        Where packages come from. ``${NAME}`` in them is a variable of the step, which ``package_secrets`` sets.
    package_secrets
        Secrets for every step, each as ``SECRET:KEY:NAME`` like in the mark ``secret``.
    security
        The Pod Security Standard that pods satisfy: ``restricted``, ``baseline``, or ``off``.
    run_as_user
        The user of the pods, or ``cluster`` where the cluster gives each namespace its user. Without it, restricted pods run as user 1000.
    fs_group
        The group that volumes belong to. Without it, the group of restricted pods has the number of their user.
    read_only_root
        Argo only. Whether the image's file system is read-only in a pod. Steps can then write below ``/tmp``. Without it, it is in
        restricted pods, except where a step declares an output file in a folder of its image.
    defaults
        The settings of steps whose marks say nothing of them.
    max_cpu, max_memory, max_gpu
        The most that a step may ask for: Kubernetes quantities, and a number of accelerators. Empty or ``None``: as much as it likes.
    allowed_images, allowed_service_accounts
        Patterns of the images and service accounts that steps may have, such as ``registry.example.org/*``. Empty: any.
    fuse
        Whether chains of steps that ask for no resources run in one pod.
    start_timeout
        How many seconds a step may wait for something that is in the way of its start, such as an image that cannot be pulled, before the
        run is stopped and has failed. With 0 it may wait for ever.
    parallelism
        Argo only. How many pods of a run may run at the same time. With 0 the cluster decides.
    priority
        Argo only. Of the runs that wait for their turn, the one with the highest number begins first. A run may have its own.
    ttl
        How many seconds the cluster keeps a Workflow after its end.
    """

    namespace: str = ""
    service_account: str = ""
    image: str = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    registry: str = ""
    repository: str = ""
    repository_auth_file: str = ""
    repository_ca_file: str = ""
    repository_certificate: str = ""
    repository_key: str = ""
    repository_allow_http: bool = False
    platforms: tuple[str, ...] = ()
    builder: str = "layers"
    images: Mapping[str, str] = field(default_factory=dict)
    packages: str = "auto"
    values: str = "parameters"
    value_options: Mapping[str, Json] = field(default_factory=dict, hash=False)
    value_secrets: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    index_url: str = ""
    extra_index_url: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    package_secrets: tuple[str, ...] = ()
    security: str = "restricted"
    run_as_user: int | str | None = None
    fs_group: int | None = None
    read_only_root: bool | None = None
    defaults: Settings = field(default_factory=Settings)
    max_cpu: str = ""
    max_memory: str = ""
    max_gpu: int | None = None
    allowed_images: tuple[str, ...] = ()
    allowed_service_accounts: tuple[str, ...] = ()
    start_timeout: int = 600
    parallelism: int = 0
    priority: int = 0
    ttl: int = 7 * 24 * 3600
    cache: bool = False
    fuse: bool = False

    def of_run(self, run: RunOptions) -> ClusterOptions:
        """These options, with what a run asks for besides."""
        priority = self.priority if run.priority is None else run.priority
        return replace(self, cache=self.cache or run.cache, fuse=self.fuse or run.fuse, priority=priority)

    def image_of(self, settings: Settings, step: str = "") -> str:
        """The image of a step: the one that was built for it, or else its own, from the registry of the target when its name names none."""
        if step in self.images:
            return self.images[step]
        image = settings.image or self.image
        if not self.registry:
            return image
        path = image.removeprefix("docker.io/")  # the registry of names that name none
        host, slash, _ = path.partition("/")
        names_registry = bool(slash) and (host == "localhost" or "." in host or ":" in host)
        return path if names_registry else f"{self.registry.rstrip('/')}/{path}"

    @property
    def sources(self) -> PackageSources:
        return PackageSources(self.index_url, self.extra_index_url, self.find_links)

    @property
    def travel_limit(self) -> int | None:
        """How many bytes of one package travel with a step. Images that are built for steps take packages of any size."""
        return None if self.repository else TRAVEL_LIMIT

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that steps need to download packages and to reach the value store."""
        return tuple(Secret(*text.split(":")) for text in (*self.package_secrets, *self.value_secrets))

    @property
    def values_by_url(self) -> bool:
        """Whether values pass through a store at a URL."""
        return is_url(self.values)

    @property
    def artifact_kind(self) -> str:
        """The kind of the artifact repository that values pass through; empty when they pass in another way."""
        other = self.values == "parameters" or self.values.startswith("volume:") or self.values_by_url
        return "" if other else self.values

    def caches(self, settings: Settings) -> bool:
        """Whether a step may take an earlier result. The mark of the step decides, or else the target."""
        return self.cache if settings.cache is None else settings.cache


#: Seconds that the pod of a step with a timeout has on top of it, for its start and its packages. The step itself ends at its timeout.
START_ALLOWANCE = 900
#: The same for a command that only its pod's deadline ends, because its image may have no shell: enough for most images.
BARE_ALLOWANCE = 60
#: The size of the largest value that passes as a parameter of Argo. Parameters are part of the Workflow, which etcd limits to 1.5 MiB.
PARAMETER_LIMIT = 64 * KIB


def kfnb_version() -> str:
    """The version of kfnb, which the emitted documents name."""
    try:
        return version("kfnb")
    except PackageNotFoundError:  # kfnb runs from its sources
        return "0"
