"""What a target's settings name, and whether the cluster has it: rights, service account, volume, artifact repository, secrets.

Everything is asked for without changing the cluster. What the user may not see is said to be unknown, never to be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.rights import missing_rights, missing_step_rights

REPOSITORIES = "artifact-repositories"  #: the ConfigMap of a namespace that Argo reads
CONTROLLER = "workflow-controller-configmap"
CONTROLLER_NAMESPACES = ("argo", "kubeflow")
KINDS = {"s3", "gcs", "azure", "oss"}
UNREADABLE = ("forbidden", "unauthorized")


@contextmanager
def passing_over_unreadable() -> Iterator[None]:
    """A context that is left where the user may not read what it asks for."""
    try:
        yield
    except ClusterError as error:
        if error.kind not in UNREADABLE:
            raise


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Parameters
    ----------
    state
        ``forbidden`` or ``missing`` when no run can succeed, ``unknown`` when the user may not see it, ``note`` when runs are possible.
    text
        What the user reads.
    """

    state: str
    text: str


def findings(kube: Kube, options: ClusterOptions) -> Iterator[Finding]:
    """What stands in the way of runs on a cluster with Argo Workflows. Raises `ClusterError` when the cluster does not answer."""
    yield from _rights(kube)
    yield from _account(kube, options)
    yield from _values(kube, options)
    yield from secret_findings(kube, options)


def _rights(kube: Kube) -> Iterator[Finding]:
    missing = list(missing_rights(kube))
    required = [(rule, lacking) for rule, lacking in missing if rule.required]
    for rule, lacking in required:
        yield Finding("forbidden", f"you may not {lacking}, {rule.purpose}")
    if required:
        yield Finding("note", "let an administrator give you the role that `kfnb init-target --rbac` prints")
    for rule, lacking in missing if not required else ():
        yield Finding("note", f"you may not {lacking}, {rule.purpose}")


# -------------------------------------------------------------------- the account of the steps
def _account(kube: Kube, options: ClusterOptions) -> Iterator[Finding]:
    account = options.service_account or _usual_account(kube)
    with passing_over_unreadable():
        if kube.find(f"{kube.core_path('serviceaccounts')}/{quote(account, safe='')}", only_metadata=True) is None:
            yield Finding(
                "missing",
                f"the service account `{account}` does not exist in {kube.namespace}: name another with `service_account`, or let an "
                "administrator make it (`kfnb init-target --rbac` prints how)",
            )
            return
    lacking = None
    with passing_over_unreadable():
        lacking = missing_step_rights(kube, account)
    if lacking is None:
        yield Finding("unknown", f"the rights of the service account `{account}`")
    elif lacking:
        yield Finding(
            "forbidden",
            f"the service account `{account}` of the steps may not {lacking}, so that no step can hand on what it has made: name "
            "another with `service_account`, or let an administrator apply the role (`kfnb init-target --rbac` prints it)",
        )


def _usual_account(kube: Kube) -> str:
    """The account of pods that name none: that of Argo's defaults, when the user may read them, or `default`."""
    for data in _controller_data(kube):
        defaults = _yaml(data.get("workflowDefaults"))
        spec = defaults.get("spec") if isinstance(defaults, dict) else None
        if isinstance(spec, dict) and spec.get("serviceAccountName"):
            return str(spec["serviceAccountName"])
    return "default"


# -------------------------------------------------------------------- where values pass
def _values(kube: Kube, options: ClusterOptions) -> Iterator[Finding]:
    if options.values.startswith("volume:"):
        yield from _readable(_claim, kube, options.values.partition(":")[2])
    elif options.artifact_kind:
        yield from _repository(kube, options.artifact_kind)


def _claim(kube: Kube, name: str) -> Iterator[Finding]:
    claim = kube.find(f"{kube.core_path('persistentvolumeclaims')}/{quote(name, safe='')}")
    if claim is None:
        yield Finding(
            "missing",
            f"the volume claim `{name}` of `values` does not exist in {kube.namespace}: make it, or name another",
        )
        return
    phase, modes = claim.get("status", {}).get("phase"), claim.get("spec", {}).get("accessModes") or []
    if phase == "Lost":
        yield Finding("missing", f"the volume of the claim `{name}` is lost: make the claim anew, or name another")
    elif not {"ReadWriteMany", "ReadWriteOnce"} & set(modes):
        yield Finding(
            "missing", f"the volume claim `{name}` has the access modes {', '.join(modes)}: steps must write to it"
        )
    elif "ReadWriteMany" not in modes:
        yield Finding("note", f"the volume claim `{name}` is ReadWriteOnce: all steps of a run work on one node")


def _repository(kube: Kube, kind: str) -> Iterator[Finding]:
    """Whether Argo has an artifact repository of that kind."""
    kinds = repository_kinds(kube)
    if kinds is None:
        yield Finding("unknown", f'the artifact repository that values = "{kind}" needs')
    elif kind not in kinds:
        others = ", ".join(sorted(kinds))
        yield Finding(
            "missing",
            f'Argo has no artifact repository of the kind {kind}, which values = "{kind}" needs{f" (it has {others})" if others else ""}: let an '
            f'administrator configure one, or write values = "parameters" or values = "volume:CLAIM"',
        )


def repository_kinds(kube: Kube) -> set[str] | None:
    """The kinds of Argo's artifact repositories: the namespace's own, and that of its controller. ``None`` when the user may see neither."""
    with passing_over_unreadable():
        own = kube.find(f"{kube.core_path('configmaps')}/{REPOSITORIES}")
        controllers = list(_controller_data(kube))
        if own is None and not controllers:
            return None
        texts: list[object] = [*((own or {}).get("data") or {}).values()]
        texts += [data["artifactRepository"] for data in controllers if data.get("artifactRepository")]
        return KINDS & {key for text in texts for key in (_yaml(text) or {})}
    return None


def _controller_data(kube: Kube) -> Iterator[dict[str, object]]:
    """The configuration of Argo's controller, as far as the user may read it. A controller of its own namespace counts first."""
    for namespace in dict.fromkeys((kube.namespace, *CONTROLLER_NAMESPACES)):
        found = None
        with passing_over_unreadable():
            found = kube.find(f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{CONTROLLER}")
        if found is not None:
            data = found.get("data") or {}
            yield {**data, **(_yaml(data.get("config")) or {})}


def _yaml(text: object) -> dict[str, object] | None:
    """The object that a text of a ConfigMap describes."""
    import yaml

    try:
        content = yaml.safe_load(text) if isinstance(text, str) else text
    except yaml.YAMLError:
        return None
    return content if isinstance(content, dict) else None


# -------------------------------------------------------------------- secrets
def secret_findings(kube: Kube, options: ClusterOptions) -> Iterator[Finding]:
    """Whether the secrets of images, packages and the value store exist. Raises `ClusterError`."""
    named = [("pull_secrets", name) for name in options.pull_secrets]
    named += [("package_secrets", text.partition(":")[0]) for text in options.package_secrets]
    named += [("value_secrets", text.partition(":")[0]) for text in options.value_secrets]
    for setting, name in dict.fromkeys(named):
        yield from _readable(partial(_secret, setting), kube, name)


def _secret(setting: str, kube: Kube, name: str) -> Iterator[Finding]:
    if kube.find(f"{kube.core_path('secrets')}/{quote(name, safe='')}", only_metadata=True) is None:
        yield Finding(
            "missing",
            f"the secret `{name}` of `{setting}` does not exist in {kube.namespace}: make it, or name another",
        )


def _readable(ask: Callable[[Kube, str], Iterator[Finding]], kube: Kube, name: str) -> Iterator[Finding]:
    with passing_over_unreadable():
        yield from ask(kube, name)
        return
    yield Finding("unknown", f"`{name}`")
