"""Whether a target answers, and what is missing for kfnb to work there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube, connect
from kfnb.engines.cluster.targets.targets import Target

#: What submitting, following, logs and cancelling need: verb, API group, resource, subresource.
REQUIRED_RIGHTS = (
    ("create", "argoproj.io", "workflows", ""), ("get", "argoproj.io", "workflows", ""), ("list", "argoproj.io", "workflows", ""),
    ("watch", "argoproj.io", "workflows", ""), ("patch", "argoproj.io", "workflows", ""), ("list", "", "pods", ""), ("get", "", "pods", "log"),
)  # fmt: skip
OLDEST = (1, 24)  #: of Kubernetes, for Argo Workflows 3.7
VERSION = re.compile(r"v(\d+)\.(\d+)")


@dataclass(frozen=True)
class Diagnosis:
    """``state`` is ``ready untrusted unreachable unauthorized forbidden missing refused busy``; ``lines`` are for the user."""

    state: str
    lines: tuple[str, ...]


def diagnose(target: Target) -> Diagnosis:
    """Ask a target whether it could run a pipeline. Nothing is created there."""
    if target.engine == "local":
        return Diagnosis("ready", ("this machine",))
    if target.error:
        return Diagnosis("refused", (target.error,))
    if target.asks:
        lines = (
            f"kfnb contacts it only after you have trusted {target.path}: look at the file, then run kfnb trust {target.path}",
        )
        return Diagnosis("untrusted", (*lines, *(f"it {ask.text}" for ask in target.asks)))
    try:
        return _argo(connect(target.connection)) if target.engine == "argo" else _kfp(target)
    except ClusterError as error:
        return Diagnosis(error.kind, (str(error),))


def _argo(kube: Kube) -> Diagnosis:
    version = kube.version()
    cluster = f"{kube.server}, namespace {kube.namespace}, Kubernetes {version}"
    match = VERSION.match(version)
    if match and (int(match[1]), int(match[2])) < OLDEST and match[1] != "0":
        return Diagnosis(
            "refused", (f"{cluster} is too old: Argo Workflows 3.7 needs Kubernetes {OLDEST[0]}.{OLDEST[1]} or newer",)
        )
    missing = list(_missing(kube))
    if missing:
        return Diagnosis(
            "forbidden", (cluster, f"you may not {', '.join(missing)} there: ask for a role with these rights")
        )
    if not kube.has_argo_workflows():
        return Diagnosis("missing", (f"{cluster} does not have Argo Workflows: install it, or name another cluster",))
    return Diagnosis("ready", (cluster,))


def _missing(kube: Kube) -> Iterator[str]:
    for verb, group, resource, subresource in REQUIRED_RIGHTS:
        if not kube.is_allowed(verb, group, resource, subresource):
            yield f"{verb} {resource}{f'/{subresource}' if subresource else ''}"


def _kfp(target: Target) -> Diagnosis:
    from kfnb.engines.kfp.kfp_client import KfpClient

    client = KfpClient(target.connection)
    many = client.multi_user()
    if many and not client.namespace:
        return Diagnosis("refused", (f"{client.host} is for many users: name yours with `namespace` in the target",))
    client.experiments()
    return Diagnosis("ready", (f"{client.host}{f', namespace {client.namespace}' if many else ''}",))
