"""The settings of a step: image, packages, resources, retries, environment and pod; and the output files of a shell step."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kfnb.requirement_checks import PackageSources

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Secret:
    """One key of a Kubernetes secret, which the step finds in the environment variable ``env``."""

    name: str
    key: str
    env: str


@dataclass(frozen=True)
class Volume:
    """A persistent volume claim, and the path at which the step finds it."""

    claim: str
    path: str


@dataclass(frozen=True)
class Toleration:
    """A taint that the pod of the step tolerates. ``value`` and ``effect`` can be empty."""

    key: str
    value: str
    effect: str


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
    network
        The network of the step's container on this machine: ``none``, ``host``, or ``default``.
    files
        Files beside the notebook that are sent with the step although they are hidden, ignored by git, or links.
    env, labels, annotations, nodes
        Pairs of name and value, in the order of the notebook.
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
    files: tuple[str, ...] = ()
    env: Pairs = ()
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    nodes: Pairs = ()
    tolerations: tuple[Toleration, ...] = ()

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
            if f.name in ("secrets", "volumes", "tolerations"):
                value = [vars(v) for v in value]
            elif isinstance(value, tuple):
                value = [list(v) if isinstance(v, tuple) else v for v in value]
            out[f.name] = value
        return out

    @staticmethod
    def from_json(data: dict[str, Any]) -> Settings:
        """The settings that `to_json` has written."""
        values: dict[str, Any] = dict(data)
        for name in ("limits", "env", "labels", "annotations", "nodes"):
            if name in values:
                values[name] = tuple((k, v) for k, v in values[name])
        for name in ("packages", "extra_index_urls", "find_links", "files"):
            if name in values:
                values[name] = tuple(values[name])
        for name, kind in (("secrets", Secret), ("volumes", Volume), ("tolerations", Toleration)):
            if name in values:
                values[name] = tuple(kind(**v) for v in values[name])
        return Settings(**values)
