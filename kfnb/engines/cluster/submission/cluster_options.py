"""How a cluster is to run a pipeline: what a target says, with defaults."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from kfnb.requirement_checks import PackageSources
from kfnb.step_settings import Secret, Settings

KIB = 1024


@dataclass(frozen=True)
class ClusterOptions:
    """What a target in ``kfnb.toml`` may say of the pods.

    Parameters
    ----------
    image
        For steps without one. Default: the slim Python image of this Python's version, since functions travel as its code.
    packages
        ``auto``: what a step imports is installed when it starts, in the versions of this environment; ``none``: its image has it.
    values
        Argo only: how values pass. ``parameters`` (64 KiB each), ``volume:CLAIM``, or the kind of the artifact repository:
        ``s3 gcs azure oss``.
    index_url, extra_index_url, find_links
        Where packages come from; ``${NAME}`` in them is a variable of the step, which ``package_secrets`` sets.
    package_secrets
        ``SECRET:KEY:NAME``, as the mark ``secret`` has it, for every step.
    ttl
        Seconds that a workflow is kept after its end.
    """

    namespace: str = ""
    service_account: str = ""
    image: str = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    packages: str = "auto"
    values: str = "parameters"
    pull_secrets: tuple[str, ...] = ()
    index_url: str = ""
    extra_index_url: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    package_secrets: tuple[str, ...] = ()
    ttl: int = 7 * 24 * 3600
    cache: bool = False

    @property
    def sources(self) -> PackageSources:
        return PackageSources(self.index_url, self.extra_index_url, self.find_links)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that packages are fetched with."""
        return tuple(Secret(*text.split(":")) for text in self.package_secrets)

    def caches(self, settings: Settings) -> bool:
        """Whether a step takes an earlier result: its mark says so, else the target."""
        return self.cache if settings.cache is None else settings.cache


#: Largest value that passes as a parameter of Argo's: parameters stand in the Workflow object, which etcd limits to 1.5 MiB.
PARAMETER_LIMIT = 64 * KIB


def kfnb_version() -> str:
    """Ours, for whoever looks at what was compiled."""
    try:
        return version("kfnb")
    except PackageNotFoundError:  # run from its sources
        return "0"
