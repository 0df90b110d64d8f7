"""Diagnosis of a target: whether its server answers, and what is missing for kfnb to run pipelines there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube, connect
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.server_findings import Finding, findings, secret_findings
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.images.registry.image_repository import RegistryError

STOPPING = ("forbidden", "missing")  #: states of findings with which no run can succeed
OLDEST = (1, 24)  #: the oldest version of Kubernetes that Argo Workflows 3.7 supports
VERSION = re.compile(r"v(\d+)\.(\d+)")


@dataclass(frozen=True)
class Diagnosis:
    """The state of a target.

    Parameters
    ----------
    state
        ``ready``, ``untrusted``, ``unreachable``, ``unauthorized``, ``forbidden``, ``missing``, ``refused`` or ``busy``.
    lines
        The text that the user sees.
    """

    state: str
    lines: tuple[str, ...]


def diagnose(target: Target) -> Diagnosis:
    """Ask the server of a target whether it could run a pipeline. Nothing is created there."""
    if target.engine == "local":
        return Diagnosis("ready", ("this machine",))
    if target.error:
        return Diagnosis("refused", (target.error,))
    if target.asks:
        lines = (
            f"kfnb contacts it only after you have trusted {target.path}: look at the file, then run kfnb trust {target.path}",
        )
        return Diagnosis("untrusted", (*lines, *(f"it {access.text}" for access in target.asks)))
    try:
        if target.engine == "argo":
            return _argo(connect(target.connection), options_of(target))
        return _kfp(target)
    except ClusterError as error:
        return Diagnosis(error.kind, (str(error),))


def _argo(kube: Kube, options: ClusterOptions) -> Diagnosis:
    version = kube.version()
    cluster = f"{kube.server}, namespace {kube.namespace}, Kubernetes {version}"
    match = VERSION.match(version)
    if match and (int(match[1]), int(match[2])) < OLDEST and match[1] != "0":
        return Diagnosis(
            "refused", (f"{cluster} is too old: Argo Workflows 3.7 needs Kubernetes {OLDEST[0]}.{OLDEST[1]} or newer",)
        )
    found = [*findings(kube, options), *repository_findings(options)]
    if not any(f.state in STOPPING for f in found) and not kube.has_argo_workflows():
        return Diagnosis("missing", (f"{cluster} does not have Argo Workflows: install it, or name another cluster",))
    return _of_findings(cluster, found)


def repository_findings(options: ClusterOptions) -> Iterator[Finding]:
    """Whether images can be put into the target's repository. An upload is begun there and given up."""
    if not options.repository:
        return
    from kfnb.engines.cluster.submission.target_repository import open_for

    try:
        open_for(options, options.repository).check_writable()
    except RegistryError as error:
        state = "forbidden" if error.kind in ("forbidden", "unauthorized") else "missing"
        yield Finding(state, f"no image can be built to `repository`: {error}")
        return
    yield Finding("note", f"images of steps are built to {options.repository}, which you can write to")


def _of_findings(cluster: str, found: list[Finding]) -> Diagnosis:
    """What was found, the worst first."""
    stopping = [f for f in found if f.state in STOPPING]
    lines = [f.text for f in (*stopping, *(f for f in found if f.state == "note"))]
    unknown = [f.text for f in found if f.state == "unknown"]
    if unknown:
        lines.append(f"you may not see {', '.join(unknown)}: `kfnb targets --deep` tries it")
    return Diagnosis(stopping[0].state if stopping else "ready", (cluster, *lines))


def _kfp(target: Target) -> Diagnosis:
    from kfnb.engines.kfp.kfp_client import KfpClient

    client = KfpClient(target.connection)
    many = client.check_namespace()
    client.experiments()
    return _of_findings(f"{client.host}{f', namespace {client.namespace}' if many else ''}", _kfp_findings(target))


def _kfp_findings(target: Target) -> list[Finding]:
    """The secrets that the pods need, where the target says how to ask the cluster itself."""
    connection, options = target.connection, options_of(target)
    if not connection.names_cluster:
        return list(repository_findings(options))
    kube = connect(replace(connection, namespace=connection.namespace or connection.server_namespace))
    return [*secret_findings(kube, options), *repository_findings(options)]
