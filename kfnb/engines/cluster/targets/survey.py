"""What a cluster has that a target could use, and the settings that follow from it. What the user may not see counts as not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.targets.rights import STEPS_ACCOUNT
from kfnb.engines.cluster.targets.server_findings import passing_over_unreadable, repository_kinds

KFP_SERVICE = "ml-pipeline"
VALUES_CLAIM = "kfnb-values"  #: a claim of this name is taken for values without being asked for


@dataclass(frozen=True)
class Survey:
    """What is there.

    Parameters
    ----------
    user
        The name that the cluster knows the user by.
    kfp
        The namespace of the service of Kubeflow Pipelines; empty when there is none.
    repositories
        The kinds of artifact repositories that Argo has.
    claims
        The names of volume claims that steps can write to, and whether several nodes can at a time.
    storage_classes
        The names of the classes that new volumes can have.
    accounts
        The service accounts of the namespace.
    pull_secrets
        The secrets with which the namespace's pods pull images already.
    """

    server: str
    namespace: str
    version: str
    user: str
    argo: bool
    kfp: str
    repositories: tuple[str, ...] = ()
    claims: tuple[tuple[str, bool], ...] = ()
    storage_classes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What the user reads."""
        claims = ", ".join(f"{name}{'' if many else ' (one node)'}" for name, many in self.claims)
        found = [
            f"{self.server}, Kubernetes {self.version}{f', as {self.user}' if self.user else ''}",
            f"Argo Workflows: {'yes' if self.argo else 'no'}",
            f"Kubeflow Pipelines: {f'yes, in {self.kfp}' if self.kfp else 'no'}",
        ]
        named = (
            ("artifact repository", ", ".join(self.repositories)), ("volume claims", claims),
            ("storage classes", ", ".join(self.storage_classes)), ("secrets for images", ", ".join(self.pull_secrets)),
        )  # fmt: skip
        return [*found, *(f"{name}: {text}" for name, text in named if text)]


def survey(kube: Kube, server_namespace: str = "kubeflow") -> Survey:
    """Look at what a cluster has. Nothing is changed there. Raises `ClusterError` when it does not answer."""
    version = kube.version()
    accounts = _items(kube, kube.core_path("serviceaccounts"), ("default", STEPS_ACCOUNT))
    usual = next((a for a in accounts if a["metadata"]["name"] == "default"), {})
    return Survey(
        kube.server, kube.namespace, version, kube.user_name(), _has_argo(kube), _kfp_namespace(kube, server_namespace),
        tuple(sorted(repository_kinds(kube) or ())), tuple(_claims(kube)),
        tuple(_names(_items(kube, "/apis/storage.k8s.io/v1/storageclasses"))), tuple(_names(accounts)),
        tuple(str(s["name"]) for s in usual.get("imagePullSecrets") or () if "name" in s),
    )  # fmt: skip


def proposed_settings(found: Survey, engine: str) -> dict[str, Any]:
    """The settings for the pods of steps that follow from what is there."""
    settings: dict[str, Any] = {}
    if STEPS_ACCOUNT in found.accounts:
        settings["service_account"] = STEPS_ACCOUNT
    if engine == "argo" and found.repositories:
        settings["values"] = found.repositories[0]
    elif engine == "argo" and VALUES_CLAIM in {name for name, _ in found.claims}:
        settings["values"] = f"volume:{VALUES_CLAIM}"
    if found.pull_secrets:
        settings["pull_secrets"] = list(found.pull_secrets)
    return settings


def _has_argo(kube: Kube) -> bool:
    """Whether there is the kind Workflow. The server lists its kinds to everybody who has logged in."""
    with passing_over_unreadable():
        return kube.find("/apis/argoproj.io/v1alpha1") is not None
    return kube.has_argo_workflows()


def _kfp_namespace(kube: Kube, server_namespace: str) -> str:
    namespaces = dict.fromkeys((server_namespace, kube.namespace))
    return next(
        (n for n in namespaces if _find(kube, f"/api/v1/namespaces/{n}/services/{KFP_SERVICE}") is not None), ""
    )


def _claims(kube: Kube) -> list[tuple[str, bool]]:
    found = []
    for claim in _items(kube, kube.core_path("persistentvolumeclaims"), (VALUES_CLAIM,)):
        modes = set(claim.get("spec", {}).get("accessModes") or ())
        if modes & {"ReadWriteMany", "ReadWriteOnce"}:
            found.append((str(claim["metadata"]["name"]), "ReadWriteMany" in modes))
    return found


def _items(kube: Kube, path: str, names: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What a path lists. Whoever may not list it is asked for ``names`` one by one."""
    listed = _find(kube, path)
    if listed is not None:
        return list(listed.get("items") or ())
    found = (_find(kube, f"{path}/{name}") for name in names)
    return [item for item in found if item is not None]


def _find(kube: Kube, path: str) -> dict[str, Any] | None:
    with passing_over_unreadable():
        return kube.find(path)
    return None


def _names(items: list[dict[str, Any]]) -> list[str]:
    return sorted(str(item["metadata"]["name"]) for item in items)
