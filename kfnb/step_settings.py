"""The settings of a step: image, packages, resources, retries, environment and pod; and the output files of a shell step."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kfnb.requirement_checks import PackageSources

Pairs = tuple[tuple[str, str], ...]
#: Where settings are written: the word of the mark, the number of the code cell, and the line; no line for a tag.
Places = tuple[tuple[str, int, int | None], ...]


@dataclass(frozen=True)
class KeyVariable:
    """One key of a secret or config map, which the step finds in the environment variable ``env``."""

    name: str
    key: str
    env: str

    def __str__(self) -> str:
        return f"{self.name}:{self.key}:{self.env}"


class Secret(KeyVariable):
    """One key of a Kubernetes secret as an environment variable."""


class ConfigMapKey(KeyVariable):
    """One key of a config map as an environment variable."""


@dataclass(frozen=True)
class KeyFiles:
    """A secret or config map, whose keys the step finds as files in the folder ``path``."""

    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.name}:{self.path}"


class SecretFiles(KeyFiles):
    """A Kubernetes secret as files."""


class ConfigMapFiles(KeyFiles):
    """A config map as files."""


@dataclass(frozen=True)
class Volume:
    """A persistent volume claim, and the path at which the step finds it, or the folder ``sub_path`` in it."""

    claim: str
    path: str
    sub_path: str = ""
    read_only: bool = False

    def __str__(self) -> str:
        folder = f"{self.claim}/{self.sub_path}" if self.sub_path else self.claim
        return f"{folder}:{self.path}{':ro' if self.read_only else ''}"


@dataclass(frozen=True)
class Toleration:
    """A taint that the pod of the step tolerates. ``value`` and ``effect`` can be empty."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True)
class Affinity:
    """Where the pod of the step belongs: on nodes with certain labels, beside pods with certain labels, or away from them.

    Parameters
    ----------
    kind
        ``node``, ``pod`` or ``anti-pod``; after ``prefer-`` it is a wish and no condition.
    selector
        A label selector as kubectl takes it, such as ``disk=ssd,zone in (a,b)``.
    topology
        The label of nodes that are one place for ``pod`` and ``anti-pod``. Empty: each node is a place.
    """

    kind: str
    selector: str
    topology: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.selector}{'@' + self.topology if self.topology else ''}"


@dataclass(frozen=True)
class ShellOutput:
    """A text file that a shell step writes: ``path`` as the script names it; ``None`` for the path in ``$name``."""

    name: str
    path: str | None = None


@dataclass(frozen=True)
class Settings:
    """The settings of a step. ``None`` or an empty value means that the notebook does not set it.

    Parameters
    ----------
    image
        The reference of the container image.
    packages
        Requirement specifiers of the packages that the image needs.
    index_url, extra_index_urls, find_links
        Where the packages come from: the index instead of the default one, further indexes, and folders or pages with archives.
    cpu, memory
        Kubernetes quantities, such as ``"500m"`` and ``"4Gi"``.
    gpu
        The number of GPUs (``nvidia.com/gpu``).
    limits
        Name and quantity of other resource limits.
    retry
        How often a failed step is retried: 2 means at most three attempts.
    timeout
        The longest duration of one attempt in seconds.
    cache
        Whether the result of an earlier step with the same key is reused. ``None``: only if the run asks for it.
    on_failure
        ``continue``: the run continues although the step has failed. ``None`` or ``stop``: the run fails.
    pod
        The name of the pod that the step shares with its neighbours of the same mark, on a cluster.
    apt
        The packages of Debian or Ubuntu that the image needs, which are installed when it is built.
    network
        The network of the step's container on this machine: ``none``, ``host``, or ``default``.
    files
        Files beside the notebook that are sent with the step although they are hidden, ignored by git, or links.
    env, labels, annotations, nodes
        Pairs of name and value, in the order of the notebook.
    secrets, secret_files, config_maps, config_map_files
        Keys of secrets and config maps as environment variables, and all their keys as files.
    affinity
        Conditions and wishes for the node that the pod runs on.
    priority_class, service_account
        The names of the pod's priority class and service account.
    shared_memory, ephemeral_storage
        Kubernetes quantities: the size of ``/dev/shm``, and the space on the node's disk.
    image_pull_policy, pull_secrets
        When the node pulls the image, and the secrets with which it may.
    security_context
        Fields of the pod's security context under their names in Kubernetes, such as ``runAsUser``.
    """

    image: str | None = None
    packages: tuple[str, ...] = ()
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    limits: Pairs = ()
    retry: int | None = None
    timeout: float | None = None
    cache: bool | None = None
    on_failure: str | None = None
    pod: str | None = None
    network: str | None = None
    apt: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env: Pairs = ()
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    nodes: Pairs = ()
    tolerations: tuple[Toleration, ...] = ()
    secret_files: tuple[SecretFiles, ...] = ()
    config_maps: tuple[ConfigMapKey, ...] = ()
    config_map_files: tuple[ConfigMapFiles, ...] = ()
    affinity: tuple[Affinity, ...] = ()
    priority_class: str | None = None
    service_account: str | None = None
    shared_memory: str | None = None
    ephemeral_storage: str | None = None
    image_pull_policy: str | None = None
    pull_secrets: tuple[str, ...] = ()
    security_context: Pairs = ()

    @property
    def sources(self) -> PackageSources:
        """The indexes and pages from which the packages are installed."""
        return PackageSources(self.index_url or "", self.extra_index_urls, self.find_links)

    @property
    def may_fail(self) -> bool:
        """Whether the run continues when the step fails."""
        return self.on_failure == "continue"

    def over(self, base: Settings) -> Settings:
        """These settings, completed by those of ``base``."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return Settings(**{k: v if v not in (None, ()) else getattr(base, k) for k, v in own.items()})

    def to_json(self) -> dict[str, Any]:
        """The settings that are not empty, as JSON."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None or value == ():
                continue
            if f.name in PARTS:
                value = [_without_defaults(v) for v in value]
            elif isinstance(value, tuple):
                value = [list(v) if isinstance(v, tuple) else v for v in value]
            out[f.name] = value
        return out

    @staticmethod
    def from_json(data: dict[str, Any]) -> Settings:
        """The settings that `to_json` has written."""
        values: dict[str, Any] = dict(data)
        for name in ("limits", "env", "labels", "annotations", "nodes", "security_context"):
            if name in values:
                values[name] = tuple((k, v) for k, v in values[name])
        for name in ("packages", "extra_index_urls", "find_links", "apt", "files", "pull_secrets"):
            if name in values:
                values[name] = tuple(values[name])
        for name, kind in PARTS.items():
            if name in values:
                values[name] = tuple(kind(**v) for v in values[name])
        return Settings(**values)


#: The settings that are dataclasses, by their fields.
PARTS: dict[str, type[Any]] = {
    "secrets": Secret, "secret_files": SecretFiles, "config_maps": ConfigMapKey, "config_map_files": ConfigMapFiles,
    "volumes": Volume, "tolerations": Toleration, "affinity": Affinity,
}  # fmt: skip


def _without_defaults(part: Any) -> dict[str, Any]:
    return {f.name: value for f in fields(part) if (value := getattr(part, f.name)) != f.default}
