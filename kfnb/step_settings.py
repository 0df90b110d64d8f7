"""What a mark may ask of a step: its image, resources, retries, environment and pod."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kfnb.package_requirements import Sources

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Secret:
    """One key of a Kubernetes secret, given to the step as an environment variable."""

    name: str
    key: str
    env: str


@dataclass(frozen=True)
class Volume:
    """A persistent volume claim and the path where the step sees it."""

    claim: str
    path: str


@dataclass(frozen=True)
class Toleration:
    """A taint the step's pod accepts; ``value`` and ``effect`` may be empty."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Settings:
    """The settings of a step; ``None`` or empty means that the mark was not given.

    Parameters
    ----------
    image
        Container image reference.
    packages
        Requirement specifiers that the step's image needs.
    index_url, extra_index_urls, find_links
        Where they come from, instead of and beside the usual index.
    cpu, memory
        Kubernetes quantities, such as ``"500m"`` and ``"4Gi"``.
    gpu
        Number of GPUs (``nvidia.com/gpu``).
    limits
        Other resource limits, name and quantity.
    retry
        How often a failed step is tried again: 2 means at most three attempts.
    timeout
        Seconds one attempt may take.
    cache
        Whether an earlier result with the same key may be taken. ``None``: off unless the run asks.
    on_failure
        ``continue``: the step may fail, and the run goes on. ``None`` or ``stop``: the run fails.
    files
        Files beside the notebook that travel with the step though they are hidden, ignored by git, or links.
    env, labels, annotations, nodes
        Name and value pairs, in the order given.
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
    files: tuple[str, ...] = ()
    env: Pairs = ()
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    nodes: Pairs = ()
    tolerations: tuple[Toleration, ...] = ()

    @property
    def sources(self) -> Sources:
        """Where the packages come from."""
        return Sources(self.index_url or "", self.extra_index_urls, self.find_links)

    @property
    def may_fail(self) -> bool:
        """Whether the run goes on when the step fails."""
        return self.on_failure == "continue"

    def over(self, base: Settings) -> Settings:
        """These settings where given, those of ``base`` elsewhere."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}
        return Settings(**{k: v if v not in (None, ()) else getattr(base, k) for k, v in mine.items()})

    def to_json(self) -> dict[str, Any]:
        """Only what was given."""
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
        made: dict[str, Any] = dict(data)
        for name in ("limits", "env", "labels", "annotations", "nodes"):
            if name in made:
                made[name] = tuple((k, v) for k, v in made[name])
        for name in ("packages", "extra_index_urls", "find_links", "files"):
            if name in made:
                made[name] = tuple(made[name])
        for name, kind in (("secrets", Secret), ("volumes", Volume), ("tolerations", Toleration)):
            if name in made:
                made[name] = tuple(kind(**v) for v in made[name])
        return Settings(**made)
